//! Turns findings into a corrected configuration, and into YAML that says at each change why it was made.

use serde_json::Value;

use super::finding::{ConfigChange, Finding};
use crate::error::{Error, Result};
use crate::learning::config::check::first_violation;
use crate::learning::config::presets::Preset;
use crate::learning::config::yaml;
use crate::learning::config::{ConsistencyKind, RunConfig};

/// The changes of all findings, one a key: of two for the same key that of the higher-ranked finding.
/// A finding that follows from a corrected one brings no change of its own, because it was measured under
/// the fault.
pub fn changes(findings: &[Finding]) -> Vec<(&Finding, &ConfigChange)> {
    let mut chosen: Vec<(&Finding, &ConfigChange)> = Vec::new();
    let corrected = |kind: &str| findings.iter().any(|f| f.kind == kind && !f.changes.is_empty());
    for finding in findings.iter().filter(|f| !f.follows_from.is_some_and(corrected)) {
        for change in &finding.changes {
            if chosen.iter().all(|(_, c)| c.key != change.key) {
                chosen.push((finding, change));
            }
        }
    }
    chosen
}

/// The method of the preset `overlay` as changes of a configuration: risk, self-training,
/// consistency, alignment, teacher, weak views, batch, learning rate and schedule. Data, π, network and, where it is
/// long enough, the length of the run stay.
pub fn to_overlay(config: &RunConfig) -> Vec<ConfigChange> {
    let Ok(wanted) = yaml::preset(Preset::Overlay) else { return Vec::new() };
    let unused = wanted.consistency.kind == ConsistencyKind::None;
    let value = |config: &RunConfig| serde_json::to_value(config).unwrap_or_default();
    let (now, wanted) = (value(config), value(&wanted));
    let mut changes = Vec::new();
    const SECTIONS: &[&str] = &[
        "risk",
        "self_training",
        "consistency",
        "alignment",
        "teacher",
        "batch",
        "augmentation/weak",
        "optimizer",
        "schedule",
    ];
    for section in SECTIONS {
        let at = format!("/{section}");
        let (Some(Value::Object(now)), Some(Value::Object(wanted))) = (now.pointer(&at), wanted.pointer(&at))
        else {
            continue;
        };
        for (key, to) in wanted {
            let from = now.get(key).cloned().unwrap_or_default();
            let kept = match (*section, key.as_str()) {
                ("consistency", key) => unused && key != "kind",
                ("optimizer", key) => key != "learning_rate",
                ("schedule", "epochs") => from.as_u64() >= to.as_u64(),
                _ => false,
            };
            if !kept && from != *to {
                changes.push(ConfigChange {
                    key: format!("{}.{key}", section.replace('/', ".")),
                    from,
                    to: to.clone(),
                });
            }
        }
    }
    changes
}

/// The configuration with all changes made; `None` where there are none.
///
/// # Errors
/// When the changes do not give a valid configuration, which is a defect of the program.
pub fn corrected(config: &RunConfig, findings: &[Finding]) -> Result<Option<RunConfig>> {
    let changes = changes(findings);
    if changes.is_empty() {
        return Ok(None);
    }
    let defect =
        |problem: String| Error::defect(format!("the corrected configuration is not valid: {problem}"));
    let mut value = serde_json::to_value(config).map_err(|e| defect(e.to_string()))?;
    for (_, change) in changes {
        let slot = value
            .pointer_mut(&format!("/{}", change.key.replace('.', "/")))
            .ok_or_else(|| defect(format!("there is no key {}", change.key)))?;
        *slot = change.to.clone();
    }
    let config: RunConfig = serde_json::from_value(value).map_err(|e| defect(e.to_string()))?;
    match first_violation(&config) {
        None => Ok(Some(config)),
        Some(violation) => Err(defect(violation.problem)),
    }
}

fn short(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => map.get("kind").map_or_else(|| value.to_string(), short),
        other => other.to_string(),
    }
}

/// A sentence as comment lines of at most a hundred characters.
fn comment(text: &str, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + word.chars().count() + 1 > 98 - indent {
            out.push_str(&format!("{pad}# {line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        out.push_str(&format!("{pad}# {line}\n"));
    }
}

/// The corrected configuration as YAML: at the head what was found, before each changed key what it
/// was and why it changed. Without changes it is the configuration as it was, with a head that says so.
///
/// # Errors
/// As [`corrected`], and when the text does not read back as the same configuration.
pub fn to_yaml(config: &RunConfig, name: &str, findings: &[Finding]) -> Result<String> {
    let wanted = corrected(config, findings)?.unwrap_or_else(|| config.clone());
    let changes = changes(findings);
    let mut out = String::new();
    comment(&format!("{name}, corrected by vitrine diagnose."), 0, &mut out);
    let others: Vec<&Finding> = findings.iter().filter(|f| f.changes.is_empty()).collect();
    if changes.is_empty() {
        comment("Nothing in the configuration had to change.", 0, &mut out);
    }
    if !others.is_empty() {
        comment("Also found, and not corrected here:", 0, &mut out);
        for finding in others {
            comment(
                &format!("{}: {} {}", finding.severity.as_str(), finding.what, finding.advice),
                0,
                &mut out,
            );
        }
    }
    out.push('\n');
    // Walk the block-style text and keep the path of the current line.
    let mut path: Vec<(usize, String)> = Vec::new();
    // A finding that changes several keys gives its reason at the first.
    let mut told: Vec<(&str, String)> = Vec::new();
    for line in yaml::to_yaml(&wanted)?.lines() {
        let indent = line.len() - line.trim_start().len();
        if let Some((key, _)) = line.trim_start().split_once(':') {
            path.retain(|(depth, _)| *depth < indent);
            path.push((indent, key.to_owned()));
            let dotted = path.iter().map(|(_, k)| k.as_str()).collect::<Vec<_>>().join(".");
            if let Some((finding, change)) = changes.iter().find(|(_, c)| c.key == dotted) {
                let text = match told.iter().find(|(kind, _)| *kind == finding.kind) {
                    Some((_, at)) => format!("was {}; why: see {at}.", short(&change.from)),
                    None => format!("was {}. {} {}", short(&change.from), finding.what, finding.why),
                };
                told.push((finding.kind, dotted));
                comment(&text, indent, &mut out);
            }
        }
        out.push_str(line);
        out.push('\n');
    }
    let read = yaml::parse(&out, "corrected configuration")?;
    if read != wanted {
        return Err(Error::defect("the corrected configuration does not read back as it was written"));
    }
    Ok(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::{Examination, Severity, kinds};
    use super::*;

    fn findings() -> Vec<Finding> {
        let new = |kind, what| {
            Finding::new(kind, Examination::Prior, Severity::Wrong, what, "Because of # this: π.", "Do.")
        };
        vec![
            new(kinds::WRONG_PRIOR, "The prior is wrong.").change("prior", 0.9, "estimate"),
            new(kinds::HIGH_THRESHOLD, "τ is too high.").change("consistency.threshold", 0.95, 0.75),
            new(kinds::COLLAPSE, "Again.").change("consistency.threshold", 0.95, 0.6),
            new(kinds::SPLIT_DRIFT, "Drift.").change(
                "normaliser",
                serde_json::json!({"kind": "global_mean_std"}),
                serde_json::json!({"kind": "per_patch_z_score"}),
            ),
            new(kinds::FEW_POSITIVES, "Too few: \"picks\"."),
        ]
    }

    fn config() -> RunConfig {
        yaml::parse(
            "prior: 0.9\nnormaliser:\n  kind: global_mean_std\nconsistency:\n  kind: fixmatch\n  threshold: 0.95\n",
            "t",
        )
        .unwrap()
    }

    #[test]
    fn the_higher_finding_decides_a_key() {
        let made = corrected(&config(), &findings()).unwrap().unwrap();
        assert_eq!(made.consistency.threshold, 0.75);
        assert_eq!(made.normaliser, crate::imaging::NormaliserKind::PerPatchZScore);
        assert_eq!(corrected(&config(), &[]).unwrap(), None);
    }

    #[test]
    fn what_follows_from_a_mended_finding_is_not_mended_twice() {
        let mut all = findings();
        all[2].kind = kinds::ONE_SIDED;
        all[2].follows_from = Some(kinds::WRONG_PRIOR);
        all[2].changes[0].key = "consistency.weight".to_owned();
        assert!(changes(&all).iter().all(|(_, c)| c.key != "consistency.weight"));
        all[0].changes.clear();
        assert!(changes(&all).iter().any(|(_, c)| c.key == "consistency.weight"));
    }

    #[test]
    fn the_overlay_method_leaves_data_and_length_alone() {
        let before = yaml::parse(
            "prior: 0.2\noptimizer:\n  weight_decay: 0.002\nschedule:\n  epochs: 90\nconsistency:\n  kind: fixmatch\n",
            "t",
        )
        .unwrap();
        let mut finding = findings().remove(0);
        finding.changes = to_overlay(&before);
        let made = corrected(&before, &[finding]).unwrap().unwrap();
        let wanted = yaml::preset(Preset::Overlay).unwrap();
        assert_eq!((made.risk, made.self_training), (wanted.risk, wanted.self_training));
        assert_eq!((made.teacher, made.consistency.kind), (wanted.teacher, wanted.consistency.kind));
        assert_eq!(made.alignment, wanted.alignment);
        assert_eq!((made.batch, made.augmentation.weak), (wanted.batch, wanted.augmentation.weak));
        assert_eq!(made.optimizer.learning_rate, wanted.optimizer.learning_rate);
        assert_eq!((made.prior, made.optimizer.weight_decay), (before.prior, 0.002));
        assert_eq!((made.schedule.epochs, made.schedule.select_by), (90, wanted.schedule.select_by));
        assert!(to_overlay(&wanted).is_empty());
    }

    #[test]
    fn the_yaml_says_why_and_reads_back() {
        let text = to_yaml(&config(), "mine", &findings()).unwrap();
        let before = |key: &str| {
            let at = text.find(key).unwrap();
            text[..at].lines().rev().take_while(|l| l.trim_start().starts_with('#')).count()
        };
        assert!(text.contains("# was 0.9. The prior is wrong.") && before("\nprior:") + 1 > 0, "{text}");
        assert!(text.contains("  # was 0.95. τ is too high."), "{text}");
        assert!(text.contains("# was global_mean_std."), "{text}");
        assert!(text.contains("Too few") && !text.contains("Again."), "{text}");
        assert_eq!(yaml::parse(&text, "x").unwrap(), corrected(&config(), &findings()).unwrap().unwrap());
    }

    #[test]
    fn a_change_to_an_unknown_key_or_a_bad_value_is_refused() {
        let bad = |key: &str, to: Value| {
            let f = Finding::new(kinds::COLLAPSE, Examination::Run, Severity::Wrong, "a", "b", "c")
                .change(key, 1, to);
            corrected(&config(), &[f]).is_err()
        };
        assert!(bad("consistency.nothing", 3.into()) && bad("optimizer.learning_rate", 5.into()));
    }
}
