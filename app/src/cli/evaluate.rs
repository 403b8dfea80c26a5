//! `vitrine evaluate`: positions of any picker against known centres.

use std::path::PathBuf;

use serde_json::json;
use vitrine_core::picking::evaluate::measures::{Measured, Point};
use vitrine_core::picking::evaluate::{Evaluation, Judged, Within};
use vitrine_core::workflow::evaluate::{EvaluateRequest, evaluate};
use vitrine_core::workflow::evaluate_pictures::write_report;

use super::output::{print_json, print_line};
use super::progress::ProgressDisplay;

/// Judge the picks of any picker against known centres.
///
/// PICKS and the truth are files of positions, or folders of such: STAR, box, cbox, CSV, TSV (RELION, cryoSPARC,
/// crYOLO, Topaz, EMAN). Picks are matched to centres in the order of their scores, and each centre is matched once. A
/// pick is a hit if its centre lies within half of the diameter; hits within a quarter are counted separately.
/// Precision, recall and F1 are pooled over all picks and averaged over micrographs (macro). Picks with scores also get
/// the area under precision and recall (average precision) and the threshold with the best F1. Brackets give the range
/// of 95 % of bootstrap samples over micrographs.
///
/// Precision is a lower bound where the truth lacks particles. Two or more PICKS are compared, with
/// the picks they agree on.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine evaluate picks.star --truth centres/ --diameter 108
  vitrine evaluate topaz.txt cryolo/ --truth centres.csv --diameter 180 --micrographs mics/ --report picks.html
  vitrine evaluate topaz_binned.txt --picks-scale 4 --truth centres.csv --diameter 180 --json")]
pub struct Args {
    /// Files of positions, or folders of such, one for each picker
    #[arg(required = true, value_name = "PICKS")]
    picks: Vec<PathBuf>,
    /// The true centres: a file of positions, or a folder of such
    #[arg(long, value_name = "CENTRES")]
    truth: PathBuf,
    /// The particle's diameter, px of the unbinned micrograph; by default the truth's column `diameter`
    #[arg(long, value_name = "PX")]
    diameter: Option<f64>,
    /// Count only scored picks at or above this score; by default all
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    threshold: Option<f64>,
    /// The micrographs, or folders of them: needed for pictures, --margin and --y-up
    #[arg(long, value_name = "PATH", num_args = 1..)]
    micrographs: Vec<PathBuf>,
    /// Outer px of each micrograph in which neither picks nor centres count
    #[arg(long, value_name = "PX", default_value_t = 0.0, requires = "micrographs")]
    margin: f64,
    /// The picks count y from the bottom
    #[arg(long, requires = "micrographs")]
    y_up: bool,
    /// Multiply the picks' coordinates by this: 4 for picks on images binned by 4
    #[arg(long, value_name = "FACTOR")]
    picks_scale: Option<f64>,
    /// Judge only micrographs that every PICKS names; by default those without picks count as missed
    #[arg(long)]
    picked_only: bool,
    /// Write curves, tables and pictures of hits, misses and false picks here (HTML)
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let request = EvaluateRequest {
        picks: args.picks,
        truth: args.truth,
        diameter: args.diameter,
        threshold: args.threshold,
        micrographs: args.micrographs,
        margin: args.margin,
        y_up: args.y_up,
        picks_scale: args.picks_scale,
        picked_only: args.picked_only,
    };
    let mut progress = ProgressDisplay::new(args.json);
    let mut watch =
        |step: &vitrine_core::progress::Progress| progress.show(&step.phase, step.done, step.total);
    let done = evaluate(&request, &mut watch)?;
    if let Some(path) = &args.report {
        write_report(&done, path, &mut watch)?;
    }
    progress.clear();
    if args.json {
        return print_json(&json!({
            "evaluation": done.evaluation, "notes": done.notes, "report": args.report,
        }));
    }
    print(&done.evaluation);
    for note in &done.notes {
        print_line(&format!("note: {note}"));
    }
    if let Some(path) = &args.report {
        print_line(&format!("report: {}", path.display()));
    }
    Ok(())
}

fn print(evaluation: &Evaluation) {
    let line = |text: &str| print_line(text);
    line(&format!(
        "{} centres on {} micrographs, diameter {} px",
        evaluation.centres,
        evaluation.micrographs.len(),
        evaluation.diameter
    ));
    let count = evaluation.sets.first().map_or(0, |set| set.within.len());
    for at in 0..count {
        let pairs: Vec<(&Judged, &Within)> =
            evaluation.sets.iter().filter_map(|set| Some((set, set.within.get(at)?))).collect();
        let Some((_, first)) = pairs.first() else { continue };
        line("");
        let heading = format!("Within d/{} = {:.1} px", first.divisor, first.radius);
        let mut rows: Vec<Vec<String>> =
            vec![std::iter::once(heading).chain(pairs.iter().map(|(set, _)| set.name.clone())).collect()];
        let mut row = |label: &str, value: &dyn Fn(&Within) -> String| {
            let cells = pairs.iter().map(|(_, within)| value(within));
            rows.push(std::iter::once(label.to_owned()).chain(cells).collect());
        };
        row("area under precision and recall", &|w| measured(&w.average_precision.unwrap_or_default()));
        row("median distance of hits, px", &|w| w.median_distance.map_or_else(dash, |d| format!("{d:.1}")));
        let best = |w: &Within| w.best;
        let given = |w: &Within| Some(w.given);
        if pairs.iter().any(|(_, w)| w.best.is_some()) {
            point_rows(&mut row, "best threshold", &best);
        }
        point_rows(
            &mut row,
            if pairs[0].1.given.threshold.is_some() { "threshold" } else { "all picks" },
            &given,
        );
        table(&rows);
    }
    if !evaluation.consensus.is_empty() {
        line("");
        let mut rows = vec![
            ["found by at least", "places", "hits", "F1", "precision", "recall"].map(str::to_owned).to_vec(),
        ];
        for agreed in &evaluation.consensus {
            let p = &agreed.point;
            rows.push(vec![
                agreed.pickers.to_string(),
                p.counts.picks.to_string(),
                p.counts.hits.to_string(),
                measured(&p.f1),
                measured(&p.precision),
                measured(&p.recall),
            ]);
        }
        table(&rows);
    }
}

type Row<'a> = &'a mut dyn FnMut(&str, &dyn Fn(&Within) -> String);

fn point_rows(row: Row<'_>, which: &str, of: &dyn Fn(&Within) -> Option<Point>) {
    let with =
        |value: &dyn Fn(&Point) -> String, within: &Within| of(within).map_or_else(dash, |p| value(&p));
    row(which, &|w| with(&|p| p.threshold.map_or_else(|| "all".to_owned(), |t| format!("{t:.4}")), w));
    row("  picks, hits", &|w| with(&|p| format!("{}, {}", p.counts.picks, p.counts.hits), w));
    row("  F1, pooled", &|w| with(&|p| measured(&p.f1), w));
    row("  F1, macro", &|w| with(&|p| measured(&p.macro_f1), w));
    row("  precision, pooled", &|w| with(&|p| measured(&p.precision), w));
    row("  precision, macro", &|w| with(&|p| measured(&p.macro_precision), w));
    row("  recall, pooled", &|w| with(&|p| measured(&p.recall), w));
    row("  recall, macro", &|w| with(&|p| measured(&p.macro_recall), w));
}

fn dash() -> String {
    "–".to_owned()
}

/// A number with its interval.
fn measured(measured: &Measured) -> String {
    match measured {
        Measured { value: Some(value), low: Some(low), high: Some(high) } => {
            format!("{value:.3} ({low:.3} to {high:.3})")
        }
        Measured { value: Some(value), .. } => format!("{value:.3}"),
        _ => dash(),
    }
}

/// Columns of equal width; the first to the left, the others to the right.
fn table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|at| rows.iter().filter_map(|row| row.get(at)).map(|c| c.chars().count()).max().unwrap_or(0))
        .collect();
    for row in rows {
        let mut text = String::new();
        for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
            if at == 0 {
                text += &format!("{cell:<width$}");
            } else {
                text += &format!("  {cell:>width$}");
            }
        }
        print_line(text.trim_end());
    }
}
