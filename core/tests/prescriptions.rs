//! No advice that was not tried: every change of the configuration that a finding prescribes is made
//! here on a simulated set that has the fault, both configurations are trained, and the corrected one
//! must do better. The simulation's truth judges the outcome and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod clinic_support;

use std::sync::Arc;

use clinic_support::training::{Trained, as_run, collapsing, train};
use clinic_support::{COLLAPSING_EPOCHS, SIZE, config, healthy, keep, true_prior};
use vitrine_core::Label;
use vitrine_core::device::ComputeDevice;
use vitrine_core::diagnosis::{
    Depth, Finding, Report, RunRecord, Severity, Subject, examine, health, kinds, prescription,
};
use vitrine_core::imaging::NormaliserKind;
use vitrine_core::learning::config::yaml;
use vitrine_core::learning::config::{PriorConfig, RunConfig, SurrogateLoss};
use vitrine_core::project::{NewMicrograph, NewPatch, PixelType, Project, Side, SourceInfo, Split};
use vitrine_core::workflow::diagnose::{DiagnoseRequest, diagnose};

const SEED: u64 = 2;

fn look(subject: &Subject, depth: Depth) -> Report {
    examine(subject, depth, &ComputeDevice::cpu(), &mut |_| true).unwrap()
}

/// The finding of this kind, which must prescribe something, and the configuration with that alone.
fn prescribed(subject: &Subject, report: &Report, kind: &str) -> (Finding, RunConfig) {
    let all: Vec<_> = report.findings.iter().map(|f| (f.severity, f.kind)).collect();
    let finding =
        report.findings.iter().find(|f| f.kind == kind).unwrap_or_else(|| panic!("{kind}: {all:?}"));
    assert!(!finding.changes.is_empty(), "{finding:?}");
    let made = prescription::corrected(&subject.config, std::slice::from_ref(finding)).unwrap().unwrap();
    (finding.clone(), made)
}

/// Examines, makes the change of one kind of finding, and trains before and after.
fn tried(subject: &Subject, kind: &str, epochs: usize) -> (Trained, Trained, RunConfig) {
    let (finding, made) = prescribed(subject, &look(subject, Depth::Standard), kind);
    let (before, after) = (train(subject, &subject.config, epochs), train(subject, &made, epochs));
    tell(subject, kind, &finding, &before, &after);
    (before, after, made)
}

fn with(change: impl FnOnce(&mut RunConfig)) -> Subject {
    let mut subject = healthy(SEED);
    change(&mut subject.config);
    subject
}

#[test]
#[ignore = "long: trains before and after every prescription"]
fn an_estimated_prior_is_nearer_to_how_many_there_are() {
    for (kind, subject) in [
        (kinds::WRONG_PRIOR, with(|c| c.prior = PriorConfig::Given(0.85))),
        (kinds::LABELLING_RATE, {
            // Few were picked, so the labelling rate is far from π.
            let all = healthy(SEED);
            let mut seen = 0;
            let mut few = keep(&all, |i| {
                seen += usize::from(all.labels[i] == Label::Positive);
                all.labels[i] != Label::Positive || seen % 2 == 0
            });
            let count = |l| few.labels.iter().filter(|&&k| k == l).count() as f64;
            let (p, u) = (count(Label::Positive), count(Label::Unlabeled));
            few.config.prior = PriorConfig::Given((p / (p + u) * 1000.0).round() / 1000.0);
            few
        }),
    ] {
        let (before, after, _) = tried(&subject, kind, 15);
        let truth = true_prior(&subject);
        // The π a run takes, from the ceiling 1 − π/2 it tells with every epoch.
        let taken = |of: &Trained| 2.0 * (1.0 - of.history[0].validation_auc_ceiling);
        let off = |of: &Trained| (taken(of) - truth).abs();
        println!("{kind}: π {:.3} before, {:.3} after, {truth:.3} in truth", taken(&before), taken(&after));
        assert!(off(&after) < off(&before) - 0.05 && off(&after) < 0.12, "{kind}");
        if kind == kinds::LABELLING_RATE {
            assert!((after.says - truth).abs() < (before.says - truth).abs(), "{kind}");
        } else {
            // A far too high π wrecks the ranking; the mean p of such a network lies near the truth by chance.
            assert!(after.auc > before.auc + 0.05, "{kind}");
        }
        assert!(after.auc > before.auc - 0.02, "{kind}");
    }
}

#[test]
#[ignore = "long: trains before and after every prescription"]
fn a_mended_learning_rate_learns() {
    for (kind, rate) in [(kinds::HIGH_RATE, 0.1), (kinds::LOW_RATE, 1e-7)] {
        let subject = with(|c| {
            c.optimizer.learning_rate = rate;
            c.risk.loss = SurrogateLoss::Sigmoid;
            c.optimizer.gradient_clip = 0.0;
            c.schedule.cosine = false;
            c.schedule.warm_up_epochs = 0;
        });
        let (before, after, _) = tried(&subject, kind, 12);
        assert!(after.auc > before.auc + 0.05, "{kind}");
    }
}

fn rates(of: &Trained) -> f64 {
    let seen: Vec<f64> = of.history.iter().skip(1).take(8).map(|m| m.pseudo_label_rate).collect();
    seen.iter().sum::<f64>() / seen.len() as f64
}

#[test]
#[ignore = "long: trains before and after every prescription"]
fn another_threshold_brings_the_rate_where_it_should_be() {
    for (kind, threshold) in [(kinds::HIGH_THRESHOLD, 0.999), (kinds::LOW_THRESHOLD, 0.51)] {
        let subject = with(|c| c.consistency.threshold = threshold);
        let (before, after, _) = tried(&subject, kind, 10);
        let (was, is) = (rates(&before), rates(&after));
        assert!(!(0.1..=0.9).contains(&was) && (0.15..=0.85).contains(&is), "{kind}: {was:.2} to {is:.2}");
        assert!(after.auc > before.auc - 0.02, "{kind}");
    }
}

#[test]
#[ignore = "long: trains before and after every prescription"]
fn a_teacher_that_follows_scores_better() {
    let subject = with(|c| {
        c.teacher.decay = 0.9999;
        c.teacher.decay_warm_up = false;
    });
    let (before, after, _) = tried(&subject, kinds::STUCK_TEACHER, 12);
    assert!(after.auc > before.auc + 0.05);
}

#[test]
#[ignore = "long: trains before and after every prescription"]
fn a_collapse_by_training_is_raised_in_its_epoch_and_mended() {
    let mut subject = collapsing(healthy(SEED));
    let gone = train(&subject, &subject.config, COLLAPSING_EPOCHS);
    // What anybody would call collapsed, by another measure than the rule's: no answer is above 0.15.
    let truly = gone.history.iter().find(|m| m.p_max < 0.15 && m.pseudo_label_rate > 0.9);
    let truly = truly.expect("the run collapses").epoch;
    let raised = (1..=gone.history.len())
        .find(|&n| {
            health::raised(&subject.config, &gone.history[..n]).iter().any(|f| f.kind == kinds::COLLAPSE)
        })
        .expect("the rule sees it");
    println!("collapsed in epoch {truly}, raised in epoch {raised}");
    assert!(raised <= truly + 1, "raised in epoch {raised}, collapsed in {truly}");

    subject.run = Some(RunRecord {
        name: "gone".to_owned(),
        history: gone.history.clone(),
        model: None,
        ended: "finished".to_owned(),
    });
    let report = look(&subject, Depth::Quick);
    assert!([kinds::ONE_SIDED, kinds::COLLAPSE].contains(&report.findings[0].kind), "{:?}", report.findings);
    let (_, made) = prescribed(&subject, &report, kinds::COLLAPSE);
    better_than_collapsed(&subject, &gone, &made);
}

/// The ranking may outlive a collapse by the decimals of p; what is lost is p itself.
fn better_than_collapsed(subject: &Subject, gone: &Trained, made: &RunConfig) {
    let after = train(subject, made, made.schedule.epochs);
    println!(
        "AUC by truth {:.3} collapsed, {:.3} mended; mean p {:.3} and {:.3} where π = {:.3}",
        gone.auc,
        after.auc,
        gone.says,
        after.says,
        true_prior(subject)
    );
    assert!(health::watch(made, &after.history).iter().all(|f| f.kind != kinds::COLLAPSE));
    assert!(gone.says < 0.05 && (after.says - true_prior(subject)).abs() < 0.2);
    assert!(after.auc > gone.auc - 0.03);
}

#[test]
#[ignore = "long: trains before and after every prescription"]
fn a_collapse_that_is_coming_is_seen_before_the_run() {
    let subject = collapsing(healthy(SEED));
    let report = look(&subject, Depth::Standard);
    let kind = [kinds::COLLAPSE, kinds::ONE_SIDED]
        .into_iter()
        .find(|k| report.findings.iter().any(|f| f.kind == *k && f.severity == Severity::Wrong))
        .expect("seen in the short run");
    let (_, made) = prescribed(&subject, &report, kind);
    assert_eq!(made.risk.kind, yaml::load("recommended").unwrap().risk.kind);
}

#[test]
#[ignore = "long: trains before and after every prescription"]
fn normalising_each_patch_brings_the_held_out_side_back() {
    let area = SIZE * SIZE;
    let shift = |which: fn(&Subject, usize) -> Option<(f32, f32)>| {
        let mut subject = with(|c| c.normaliser = NormaliserKind::GlobalMeanStd);
        let changed: Vec<_> = (0..subject.len()).map(|i| which(&subject, i)).collect();
        let pixels = Arc::make_mut(&mut subject.pixels);
        for (patch, change) in pixels.chunks_mut(area).zip(changed) {
            if let Some((factor, offset)) = change {
                patch.iter_mut().for_each(|v| *v = factor * *v + offset);
            }
        }
        subject
    };
    for (kind, subject) in [
        (kinds::SPLIT_DRIFT, shift(|s, i| (s.sides[i] == Side::Validation).then_some((0.4, 1.5)))),
        (kinds::MICROGRAPH_DRIFT, shift(|s, i| s.micrographs[i].map(|m| (1.0, 1.2 * ((m * 5) % 7) as f32)))),
        (kinds::LABEL_DRIFT, shift(|s, i| (s.labels[i] == Label::Positive).then_some((1.0, 2.5)))),
    ] {
        let (_, made) = prescribed(&subject, &look(&subject, Depth::Quick), kind);
        assert_eq!(made.normaliser, NormaliserKind::PerPatchZScore, "{kind}");
        let mut plain = config(0.3);
        plain.consistency.weight = 0.0;
        plain.normaliser = NormaliserKind::GlobalMeanStd;
        let before = train(&subject, &plain, 12);
        let after = train(&subject, &RunConfig { normaliser: made.normaliser, ..plain }, 12);
        println!("{kind}: AUC by truth {:.3} before, {:.3} after", before.auc, after.auc);
        assert!(after.auc > before.auc + 0.02, "{kind}");
        let mended = Subject { config: made, ..subject };
        assert!(look(&mended, Depth::Quick).findings.iter().all(|f| f.kind != kind), "{kind}");
    }
}

/// A split with these sides, as an older version or another program may have left it in the database; the
/// project makes none that tears copies apart.
fn split_made_elsewhere(project: &Project, sides: &[Side]) -> Split {
    let share = |side| sides.iter().filter(|s| **s == side).count() as f64 / sides.len() as f64;
    let bytes: Vec<u8> = sides.iter().map(|&side| side as u8).collect();
    let db = rusqlite::Connection::open(project.dir().join("project.sqlite")).unwrap();
    db.execute(
        "INSERT INTO splits (name, created_at, seed, method, train, validation, test, journal_position, sides) \
         VALUES ('elsewhere', '2025-01-01T00:00:00Z', 0, 'given', ?1, ?2, ?3, ?4, ?5)",
        rusqlite::params![
            share(Side::Train),
            share(Side::Validation),
            share(Side::Test),
            project.journal_position().unwrap().0,
            bytes
        ],
    )
    .unwrap();
    project.splits().unwrap().pop().unwrap()
}

/// A project of simulated patches whose split, made elsewhere, has copies or overlapping boxes on both
/// sides.
fn badly_split(dir: &std::path::Path, copies: bool) -> (Project, RunConfig) {
    let subject = healthy(SEED);
    let area = SIZE * SIZE;
    let mut project = Project::create(dir, Some(SIZE), PixelType::F32).unwrap();
    let mut import = project.import(SIZE).unwrap();
    import.source(&SourceInfo::new("made.mrcs", "particle stack")).unwrap();
    let names = subject.micrograph_names.iter();
    let micrographs: Vec<_> =
        names.map(|name| import.micrograph(&NewMicrograph::named(name.clone())).unwrap()).collect();
    let mut sides = Vec::new();
    for i in 0..subject.len() {
        let at = subject.boxes[i].unwrap();
        let patch = NewPatch {
            label: subject.labels[i],
            micrograph: Some(micrographs[subject.micrographs[i].unwrap()]),
            xy: Some((at.x, at.y)),
            ..NewPatch::default()
        };
        let pixels = &subject.pixels[i * area..(i + 1) * area];
        import.push(&patch, pixels).unwrap();
        sides.push(subject.sides[i]);
        if i % 9 == 0 && subject.sides[i] == Side::Train {
            // Once more on the other side: the same pixels, or the same place with other noise.
            let mut again = pixels.to_vec();
            if !copies {
                let other = &subject.pixels[(i + 1) * area..(i + 2) * area];
                again.iter_mut().zip(other).for_each(|(a, b)| *a = 0.6 * *a + 0.6 * b);
            }
            let xy = Some((at.x + 2.0, at.y));
            import.push(&NewPatch { xy, ..patch }, &again).unwrap();
            sides.push(Side::Validation);
        }
    }
    import.commit().unwrap();
    let split = split_made_elsewhere(&project, &sides);
    let mut config = config(0.3);
    config.split.seed = split.seed;
    config.split.validation = split.fractions.validation;
    config.split.test = 0.0;
    (project, config)
}

#[test]
#[ignore = "long: trains before and after every prescription"]
fn a_new_split_keeps_copies_and_overlapping_boxes_on_one_side() {
    for (kind, copies) in [(kinds::LEAK, true), (kinds::OVERLAP, false)] {
        let dir = tempfile::tempdir().unwrap();
        let (project, config) = badly_split(&dir.path().join("split"), copies);
        let look = |config: RunConfig| {
            let request = DiagnoseRequest {
                config: Some(config),
                config_name: "test".to_owned(),
                run: None,
                depth: Depth::Quick,
                device: ComputeDevice::cpu(),
                truth: None,
            };
            diagnose(&project, &request, &mut |_| true).unwrap()
        };
        let report = look(config.clone());
        let finding = report.findings.iter().find(|f| f.kind == kind).unwrap();
        assert!(finding.patches.len() > 20, "{finding:?}");
        let made = prescription::corrected(&config, std::slice::from_ref(finding)).unwrap().unwrap();
        let again = look(made);
        assert!(again.findings.iter().all(|f| f.kind != kind), "{:?}", again.findings);
    }
}

#[test]
#[ignore = "long: trains before and after every prescription"]
fn a_longer_ramp_up_answers_a_threshold_everything_passes() {
    let mut subject = with(|c| {
        c.consistency.threshold = 0.51;
        c.consistency.weight = 1.0;
        c.consistency.ramp_up_epochs = 0;
    });
    let before = train(&subject, &subject.config, 12);
    subject.run = Some(RunRecord {
        name: "early".to_owned(),
        history: before.history.clone(),
        model: None,
        ended: "finished".to_owned(),
    });
    let (_, made) = prescribed(&subject, &look(&subject, Depth::Quick), kinds::LOW_THRESHOLD);
    assert!(made.consistency.ramp_up_epochs >= 30);
    let after = train(&subject, &made, 12);
    println!("ramp-up: AUC by truth {:.3} before, {:.3} after", before.auc, after.auc);
    assert!(health::watch(&made, &after.history).iter().all(|f| f.kind != kinds::LOW_THRESHOLD));
    assert!(after.auc > before.auc - 0.02);
}

/// Prints what a change did, for whoever runs this with `--nocapture`.
fn tell(subject: &Subject, kind: &str, finding: &Finding, before: &Trained, after: &Trained) {
    println!(
        "{kind}: {:?}; AUC by truth {:.3} before, {:.3} after; mean p {:.3} and {:.3} where π = {:.3}",
        finding.changes,
        before.auc,
        after.auc,
        before.says,
        after.says,
        true_prior(subject)
    );
}

/// The run of a subject, the change of one kind of finding in it, and the run after that change.
fn tried_on_run(subject: Subject, kind: &str, depth: Depth, epochs: usize) -> (Subject, Trained, Trained) {
    let before = train(&subject, &subject.config, epochs);
    let subject = as_run(subject, &before);
    let (finding, made) = prescribed(&subject, &look(&subject, depth), kind);
    let after = train(&subject, &made, epochs);
    tell(&subject, kind, &finding, &before, &after);
    (Subject { config: made, ..subject }, before, after)
}

#[test]
#[ignore = "long: trains before and after every prescription"]
fn an_estimated_prior_lies_where_the_validation_may_reach() {
    let subject = with(|c| c.prior = PriorConfig::Given(0.85));
    let (_, before, after) = tried_on_run(subject, kinds::ABOVE_CEILING, Depth::Quick, 15);
    let over = |of: &Trained| {
        of.history.iter().filter(|m| m.validation_auc_pu > m.validation_auc_ceiling + 0.02).count()
    };
    assert!(over(&before) > 7 && over(&after) < 5, "{} and {} epochs above", over(&before), over(&after));
    assert!(after.auc > before.auc - 0.02);
}

#[test]
#[ignore = "long: trains before and after every prescription"]
fn a_lower_rate_and_clipping_leave_no_layer_dead() {
    let subject = with(|c| {
        c.optimizer.learning_rate = 0.1;
        c.optimizer.weight_decay = 0.01;
        c.optimizer.gradient_clip = 0.0;
        c.schedule.cosine = false;
        c.schedule.warm_up_epochs = 0;
    });
    let (mended, before, after) = tried_on_run(subject, kinds::DEAD_LAYERS, Depth::Standard, 30);
    let again = look(&as_run(mended, &after), Depth::Standard);
    assert!(again.findings.iter().all(|f| f.kind != kinds::DEAD_LAYERS), "{:?}", again.findings);
    assert!(after.auc > before.auc - 0.03);
}

#[test]
#[ignore = "long: trains before and after every prescription"]
fn an_estimated_prior_turns_fewer_steps() {
    let subject = with(|c| {
        c.prior = PriorConfig::Given(0.9);
        c.risk.gamma = 0.0;
    });
    let (_, before, after) = tried_on_run(subject, kinds::ALWAYS_CLAMPED, Depth::Quick, 12);
    let clamped = |of: &Trained| of.history.iter().map(|m| m.nnpu_clamped_rate).sum::<f64>() / 12.0;
    assert!(clamped(&before) > 0.8 && clamped(&after) < 0.3, "{} and {}", clamped(&before), clamped(&after));
    assert!(after.auc > before.auc - 0.02);
}
