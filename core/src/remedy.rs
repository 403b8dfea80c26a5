//! What a person can do about an error or a warning, as a value that every front end words itself.
//!
//! The library knows neither the options of the command line nor the fields of the window. Where the two
//! would say a remedy differently, it is a variant of [`Remedy`] of its own; where one sentence holds in
//! both, it is [`Remedy::Advice`]. `Display` gives neutral words, for text that outlives the front end: the
//! message of a run, a manifest, a test.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that a person can do next.
///
/// Front ends match it exhaustively, so that a new variant does not compile until each has words for it.
#[derive(Debug, Clone, PartialEq)]
pub enum Remedy {
    /// An imperative sentence that holds in every front end: "export it again as MRC".
    Advice(String),
    /// Import again with the y of the picks counted from the other edge: from the bottom, or from the top.
    TurnYOver {
        /// Whether y is to be counted from the bottom.
        from_bottom: bool,
    },
    /// Keep boxes away from the border of the micrographs by this many px or more.
    SetMargin(usize),
    /// Multiply the coordinates of the pick files by about this factor, because they count in px of another image.
    ScalePicks(f64),
    /// Add the micrographs that were named, or their folder.
    NameMicrographs,
    /// Add the pick files by name; a folder of micrographs does not bring them along.
    NamePicks,
    /// Say which columns of a table hold x and y.
    NameColumns,
    /// Leave out the micrographs that cannot be used, and go on with the others.
    SkipMicrographs,
    /// Move the picks by the shifts that a refinement has found.
    Recentre,
    /// Set the lowest score of a pick that becomes a particle.
    SetMinScore,
    /// Give the box size, px of the unbinned micrograph.
    GiveBox,
    /// Choose box size and binning so that all patches get one size.
    MatchPatchSize,
    /// Write to another place, or allow what stands there to be replaced.
    AllowReplace,
    /// Export pixels, because the table alone cannot hold what was selected.
    ExportPixels,
    /// Import something into the project.
    ImportFirst,
    /// Train a run.
    TrainFirst,
    /// Score the patches of the project with a run.
    ScoreFirst {
        /// Name of the run.
        run: String,
    },
    /// Judge picks at random, or choose a threshold or a number of picks.
    JudgePicks,
    /// Leave thresholds of single micrographs and the taking out of shifts out of account.
    OneThreshold,
    /// Train the run again, or choose another one.
    ChooseRun,
    /// Delete a run, or import into another project.
    DeleteRun {
        /// Name of the run.
        run: String,
    },
    /// Undo the labels that were set, or import into another project.
    UndoLabels,
    /// Choose another device to compute on.
    ChooseDevice,
    /// Go on with the run on the CPU, and report what happened.
    TrainOnCpu,
    /// Choose a folder that holds a project, or make a project.
    OpenOrMakeProject,
    /// Put the project's folder back, or close the project and open it where it is now.
    CloseProject,
    /// Report a defect of the program.
    ReportDefect,
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Advice(text) => text,
            Self::TurnYOver { from_bottom: true } => "import with y counted from the bottom",
            Self::TurnYOver { from_bottom: false } => "import with y counted from the top",
            Self::SetMargin(px) => return write!(f, "set a margin of {px} px or more"),
            Self::ScalePicks(factor) => {
                return write!(
                    f,
                    "scale the picks, by {} or the factor between the images",
                    three_decimals(*factor)
                );
            }
            Self::NameMicrographs => "add these micrographs, or their folder",
            Self::NamePicks => "add the pick files by name",
            Self::NameColumns => "say which columns hold x and y",
            Self::SkipMicrographs => "copy or make them again, or leave out micrographs that cannot be used",
            Self::Recentre => "recentre the picks to apply them",
            Self::SetMinScore => "set a lowest score to leave the weak ones out",
            Self::GiveBox => "give one box size, in px of the unbinned micrograph",
            Self::MatchPatchSize => {
                "choose box size and binning so that box / bin agrees, or import into another project"
            }
            Self::AllowReplace => "choose another name, or allow it to be replaced",
            Self::ExportPixels => "export the pixels too, or choose another format (npz, mrcs, png)",
            Self::ImportFirst => "import patches first",
            Self::TrainFirst => "train a run first",
            Self::ScoreFirst { run } => return write!(f, "score the patches with the run {run} first"),
            Self::JudgePicks => "judge 30 picks at random, or choose a threshold or a number of picks",
            Self::OneThreshold => "use one threshold for all micrographs, and leave their shifts in",
            Self::ChooseRun => "train the run again, or choose another one",
            Self::DeleteRun { run } => {
                return write!(f, "delete the run {run} first, or import into another project");
            }
            Self::UndoLabels => "undo these labels first, or import into another project",
            Self::ChooseDevice => "choose another device",
            Self::TrainOnCpu => "go on from the last good epoch on the CPU, and report this",
            Self::OpenOrMakeProject => "choose the folder of a project, or make a project",
            Self::CloseProject => "put the folder back, or close the project and open it where it is now",
            Self::ReportDefect => "report this as a defect of the program",
        })
    }
}

/// A factor as a person would type it: "2", "0.333".
pub fn three_decimals(factor: f64) -> String {
    let text = format!("{factor:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl From<&str> for Remedy {
    fn from(advice: &str) -> Self {
        Self::Advice(advice.to_owned())
    }
}

impl From<String> for Remedy {
    fn from(advice: String) -> Self {
        Self::Advice(advice)
    }
}

/// What a person should know before going on, and what can be done about it.
///
/// It is stored as one sentence, in neutral words; read back, the whole sentence is its `text`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Warning {
    /// What is the matter, and where; without a full stop.
    pub text: String,
    /// What to do about it; `None` where there is nothing to do, or the text says all.
    pub remedy: Option<Remedy>,
}

impl Warning {
    /// A warning with what to do about it.
    pub fn new(text: impl Into<String>, remedy: impl Into<Remedy>) -> Self {
        Self { text: text.into(), remedy: Some(remedy.into()) }
    }

    /// The same warning about `subject`, a file or a micrograph, unless its text names that already.
    pub fn about(mut self, subject: &str) -> Self {
        if !self.text.contains(subject) {
            self.text = format!("{subject}: {}", self.text);
        }
        self
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.remedy.as_ref().map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
    }
}

impl From<String> for Warning {
    fn from(text: String) -> Self {
        Self { text, remedy: None }
    }
}

impl From<&str> for Warning {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Warning> for String {
    fn from(warning: Warning) -> Self {
        warning.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_stored_as_the_sentence_it_was_before_remedies() {
        let warning = Warning::new("the border is 13 px wide", Remedy::SetMargin(13)).about("a.mrc");
        let stored = serde_json::to_string(&[warning]).unwrap();
        assert_eq!(stored, r#"["a.mrc: the border is 13 px wide; set a margin of 13 px or more"]"#);
        let read: Vec<Warning> = serde_json::from_str(r#"["a sentence; of an older project"]"#).unwrap();
        assert_eq!(read, [Warning::from("a sentence; of an older project")]);
        assert_eq!(read[0].clone().about("older").text, read[0].text, "named already");
    }
}
