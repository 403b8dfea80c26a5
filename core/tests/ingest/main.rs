//! Files become patches of a project: the simulated sample end to end, requests that cannot be met, and (in
//! `real`) real files of other programs.
#![allow(clippy::unwrap_used)]

#[path = "../needs/mod.rs"]
mod needs;
