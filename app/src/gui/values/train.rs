//! A run to start.

use vitrine_core::device::DeviceChoice;
use vitrine_core::learning::config::RunConfig;

/// A run to be started.
#[derive(Debug, Clone)]
pub struct TrainStart {
    /// Name; `None` numbers it after `base_name`.
    pub name: Option<String>,
    /// Stem of numbered names, the preset's.
    pub base_name: String,
    /// The configuration.
    pub config: RunConfig,
    /// Where the run computes.
    pub device: DeviceChoice,
}

/// What a corrected run is held against.
#[derive(Debug, Clone)]
pub enum Before {
    /// A run of the project.
    Run(String),
    /// A configuration that was never trained; it is trained after the corrected one.
    Train(Box<TrainStart>),
}
