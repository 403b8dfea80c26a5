//! The real window, driven through its accessibility tree as a screen reader would.
#![allow(clippy::unwrap_used)]

mod labelling;
mod opening;
mod support;
mod training;
