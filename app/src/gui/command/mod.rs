//! The commands of the window: one file for each area.
//!
//! Views push [`Command`]s; [`App::apply`](crate::gui::App::apply) carries them out. Those that a
//! person gives by key, palette or menu stand in [`crate::gui::command_table`] as well.

mod cluster;
mod compare;
mod draft;
mod export;
mod import;
mod label;
mod micrograph;
mod pick;
mod project;
mod save;
mod select;
mod settings;
mod train;
mod view;
mod window;

use crate::gui::values::{DiagnoseStart, Order};

pub use cluster::ClusterCommand;
pub use compare::CompareCommand;
pub use draft::DraftCommand;
pub use export::ExportCommand;
pub use import::ImportCommand;
pub use label::LabelCommand;
pub use micrograph::{MarkPlaces, MicrographCommand};
pub use pick::{AuditCommand, PickCommand, PickOn};
pub use project::ProjectCommand;
pub use save::SaveCommand;
pub use select::SelectCommand;
pub use settings::SettingsCommand;
pub use train::TrainCommand;
pub use view::{QueueCommand, ViewCommand};
pub use window::WindowCommand;

/// A command, by area.
#[derive(Debug, Clone)]
pub enum Command {
    /// Open, close, make projects.
    Project(ProjectCommand),
    /// Bring files in.
    Import(ImportCommand),
    /// The person has changed what a form holds.
    Draft(DraftCommand),
    /// Whole micrographs.
    Micrograph(MicrographCommand),
    /// Pick with a run.
    Pick(PickCommand),
    /// Set labels.
    Label(LabelCommand),
    /// The current patch and the selection.
    Select(SelectCommand),
    /// What the window shows.
    View(ViewCommand),
    /// Runs.
    Train(TrainCommand),
    /// Jobs on clusters.
    Cluster(ClusterCommand),
    /// Put runs side by side.
    Compare(CompareCommand),
    /// Examine data, configuration or a run.
    Diagnose(Box<DiagnoseStart>),
    /// Write plots and configurations to files.
    Save(SaveCommand),
    /// Hand results to other programs.
    Export(ExportCommand),
    /// Settings.
    Settings(SettingsCommand),
    /// The window itself: jobs, notices, closing.
    Window(WindowCommand),
}

impl Command {
    /// Sorts and filters the gallery in this way.
    pub fn order(order: Order) -> Self {
        Self::View(ViewCommand::Order(Box::new(order)))
    }
}
