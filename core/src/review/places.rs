//! Where a person stopped in each review queue. The project's database keeps it, so that it moves with the project
//! and is the same for everybody who opens it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::queue::{QueueKind, QueueStart};
use crate::error::Result;
use crate::project::{EntryId, Project, RunId};

/// When a queue was begun, and how far it was gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuePlace {
    /// When it was begun.
    #[serde(flatten)]
    pub start: QueueStart,
    /// The place of the patch looked at last, counted from 0.
    pub place: usize,
    /// How many patches the queue holds; 0 where a version before this one has kept the place.
    #[serde(default)]
    pub of: usize,
}

/// Places in all queues of a project, by the queue's word; words of a newer version are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QueuePlaces(BTreeMap<String, QueuePlace>);

impl QueuePlaces {
    /// The places a project keeps. What cannot be understood counts as none: a place is soon found again.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn read(project: &Project) -> Result<Self> {
        let text = project.review_places()?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    /// Stores the places in a project.
    ///
    /// # Errors
    /// When the project is read only or the disk is full.
    pub fn store(&self, project: &mut Project) -> Result<()> {
        // A map of numbers is always JSON.
        project.set_review_places(&serde_json::to_string(self).unwrap_or_default())
    }

    /// Where one stopped in a queue; `None` where it was never begun.
    pub fn get(&self, kind: QueueKind) -> Option<QueuePlace> {
        self.0.get(kind.as_str()).copied()
    }

    /// How many queues are ordered by the scores of a run.
    pub fn of_run(&self, run: RunId) -> usize {
        self.0.values().filter(|place| place.start.run == run).count()
    }

    /// Forgets the places in queues that the scores of a run ordered; whether there were any.
    pub fn forget_run(&mut self, run: RunId) -> bool {
        let before = self.0.len();
        self.0.retain(|_, place| place.start.run != run);
        self.0.len() < before
    }

    /// Forgets the places in queues that were begun after this journal position; whether there were any.
    pub fn forget_after(&mut self, position: EntryId) -> bool {
        let before = self.0.len();
        self.0.retain(|_, place| place.start.journal <= position);
        self.0.len() < before
    }

    /// Notes where one is.
    pub fn set(&mut self, kind: QueueKind, place: QueuePlace) {
        self.0.insert(kind.as_str().to_owned(), place);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::project::PixelType;

    #[test]
    fn places_move_with_the_project() {
        let dir = tempfile::tempdir().unwrap();
        let (here, there) = (dir.path().join("here"), dir.path().join("there"));
        let mut project = Project::create(&here, Some(16), PixelType::F32).unwrap();
        assert_eq!(QueuePlaces::read(&project).unwrap(), QueuePlaces::default());
        let mut places = QueuePlaces::default();
        let place =
            QueuePlace { start: QueueStart { run: RunId(3), journal: EntryId(7) }, place: 41, of: 200 };
        places.set(QueueKind::Audit, place);
        places.store(&mut project).unwrap();
        drop(project);
        std::fs::rename(&here, &there).unwrap();
        let mut project = Project::open(&there).unwrap();
        let read = QueuePlaces::read(&project).unwrap();
        assert_eq!((read.get(QueueKind::Audit), read.get(QueueKind::MostUncertain)), (Some(place), None));
        // Kept before places knew the length of their queue.
        project.set_review_places(r#"{"audit":{"run":3,"journal":7,"place":41}}"#).unwrap();
        let old = QueuePlaces::read(&project).unwrap().get(QueueKind::Audit);
        assert_eq!(old, Some(QueuePlace { of: 0, ..place }));
        // Of queues begun after a position nothing is left.
        let mut places = QueuePlaces::default();
        places.set(QueueKind::Audit, place);
        assert!(!places.forget_after(EntryId(7)) && places.get(QueueKind::Audit).is_some());
        assert!(places.forget_after(EntryId(6)) && places.get(QueueKind::Audit).is_none());
        // What another version has left there is no reason not to open a project.
        project.set_review_places("[1, 2]").unwrap();
        assert_eq!(QueuePlaces::read(&project).unwrap(), QueuePlaces::default());
    }
}
