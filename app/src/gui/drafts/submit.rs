//! The draft of where the run of the Train form is computed: on this machine, or on a cluster with what the job asks
//! for there.

use vitrine_core::cluster::Resources;

/// Most seeds of a sweep from the form; the command line takes more.
pub const MAX_SEEDS: u32 = 100;

/// Where the run goes, and what it asks for on a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmitDraft {
    /// Name of the cluster; `None` is this machine.
    pub cluster: Option<String>,
    /// Threads of each task.
    pub threads: u32,
    /// GPUs of each task.
    pub gpus: u32,
    /// Memory of each task, GB.
    pub memory_gb: u32,
    /// Longest time of each task as the scheduler writes it; empty for the queue's own.
    pub time: String,
    /// Queue or partition; empty for the cluster's own.
    pub queue: String,
    /// So many runs with the seeds from 1 on; a single run has the seed of the configuration.
    pub runs: u32,
    /// Whether the supervised baseline of each run is trained before it, by the same task.
    pub baseline: bool,
}

impl Default for SubmitDraft {
    fn default() -> Self {
        let Resources { threads, gpus, memory_gb, .. } = Resources::default();
        let (time, queue) = (String::new(), String::new());
        Self { cluster: None, threads, gpus, memory_gb, time, queue, runs: 1, baseline: false }
    }
}

impl SubmitDraft {
    /// What each task asks for.
    pub fn resources(&self) -> Resources {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Resources {
            threads: self.threads,
            gpus: self.gpus,
            memory_gb: self.memory_gb,
            time: given(&self.time),
            queue: given(&self.queue),
            ..Resources::default()
        }
    }

    /// The seeds of a sweep; `None` for a single run.
    pub fn seeds(&self) -> Option<Vec<u64>> {
        (self.runs > 1).then(|| (1..=u64::from(self.runs.min(MAX_SEEDS))).collect())
    }

    /// The device of a task: one that asked for no GPU leaves those of the machine to others.
    pub const fn device(&self) -> &'static str {
        if self.gpus == 0 { "cpu" } else { "auto" }
    }
}
