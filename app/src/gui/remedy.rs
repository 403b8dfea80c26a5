//! What a person in the window can do about an error or a warning: the words for it, and a button where one
//! click does it.

use vitrine_core::remedy::three_decimals;
use vitrine_core::{Remedy, Warning};

use crate::gui::command::{Command, ImportCommand, ProjectCommand, TrainCommand, ViewCommand};
use crate::gui::values::Tab;
use crate::{logging, words};

/// A remedy as an imperative phrase that names the fields and pages of the window.
fn phrase(remedy: &Remedy) -> String {
    let phrase = match remedy {
        Remedy::Advice(text) => text,
        Remedy::TurnYOver { from_bottom: true } => "turn on \"y counts from the bottom\"",
        Remedy::TurnYOver { from_bottom: false } => "turn off \"y counts from the bottom\"",
        Remedy::SetMargin(px) => return format!("set a margin of {px} px or more"),
        Remedy::ScalePicks(factor) => {
            return format!(
                "scale the picks, by {} or the factor between the images",
                three_decimals(*factor)
            );
        }
        Remedy::NameMicrographs => "add them, or their folder",
        Remedy::NamePicks => "add their files by name",
        Remedy::NameColumns => "choose the columns of x and y under \"Columns\"",
        Remedy::SkipMicrographs => "copy or make them again, or leave out micrographs that cannot be used",
        Remedy::Recentre => "recentre the picks to apply them",
        Remedy::SetMinScore => "set a lowest score to leave the weak ones out",
        Remedy::GiveBox => "give one under \"Box size\"",
        Remedy::MatchPatchSize => {
            "choose box size and averaging so that box / averaging agrees, or import into another project"
        }
        Remedy::AllowReplace => "name another file, or allow it to be replaced",
        Remedy::ExportPixels => "export their pixels (choose \"Stack\"), or another format (npz, mrcs, png)",
        Remedy::ImportFirst => "import some first",
        Remedy::TrainFirst => "train one first",
        Remedy::ScoreFirst { run } => return format!("score the patches with {run} first, under Train"),
        Remedy::JudgePicks => "press \"Judge picks at random\" and judge 30, or set a threshold",
        Remedy::OneThreshold => "leave the shifts in, and turn \"Own threshold here\" off where it is on",
        Remedy::ChooseRun => "train it again, or choose another run",
        Remedy::DeleteRun { run } => {
            return format!("delete {run} first, under Train, or import into another project");
        }
        Remedy::UndoLabels => "undo these labels first (Ctrl+Z), or import into another project",
        Remedy::ChooseDevice => "choose another device",
        Remedy::TrainOnCpu => {
            return format!(
                "go on from the last good epoch on the processor, and report this {}",
                logging::report_with()
            );
        }
        Remedy::OpenOrMakeProject => "choose a project's folder, or make a project by importing files",
        Remedy::CloseProject => "put the folder back, or close the project and open it where it is now",
        Remedy::ReportDefect => {
            return format!("this is a defect of the program: report it {}", logging::report_with());
        }
    };
    phrase.to_owned()
}

/// The button that does it: its words and its command; `None` where more than one click is needed.
pub fn button(remedy: &Remedy) -> Option<(String, Command)> {
    let (words, command) = match remedy {
        Remedy::CloseProject => ("Close the project", Command::Project(ProjectCommand::Close)),
        Remedy::OpenOrMakeProject | Remedy::ImportFirst => {
            ("Import files…", Command::Import(ImportCommand::Add(Vec::new())))
        }
        Remedy::TrainFirst => ("Train", Command::View(ViewCommand::Tab(Tab::Train))),
        Remedy::DeleteRun { run } => {
            ("Delete the run…", Command::Train(TrainCommand::AskDelete(Some(run.clone()))))
        }
        // Offered beside the form that they change, or a choice of the person.
        Remedy::TurnYOver { .. }
        | Remedy::SetMargin(_)
        | Remedy::ScalePicks(_)
        | Remedy::NameMicrographs
        | Remedy::NamePicks
        | Remedy::NameColumns
        | Remedy::SkipMicrographs
        | Remedy::Recentre
        | Remedy::SetMinScore
        | Remedy::GiveBox
        | Remedy::MatchPatchSize
        | Remedy::AllowReplace
        | Remedy::ExportPixels
        | Remedy::ScoreFirst { .. }
        | Remedy::JudgePicks
        | Remedy::OneThreshold
        | Remedy::ChooseRun
        | Remedy::UndoLabels
        | Remedy::ChooseDevice
        | Remedy::TrainOnCpu
        | Remedy::ReportDefect
        | Remedy::Advice(_) => return None,
    };
    Some((words.to_owned(), command))
}

/// The button that gets a person past an error; `None` where there is none.
pub fn way_on(error: &anyhow::Error) -> Option<(String, Command)> {
    button(&error.downcast_ref::<vitrine_core::Error>()?.remedy()?)
}

/// An error with its causes and what to do, on one line.
pub fn sentence(error: &anyhow::Error) -> String {
    words::sentence(error, phrase)
}

/// A warning and what to do, as a sentence with a capital letter and a full stop.
pub fn warning(warning: &Warning) -> String {
    let text = words::with_remedy(&warning.text, warning.remedy.as_ref(), phrase);
    format!("{}.", words::capitalised(text.trim_end_matches('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_offer_a_button_where_one_click_helps() {
        let words = |error: anyhow::Error| way_on(&error).map(|(words, _)| words);
        let moved = || vitrine_core::Error::ProjectMoved {
            path: "/data/apo".into(),
            consequence: "nothing was changed".to_owned(),
        };
        assert_eq!(words(moved().into()).as_deref(), Some("Close the project"));
        let within = anyhow::Error::from(moved()).context("comparing runs");
        assert_eq!(words(within).as_deref(), Some("Close the project"));
        let none = vitrine_core::Error::NoProject { path: "/data".into(), database: "project.db" };
        assert_eq!(words(none.into()).as_deref(), Some("Import files…"));
        let untrained =
            vitrine_core::Error::request("no run has scored this project yet", Remedy::TrainFirst);
        assert_eq!(words(untrained.into()).as_deref(), Some("Train"));
        // Whatever a sentence says, only a remedy is offered.
        assert_eq!(words(anyhow::anyhow!("the disk is full; train first")), None);
    }

    #[test]
    fn a_warning_names_the_field_of_the_window() {
        let mirrored = Warning::new("y looks mirrored", Remedy::TurnYOver { from_bottom: true });
        assert_eq!(warning(&mirrored), "Y looks mirrored; turn on \"y counts from the bottom\".");
    }
}
