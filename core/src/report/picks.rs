//! The report on picks: one HTML file with tables, precision–recall curves, micrographs with hits, misses
//! and false picks drawn in, and pictures of such places.

use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;

use super::PatchPicture;
use super::html::{STYLE, escape};
use super::plots::{Axes, LegendEntry, curve, figure, line_looks, panel, shorten};
use crate::atomic::write_atomically;
use crate::error::Result;
use crate::learning::eval::metrics::thin;
use crate::picking::evaluate::measures::{Measured, Point};
use crate::picking::evaluate::{Evaluation, Judged, Within};

/// Rows of the table by micrograph; more are of no use to a reader.
const MAX_ROWS: usize = 200;
/// Points a unit of a curve is thinned to.
const CURVE_RESOLUTION: usize = 250;

/// What a mark on a micrograph says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkKind {
    /// A pick that found a centre.
    Hit,
    /// A centre that no pick found.
    Miss,
    /// A pick that found none.
    False,
}

impl MarkKind {
    const fn class(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::False => "false",
        }
    }
}

/// A micrograph with the marks of one picker.
#[derive(Debug, Clone, PartialEq)]
pub struct MarkedMicrograph {
    /// What is seen: "mic_7, topaz: the worst F1".
    pub caption: String,
    /// Columns of the unbinned micrograph, px.
    pub width: usize,
    /// Rows, px.
    pub height: usize,
    /// Its picture as PNG, smaller than the micrograph.
    pub png: Vec<u8>,
    /// Kind and centre, px of the unbinned micrograph.
    pub marks: Vec<(MarkKind, (f64, f64))>,
}

/// Everything the report shows.
#[derive(Debug, Clone, PartialEq)]
pub struct PicksReport<'a> {
    /// Heading.
    pub title: String,
    /// When and by which version, in words.
    pub made: String,
    /// Sentences a person should read first.
    pub notes: Vec<String>,
    /// Measures of each picker, and their agreement.
    pub evaluation: &'a Evaluation,
    /// Micrographs with marks.
    pub micrographs: Vec<MarkedMicrograph>,
    /// Pictures of places.
    pub places: Vec<PatchPicture>,
}

/// Writes the report, replacing what is there only when the new file is complete.
///
/// # Errors
/// When a curve cannot be drawn or the file not be written.
pub fn write(report: &PicksReport<'_>, path: &Path) -> Result<()> {
    write_atomically(path, render(report)?.as_bytes())
}

const OWN_STYLE: &str = "
figure.micrograph { flex: 1 1 30rem; max-width: 62rem; }
figure.micrograph svg { background: #000; }
figure.micrograph circle { fill: none; vector-effect: non-scaling-stroke; stroke-width: 1.5px; }
circle.hit { stroke: #00d29a; } circle.miss { stroke: #f0c000; stroke-dasharray: 4 3; } circle.false { stroke: #ff5a36; }
.hit-word { color: #009e73; } .miss-word { color: #b08a00; } .false-word { color: #d55e00; }
";

// Writing into a String cannot fail; the macro keeps that in one place.
macro_rules! put {
    ($page:expr, $($arg:tt)*) => {{ let _ = write!($page, $($arg)*); }};
}

/// The report as HTML text.
///
/// # Errors
/// When a curve cannot be drawn.
pub fn render(report: &PicksReport<'_>) -> Result<String> {
    let title = escape(&report.title);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>{STYLE}{OWN_STYLE}</style>\n\
         </head>\n<body>\n<h1>{title}</h1>\n<p class=\"soft small\">{}</p>\n",
        escape(&report.made)
    );
    page += "<ul class=\"warnings\">\n";
    for note in &report.notes {
        put!(page, "<li>{}</li>\n", escape(note));
    }
    page += "</ul>\n";
    let evaluation = report.evaluation;
    for divisor in 0..evaluation.sets.first().map_or(0, |s| s.within.len()) {
        measures_table(&mut page, evaluation, divisor);
    }
    consensus_table(&mut page, evaluation);
    curves(&mut page, evaluation)?;
    if !report.micrographs.is_empty() {
        page += "<h2>Micrographs</h2>\n<p class=\"small\"><span class=\"hit-word\">Hits</span>, <span class=\"miss-word\">\
                 missed centres (dashed)</span> and <span class=\"false-word\">false picks</span> within half a diameter, \
                 at the threshold of the tables by micrograph. Circles have the particle's diameter.</p>\n<div class=\"figures\">\n";
        for micrograph in &report.micrographs {
            marked(&mut page, micrograph, evaluation.diameter / 2.0);
        }
        page += "</div>\n";
    }
    if !report.places.is_empty() {
        page += "<h2>Places</h2>\n<div class=\"figures\">\n";
        for picture in &report.places {
            let caption = escape(&picture.caption);
            put!(
                page,
                "<figure><img alt=\"{caption}\" src=\"data:image/png;base64,{}\">\n<figcaption>{caption}</figcaption></figure>\n",
                encoded(&picture.png)
            );
        }
        page += "</div>\n";
    }
    micrograph_table(&mut page, evaluation);
    page += "</body>\n</html>\n";
    Ok(page)
}

fn encoded(png: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(png)
}

/// A number with three decimals, its interval beneath.
fn cell(page: &mut String, measured: &Measured) {
    match measured {
        Measured { value: Some(value), low: Some(low), high: Some(high) } => {
            put!(page, "<td>{value:.3}<span class=\"diff\">{low:.3} to {high:.3}</span></td>");
        }
        Measured { value: Some(value), .. } => put!(page, "<td>{value:.3}</td>"),
        _ => page.push_str("<td>–</td>"),
    }
}

fn head(page: &mut String, first: &str, names: impl Iterator<Item = String>) {
    put!(page, "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">{}</th>", escape(first));
    for name in names {
        put!(page, "<th scope=\"col\">{}</th>", escape(&name));
    }
    *page += "</tr></thead>\n<tbody>\n";
}

/// One row: heading, meaning, and a cell of each picker.
fn row(page: &mut String, label: &str, meaning: &str, mut cells: impl FnMut(&mut String)) {
    put!(page, "<tr><th scope=\"row\">{label}");
    if !meaning.is_empty() {
        put!(page, "<span class=\"meaning\">{meaning}</span>");
    }
    *page += "</th>";
    cells(page);
    *page += "</tr>\n";
}

fn measures_table(page: &mut String, evaluation: &Evaluation, at: usize) {
    let pairs: Vec<(&Judged, &Within)> =
        evaluation.sets.iter().filter_map(|set| Some((set, set.within.get(at)?))).collect();
    let Some((_, first)) = pairs.first() else { return };
    put!(
        page,
        "<h2>Within d/{} = {:.1} px</h2>\n<p class=\"soft small\">{} centres on {} micrographs. Brackets under a number: \
         95 % of bootstrap samples over micrographs.</p>\n",
        first.divisor,
        first.radius,
        evaluation.centres,
        evaluation.micrographs.len()
    );
    head(page, "Measured", pairs.iter().map(|(set, _)| set.name.clone()));
    row(
        page,
        "Area under precision and recall",
        "average precision; centres never found cost area",
        |page| {
            for (_, within) in &pairs {
                cell(page, &within.average_precision.unwrap_or_default());
            }
        },
    );
    row(page, "Median distance of the hits", "px", |page| {
        for (_, within) in &pairs {
            let value = within.median_distance.map_or_else(|| "–".to_owned(), |d| format!("{d:.1}"));
            put!(page, "<td>{value}</td>");
        }
    });
    point_rows(page, "at the best threshold", &pairs, |within| within.best);
    point_rows(page, "of the picks as given", &pairs, |within| Some(within.given));
    *page += "</tbody></table></div>\n";
}

fn point_rows(
    page: &mut String,
    which: &str,
    pairs: &[(&Judged, &Within)],
    of: impl Fn(&Within) -> Option<Point>,
) {
    if pairs.iter().all(|(_, within)| of(within).is_none()) {
        return;
    }
    row(page, &format!("Threshold {which}"), "lowest score accepted", |page| {
        for (_, within) in pairs {
            let value = of(within).map_or_else(
                || "–".into(),
                |p| p.threshold.map_or_else(|| "all".into(), |t| format!("{t:.4}")),
            );
            put!(page, "<td>{value}</td>");
        }
    });
    row(page, &format!("Picks {which}"), "hits among them", |page| {
        for (_, within) in pairs {
            match of(within) {
                Some(p) => put!(
                    page,
                    "<td>{}<span class=\"diff\">{} hits</span></td>",
                    p.counts.picks,
                    p.counts.hits
                ),
                None => page.push_str("<td>–</td>"),
            }
        }
    });
    type Of = fn(&Point) -> &Measured;
    let measures: [(&str, &str, Of); 6] = [
        ("F1, pooled", "all micrographs counted together", |p| &p.f1),
        ("F1, macro", "mean over micrographs", |p| &p.macro_f1),
        ("Precision, pooled", "a lower bound where the truth lacks particles", |p| &p.precision),
        ("Precision, macro", "", |p| &p.macro_precision),
        ("Recall, pooled", "", |p| &p.recall),
        ("Recall, macro", "", |p| &p.macro_recall),
    ];
    for (label, meaning, measure) in measures {
        row(page, &format!("{label}, {which}"), meaning, |page| {
            for (_, within) in pairs {
                match of(within) {
                    Some(point) => cell(page, measure(&point)),
                    None => page.push_str("<td>–</td>"),
                }
            }
        });
    }
}

fn consensus_table(page: &mut String, evaluation: &Evaluation) {
    if evaluation.consensus.is_empty() {
        return;
    }
    *page += "<h2>What the pickers agree on</h2>\n<p class=\"small\">Picks of different pickers within half a diameter are \
              one place. Scored pickers enter with the threshold of the table by micrograph.</p>\n";
    head(
        page,
        "Found by at least",
        ["Places", "Hits", "F1, pooled", "Precision, pooled", "Recall, pooled"]
            .into_iter()
            .map(str::to_owned),
    );
    for agreed in &evaluation.consensus {
        let point = &agreed.point;
        row(page, &agreed.pickers.to_string(), "", |page| {
            put!(page, "<td>{}</td><td>{}</td>", point.counts.picks, point.counts.hits);
            for measured in [&point.f1, &point.precision, &point.recall] {
                cell(page, measured);
            }
        });
    }
    *page += "</tbody></table></div>\n";
}

/// Precision over recall of all scored pickers, one picture a radius.
///
/// # Errors
/// When drawing fails.
fn curves(page: &mut String, evaluation: &Evaluation) -> Result<()> {
    let scored: Vec<&Judged> = evaluation.sets.iter().filter(|set| set.scored).collect();
    if scored.is_empty() {
        return Ok(());
    }
    *page += "<h2>Precision and recall</h2>\n<div class=\"figures\">\n";
    let looks = line_looks(scored.len());
    for at in 0..scored[0].within.len() {
        let entries: Vec<LegendEntry> = scored
            .iter()
            .zip(&looks)
            .map(|(set, look)| {
                let area = set.within[at].average_precision.and_then(|m| m.value);
                let area = area.map_or_else(String::new, |a| format!(" ({a:.3})"));
                LegendEntry { text: format!("{}{area}", shorten(&set.name, 30)), look: *look }
            })
            .collect();
        let title = format!("Hits within d/{}", scored[0].within[at].divisor);
        let svg = figure(&title, &entries, (520, 470), |area| {
            let axes = Axes {
                y_label: "Precision: share of hits among the picks",
                x_label: "recall: share of the centres found",
                x: (0.0, 1.0),
                y: (0.0, 1.0),
                whole_x: false,
                percent_y: false,
            };
            panel(area, &axes, |chart| {
                for (set, look) in scored.iter().zip(&looks) {
                    let points: Vec<(f64, f64)> =
                        thin(&set.within[at].curve, CURVE_RESOLUTION).iter().map(|p| (p.x, p.y)).collect();
                    curve(chart, &points, *look, 2)?;
                }
                Ok(())
            })
        })?;
        put!(page, "<figure class=\"square\">{svg}<figcaption>In brackets: area.</figcaption></figure>\n");
    }
    *page += "</div>\n";
    Ok(())
}

fn marked(page: &mut String, micrograph: &MarkedMicrograph, radius: f64) {
    let (width, height) = (micrograph.width, micrograph.height);
    put!(
        page,
        "<figure class=\"micrograph\"><svg viewBox=\"0 0 {width} {height}\" xmlns=\"http://www.w3.org/2000/svg\">\
         <image width=\"{width}\" height=\"{height}\" preserveAspectRatio=\"none\" href=\"data:image/png;base64,{}\"/>\n",
        encoded(&micrograph.png)
    );
    for (kind, (x, y)) in &micrograph.marks {
        // Pixel i has its centre at i; the picture's first pixel begins at 0.
        put!(
            page,
            "<circle class=\"{}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius:.1}\"/>\n",
            kind.class(),
            x + 0.5,
            y + 0.5
        );
    }
    put!(page, "</svg><figcaption>{}</figcaption></figure>\n", escape(&micrograph.caption));
}

fn micrograph_table(page: &mut String, evaluation: &Evaluation) {
    *page += "<h2>By micrograph</h2>\n<p class=\"soft small\">Within half a diameter. Each picker at its threshold: ";
    let thresholds: Vec<String> = evaluation
        .sets
        .iter()
        .map(|set| {
            let at = set.shown_threshold.map_or_else(|| "all picks".to_owned(), |t| format!("{t:.4}"));
            format!("{} {at}", escape(&set.name))
        })
        .collect();
    put!(page, "{}.</p>\n", thresholds.join(", "));
    head(page, "Micrograph", evaluation.sets.iter().map(|set| format!("F1, {}", set.name)));
    for (at, name) in evaluation.micrographs.iter().enumerate().take(MAX_ROWS) {
        row(page, &escape(name), "", |page| {
            for set in &evaluation.sets {
                let Some(here) = set.micrographs.get(at) else { continue };
                let value = here.f1.map_or_else(|| "–".to_owned(), |f1| format!("{f1:.3}"));
                let counts = here.counts;
                put!(
                    page,
                    "<td>{value}<span class=\"diff\">{} of {} picks, {} centres</span></td>",
                    counts.hits,
                    counts.picks,
                    counts.centres
                );
            }
        });
    }
    *page += "</tbody></table></div>\n";
    let left_out = evaluation.micrographs.len().saturating_sub(MAX_ROWS);
    if left_out > 0 {
        put!(page, "<p class=\"soft small\">{left_out} more micrographs are not listed.</p>\n");
    }
}
