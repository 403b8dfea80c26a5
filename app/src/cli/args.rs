//! Arguments that several commands share.

use std::path::PathBuf;

use vitrine_core::project::Project;

/// Where the truth of a benchmark is; for the commands that measure against it.
#[derive(clap::Args)]
pub struct TruthArgs {
    /// For evaluation only: the truth, as a CSV of particle centres or an NPZ with one value per patch
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// With a CSV of centres: a patch is a particle when a centre lies within this distance, px
    #[arg(long, value_name = "PX", requires = "truth")]
    truth_radius: Option<f64>,
}

impl TruthArgs {
    /// Whether a truth was named.
    pub const fn is_given(&self) -> bool {
        self.truth.is_some()
    }

    /// Reads the truth, one entry per patch of the project.
    ///
    /// # Errors
    /// As [`vitrine_core::ingest::truth_for`].
    pub fn read(&self, project: &Project) -> anyhow::Result<Option<Vec<Option<bool>>>> {
        let read = |path| vitrine_core::ingest::truth_for(project, path, self.truth_radius);
        Ok(self.truth.as_deref().map(read).transpose()?)
    }
}
