//! One call for each thing that a person does with a project: train, score, compare, diagnose, run the demo. The
//! command line and the window build the requests and show the results. Only here do projects meet learning.

pub mod compare;
pub mod comparison;
pub mod demo;
pub mod diagnose;
pub mod evaluate;
pub mod evaluate_pictures;
pub mod import;
pub mod model;
pub mod pick;
mod pick_output;
mod pixels;
pub mod prepare;
pub mod runs;
pub mod score;
pub mod train;
mod trained;
