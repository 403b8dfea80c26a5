//! What the application keeps to follow and submit jobs on clusters. Views do not see it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use vitrine_core::cluster::Clusters;
use vitrine_core::workflow::follow_jobs::Follower;

/// Where clusters are, what a job runs, and how far its files are read.
#[derive(Debug, Default)]
pub struct Following {
    /// The clusters of this person; `None` where there are no settings.
    pub clusters: Option<Clusters>,
    /// What a job runs; this program where it is not given.
    pub program: Option<PathBuf>,
    /// Remembers how far the files of each job are read; a look takes it along and brings it back.
    pub follower: Option<Follower>,
    /// When the jobs were looked at last.
    looked: Option<Instant>,
    /// Numbers the scripts that were asked for.
    pub asked: u64,
    /// Runs of jobs whose curves were drawn once; what a person takes away stays away.
    pub drawn: BTreeSet<String>,
}

impl Following {
    /// Nothing is followed yet.
    pub fn new(clusters: Option<Clusters>) -> Self {
        Self { clusters, ..Self::default() }
    }

    /// Another project: its jobs are looked at anew.
    pub fn forget(&mut self) {
        (self.follower, self.looked) = (None, None);
        self.drawn.clear();
    }

    /// The next look is due at once.
    pub fn look_soon(&mut self) {
        self.looked = None;
    }

    /// A look begins.
    pub fn looks(&mut self) -> Follower {
        self.looked = Some(Instant::now());
        self.follower.take().unwrap_or_default()
    }

    /// How long to wait until the next look, `pause` after the last; `None` where it is due.
    pub fn wait(&self, pause: Duration) -> Option<Duration> {
        pause.checked_sub(self.looked?.elapsed()).filter(|left| !left.is_zero())
    }

    /// The program that does the work of a job.
    ///
    /// # Errors
    /// When the system does not say where this program is.
    pub fn program(&self) -> anyhow::Result<PathBuf> {
        match &self.program {
            Some(program) => Ok(program.clone()),
            None => std::env::current_exe().context("the system does not say where this program is"),
        }
    }
}
