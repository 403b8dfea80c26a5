//! `vitrine label`: change labels, undo, redo.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use vitrine_core::Label;
use vitrine_core::project::{PatchId, Project};
use vitrine_core::workflow::score::patches_by_score;

use super::exit::Usage;
use super::open;
use super::output::{print_json, print_line};
use crate::words::{self, person};

/// Set labels, or undo the last change.
///
/// Patches are named by number, by a file of numbers, or by score. Everything set by one call is one
/// step that --undo takes back. Each change is written to the project's journal with time, person and
/// reason, and is safe on disk when the command returns.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine label apo/ negative --ids 3,17,40-45 --reason \"carbon edge\"
  vitrine label apo/ positive --ids-from checked.txt
  vitrine label apo/ positive --run recommended-1 --above 0.98 --only unlabeled
  vitrine label apo/ --undo")]
pub struct Args {
    /// Folder of the project
    project: PathBuf,
    /// positive, negative or unlabeled
    #[arg(required_unless_present_any = ["undo", "redo"], conflicts_with_all = ["undo", "redo"])]
    label: Option<Label>,
    /// Patch numbers: 3,17,40-45
    #[arg(long, value_name = "LIST")]
    ids: Option<String>,
    /// File with one patch number per line
    #[arg(long, value_name = "FILE")]
    ids_from: Option<PathBuf>,
    /// Choose by the scores of this run, with --above or --below
    #[arg(long)]
    run: Option<String>,
    /// With --run: patches with at least this score
    #[arg(long, value_name = "SCORE", requires = "run")]
    above: Option<f32>,
    /// With --run: patches with a score below this
    #[arg(long, value_name = "SCORE", requires = "run")]
    below: Option<f32>,
    /// Change only patches that carry this label now
    #[arg(long, value_name = "LABEL")]
    only: Option<Label>,
    /// Why, for the journal
    #[arg(long, default_value = "")]
    reason: String,
    /// Undo the last change
    #[arg(long, conflicts_with = "redo")]
    undo: bool,
    /// Redo the change that was undone last
    #[arg(long)]
    redo: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let mut project = open::to_write(&args.project)?;
    let entry = if args.undo {
        project.undo_last(&person())?
    } else if args.redo {
        project.redo_last(&person())?
    } else {
        let Some(label) = args.label else {
            return Err(Usage("name a label: positive, negative or unlabeled").into());
        };
        let ids = chosen(&project, &args)?;
        let labels = project.labels()?;
        let changes: Vec<(PatchId, Label)> = ids
            .into_iter()
            .filter(|&id| args.only.is_none_or(|only| labels.get(id as usize) == Some(&only)))
            .map(|id| (id, label))
            .collect();
        let reason = if args.reason.is_empty() { "command line" } else { &args.reason };
        project.set_labels(&changes, &person(), None, reason)?
    };
    let changed = match entry {
        Some(id) => project.journal_entry(id)?.count,
        None => 0,
    };
    let counts = project.label_counts()?;
    // An undo or a redo may be of a mask.
    let mask = match entry.map(|id| project.journal_mask(id)).transpose()?.flatten() {
        Some(id) => project.micrographs()?.into_iter().find(|known| known.id == id).map(|known| known.name),
        None => None,
    };
    if args.json {
        return print_json(&serde_json::json!({
            "changed": changed, "journal_entry": entry.map(|e| e.0), "bad_regions_of": mask, "labels": counts,
        }));
    }
    match (entry, mask) {
        (Some(id), Some(name)) => {
            print_line(&format!("bad regions of {name} changed (journal entry {})", id.0))
        }
        (Some(id), None) => print_line(&format!("{changed} patches changed (journal entry {})", id.0)),
        (None, _) => print_line("nothing to change"),
    }
    print_line(&format!("now {}", words::label_counts(&counts)));
    Ok(())
}

fn chosen(project: &Project, args: &Args) -> anyhow::Result<Vec<PatchId>> {
    let mut ids = Vec::new();
    if let Some(list) = &args.ids {
        for part in list.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            ids.extend(range(part, project.len())?);
        }
    }
    if let Some(path) = &args.ids_from {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() {
                let range = range(line, project.len())
                    .with_context(|| format!("{}, line {}", path.display(), number + 1))?;
                ids.extend(range);
            }
        }
    }
    if let Some(run) = &args.run {
        if args.above.is_none() && args.below.is_none() {
            return Err(Usage("--run chooses by score: add --above or --below").into());
        }
        ids.extend(patches_by_score(project, run, args.above, args.below)?);
    }
    if args.ids.is_none() && args.ids_from.is_none() && args.run.is_none() {
        return Err(Usage("name the patches with --ids, --ids-from, or --run and --above or --below").into());
    }
    Ok(ids)
}

/// Patch numbers `17` or `40-45`, checked against the project before any list is made of them.
fn range(text: &str, patches: usize) -> anyhow::Result<std::ops::RangeInclusive<PatchId>> {
    let number = |part: &str| -> anyhow::Result<PatchId> {
        let Ok(id) = part.trim().parse::<PatchId>() else {
            bail!("'{text}' is no patch number; write for example 3,17,40-45");
        };
        ensure!(
            (id as usize) < patches,
            "there is no patch {id}; the project has {patches}, numbered from 0 to {}",
            patches.saturating_sub(1)
        );
        Ok(id)
    };
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (number(from)?, number(to)?);
    ensure!(from <= to, "'{text}' ends before it begins; write {to}-{from}");
    Ok(from..=to)
}
