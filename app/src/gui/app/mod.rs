//! The application: owns the project's store, the jobs and the line to the run, and is the one place
//! that changes the [`Model`](crate::gui::model::Model).

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
mod notify;
mod outcome;
mod picture;
mod places;
mod project;
mod remember;
mod review;
mod runs;
mod save;
mod select;
mod state;
mod window;

pub use state::App;
