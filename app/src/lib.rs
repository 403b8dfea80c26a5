//! The program Vitrine: its command line ([`cli`]) and its window ([`gui`]), both on top of `vitrine_core`.
//!
//! It is a library so that tests can drive the real window. The binary only calls [`cli::run`].

pub mod cli;
pub mod gpu;
pub mod gui;
pub mod logging;
pub mod version;
pub mod words;
