//! Everything of Vitrine that needs no window.
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
//! | [`device`] | where networks are computed: the CPU or a GPU |
//! | [`learning`] | configuration, networks, risks, the trainer, measures; no files of projects |
//! | [`picking`] | positions on whole micrographs: how good they are |
//! | [`report`] | tables, plots and HTML from plain numbers |
//! | [`ingest`] | files → project |
//! | [`export`] | project → files |
//! | [`diagnosis`] | what is wrong with data, configuration or run, and the corrected configuration |
//! | [`review`] | what a person looks at next: queues, audits, similar patches |
//! | [`priority`] | who computes gives way to who draws |
//! | [`workflow`] | project ↔ learning: train, score, compare, the demo |

pub mod atomic;
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
pub mod project;
pub mod report;
pub mod review;
pub mod workflow;

pub use error::{Error, NextStep, Result};
pub use image::Image;
pub use label::{Label, LabelCounts};
