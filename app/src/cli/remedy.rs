//! Words what a person at the command line can do about an error or a warning: the options that do it.

use vitrine_core::remedy::three_decimals;
use vitrine_core::{Remedy, Warning};

use crate::words;

/// A remedy as an imperative phrase that names the options.
fn phrase(remedy: &Remedy) -> String {
    let phrase = match remedy {
        Remedy::Advice(text) => text,
        Remedy::TurnYOver { from_bottom: true } => "use --y-up",
        Remedy::TurnYOver { from_bottom: false } => "leave out --y-up",
        Remedy::SetMargin(px) => return format!("set a margin of {px} px or more (--margin)"),
        Remedy::ScalePicks(factor) => {
            return format!(
                "scale the picks (--picks-scale {}, or the factor between the images)",
                three_decimals(*factor)
            );
        }
        Remedy::NameMicrographs => "name them, or their folder, with --micrographs",
        Remedy::NamePicks => "name them with --picks",
        Remedy::NameColumns => "say which columns hold x and y: --columns x=2,y=3 (`vitrine import --help`)",
        Remedy::SkipMicrographs => "copy or make them again, or leave them out with --skip-bad",
        Remedy::Recentre => "use --recenter to apply them",
        Remedy::SetMinScore => "use --min-score to leave the weak ones out",
        Remedy::GiveBox => "give one box size with --box, in px of the unbinned micrograph",
        Remedy::MatchPatchSize => {
            "choose --box and --bin so that box / bin agrees, or import into another project"
        }
        Remedy::AllowReplace => "name another file, or replace it with --force",
        Remedy::ExportPixels => "export their pixels (--what stack), or another format (npz, mrcs, png)",
        Remedy::ImportFirst => "import some first (`vitrine import --help`)",
        Remedy::TrainFirst => "train one first (`vitrine train --help`)",
        Remedy::ScoreFirst { run } => {
            return format!("score the project first: vitrine score PROJECT --run {run}");
        }
        Remedy::JudgePicks => {
            "judge 30 picks on micrographs of the project in the window (\"Judge picks at random\"), or give --threshold or \
             --expected"
        }
        Remedy::OneThreshold => "use --one-threshold, which ignores thresholds and shifts set in the window",
        Remedy::ChooseRun => "train it again, or name another run (`vitrine info` lists them)",
        Remedy::DeleteRun { run } => {
            return format!(
                "delete it first (vitrine runs PROJECT delete {run}), or import into another project"
            );
        }
        Remedy::UndoLabels => {
            "undo these labels first (vitrine label PROJECT --undo), or import into another project"
        }
        Remedy::ChooseDevice => "see `vitrine devices`, or use --device cpu",
        Remedy::TrainOnCpu => {
            "start again with --device cpu, and report this with the versions of `vitrine devices`"
        }
        Remedy::OpenOrMakeProject => "name a project's folder, or make a project with `vitrine new`",
        Remedy::CloseProject => "put the folder back, or name the project where it is now",
        Remedy::ReportDefect => {
            "this is a defect of the program: report it with the output of `vitrine devices`"
        }
    };
    phrase.to_owned()
}

/// An error with its causes and what to do, on one line.
pub fn sentence(error: &anyhow::Error) -> String {
    words::sentence(error, phrase)
}

/// A warning and what to do, without a full stop.
pub fn warning(warning: &Warning) -> String {
    words::with_remedy(&warning.text, warning.remedy.as_ref(), phrase)
}
