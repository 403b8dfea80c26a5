//! Diagnoses data, configuration or run: what is wrong, why, and which configuration corrects it.
//!
//! [`examine`] takes a [`Subject`] (pixels, labels, sides, a configuration and, where there is one, a
//! finished run), does one examination after the other and gives a [`Report`]. Nothing is printed and
//! nothing on the disk is touched; progress goes to a callback that may cancel.
//!
//! | file | what it looks for |
//! |---|---|
//! | `patches` | counts; patches that are not finite, constant, saturated |
//! | `duplicates` | equal, nearly equal and overlapping patches across sides and labels |
//! | `drift` | sides, labels and micrographs on different scales |
//! | `particle` | inverted contrast, box against particle, picks that are not centred, swapped labels |
//! | `baseline` | what a plain classifier learns in a minute |
//! | `labels` | positives that look like everything else |
//! | `curve` | whether more labels would help |
//! | `prior` | π against its estimates and the labelling rate |
//! | `selection` | picks that are no random sample of the particles |
//! | `gradients` | layers, dead units, step sizes, a learning-rate range test |
//! | `pseudo` | the configuration's own method for some epochs: pseudo-labels, τ, teacher |
//! | `method` | the method against the plain classifier, and which single change would help |
//! | `numerics` | gradients against finite differences; CPU against GPU |
//! | `run` | the epochs of a finished run, by the rules of `health` |
//! | `health` | rules over epoch measures; also watch every run while it trains |
//!
//! `examine` goes through the examinations in their order, `shared` holds what they have in common. `ranking` puts
//! causes above their consequences, `prescription` turns findings into a configuration.

mod baseline;
mod curve;
mod drift;
mod duplicates;
mod examine;
mod features;
pub mod finding;
mod gradients;
pub mod health;
pub mod kinds;
mod labels;
mod linear;
mod method;
mod numerics;
mod particle;
mod patches;
pub mod prescription;
mod prior;
mod probe;
mod progress;
mod pseudo;
mod quick;
mod ranking;
mod report;
mod run;
mod sampling;
mod selection;
mod shared;
mod stats;
mod subject;

pub use examine::{examine, examine_again};
pub use finding::{ConfigChange, Evidence, Finding, Section, Series, Severity};
pub use progress::{Depth, Examination, ExaminationProgress, ExaminationSink};
pub use report::Report;
pub(crate) use sampling::sample_by_label;
pub use shared::TrainingCache;
pub use subject::{BoxAt, RunRecord, Subject};

use progress::Clock;
use shared::SharedData;
