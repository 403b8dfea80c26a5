//! The program as a person runs it: the real binary, real files, exit codes, and what it prints.
#![allow(clippy::unwrap_used, clippy::panic)]

mod bad_input;
#[cfg(unix)]
mod cluster;
mod diagnose;
mod evaluate;
mod exchange;
mod help;
mod micrographs;
#[cfg(unix)]
#[path = "../../../core/tests/needs/mod.rs"]
mod needs;
mod pick;
#[cfg(unix)]
mod relion_job;
#[cfg(unix)]
mod resume;
mod runs;
mod session;
#[cfg(unix)]
mod signal;
mod support;
mod sweep;
mod take_back;
