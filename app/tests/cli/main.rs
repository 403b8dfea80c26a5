//! The program as a person runs it: the real binary, real files, exit codes, and what it prints.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod diagnose;
mod evaluate;
mod help;
mod micrographs;
#[cfg(unix)]
#[path = "../../../core/tests/needs/mod.rs"]
mod needs;
mod pick;
#[cfg(unix)]
mod resume;
mod runs;
mod session;
mod support;
