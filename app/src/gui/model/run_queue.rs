//! The queue of runs: each waits until the run before it has ended.

use crate::gui::drafts::KeptRun;
use crate::gui::values::TrainStart;

/// A run that waits, with the configuration that stood in the form when it was added.
#[derive(Debug, Clone)]
pub struct QueuedRun {
    /// Tells it from the others.
    pub number: u64,
    /// The run to start.
    pub start: TrainStart,
    /// The run whose weights it begins with.
    pub from: Option<String>,
    /// Whether its baseline is trained before it.
    pub baseline: bool,
    /// The same as the settings keep it.
    kept: Option<KeptRun>,
}

impl QueuedRun {
    /// What it is called: its name, or what its numbered name will begin with.
    pub fn name(&self) -> &str {
        self.start.name.as_deref().unwrap_or(&self.start.base_name)
    }

    /// What will be trained, in words.
    pub fn what(&self) -> String {
        let epochs = match self.start.config.schedule.epochs {
            1 => "1 epoch".to_owned(),
            epochs => format!("{epochs} epochs"),
        };
        match &self.from {
            Some(from) => format!("{epochs}, from the weights of {from}"),
            None if self.baseline => format!("{epochs}, after its supervised baseline"),
            None => epochs,
        }
    }
}

/// The runs that wait, the next one first.
#[derive(Debug, Clone, Default)]
pub struct RunQueue {
    waiting: Vec<QueuedRun>,
    given: u64,
    held: bool,
}

impl RunQueue {
    /// The runs, the next one first.
    pub fn runs(&self) -> &[QueuedRun] {
        &self.waiting
    }

    /// Whether it stands still until the person lets it go on: it waited when the project was closed.
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// Starts no more runs.
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// Lets it go on.
    pub fn go_on(&mut self) {
        self.held = false;
    }

    /// The runs as the settings keep them.
    pub fn kept(&self) -> Vec<KeptRun> {
        self.waiting.iter().filter_map(|run| run.kept.clone()).collect()
    }

    /// A queue of runs that were kept. It stands still.
    pub fn restored(kept: &[KeptRun]) -> Self {
        let mut queue = Self::default();
        for run in kept {
            if let Some(start) = run.start() {
                // A name that waits twice was not written by this program.
                let _ = queue.add(start, run.from.clone(), run.baseline);
            }
        }
        queue.held = true;
        queue
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds a run at the end.
    ///
    /// # Errors
    /// When one that waits has this name already.
    pub fn add(&mut self, start: TrainStart, from: Option<String>, baseline: bool) -> anyhow::Result<()> {
        let mut names = self.waiting.iter().filter_map(|run| run.start.name.as_ref());
        if let Some(name) = &start.name
            && names.any(|known| known.eq_ignore_ascii_case(name))
        {
            anyhow::bail!("a run called {name} waits in the queue already; choose another name");
        }
        self.held &= !self.waiting.is_empty();
        self.given += 1;
        let kept = KeptRun::new(&start, from.as_ref(), baseline);
        self.waiting.push(QueuedRun { number: self.given, start, from, baseline, kept });
        Ok(())
    }

    /// Takes the next one out.
    pub fn take_next(&mut self) -> Option<QueuedRun> {
        (!self.waiting.is_empty()).then(|| self.waiting.remove(0))
    }

    /// Takes one out that is not wanted any more.
    pub fn remove(&mut self, number: u64) {
        self.waiting.retain(|run| run.number != number);
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        self.waiting.clear();
        self.held = false;
    }

    /// Lets one start before the one ahead of it.
    pub fn earlier(&mut self, number: u64) {
        let place = self.waiting.iter().position(|run| run.number == number);
        if let Some(place) = place.filter(|&place| place > 0) {
            self.waiting.swap(place - 1, place);
        }
    }

    /// A stored run has another name now.
    pub fn rename(&mut self, old: &str, new: &str) {
        for run in &mut self.waiting {
            let kept = run.kept.as_mut().and_then(|kept| kept.from.as_mut());
            for from in run.from.iter_mut().chain(kept) {
                if from == old {
                    new.clone_into(from);
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use vitrine_core::device::DeviceChoice;
    use vitrine_core::learning::config::RunConfig;

    use super::*;

    fn start(name: Option<&str>) -> TrainStart {
        TrainStart {
            name: name.map(str::to_owned),
            base_name: "quick".to_owned(),
            config: RunConfig::default(),
            device: DeviceChoice::Cpu,
        }
    }

    #[test]
    fn runs_wait_in_their_order_and_can_be_moved_and_taken_out() {
        let mut queue = RunQueue::default();
        for name in ["a", "b", "c", "d"] {
            queue.add(start(Some(name)), None, false).unwrap();
        }
        assert!(queue.add(start(Some("B")), None, false).unwrap_err().to_string().contains("waits"));
        queue.add(start(None), Some("a-1".to_owned()), false).unwrap();
        queue.earlier(3);
        queue.earlier(1);
        queue.remove(2);
        let names =
            |queue: &RunQueue| queue.runs().iter().map(|run| run.name().to_owned()).collect::<Vec<_>>();
        assert_eq!(names(&queue), ["a", "c", "d", "quick"]);
        queue.rename("a-1", "best");
        assert!(queue.runs()[3].what().ends_with(", from the weights of best"));
        assert_eq!(queue.take_next().unwrap().name(), "a");
        queue.clear();
        assert!(queue.is_empty() && queue.take_next().is_none());
        // What is kept comes back in its order, and stands still.
        queue.add(start(Some("e")), Some("a-1".to_owned()), true).unwrap();
        let restored = RunQueue::restored(&queue.kept());
        assert!(restored.is_held());
        assert_eq!(restored.kept(), queue.kept());
        queue.clear();
        // A number is given once.
        queue.add(start(None), None, true).unwrap();
        assert_eq!(queue.runs()[0].number, 7);
    }
}
