//! The program Vitrine: its command line ([`cli`]) and its window ([`gui`]) over `vitrine_core`.
//!
//! A library so that tests can drive the real window; the binary only calls [`cli::run`].

pub mod cli;
pub mod gpu;
pub mod gui;
pub mod words;
