//! Commands of picking: scoring micrographs with a run, judging and exporting what it found, its score map.

use std::path::PathBuf;

use vitrine_core::Label;
use vitrine_core::project::MicrographId;

use crate::gpu::colour_map::ColourMap;
use crate::gui::values::{FoundKey, MapKey, RoundKey, SurveyKey};

/// The audit of picks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditCommand {
    /// Ask about the next place; begins the audit.
    Next,
    /// Stop asking.
    End,
}

/// The micrographs on which a run picks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PickOn {
    /// The one that is shown.
    Shown,
    /// Those chosen in the list.
    Chosen,
    /// All of them.
    All,
}

/// Pick with a run.
#[derive(Debug, Clone)]
pub enum PickCommand {
    /// Score micrographs with the run of the panel.
    Start(PickOn),
    /// Wait after the micrograph under way.
    Pause,
    /// Go on.
    Resume,
    /// Stop; what was scored is kept.
    Stop,
    /// Read the places of a micrograph.
    ReadFound(FoundKey),
    /// Count the places of all micrographs.
    ReadSurvey(SurveyKey),
    /// Say of places what they are.
    Judge {
        /// The micrograph.
        micrograph: MicrographId,
        /// Centres, px of the micrograph.
        places: Vec<[f64; 2]>,
        /// What they are.
        label: Label,
    },
    /// Judge places at random, to learn how good the picks are.
    Audit(AuditCommand),
    /// Ask for the folder that the picks on all micrographs go to.
    AskExport,
    /// Show the export view, for picks.
    ShowExport,
    /// Write the picks on all micrographs into this folder.
    Export(PathBuf),
    /// Give a micrograph a threshold of its own under the run of the panel; `None` takes the common one again.
    OwnThreshold(MicrographId, Option<f64>),
    /// Take the shift of each micrograph out of its scores, or leave it in.
    WithoutShifts(bool),
    /// Show the micrograph that is most worth a look.
    Worth,
    /// Show or hide the score map.
    ToggleMap,
    /// Draw the score map in these colours.
    MapColours(ColourMap),
    /// Compute the score map of a micrograph.
    ReadMap(MapKey),
    /// Compare a run with the one it began with.
    ReadRound(RoundKey),
}
