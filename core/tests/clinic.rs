//! The clinic of faults: each is injected into a healthy simulated set or configuration and must be
//! found, with the right cause on top; the healthy set must give nothing "wrong". Faults that show
//! without training are examined without it, so that this takes little time; the example `clinic` does
//! all of it in full over many seeds.
#![allow(clippy::unwrap_used, clippy::panic)]

mod clinic_support;
mod needs;

use std::sync::{LazyLock, Mutex};

use clinic_support::{FAULTS, healthy, keep};
use vitrine_core::device::ComputeDevice;
use vitrine_core::diagnosis::{
    Depth, Examination, Report, Severity, Subject, TrainingCache, examine, examine_again, kinds, prescription,
};
use vitrine_core::ingest::{IngestRequest, PoolCount, PoolFrom, PoolRequest, ingest};
use vitrine_core::learning::config::yaml::{load, parse};
use vitrine_core::project::{PixelType, Project, Side};
use vitrine_core::workflow::diagnose::{DiagnoseRequest, subject};
use vitrine_core::{Error, Label};

const SEED: u64 = 1;

static HEALTHY: LazyLock<Subject> = LazyLock::new(|| healthy(SEED));
/// What was trained on the healthy data, shared by the faults of the configuration.
static MEMORY: LazyLock<Mutex<TrainingCache>> = LazyLock::new(|| Mutex::new(TrainingCache::default()));

fn look(subject: &Subject, depth: Depth) -> Report {
    let mut memory = MEMORY.lock().unwrap();
    // Other data would push the healthy data's memory out.
    let same = std::sync::Arc::ptr_eq(&subject.pixels, &HEALTHY.pixels) && subject.labels == HEALTHY.labels;
    let mut own = TrainingCache::default();
    let memory = if same { &mut *memory } else { &mut own };
    examine_again(subject, depth, &ComputeDevice::cpu(), memory, &mut |_| true).unwrap()
}

fn sick(name: &str) -> Subject {
    let fault = FAULTS.iter().find(|f| f.name == name).unwrap();
    (fault.inject)(HEALTHY.clone())
}

/// Injects a fault, examines, and holds what is on top to what is expected; gives the report.
fn found(name: &str, depth: Depth) -> (Subject, Report) {
    let fault = FAULTS.iter().find(|f| f.name == name).unwrap();
    let subject = sick(name);
    let report = look(&subject, depth);
    let listed: Vec<_> = report.findings.iter().map(|f| (f.severity, f.kind, f.follows_from)).collect();
    let top = report.findings.first().unwrap_or_else(|| {
        let said: Vec<_> = report.sections.iter().map(|s| (s.examination, &s.summary)).collect();
        panic!("{name}: nothing was found in {said:#?}")
    });
    assert!(fault.expected.contains(&top.kind), "{name}: {listed:?}");
    assert!(top.severity > Severity::Note && !report.healthy, "{name}: {listed:?}");
    assert!(!top.evidence.is_empty(), "{name}: no finding without evidence");
    for sentence in [&top.what, &top.why, &top.advice] {
        assert!(sentence.ends_with('.') && sentence.len() > 20, "{name}: {sentence}");
    }
    (subject, report)
}

/// The corrected configuration reads back, and the finding is gone under it.
fn mended(subject: &Subject, report: &Report, kind: &str, depth: Depth) {
    let yaml = prescription::to_yaml(&subject.config, "clinic", &report.findings).unwrap();
    let config = parse(&yaml, "mended").unwrap();
    assert_eq!(Some(&config), report.corrected.as_ref());
    let again = look(&Subject { config, ..subject.clone() }, depth);
    assert!(
        again.findings.iter().all(|f| f.kind != kind || f.severity < Severity::Wrong),
        "{kind}: {again:?}"
    );
}

fn kinds_of(report: &Report, severity: Severity) -> Vec<&'static str> {
    report.findings.iter().filter(|f| f.severity >= severity).map(|f| f.kind).collect()
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn a_healthy_set_gives_nothing_wrong_and_tells_progress() {
    let (mut last, mut heard) = (0.0, Vec::new());
    let report = examine(&HEALTHY, Depth::Standard, &ComputeDevice::cpu(), &mut |step| {
        assert!(step.done >= last && step.done <= 1.0, "{} after {last}", step.done);
        last = step.done;
        heard.push(step.examination);
        true
    })
    .unwrap();
    assert_eq!(kinds_of(&report, Severity::Wrong), Vec::<&str>::new());
    heard.dedup();
    assert!(Examination::ALL.iter().all(|e| heard.contains(e)), "{heard:?}");
    assert_eq!(report.sections.len(), Examination::ALL.len());
    assert!(report.sections.iter().all(|s| !s.summary.is_empty() || s.skipped.is_some()));
    assert!(report.series("learning_curve").unwrap().points.len() == 3);
    assert!(report.series("rate_over_threshold").is_some() && report.series("learning_rate_range").is_some());
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["depth"], "standard");
    assert_eq!(json["sections"][0]["examination"], "patches");
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn it_can_be_cancelled() {
    let mut asked = 0;
    let outcome = examine(&HEALTHY, Depth::Standard, &ComputeDevice::cpu(), &mut |_| {
        asked += 1;
        asked < 8
    });
    assert!(matches!(outcome, Err(Error::Cancelled)));
    assert_eq!(asked, 8);
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn a_wrong_prior_is_found_and_mended() {
    let (subject, report) = found("wrong prior", Depth::Standard);
    mended(&subject, &report, kinds::WRONG_PRIOR, Depth::Standard);
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn the_labelling_rate_as_prior_is_found_and_mended() {
    let (subject, report) = found("labelling rate as prior", Depth::Standard);
    mended(&subject, &report, kinds::LABELLING_RATE, Depth::Standard);
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn a_threshold_nothing_passes_is_found_and_mended() {
    let (subject, report) = found("threshold too high", Depth::Standard);
    assert!(report.corrected.as_ref().unwrap().consistency.threshold < 0.99);
    mended(&subject, &report, kinds::HIGH_THRESHOLD, Depth::Standard);
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn a_learning_rate_too_high_is_found_and_mended() {
    let (subject, report) = found("learning rate too high", Depth::Standard);
    assert!(report.corrected.as_ref().unwrap().optimizer.learning_rate <= 0.02);
    mended(&subject, &report, kinds::HIGH_RATE, Depth::Standard);
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn a_teacher_that_does_not_follow_is_found_and_mended() {
    let (subject, report) = found("teacher that does not follow", Depth::Standard);
    mended(&subject, &report, kinds::STUCK_TEACHER, Depth::Standard);
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn a_collapsed_run_is_found_in_its_epochs() {
    let (subject, report) = found("collapsed teacher", Depth::Quick);
    let found = report.findings.iter().find(|f| f.kind == kinds::COLLAPSE).unwrap();
    assert_eq!(found.examination, Examination::Run);
    // The epoch that is named is the first in which nearly all p are alike.
    let history = &subject.run.as_ref().unwrap().history;
    let first = history.iter().find(|m| m.p_std < 0.02 && m.p_mean < 0.03).unwrap().epoch;
    let named: usize = found.why.split("epoch ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(named.abs_diff(first) <= 1, "{named}, {first}: {}", found.why);
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn dead_layers_of_a_run_are_found() {
    let (_, report) = found("dead layers", Depth::Standard);
    assert!(report.findings[0].evidence.iter().any(|e| e.value == "1.00"), "{:?}", report.findings[0]);
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn differently_normalised_splits_are_found_and_mended() {
    let (subject, report) = found("splits normalised differently", Depth::Quick);
    mended(&subject, &report, kinds::SPLIT_DRIFT, Depth::Quick);
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn labels_and_micrographs_on_other_scales_are_found_and_mended() {
    for (name, kind) in [
        ("labels normalised differently", kinds::LABEL_DRIFT),
        ("micrographs on other scales", kinds::MICROGRAPH_DRIFT),
    ] {
        let (subject, report) = found(name, Depth::Quick);
        mended(&subject, &report, kind, Depth::Quick);
    }
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn near_copies_and_overlapping_boxes_are_found_and_gone_when_removed() {
    for name in ["leaked near-copies", "overlapping boxes"] {
        let (subject, report) = found(name, Depth::Quick);
        let listed = &report.findings[0].patches;
        assert!(listed.len() > 10, "{name}: {listed:?}");
        let without = keep(&subject, |i| !listed.contains(&subject.ids[i]));
        assert_eq!(kinds_of(&look(&without, Depth::Quick), Severity::Warning), Vec::<&str>::new());
    }
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn leaked_duplicates_are_found_and_gone_when_removed() {
    let (subject, report) = found("leaked duplicates", Depth::Quick);
    let listed = &report.findings[0].patches;
    assert!(listed.len() > 10 && report.corrected.as_ref().unwrap().split.seed != subject.config.split.seed);
    let without = keep(&subject, |i| !listed.contains(&subject.ids[i]));
    assert_eq!(kinds_of(&look(&without, Depth::Quick), Severity::Warning), Vec::<&str>::new());
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn copies_on_one_side_are_named_without_calling_validation_false() {
    let mut subject = HEALTHY.clone();
    let area = subject.size * subject.size;
    let of_a_kind: Vec<usize> = (0..subject.len())
        .filter(|&i| subject.sides[i] == Side::Train && subject.labels[i] == Label::Unlabeled)
        .collect();
    let pixels = std::sync::Arc::make_mut(&mut subject.pixels);
    for pair in of_a_kind[..20].chunks(2) {
        pixels.copy_within(pair[0] * area..(pair[0] + 1) * area, pair[1] * area);
    }
    let report = look(&subject, Depth::Quick);
    let found = report.findings.iter().find(|f| f.kind == kinds::COPIES).unwrap();
    let second: Vec<u32> = of_a_kind[..20].chunks(2).map(|pair| subject.ids[pair[1]]).collect();
    assert_eq!(found.patches, second);
    assert!(report.findings.iter().all(|f| f.kind != kinds::LEAK));
    assert!(look(&HEALTHY, Depth::Quick).findings.iter().all(|f| f.kind != kinds::COPIES));
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn swapped_labels_are_found_and_gone_when_exchanged() {
    let (mut subject, _) = found("swapped labels", Depth::Quick);
    for label in &mut subject.labels {
        *label = match label {
            Label::Positive => Label::Negative,
            Label::Negative => Label::Positive,
            Label::Unlabeled => Label::Unlabeled,
        };
    }
    assert!(look(&subject, Depth::Quick).healthy);
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn half_inverted_contrast_is_found_and_gone_when_turned_back() {
    let (mut subject, report) = found("half inverted contrast", Depth::Quick);
    let right = (0..subject.len()).filter(|&i| report.findings[0].patches.contains(&subject.ids[i]));
    let of_odd = right.clone().filter(|&i| subject.micrographs[i].unwrap() % 2 == 1).count();
    let all = right.count();
    // The rarer sign is one of the two halves, and nearly all that are named belong to it.
    assert!(of_odd * 10 > all * 9 || of_odd * 10 < all, "{of_odd} of {all}");
    let area = subject.size * subject.size;
    let odd: Vec<bool> = subject.micrographs.iter().map(|m| m.unwrap() % 2 == 1).collect();
    let pixels = std::sync::Arc::make_mut(&mut subject.pixels);
    for (patch, odd) in pixels.chunks_mut(area).zip(odd) {
        if odd {
            patch.iter_mut().for_each(|v| *v = -*v);
        }
    }
    assert!(look(&subject, Depth::Quick).healthy);
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn constant_patches_and_broken_pixels_are_found_and_gone_when_left_out() {
    for name in ["constant patches", "pixels not finite"] {
        let (subject, report) = found(name, Depth::Quick);
        let listed = &report.findings[0].patches;
        let without = keep(&subject, |i| !listed.contains(&subject.ids[i]));
        assert!(look(&without, Depth::Quick).healthy, "{name}");
    }
    // A set with broken pixels can still be examined to the end.
    let report = look(&sick("pixels not finite"), Depth::Quick);
    assert_eq!(report.findings[0].patches.len(), 2);
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn picks_off_centre_are_found() {
    found("picks off centre", Depth::Quick);
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn too_few_positives_are_found() {
    let (_, report) = found("too few positives", Depth::Standard);
    assert_eq!(report.findings[0].severity, Severity::Wrong);
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn biased_picks_are_found() {
    found("biased picks", Depth::Standard);
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn wrong_labels_among_the_positives_are_found() {
    found("some labels wrong", Depth::Quick);
}

#[test]
#[ignore = "long: trains on data with every fault"]
fn a_subject_without_positives_gets_an_answer_not_an_error() {
    let none = keep(&HEALTHY, |i| HEALTHY.labels[i] != Label::Positive);
    let report = look(&none, Depth::Standard);
    assert_eq!(report.findings[0].kind, kinds::MISSING_LABELS);
    let mut odd = HEALTHY.clone();
    odd.labels.pop();
    assert!(examine(&odd, Depth::Quick, &ComputeDevice::cpu(), &mut |_| true).is_err());
}

/// Twelve micrographs prepared alike, with picks by hand and a pool of blobs of which more than half are particles. The
/// last is left out for validation. That it is at another defocus, and that the blobs lie better in the middle of
/// their boxes than the picks, is no fault of the data.
#[test]
fn healthy_real_micrographs_raise_no_alarm() {
    let Some(data) = needs::shared("healthy_real_micrographs_raise_no_alarm", "empiar10017") else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut project = Project::create(&dir.path().join("project"), None, PixelType::F32).unwrap();
    let request = IngestRequest {
        micrographs: vec![data.join("micrographs")],
        picks: vec![data.join("picks")],
        box_size: Some(192),
        bin: 3,
        y_up: true,
        margin: 104,
        pool: Some(PoolRequest {
            count: Some(PoolCount::PerMicrograph(60)),
            ..PoolRequest::new(PoolFrom::Blobs)
        }),
        ..IngestRequest::default()
    };
    ingest(&mut project, &request, &mut |_| true).unwrap();
    let request = DiagnoseRequest {
        config: Some(load("recommended").unwrap()),
        config_name: "recommended".to_owned(),
        run: None,
        depth: Depth::Standard,
        device: ComputeDevice::cpu(),
        truth: None,
    };
    let mut subject = subject(&project, &request).unwrap();
    let last = subject.micrograph_names.len() - 1;
    let side = |m: &Option<usize>| if *m == Some(last) { Side::Validation } else { Side::Train };
    subject.sides = subject.micrographs.iter().map(side).collect();
    let report = look(&subject, Depth::Standard);
    assert_eq!(kinds_of(&report, Severity::Wrong), [""; 0], "{:#?}", report.findings);
    assert!(kinds_of(&report, Severity::Warning).len() <= 1, "{:#?}", report.findings);
}
