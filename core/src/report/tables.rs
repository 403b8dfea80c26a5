//! Runs side by side: rows of numbers, differences of configurations, and tables for terminals.
//!
//! [`compare`] and [`config_differences`] give the values; command line, window and report only lay
//! them out.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::RunSummary;
use super::margin::{BEST_MEANS, Lead, lead};
use super::metrics::{METRICS, NumberStyle, format_number, metric_info};
use crate::error::{Error, Result};
use crate::learning::eval::metrics::AboveCeiling;

/// One number over all runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparisonRow {
    /// Key of the number.
    pub key: String,
    /// Row heading.
    pub label: String,
    /// What it says; empty for a number the comparison does not know.
    pub meaning: String,
    /// How it is written.
    pub style: NumberStyle,
    /// One value per run; `None` where it was not measured.
    pub values: Vec<Option<f64>>,
    /// Why a run has no corrected AUC; `None` for every other number.
    pub reasons: Vec<Option<String>>,
    /// Value minus that of the baseline; `None` for the baseline itself and where either is missing.
    pub differences: Vec<Option<f64>>,
    /// Whether the run has the best value by more than chance explains; nowhere where chance is not known.
    pub best: Vec<bool>,
}

impl ComparisonRow {
    /// The value of a run as it is shown.
    pub fn shown(&self, run: usize) -> String {
        format_number(self.values.get(run).copied().flatten().unwrap_or(f64::NAN), self.style)
    }

    /// The difference to the baseline as it is shown, with its sign; only for scores and shares that
    /// have a better direction.
    pub fn shown_difference(&self, run: usize) -> Option<String> {
        metric_info(&self.key)?.higher_is_better?;
        let difference = self.differences.get(run).copied().flatten()?;
        match self.style {
            NumberStyle::Score => Some(signed(&format!("{:.3}", difference.abs()), difference)),
            NumberStyle::Share => {
                Some(signed(&format!("{:.1} points", 100.0 * difference.abs()), difference))
            }
            _ => None,
        }
    }
}

/// "+0.040", "−0.012", "±0.000".
fn signed(size: &str, value: f64) -> String {
    let is_zero = size.chars().all(|c| !('1'..='9').contains(&c));
    let sign = if is_zero {
        '±'
    } else if value < 0.0 {
        '−'
    } else {
        '+'
    };
    format!("{sign}{size}")
}

/// Puts the numbers of runs side by side: known ones in the order of [`METRICS`], then the others by
/// name. Numbers that no run has are left out, except corrected AUCs that do not exist for a reason.
pub fn compare(runs: &[RunSummary]) -> Vec<ComparisonRow> {
    let present: BTreeSet<&str> = runs
        .iter()
        .flat_map(|r| {
            let measured = r.metrics.iter().filter(|(_, v)| v.is_finite()).map(|(k, _)| k);
            measured.chain(r.above_ceiling.keys()).map(String::as_str)
        })
        .collect();
    let known = METRICS.iter().map(|m| m.key).filter(|k| present.contains(k));
    let unknown = present.iter().copied().filter(|k| metric_info(k).is_none());
    let baseline = runs.iter().position(|r| r.is_baseline);
    let misleading = runs.iter().filter_map(farthest_above).any(|above| is_misleading(&above));
    let row = |key| {
        let mut row = comparison_row(key, runs, baseline);
        if misleading && AGAINST_UNLABELED.contains(&key) {
            row.best.fill(false);
        }
        row
    };
    known.chain(unknown).map(row).collect()
}

/// Measures that reward telling labelled particles from unlabeled ones.
const AGAINST_UNLABELED: &[&str] = &[
    "test_auc_pu",
    "test_auc_corrected",
    "validation_auc_pu",
    "validation_auc_corrected",
    "validation_average_precision",
];

/// Chance in a small validation split explains an AUC so far above its ceiling.
const EXPLAINED_BY_CHANCE: f64 = 0.01;

/// How far an AUC of the run lies above its ceiling at most.
fn farthest_above(run: &RunSummary) -> Option<AboveCeiling> {
    let of = |key: &str| run.metrics.get(key).copied().unwrap_or(f64::NAN);
    let validation = AboveCeiling { auc: of("validation_auc_pu"), ceiling: of("validation_auc_ceiling") };
    let excess = |above: &AboveCeiling| above.auc - above.ceiling;
    run.above_ceiling
        .values()
        .copied()
        .chain(Some(validation).filter(|above| above.auc > above.ceiling))
        .max_by(|a, b| excess(a).total_cmp(&excess(b)))
}

/// Whether an AUC against unlabeled is too far above its ceiling to choose between runs by it.
fn is_misleading(above: &AboveCeiling) -> bool {
    above.auc > above.ceiling + EXPLAINED_BY_CHANCE
}

/// When a run's AUC of positives against unlabeled lies above what a perfect ranking reaches, 1 − π/2: the
/// sentences that say what that means and why no corrected AUC is shown.
pub fn above_ceiling(runs: &[RunSummary]) -> Option<String> {
    let above = || runs.iter().filter_map(|run| Some((run, farthest_above(run)?)));
    let (run, found) = above().find(|(_, found)| is_misleading(found)).or_else(|| above().next())?;
    let what = format!(
        "The AUC of {} lies above its ceiling 1 − π/2 ({:.3} against {:.3})",
        run.name, found.auc, found.ceiling
    );
    Some(if is_misleading(&found) {
        format!(
            "{what}, which no ranking of particles reaches: the picks are not a random sample of the particles, π is \
             set too high, or it is chance because few positives validate. A corrected AUC would exceed 1, so none is shown. This AUC also rewards telling picked \
             particles from unpicked ones, so the run with the lower one may be the better: compare by known \
             negatives, or by the patches themselves. The preset recommended is made for such picks."
        )
    } else {
        format!("{what}. Chance can explain so little. A corrected AUC would exceed 1, so none is shown.")
    })
}

/// A number of a run. A corrected AUC that does not exist is never given out, whatever the map holds.
fn value_of(run: &RunSummary, key: &str) -> Option<f64> {
    if run.above_ceiling.contains_key(key) {
        return None;
    }
    run.metrics.get(key).copied().filter(|v| v.is_finite())
}

fn comparison_row(key: &str, runs: &[RunSummary], baseline: Option<usize>) -> ComparisonRow {
    let info = metric_info(key);
    let style = info.map_or(NumberStyle::Plain, |m| m.style);
    let values: Vec<Option<f64>> = runs.iter().map(|r| value_of(r, key)).collect();
    let reference = baseline.and_then(|b| values[b]);
    let differences = values
        .iter()
        .enumerate()
        .map(|(i, v)| if Some(i) == baseline { None } else { Some((*v)? - reference?) })
        .collect();
    let clear = lead(key, &values, runs).filter(Lead::is_clear);
    let best = (0..runs.len()).map(|run| clear.is_some_and(|lead| lead.best == run)).collect();
    ComparisonRow {
        key: key.to_owned(),
        label: info.map_or_else(|| key.replace('_', " "), |m| m.label.to_owned()),
        meaning: info.map_or_else(String::new, |m| m.meaning.to_owned()),
        style,
        values,
        reasons: runs.iter().map(|r| r.above_ceiling.get(key).map(AboveCeiling::to_string)).collect(),
        differences,
        best,
    }
}

/// A config key in which runs differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfigDifference {
    /// Flattened key: "consistency.threshold".
    pub key: String,
    /// The value in each run; `None` where the run's config does not have the key.
    pub values: Vec<Option<String>>,
}

/// The keys in which the configs of runs differ, sorted. Written forms do not matter: 0.001 and 1e-3
/// are the same. The description is left out: it is a sentence about the other differences.
///
/// # Errors
/// When a config is no YAML mapping.
pub fn config_differences(runs: &[RunSummary]) -> Result<Vec<ConfigDifference>> {
    let flat = runs.iter().map(|r| flatten_config(&r.config_yaml, &r.name)).collect::<Result<Vec<_>>>()?;
    let keys: BTreeSet<&String> = flat.iter().flat_map(BTreeMap::keys).collect();
    Ok(keys
        .into_iter()
        .filter(|key| key.as_str() != "description")
        .map(|key| ConfigDifference {
            key: key.clone(),
            values: flat.iter().map(|f| f.get(key).cloned()).collect(),
        })
        .filter(|d| d.values.windows(2).any(|pair| pair[0] != pair[1]))
        .collect())
}

/// Turns a YAML config into flattened keys and values; `run` names it in errors.
///
/// # Errors
/// When the text is no YAML mapping.
pub fn flatten_config(yaml: &str, run: &str) -> Result<BTreeMap<String, String>> {
    let mut out = BTreeMap::new();
    if yaml.trim().is_empty() {
        return Ok(out);
    }
    let value: serde_json::Value = serde_saphyr::from_str(yaml).map_err(|e| Error::Config {
        place: format!("config of run '{run}'"),
        problem: format!("it cannot be read as YAML ({})", e.to_string().lines().next().unwrap_or_default()),
        remedy: "the run's folder holds the config it was started with; restore it from there".into(),
    })?;
    flatten("", &value, &mut out);
    Ok(out)
}

fn flatten(prefix: &str, value: &serde_json::Value, out: &mut BTreeMap<String, String>) {
    use serde_json::Value;
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, inner) in map {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&path, inner, out);
            }
        }
        Value::Number(n) => {
            // Through f64, so that 1, 1.0 and 1e0 are one value; large integers (seeds) stay exact.
            let text = match (n.as_u64(), n.as_f64()) {
                (Some(whole), _) => whole.to_string(),
                (None, Some(x)) => x.to_string(),
                _ => n.to_string(),
            };
            out.insert(prefix.to_owned(), text);
        }
        Value::String(text) => {
            out.insert(prefix.to_owned(), text.clone());
        }
        other => {
            out.insert(prefix.to_owned(), other.to_string());
        }
    }
}

/// A table in plain text: first column left, the others right, two spaces between, a rule under the
/// heading. Rows shorter than the heading are filled up with empty cells.
pub fn text_table(heading: &[String], rows: &[Vec<String>]) -> String {
    let width = |s: &str| s.chars().count();
    let empty = String::new();
    let cell = |row: &[String], i: usize| row.get(i).unwrap_or(&empty).clone();
    let widths: Vec<usize> = (0..heading.len())
        .map(|i| rows.iter().map(|r| width(&cell(r, i))).chain([width(&heading[i])]).max().unwrap_or(0))
        .collect();
    let line = |row: &[String]| {
        let mut text = String::new();
        for (i, &w) in widths.iter().enumerate() {
            let value = cell(row, i);
            // `{:>w$}` counts characters as `width` does.
            text += &if i == 0 { format!("{value:<w$}") } else { format!("  {value:>w$}") };
        }
        text.truncate(text.trim_end().len());
        text + "\n"
    };
    let rule = "─".repeat(widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)) + "\n";
    line(heading) + &rule + &rows.iter().map(|r| line(r)).collect::<String>()
}

/// The comparison for a terminal: numbers (a clear best marked *), then config differences.
///
/// # Errors
/// As [`config_differences`].
pub fn comparison_text(runs: &[RunSummary]) -> Result<String> {
    let name = |r: &RunSummary| if r.is_baseline { format!("{} (baseline)", r.name) } else { r.name.clone() };
    let heading =
        |first: &str| std::iter::once(first.to_owned()).chain(runs.iter().map(name)).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = compare(runs)
        .iter()
        .map(|row| {
            let cells = (0..runs.len()).map(|i| {
                let difference = row.shown_difference(i).map(|d| format!(" ({d})")).unwrap_or_default();
                let mark = if row.best[i] { "*" } else { "" };
                format!("{mark}{}{difference}", row.shown(i))
            });
            std::iter::once(row.label.clone()).chain(cells).collect()
        })
        .collect();
    let mut text = text_table(&heading("Measured"), &rows);
    text += &format!(
        "* {BEST_MEANS}; only a validation AUC can be. In brackets: the difference to the baseline\n"
    );
    if let Some(sentence) = above_ceiling(runs) {
        text += &format!("note: {sentence}\n");
    }
    let differences = config_differences(runs)?;
    if !differences.is_empty() {
        let rows: Vec<Vec<String>> = differences
            .iter()
            .map(|d| {
                let values = d.values.iter().map(|v| v.clone().unwrap_or_else(|| "–".into()));
                std::iter::once(d.key.clone()).chain(values).collect()
            })
            .collect();
        text += "\n";
        text += &text_table(&heading("Config"), &rows);
    }
    Ok(text)
}
