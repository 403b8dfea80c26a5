//! What a job asks a cluster for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What a job asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    /// Threads of each task.
    pub threads: u32,
    /// GPUs of each task.
    pub gpus: u32,
    /// Memory of each task, GB.
    pub memory_gb: u32,
    /// Longest time of each task as the scheduler writes it (`4:00:00`); the queue's own where it is not given.
    pub time: Option<String>,
    /// Queue or partition.
    pub queue: Option<String>,
    /// Values of a RELION template's `XXXextra1XXX`, `XXXextra2XXX` and so on, by number.
    pub extra: BTreeMap<u32, String>,
}

impl Default for Resources {
    fn default() -> Self {
        Self { threads: 4, gpus: 0, memory_gb: 8, time: None, queue: None, extra: BTreeMap::new() }
    }
}

impl Resources {
    /// Refuses what no scheduler takes.
    ///
    /// # Errors
    /// When there are no threads or no memory, or a text holds a line break.
    pub fn check(&self) -> Result<()> {
        if self.threads == 0 || self.memory_gb == 0 {
            return Err(Error::request(
                format!("a job with {} threads and {} GB of memory", self.threads, self.memory_gb),
                "give one or more of each",
            ));
        }
        let texts = self.time.iter().chain(&self.queue).chain(self.extra.values());
        if let Some(text) = texts.into_iter().find(|text| text.chars().any(char::is_control)) {
            return Err(Error::request(
                format!("{text:?} holds a control character"),
                "give one line of text",
            ));
        }
        Ok(())
    }
}
