//! The tour of the window: five places with a sentence or two on each.

use crate::gui::values::Tab;

/// A part of the window that the tour points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TourPlace {
    /// The view under the navigation.
    View,
    /// The rail of steps.
    Road,
    /// The review queues.
    Queues,
}

/// A place of the tour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TourStep {
    /// The view it is in.
    pub tab: Tab,
    /// The part it points at.
    pub place: TourPlace,
    /// The heading.
    pub title: &'static str,
    /// What there is to say of it.
    pub text: &'static str,
}

/// The places, first to last.
pub const TOUR: [TourStep; 5] = [
    TourStep {
        tab: Tab::Gallery,
        place: TourPlace::View,
        title: "Patches",
        text: "Each picture is a patch, cut from a micrograph around one place. P labels the current one as a particle, N as \
               none. Ctrl+Z takes a label back.",
    },
    TourStep {
        tab: Tab::Gallery,
        place: TourPlace::Road,
        title: "Steps",
        text: "From files to an exported set of particles, with how far each step is. The button on the right is what comes \
               next, with the reason beside it.",
    },
    TourStep {
        tab: Tab::Train,
        place: TourPlace::View,
        title: "Runs",
        text: "A run learns from the positive and unlabeled patches, then scores every patch. Choose a preset on the left \
               and press Train. Curves appear while it learns.",
    },
    TourStep {
        tab: Tab::Gallery,
        place: TourPlace::Queues,
        title: "Review queues",
        text: "Queues hold the patches whose label helps most: uncertain ones, likely particles, suspicious positives. An \
               audit estimates how many of the particles found are right.",
    },
    TourStep {
        tab: Tab::Export,
        place: TourPlace::View,
        title: "Export",
        text: "Particles leave as tables for RELION or cryoSPARC, as coordinates, stacks or pictures. What would be written \
               is counted before anything is.",
    },
];
