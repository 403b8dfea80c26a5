//! The real window, driven through its accessibility tree as a screen reader would.
#![allow(clippy::unwrap_used)]

mod compare;
mod labelling;
mod opening;
mod support;
mod train;
mod training;
