//! Commands that choose what is shown: the view, the order of the gallery, the review queue.

use vitrine_core::Label;
use vitrine_core::project::{PatchId, RunId};
use vitrine_core::review::QueueKind;

use crate::gui::values::{Order, Overlay, SortKey, Tab};

/// What the window shows.
#[derive(Debug, Clone)]
pub enum ViewCommand {
    /// Change to a main view.
    Tab(Tab),
    /// Show this place of the tour, counted from 0, or end it.
    Tour(Option<usize>),
    /// Show or hide something over it.
    Overlay(Option<Overlay>),
    /// Sort and filter the gallery; done by a job.
    Order(Box<Order>),
    /// Sort the gallery by this; by the same again, the other way round.
    Sort(SortKey),
    /// Show only patches with this label in the gallery; `None` shows all patches.
    ShowLabel(Option<Label>),
    /// Sort and filter again as before, with the labels of now.
    Rearrange,
    /// Use the scores of this run for sorting, filters and the side panel.
    Scores(RunId),
    /// Show the current patch as large as fits, or the grid again.
    Large,
    /// The grid was drawn with these numbers of columns, and of rows wholly on the screen.
    Grid {
        /// Patches in a row.
        columns: usize,
        /// Rows.
        rows: usize,
    },
    /// Show the diagnosis with this run to be examined.
    Examine(String),
    /// Read what the side panel says of this patch.
    Detail(PatchId),
    /// Read the micrograph of this patch for the side panel.
    Micrograph(PatchId),
    /// Go through a review queue.
    Queue(QueueCommand),
}

/// Review queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueCommand {
    /// Enter a queue where the person stopped, or at its start.
    Enter(QueueKind),
    /// Build the queue again from the current labels and scores.
    Restart(QueueKind),
    /// Leave the queue and show all patches.
    Leave,
}
