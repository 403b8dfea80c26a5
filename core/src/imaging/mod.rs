//! Micrographs to patches: binning, cutting, the unlabeled pool, filters, the one normaliser, and
//! the simulated sample. Everything works on [`crate::Image`] and plain coordinates; nothing here
//! knows a file format or a project.
//!
//! Coordinates are px of the unbinned micrograph; pixel `i` has its centre at coordinate `i`, and
//! `y` counts downwards from row 0.

pub mod bin;
pub mod border;
mod check;
pub mod cut;
pub mod filters;
pub mod fourier;
pub mod mask;
pub mod mirror;
pub mod normalise;
pub mod pool;
pub mod pyramid;
pub mod resample;
pub mod response;
mod running;
pub mod simulate;
mod simulate_model;
pub mod simulate_patch;
mod simulate_species;
pub mod spread;

pub use bin::bin;
pub use border::{Border, replicated_border};
pub(crate) use check::{check, check_finite};
pub use cut::{CutPlan, CutResult, CutSettings, cut, cut_patch};
pub use mask::{Mask, Region};
pub use mirror::{MirrorCheck, MirrorVerdict};
pub use normalise::{Normaliser, NormaliserKind};
pub use pool::{Candidate, PoolKind, PoolSettings, pool, seed_for};
pub use pyramid::Pyramid;
pub use response::{Contrast, ContrastEstimate};
pub use simulate::{PickBias, SampleSettings, SimulatedMicrograph, sample_micrograph};
pub use simulate_model::ParticleShape;
