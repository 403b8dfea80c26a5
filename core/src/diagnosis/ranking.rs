//! Ranks findings so that causes stand above their consequences. One fault leaves several traces: exchanged labels
//! also spoil the plain classifier and the estimate of π. A person who reads only the first finding must read the
//! cause.

use super::finding::{Evidence, Finding, Severity};
use super::kinds::*;

/// From the deepest cause to what merely follows from others; the place is the rank among findings of
/// one severity.
const CAUSES_FIRST: &[&str] = &[
    NOT_FINITE,
    CONSTANT,
    MISSING_LABELS,
    INVERTED,
    SWAPPED,
    CONTRADICTION,
    LEAK,
    OVERLAP,
    NEAR_LEAK,
    MICROGRAPH_DRIFT,
    SPLIT_DRIFT,
    LABEL_DRIFT,
    OFF_CENTRE,
    BOX_SIZE,
    SATURATED,
    COPIES,
    FEW_POSITIVES,
    MISLABELLED,
    WRONG_GRADIENT,
    DEVICES_DISAGREE,
    HIGH_RATE,
    LOW_RATE,
    DEAD_LAYERS,
    WEAK_BASELINE,
    BIASED_PICKS,
    LABELLING_RATE,
    WRONG_PRIOR,
    STUCK_TEACHER,
    HIGH_THRESHOLD,
    LOW_THRESHOLD,
    SHORT_RAMP,
    ONE_SIDED,
    COLLAPSE,
    DIVERGED,
    VANISHED,
    UNSURE_PRIOR,
    METHOD_LOSES,
    AT_CHANCE,
    FELL,
    ABOVE_CEILING,
    ALWAYS_CLAMPED,
];

/// Faults of the data that spoil everything learned from it.
const DATA_FAULTS: &[&str] = &[
    NOT_FINITE,
    CONSTANT,
    MISSING_LABELS,
    INVERTED,
    SWAPPED,
    CONTRADICTION,
    LABEL_DRIFT,
    FEW_POSITIVES,
    MISLABELLED,
];
/// Faults of the configuration.
const CONFIG_FAULTS: &[&str] = &[
    HIGH_RATE,
    DEAD_LAYERS,
    LABELLING_RATE,
    WRONG_PRIOR,
    STUCK_TEACHER,
    HIGH_THRESHOLD,
    LOW_THRESHOLD,
    SHORT_RAMP,
];

/// What is observed while training, and so confirms a suspicion about the configuration.
const SEEN_IN_TRAINING: &[&str] = &[COLLAPSE, DIVERGED, VANISHED, AT_CHANCE, ONE_SIDED];

/// What may explain a finding of this kind.
fn causes(kind: &str) -> Vec<&'static str> {
    let of = |lists: &[&[&'static str]]| lists.concat();
    match kind {
        WEAK_BASELINE => of(&[DATA_FAULTS, &[SPLIT_DRIFT, MICROGRAPH_DRIFT, OFF_CENTRE, BOX_SIZE]]),
        OFF_CENTRE => vec![INVERTED, SWAPPED],
        MISLABELLED => vec![CONSTANT, INVERTED, SWAPPED, CONTRADICTION, FEW_POSITIVES, LABEL_DRIFT],
        FEW_POSITIVES => vec![CONSTANT, INVERTED, SWAPPED, CONTRADICTION, LABEL_DRIFT],
        SWAPPED => vec![INVERTED],
        NEAR_LEAK | OVERLAP => vec![LEAK],
        SPLIT_DRIFT | LABEL_DRIFT => vec![CONSTANT, INVERTED, MICROGRAPH_DRIFT, SPLIT_DRIFT],
        WRONG_PRIOR | UNSURE_PRIOR => of(&[DATA_FAULTS, &[BIASED_PICKS, WEAK_BASELINE, SPLIT_DRIFT]]),
        BIASED_PICKS => of(&[DATA_FAULTS, &[WEAK_BASELINE, SPLIT_DRIFT]]),
        LABELLING_RATE => vec![SWAPPED],
        ONE_SIDED => of(&[DATA_FAULTS, CONFIG_FAULTS, &[BIASED_PICKS, SPLIT_DRIFT, WEAK_BASELINE]]),
        DEAD_LAYERS => vec![HIGH_RATE],
        HIGH_RATE => vec![NOT_FINITE],
        HIGH_THRESHOLD | LOW_THRESHOLD | SHORT_RAMP => of(&[
            DATA_FAULTS,
            &[HIGH_RATE, LOW_RATE, DEAD_LAYERS, LABELLING_RATE, WRONG_PRIOR, STUCK_TEACHER, WEAK_BASELINE],
        ]),
        ABOVE_CEILING => of(&[DATA_FAULTS, &[SPLIT_DRIFT, WEAK_BASELINE, BIASED_PICKS], CONFIG_FAULTS]),
        COLLAPSE | DIVERGED | VANISHED | AT_CHANCE | FELL | METHOD_LOSES | ALWAYS_CLAMPED => {
            of(&[DATA_FAULTS, &[SPLIT_DRIFT, WEAK_BASELINE], CONFIG_FAULTS, &[ONE_SIDED, COLLAPSE, DIVERGED]])
        }
        _ => Vec::new(),
    }
}

fn depth(kind: &str) -> usize {
    CAUSES_FIRST.iter().position(|k| *k == kind).unwrap_or(CAUSES_FIRST.len())
}

/// Merges findings of one kind, says which follows from which, and sorts: the severest first, within a
/// severity causes before what follows from them.
pub(super) fn rank(findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings {
        // The severer of two of a kind leads; the other's evidence is kept with it.
        match kept.iter_mut().find(|k| k.kind == finding.kind) {
            Some(held) => {
                let (mut lead, other) = if finding.severity > held.severity {
                    (finding, held.clone())
                } else {
                    (held.clone(), finding)
                };
                lead.evidence.extend(other.evidence);
                for change in other.changes {
                    if lead.changes.iter().all(|c| c.key != change.key) {
                        lead.changes.push(change);
                    }
                }
                *held = lead;
            }
            None => kept.push(finding),
        }
    }
    let present: Vec<(&'static str, Severity)> = kept.iter().map(|f| (f.kind, f.severity)).collect();
    for finding in &mut kept {
        finding.follows_from = causes(finding.kind)
            .into_iter()
            .filter(|cause| *cause != finding.kind && depth(cause) < depth(finding.kind))
            .filter(|cause| {
                let suspected = CONFIG_FAULTS.contains(cause) || *cause == BIASED_PICKS;
                let visible = suspected && SEEN_IN_TRAINING.contains(&finding.kind);
                let enough =
                    if visible { Severity::Warning } else { finding.severity.max(Severity::Warning) };
                present.iter().any(|(k, s)| k == cause && *s >= enough)
            })
            .min_by_key(|cause| depth(cause));
    }
    // A suspicion whose effect was seen in training is no longer only one.
    let seen: Vec<(&'static str, Severity)> =
        kept.iter().filter_map(|f| Some((f.follows_from?, f.severity))).collect();
    for finding in &mut kept {
        for (_, severity) in seen.iter().filter(|(cause, _)| *cause == finding.kind) {
            finding.severity = finding.severity.max(*severity);
        }
    }
    kept.sort_by_key(|f| (std::cmp::Reverse(f.severity), f.follows_from.is_some(), depth(f.kind)));
    point(&mut kept);
    kept
}

/// Where a plain classifier learns next to nothing, the data is the problem: says which examination
/// found what may be behind it.
fn point(findings: &mut [Finding]) {
    let causes = causes(WEAK_BASELINE);
    let found: Vec<(&str, String)> = findings
        .iter()
        .filter(|f| f.severity > Severity::Note && causes.contains(&f.kind))
        .map(|f| (f.examination.title(), f.what.clone()))
        .collect();
    let Some(weak) = findings.iter_mut().find(|f| f.kind == WEAK_BASELINE) else { return };
    let Some((title, what)) = found.first() else { return };
    weak.advice = format!("Mend the data before the method; \"{title}\" points where: {what}");
    for (title, what) in found {
        weak.evidence.push(Evidence { what: format!("points where: {title}"), value: what });
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Examination, kinds};
    use super::*;

    fn finding(kind: &'static str, severity: Severity) -> Finding {
        Finding::new(kind, Examination::Patches, severity, "what.", "why.", "do.")
    }

    #[test]
    fn every_kind_has_a_rank() {
        for kind in kinds::ALL {
            assert!(CAUSES_FIRST.contains(kind), "{kind}");
        }
        assert_eq!(CAUSES_FIRST.len(), kinds::ALL.len());
    }

    #[test]
    fn the_cause_stands_on_top_and_is_named() {
        let ranked = rank(vec![
            finding(WEAK_BASELINE, Severity::Wrong),
            finding(UNSURE_PRIOR, Severity::Warning),
            finding(SWAPPED, Severity::Wrong),
            finding(FEW_POSITIVES, Severity::Warning),
        ]);
        let kinds: Vec<&str> = ranked.iter().map(|f| f.kind).collect();
        assert_eq!(kinds, [SWAPPED, WEAK_BASELINE, FEW_POSITIVES, UNSURE_PRIOR]);
        assert_eq!(ranked[1].follows_from, Some(SWAPPED));
        assert!(ranked[1].advice.contains("points where: what."), "{}", ranked[1].advice);
        assert_eq!(ranked[0].follows_from, None);
    }

    #[test]
    fn a_warning_does_not_explain_what_is_wrong() {
        let ranked =
            rank(vec![finding(WRONG_PRIOR, Severity::Wrong), finding(FEW_POSITIVES, Severity::Warning)]);
        assert_eq!(ranked[0].kind, WRONG_PRIOR);
        assert_eq!(ranked[0].follows_from, None);
    }

    #[test]
    fn two_of_a_kind_become_one() {
        let ranked = rank(vec![
            finding(COLLAPSE, Severity::Warning).with("a", "1").change("prior", 0.2, "estimate"),
            finding(COLLAPSE, Severity::Wrong).with("b", "2"),
        ]);
        assert_eq!(ranked.len(), 1);
        assert_eq!(
            (ranked[0].severity, ranked[0].evidence.len(), ranked[0].changes.len()),
            (Severity::Wrong, 2, 1)
        );
    }
}
