//! The library of Vitrine: everything that needs no window.
//!
//! Image files become a project, a project becomes a training run, a run gives every patch a
//! score, scores guide the person's next labels, and labels leave as an export.
//!
//! | module | what it knows |
//! |---|---|
//! | [`formats`] | files of other programs; no project |
//! | [`grayscale`] | grey values for screen, report and exported pictures |
//! | [`imaging`] | micrographs, patches, normalisation, the simulated sample; no project |
//! | [`project`] | the store on disk |
//! | [`cluster`] | jobs on the cluster of a site; no project |
//! | [`device`] | where networks are computed: the CPU or a GPU |
//! | [`learning`] | configuration, networks, risks, the trainer, measures; no files of projects |
//! | [`picking`] | positions on whole micrographs: how good they are |
//! | [`report`] | tables, plots and HTML from plain numbers |
//! | [`ingest`] | files → project |
//! | [`export`] | project → files |
//! | [`diagnosis`] | what is wrong with data, configuration or run, and the corrected configuration |
//! | [`review`] | what a person looks at next: queues, audits, similar patches |
//! | [`remedy`] | what a person can do about an error or a warning |
//! | [`progress`] | how far a long job is, and how it is told to stop |
//! | [`priority`] | background threads give way to the window |
//! | [`words`] | helpers for sentences |
//! | [`workflow`] | project ↔ learning: train, score, compare, the demo |

pub mod atomic;
pub mod cluster;
pub mod device;
pub mod diagnosis;
pub mod error;
pub mod export;
pub mod formats;
pub mod grayscale;
pub mod image;
pub mod imaging;
pub mod ingest;
pub mod label;
pub mod learning;
pub mod picking;
pub mod priority;
pub mod progress;
pub mod project;
mod read_ahead;
pub mod remedy;
pub mod report;
pub mod review;
pub mod words;
pub mod workflow;

pub use error::{Error, Result};
pub use image::Image;
pub use label::{Label, LabelCounts};
pub use remedy::{Remedy, Warning};
