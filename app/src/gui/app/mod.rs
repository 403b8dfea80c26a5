//! The application. It owns the project's store, the jobs and the channel to the run, and it alone changes
//! the [`Model`](crate::gui::model::Model).

mod analysis;
mod apply;
mod choose;
mod desktop_theme;
pub mod dialog;
mod export;
mod form;
mod frame;
mod import;
mod label;
mod loaded;
mod manage_runs;
mod notify;
mod outcome;
mod places;
mod project;
mod remember;
mod review;
mod runs;
mod save;
mod screenshot;
mod select;
mod state;
mod window;

pub use state::App;
