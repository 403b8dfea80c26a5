//! Commands on whole micrographs: which one is shown and how, what is masked, which places are labelled by hand.

use vitrine_core::Label;
use vitrine_core::imaging::Mask;
use vitrine_core::project::{MicrographId, RunId};

use crate::gui::values::{Go, MicrographSort, PictureKey};

/// Whole micrographs.
#[derive(Debug, Clone)]
pub enum MicrographCommand {
    /// Show this one.
    Open(MicrographId),
    /// Choose this one too, or no longer.
    ChooseAlso(MicrographId),
    /// Choose all from the one shown to this one.
    ChooseThrough(MicrographId),
    /// Show the one this many rows further in the list (negative: back).
    Step(i64),
    /// Sort the list by this; by the same again, the other way round.
    Sort(MicrographSort),
    /// Read one for the canvas.
    Read(PictureKey),
    /// Read one for its row in the list.
    ReadThumbnail(MicrographId),
    /// Move the view.
    Go(Go),
    /// From the current patch of the gallery to its place on the micrograph; from a pick to the gallery.
    There,
    /// The particle has this diameter, px of the micrograph.
    Diameter(f64),
    /// Rule out parts of a micrograph, or all of it, in place of what was ruled out before.
    SetMask(MicrographId, Mask),
    /// Ask where the file of this one is now.
    Locate(MicrographId),
    /// Cut patches at places and label them.
    Mark(MarkPlaces),
}

/// Places on a micrograph that a person says something of.
#[derive(Debug, Clone)]
pub struct MarkPlaces {
    /// The micrograph.
    pub micrograph: MicrographId,
    /// Centres, px of the micrograph.
    pub places: Vec<[f64; 2]>,
    /// What they are.
    pub label: Label,
    /// The run whose picks are judged.
    pub run: Option<RunId>,
    /// The reason, for the journal.
    pub reason: &'static str,
}
