//! The real window, driven through its accessibility tree as a screen reader would.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_days;
mod band_pass;
mod browser;
mod compare;
mod diagnosis;
mod export;
mod faults;
mod gallery;
mod import;
mod import_columns;
#[cfg(unix)]
mod jobs;
mod journey;
mod labelling;
mod layout;
mod lifecycle;
mod micrographs;
mod names;
#[cfg(target_os = "linux")]
#[path = "../../../core/tests/needs/mod.rs"]
mod needs;
mod opening;
mod palette;
mod review;
mod road;
mod run_queue;
mod runs;
#[cfg(unix)]
mod site;
mod snapshots;
mod start;
#[cfg(unix)]
mod submit;
mod support;
mod take_back;
mod train;
mod training;
