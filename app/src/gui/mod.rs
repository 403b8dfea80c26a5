//! The window.
//!
//! Data moves one way round: [`views`] read the [`model::Model`] and push [`command::Command`]s,
//! [`App::apply`] carries them out, [`jobs`] bring back what takes longer than a frame. Every number
//! shown is computed in `vitrine_core`.

pub mod app;
pub mod command;
pub mod command_table;
mod desktop;
pub mod drafts;
pub mod jobs;
pub mod keys;
pub mod model;
mod remedy;
mod run;
pub mod settings;
pub mod theme;
pub mod training;
mod trouble;
pub mod undo;
pub mod values;
pub mod views;
pub mod widgets;

pub use app::App;
pub use run::{run, run_watched};
pub use trouble::tell_desktop;
