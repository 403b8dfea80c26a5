//! The real window, driven through its accessibility tree as a screen reader would.
#![allow(clippy::unwrap_used)]

mod gallery;
mod labelling;
mod opening;
mod review;
mod support;
mod training;
