//! An examination to be started.

use vitrine_core::device::DeviceChoice;
use vitrine_core::diagnosis::Depth;
use vitrine_core::learning::config::RunConfig;

/// What is to be examined.
#[derive(Debug, Clone)]
pub struct DiagnoseStart {
    /// The configuration; `None` takes that of the run.
    pub config: Option<RunConfig>,
    /// What it is called.
    pub config_name: String,
    /// A run whose epochs and network are examined too.
    pub run: Option<String>,
    /// How much is done.
    pub depth: Depth,
    /// Where to compute.
    pub device: DeviceChoice,
}
