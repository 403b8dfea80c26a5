//! One call for each thing that a person does with a project: train, score, compare, diagnose, run the demo. The
//! command line and the window build the requests and show the results. Only here do projects meet learning.

mod by_micrograph;
pub mod compare;
pub mod comparison;
mod contrast;
pub mod demo;
pub mod diagnose;
pub mod evaluate;
pub mod evaluate_pictures;
pub mod follow_jobs;
pub mod found_picks;
mod held_out;
pub mod import;
mod judged_places;
pub mod model;
pub mod overview;
pub mod pick;
mod pick_output;
mod pick_queue;
mod pick_request;
pub mod pick_shard;
mod pick_work;
mod pixels;
pub mod prepare;
pub mod rank;
mod record;
pub mod relion_job;
pub mod round;
pub mod runs;
pub mod score;
pub mod score_map;
pub mod score_table;
pub mod sweep;
pub mod sweep_job;
pub mod take_back;
pub mod train;
mod trained;
