//! Runs grouped by configuration: those that differ only in the seed, with mean and spread of each measure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::RunSummary;
use super::metrics::{METRICS, MetricInfo, format_number};
use super::tables::{compare, flatten_config, text_table};
use crate::error::Result;

/// A configuration and its runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Configuration {
    /// Keys in which the configurations differ, with the values of this one.
    pub changes: BTreeMap<String, String>,
    /// Its runs, in the order in which they were given.
    pub runs: Vec<String>,
    /// Seeds of the runs, in the same order.
    pub seeds: Vec<u64>,
    /// Measures by key; one that no run has is left out.
    pub measures: BTreeMap<String, Spread>,
}

/// A measure over the runs of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Mean over the runs that have it.
    pub mean: f64,
    /// Standard deviation over them (n − 1); `None` for a single run.
    pub deviation: Option<f64>,
    /// Lowest value.
    pub lowest: f64,
    /// Highest value.
    pub highest: f64,
    /// How many runs have it.
    pub count: usize,
}

impl Spread {
    fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Self {
            mean,
            deviation: (count > 1).then(|| (squares / (count - 1) as f64).sqrt()),
            lowest: values.iter().copied().reduce(f64::min)?,
            highest: values.iter().copied().reduce(f64::max)?,
            count,
        })
    }
}

impl Configuration {
    /// What tells it from the others: "optimizer.learning_rate 0.001, risk.kind nnpu".
    pub fn name(&self) -> String {
        if self.changes.is_empty() {
            return "one configuration".to_owned();
        }
        self.changes.iter().map(|(key, value)| format!("{key} {value}")).collect::<Vec<_>>().join(", ")
    }
}

/// What no configuration is told by: the seed, and a sentence about the other keys.
const NOT_TOLD_BY: [&str; 2] = ["seed", "description"];

/// Puts the runs of a configuration together; configurations come in the order of their first run.
///
/// # Errors
/// When a configuration is no YAML mapping.
pub fn by_configuration(runs: &[RunSummary]) -> Result<Vec<Configuration>> {
    let mut configs: Vec<(BTreeMap<String, String>, Vec<usize>)> = Vec::new();
    for (at, run) in runs.iter().enumerate() {
        let mut config = flatten_config(&run.config_yaml, &run.name)?;
        NOT_TOLD_BY.iter().for_each(|key| drop(config.remove(*key)));
        match configs.iter_mut().find(|(known, _)| *known == config) {
            Some((_, members)) => members.push(at),
            None => configs.push((config, vec![at])),
        }
    }
    let differs = |key: &String| configs.windows(2).any(|pair| pair[0].0.get(key) != pair[1].0.get(key));
    let keys: Vec<String> =
        configs.iter().flat_map(|(config, _)| config.keys()).filter(|key| differs(key)).cloned().collect();
    let rows = compare(runs);
    Ok(configs
        .iter()
        .map(|(config, members)| {
            let value = |key: &String| config.get(key).cloned().unwrap_or_else(|| "–".to_owned());
            let of_members = |values: &[Option<f64>]| -> Vec<f64> {
                members.iter().filter_map(|&at| values.get(at).copied().flatten()).collect()
            };
            Configuration {
                changes: keys.iter().map(|key| (key.clone(), value(key))).collect(),
                runs: members.iter().map(|&at| runs[at].name.clone()).collect(),
                seeds: members.iter().map(|&at| runs[at].seed).collect(),
                measures: rows
                    .iter()
                    .filter_map(|row| Some((row.key.clone(), Spread::of(&of_members(&row.values))?)))
                    .collect(),
            }
        })
        .collect())
}

/// The configurations for a terminal: a table for each measure that has a better direction. The best mean is marked,
/// where it leads by more than the seeds differ.
///
/// # Errors
/// As [`by_configuration`].
pub fn configurations_text(runs: &[RunSummary]) -> Result<String> {
    let all = by_configuration(runs)?;
    let measured = |info: &&MetricInfo| {
        info.higher_is_better.is_some() && all.iter().any(|config| config.measures.contains_key(info.key))
    };
    let mut text = String::new();
    for info in METRICS.iter().filter(measured) {
        let best = clear_best(&all, info);
        let rows: Vec<Vec<String>> = all
            .iter()
            .enumerate()
            .map(|(at, config)| {
                let mut row = vec![config.name(), config.runs.len().to_string()];
                let Some(spread) = config.measures.get(info.key) else {
                    row.extend(vec!["–".to_owned(); 4]);
                    return row;
                };
                let number = |value: f64| format_number(value, info.style);
                let deviation = spread.deviation.map_or_else(|| "–".to_owned(), number);
                let mark = if best == Some(at) { "*" } else { "" };
                row.push(format!("{mark}{}", number(spread.mean)));
                row.extend([deviation, number(spread.lowest), number(spread.highest)]);
                row
            })
            .collect();
        let heading = [info.label, "runs", "mean", "deviation", "lowest", "highest"].map(str::to_owned);
        text += &text_table(&heading, &rows);
        text += "\n";
    }
    text += "mean and standard deviation over the seeds\n\
             * best, by more than the standard deviations of the two best together\n";
    Ok(text)
}

/// The configuration whose mean is the best by more than chance over the seeds explains; `None` where seeds cannot tell.
fn clear_best(all: &[Configuration], info: &MetricInfo) -> Option<usize> {
    let sign = if info.higher_is_better? { 1.0 } else { -1.0 };
    let mut ranked: Vec<(usize, &Spread)> = all
        .iter()
        .enumerate()
        .filter_map(|(at, config)| Some((at, config.measures.get(info.key)?)))
        .collect();
    ranked.sort_by(|a, b| (sign * b.1.mean).total_cmp(&(sign * a.1.mean)));
    let ((at, first), (_, second)) = (ranked.first()?, ranked.get(1)?);
    let lead = (first.mean - second.mean).abs();
    (lead > first.deviation?.hypot(second.deviation?)).then_some(*at)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn run(name: &str, seed: u64, rate: &str, auc: f64) -> RunSummary {
        RunSummary {
            name: name.into(),
            seed,
            config_yaml: format!("seed: {seed}\noptimizer:\n  learning_rate: {rate}\n"),
            metrics: [("validation_auc_pu".to_owned(), auc)].into(),
            ..RunSummary::default()
        }
    }

    #[test]
    fn runs_that_differ_in_the_seed_alone_are_one_configuration() {
        let runs = [
            run("a1", 1, "0.001", 0.80),
            run("b1", 1, "0.003", 0.90),
            run("a2", 2, "1e-3", 0.84),
            run("b2", 2, "0.003", 0.92),
        ];
        let all = by_configuration(&runs).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].runs, ["a1", "a2"]);
        assert_eq!(
            (all[0].name().as_str(), &all[0].seeds[..]),
            ("optimizer.learning_rate 0.001", &[1, 2][..])
        );
        let spread = all[0].measures["validation_auc_pu"];
        assert!((spread.mean - 0.82).abs() < 1e-12);
        // Of two values the deviation is their difference over √2.
        assert!((spread.deviation.unwrap() - 0.04 / 2f64.sqrt()).abs() < 1e-12);
        assert_eq!((spread.lowest, spread.highest, spread.count), (0.80, 0.84, 2));
        let text = configurations_text(&runs).unwrap();
        assert!(text.contains("*0.910"), "{text}");
    }

    #[test]
    fn a_lead_within_the_spread_of_the_seeds_is_not_marked() {
        let close = [
            run("a1", 1, "0.001", 0.80),
            run("a2", 2, "0.001", 0.90),
            run("b1", 1, "0.003", 0.84),
            run("b2", 2, "0.003", 0.92),
        ];
        assert!(!configurations_text(&close).unwrap().contains("*0."));
        // One seed says nothing of chance.
        let single = [run("a", 1, "0.001", 0.5), run("b", 1, "0.003", 0.9)];
        let text = configurations_text(&single).unwrap();
        assert!(!text.contains("*0.") && text.contains("–"), "{text}");
    }
}
