//! A diagnosis to start.

use vitrine_core::device::DeviceChoice;
use vitrine_core::diagnosis::Depth;
use vitrine_core::learning::config::RunConfig;

/// A diagnosis to start.
#[derive(Debug, Clone)]
pub struct DiagnoseStart {
    /// The configuration; `None` takes that of the run.
    pub config: Option<RunConfig>,
    /// The name of the configuration.
    pub config_name: String,
    /// A run whose epochs and network are examined too.
    pub run: Option<String>,
    /// How thorough the diagnosis is.
    pub depth: Depth,
    /// Where the diagnosis computes.
    pub device: DeviceChoice,
}
