//! MRC, STAR, cryoSPARC, pick files and micrographs: files of other programs, our own written and
//! read again, a corpus of broken ones, and mutated bytes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod columns;
mod corpus;
mod fuzz;
mod images;
mod make;
mod mrc;
#[path = "../needs/mod.rs"]
mod needs;
mod pickers;
mod picks;
mod pictures;
mod real;
mod tables;
