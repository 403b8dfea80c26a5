//! The real window, driven through its accessibility tree as a screen reader would.
#![allow(clippy::unwrap_used)]

mod bad_days;
mod band_pass;
mod compare;
mod diagnosis;
mod export;
mod gallery;
mod import;
mod journey;
mod labelling;
mod layout;
mod lifecycle;
mod names;
#[cfg(target_os = "linux")]
#[path = "../../../core/tests/needs/mod.rs"]
mod needs;
mod opening;
mod palette;
mod review;
mod runs;
mod snapshots;
mod support;
mod train;
mod training;
