//! The result of a comparison of runs in one sentence, and whether a lead is more than chance.

use super::RunSummary;
use super::margin::{MIN_NEGATIVES, lead};
use super::tables::{ComparisonRow, above_ceiling};

/// What a comparison comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The sentence.
    pub sentence: String,
    /// Place of the run that ranks best, where one does by more than chance.
    pub winner: Option<usize>,
}

/// The sentence for these runs and their numbers.
pub fn verdict(runs: &[RunSummary], rows: &[ComparisonRow]) -> Verdict {
    let none = |sentence: String| Verdict { sentence, winner: None };
    if let [only] = runs {
        return none(format!("{} is the only run here, so there is nothing to compare it with.", only.name));
    }
    let negatives = runs.iter().map(|run| run.scores.negative.len()).min().unwrap_or(0);
    let against = if negatives >= MIN_NEGATIVES { "negatives" } else { "unlabeled patches" };
    let key = if negatives >= MIN_NEGATIVES { "validation_auc_pn" } else { "validation_auc_pu" };
    if key == "validation_auc_pu" && above_ceiling(runs).is_some() {
        return none(
            "These numbers do not tell which run is better: an AUC lies above its ceiling. Known negatives, or the \
             patches below, decide."
                .to_owned(),
        );
    }
    let Some(row) = rows.iter().find(|row| row.key == key) else {
        return none("No validation AUC was measured, so there is no ranking of these runs.".to_owned());
    };
    let Some(found) = lead(key, &row.values, runs) else {
        return none("Only one of these runs has a validation AUC, so there is no ranking.".to_owned());
    };
    let value = |run: usize| row.values.get(run).copied().flatten().unwrap_or(f64::NAN);
    let name = |run: usize| runs.get(run).map_or("", |run| run.name.as_str());
    let (best, second, by) = (found.best, found.second, found.by);
    let Some(margin) = found.margin else {
        return none(format!(
            "{} has the highest validation AUC against {against}, {:.3} against {:.3} of {}. How much of that is chance is \
             not known.",
            name(best),
            value(best),
            value(second),
            name(second)
        ));
    };
    if found.is_clear() {
        let sentence = format!(
            "{} ranks best: validation AUC {:.3} against {:.3} of {}, a lead of {by:.3} where chance explains {margin:.3}.",
            name(best),
            value(best),
            value(second),
            name(second)
        );
        return Verdict { sentence, winner: Some(best) };
    }
    none(format!(
        "No clear winner: {} and {} differ by {by:.3} in validation AUC, and chance explains {margin:.3}.",
        name(best),
        name(second)
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::report::tables::compare;

    fn run(name: &str, auc: f64, counts: [usize; 3]) -> RunSummary {
        let mut run = RunSummary { name: name.to_owned(), ..RunSummary::default() };
        run.metrics.insert("validation_auc_pu".to_owned(), auc);
        run.metrics.insert("validation_auc_pn".to_owned(), auc);
        let [positive, unlabeled, negative] = counts.map(|count| vec![0.5; count]);
        (run.scores.positive, run.scores.unlabeled, run.scores.negative) = (positive, unlabeled, negative);
        run
    }

    fn told(runs: &[RunSummary]) -> Verdict {
        verdict(runs, &compare(runs))
    }

    #[test]
    fn a_small_lead_on_few_patches_is_chance_and_on_many_it_is_not() {
        let few = [run("a", 0.80, [30, 100, 0]), run("b", 0.84, [30, 100, 0])];
        let verdict = told(&few);
        assert_eq!(verdict.winner, None);
        assert!(
            verdict.sentence.starts_with("No clear winner: b and a differ by 0.040"),
            "{}",
            verdict.sentence
        );
        let many = [run("a", 0.80, [3000, 9000, 0]), run("b", 0.84, [3000, 9000, 0])];
        let verdict = told(&many);
        assert_eq!(verdict.winner, Some(1));
        assert!(verdict.sentence.starts_with("b ranks best"), "{}", verdict.sentence);
        let rows = compare(&many);
        let row = rows.iter().find(|row| row.key == "validation_auc_pu").unwrap();
        assert_eq!(row.best, [false, true]);
        let rows = compare(&few);
        assert!(rows.iter().all(|row| row.best == [false; 2]), "nothing is marked without a margin");
    }

    #[test]
    fn one_run_or_none_measured_is_said() {
        assert!(told(&[run("a", 0.9, [9, 9, 0])]).sentence.contains("only run"));
        let mut blind = [run("a", 0.9, [9, 9, 0]), run("b", 0.9, [9, 9, 0])];
        for run in &mut blind {
            run.metrics.clear();
        }
        assert!(told(&blind).sentence.contains("No validation AUC"));
    }

    #[test]
    fn an_auc_above_its_ceiling_decides_nothing_unless_there_are_negatives() {
        let mut runs = [run("a", 0.80, [3000, 9000, 0]), run("b", 0.97, [3000, 9000, 0])];
        for run in &mut runs {
            run.metrics.insert("validation_auc_ceiling".to_owned(), 0.85);
        }
        let verdict = told(&runs);
        assert!(
            verdict.winner.is_none() && verdict.sentence.contains("above its ceiling"),
            "{}",
            verdict.sentence
        );
        for run in &mut runs {
            run.scores.negative = vec![0.5; 2000];
        }
        assert_eq!(told(&runs).winner, Some(1));
    }
}
