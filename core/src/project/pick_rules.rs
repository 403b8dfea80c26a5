//! Which places of a run are picks, beyond one threshold for all micrographs. The project keeps these rules for each run,
//! because the scores of two runs do not mean the same.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::project::{MicrographId, Project, RunId};

/// What the keys of the rules among the single facts begin with; the number of the run follows.
const KEY: &str = "pick_rules.";

/// How the places that a run has found become picks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PickRules {
    /// Thresholds of single micrographs, in place of the common one: a score from 0 to 1.
    pub own: BTreeMap<MicrographId, f64>,
    /// Whether the shift of each micrograph's scores is taken out before a threshold is applied.
    pub without_shifts: bool,
}

impl PickRules {
    /// Whether one threshold holds for all micrographs and for scores as they are.
    pub fn is_plain(&self) -> bool {
        self.own.is_empty() && !self.without_shifts
    }

    /// The threshold of a micrograph, where it has one of its own, else the common one.
    pub fn threshold(&self, micrograph: MicrographId, common: f64) -> f64 {
        self.own.get(&micrograph).copied().unwrap_or(common)
    }
}

impl Project {
    /// The rules of each run that has any.
    ///
    /// # Errors
    /// When the database cannot be read or holds something else there.
    pub fn all_pick_rules(&self) -> Result<BTreeMap<RunId, PickRules>> {
        let mut all = BTreeMap::new();
        for (key, text) in self.db.metas(KEY)? {
            let number = key.strip_prefix(KEY).and_then(|number| number.parse().ok());
            let rules: PickRules = self.json(&text)?;
            if let Some(number) = number.filter(|_| !rules.is_plain()) {
                all.insert(RunId(number), rules);
            }
        }
        Ok(all)
    }

    /// The rules of a run; plain ones where nobody has set any.
    ///
    /// # Errors
    /// As [`Self::all_pick_rules`].
    pub fn pick_rules(&self, run: RunId) -> Result<PickRules> {
        let text = self.db.meta(&format!("{KEY}{}", run.0))?;
        text.map_or_else(|| Ok(PickRules::default()), |text| self.json(&text))
    }

    /// Sets the rules of a run, in place of those before.
    ///
    /// # Errors
    /// When a threshold does not lie in 0 to 1, the project is read only, or the disk is full.
    pub fn set_pick_rules(&mut self, run: RunId, rules: &PickRules) -> Result<()> {
        if let Some(wrong) = rules.own.values().find(|score| !(0.0..=1.0).contains(*score)) {
            return Err(Error::request(
                format!("{wrong} is no value for a threshold"),
                "give a number between 0 and 1",
            ));
        }
        let key = format!("{KEY}{}", run.0);
        let text = serde_json::to_string(rules).map_err(|e| Error::defect(e.to_string()))?;
        self.transact("store the thresholds of micrographs", |db| {
            if rules.is_plain() { db.delete_meta(&key) } else { db.set_meta(&key, &text) }
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::project::PixelType;

    #[test]
    fn rules_are_kept_by_run_and_taken_away_again() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("p");
        let mut project = Project::create(&folder, None, PixelType::F32).unwrap();
        let own = BTreeMap::from([(MicrographId(4), 0.75), (MicrographId(9), 0.2)]);
        let rules = PickRules { own, without_shifts: true };
        project.set_pick_rules(RunId(2), &rules).unwrap();
        drop(project);
        let mut project = Project::open(&folder).unwrap();
        assert_eq!(project.pick_rules(RunId(2)).unwrap(), rules);
        assert!(project.pick_rules(RunId(1)).unwrap().is_plain(), "another run has its own");
        assert_eq!(rules.threshold(MicrographId(9), 0.5), 0.2);
        assert_eq!(rules.threshold(MicrographId(1), 0.5), 0.5);
        let wrong = PickRules { own: BTreeMap::from([(MicrographId(1), 1.5)]), ..PickRules::default() };
        assert!(project.set_pick_rules(RunId(2), &wrong).is_err());
        assert_eq!(project.all_pick_rules().unwrap().len(), 1);
        project.set_pick_rules(RunId(2), &PickRules::default()).unwrap();
        assert!(project.all_pick_rules().unwrap().is_empty());
    }
}
