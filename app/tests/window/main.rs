//! The real window, driven through its accessibility tree as a screen reader would.
#![allow(clippy::unwrap_used)]

mod compare;
mod bad_days;
mod export;
mod import;
mod labelling;
mod opening;
mod snapshots;
mod support;
mod train;
mod training;
