//! What a person does with a project, as one call each: train, score, compare, diagnose, the demo. The
//! command line and the window build these requests and show what comes back; project and learning
//! meet only here.

pub mod compare;
pub mod comparison;
pub mod demo;
pub mod diagnose;
pub mod import;
pub mod model;
mod pixels;
pub mod prepare;
pub mod score;
pub mod train;
mod trained;
