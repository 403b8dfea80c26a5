//! The application. It owns the project's store, the jobs and the channel to the run, and it alone changes
//! the [`Model`](crate::gui::model::Model).

mod analysis;
mod apply;
mod choose;
mod cluster;
mod desktop_theme;
pub mod dialog;
mod export;
mod follow;
mod following;
mod form;
mod frame;
mod import;
mod job_text;
mod label;
mod loaded;
mod manage_runs;
mod mark;
mod micrographs;
mod notify;
mod outcome;
mod pick;
mod pick_audit;
mod pick_reading;
mod places;
mod project;
mod remember;
mod review;
mod runs;
mod sample;
mod save;
mod screenshot;
mod select;
mod state;
mod submit;
mod take_back;
mod tour;
mod window;

pub use state::App;
