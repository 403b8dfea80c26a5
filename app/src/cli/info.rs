//! `vitrine info`: what a project holds.

use std::path::PathBuf;

use serde_json::json;
use vitrine_core::learning::config::yaml;
use vitrine_core::project::{EntryKind, Project, Run};
use vitrine_core::workflow::diagnose::history;

use super::measures::withhold_corrected;

use super::open;
use super::output::{print_json, print_line};
use crate::words;

/// Show what a project holds: labels, sources, micrographs, splits and runs.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine info apo/
  vitrine info apo/ --json | jq .labels
  vitrine info apo/ --history 17        # who labelled patch 17, and when

The JSON carries the counts as \"labels\": {\"positive\": …, \"unlabeled\": …, \"negative\": …}.")]
pub struct Args {
    /// Folder of the project
    project: PathBuf,
    /// Show every change of this patch's label
    #[arg(long, value_name = "ID")]
    history: Option<u32>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let project = open::to_read(&args.project)?;
    if let Some(id) = args.history {
        return patch_history(&project, id, args.json);
    }
    let counts = project.label_counts()?;
    let sources = project.sources()?;
    let micrographs = project.micrographs()?;
    let runs = project.runs()?;
    let splits = project.splits()?;
    let latest = splits.last();
    let by_split = latest.map(|split| project.counts_by_split(split.id)).transpose()?;
    if args.json {
        let runs: Vec<_> = runs.iter().map(|run| run_json(&project, run)).collect::<anyhow::Result<_>>()?;
        return print_json(&json!({
            "project": project.dir(),
            "created": project.created()?,
            "patches": project.len(),
            "size": project.size(),
            "labels": counts,
            "labelling_rate": counts.labelling_rate(),
            "journal_position": project.journal_position()?.0,
            "normaliser": project.normaliser()?,
            "micrographs": micrographs.len(),
            "sources": sources.iter().map(|s| json!({
                "path": s.info.path, "kind": s.info.kind.to_string(), "patches": s.count,
                "pixel_size": s.info.pixel_size, "box_size": s.info.box_size, "bin": s.info.bin,
                "imported_at": s.imported_at, "warnings": s.info.warnings,
            })).collect::<Vec<_>>(),
            "splits": splits.iter().map(|s| json!({
                "name": s.name, "seed": s.seed, "method": s.method, "fractions": s.fractions,
            })).collect::<Vec<_>>(),
            "split_counts": by_split,
            "runs": runs,
        }));
    }
    let line = |text: String| print_line(&text);
    line(project.dir().display().to_string());
    let size = project.size().map_or_else(|| "no patches yet".to_owned(), |s| format!("{s} × {s} px"));
    line(format!("  patches      {} ({size})", project.len()));
    line(format!("  labels       {}", words::label_counts(&counts)));
    if let Some(rate) = counts.labelling_rate() {
        line(format!("  labelled     {rate:.3} of positive + unlabeled (not the class prior)"));
    }
    line(format!("  micrographs  {}", micrographs.len()));
    for source in &sources {
        let scale = source.info.pixel_size.map_or_else(String::new, |a| format!(", {a:.3} Å/px"));
        line(format!(
            "  source       {} patches from {} ({}{scale})",
            source.count,
            source.info.path.display(),
            source.info.kind
        ));
        for warning in &source.info.warnings {
            line(format!("               note: {warning}"));
        }
    }
    if let (Some(split), Some(by)) = (latest, by_split) {
        line(format!("  split        {} (by {}, seed {})", split.name, split.method.as_str(), split.seed));
        for (name, counts) in
            [("training", by.train), ("validation", by.validation), ("test", by.test), ("unused", by.unused)]
        {
            if counts.total() > 0 {
                line(format!("    {name:<10} {}", words::label_counts(&counts)));
            }
        }
    }
    for run in &runs {
        let best = run.best_epoch.map_or_else(String::new, |e| format!(", scores from epoch {e}"));
        line(format!("  run          {} ({}{best}) on {}", run.name, run.status.as_str(), run.device));
        if let Some(message) = &run.message {
            line(format!("               {message}"));
        }
    }
    Ok(())
}

fn run_json(project: &Project, run: &Run) -> anyhow::Result<serde_json::Value> {
    let mut best = project
        .metrics(run.id)?
        .into_iter()
        .find(|m| Some(m.epoch) == run.best_epoch)
        .map(|m| serde_json::Value::Object(m.values));
    let measured = history(project, run)?.into_iter().find(|m| u32::try_from(m.epoch).ok() == run.best_epoch);
    if let Some(best) = &mut best {
        withhold_corrected(best, measured.and_then(|m| m.corrected_auc()));
    }
    let description = yaml::parse(&run.config, &run.name).map(|c| c.description).unwrap_or_default();
    Ok(json!({
        "name": run.name,
        "status": run.status.as_str(),
        "message": run.message,
        "description": description,
        "seed": run.seed,
        "device": run.device,
        "journal_position": run.journal_position.0,
        "normaliser": run.normaliser,
        "versions": run.versions,
        "best_epoch": run.best_epoch,
        "best": best,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
    }))
}

fn patch_history(project: &Project, id: u32, as_json: bool) -> anyhow::Result<()> {
    let row = project.patch(id)?;
    let history = project.patch_history(id)?;
    if as_json {
        let steps: Vec<_> = history
            .iter()
            .map(|(entry, change)| {
                json!({
                    "entry": entry.id.0, "at": entry.at, "kind": entry.kind.as_str(),
                    "takes_back": entry.undoes.map(|e| e.0), "by": entry.actor.to_string(), "reason": entry.reason,
                    "before": change.before, "after": change.after,
                })
            })
            .collect();
        return print_json(&json!({ "patch": id, "label": row.label, "history": steps }));
    }
    print_line(&format!("patch {id} is {}", row.label));
    for (entry, change) in history {
        let why = match (entry.kind, entry.undoes) {
            (EntryKind::Undo, Some(other)) => format!("takes back entry {}", other.0),
            (EntryKind::Redo, Some(other)) => {
                format!("redoes the change that entry {} took back", other.0)
            }
            _ => entry.reason,
        };
        print_line(&format!(
            "  entry {:<4} {}  {:>9} -> {:<9}  {}: {why}",
            entry.id.0, entry.at, change.before, change.after, entry.actor
        ));
    }
    Ok(())
}
