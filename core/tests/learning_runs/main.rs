//! Whole runs on small simulated data: repeatability, resuming, stopping, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod picks;

use std::sync::mpsc::{channel, sync_channel};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vitrine_core::device::ComputeDevice;
use vitrine_core::imaging::normalise::{Normaliser, NormaliserKind};
use vitrine_core::learning::config::yaml::parse;
use vitrine_core::learning::config::{PriorConfig, RunConfig};
use vitrine_core::learning::data::TrainingData;
use vitrine_core::learning::eval::metrics::auc;
use vitrine_core::learning::infer::scorer::Scorer;
use vitrine_core::learning::prior::binormal::Checked;
use vitrine_core::learning::prior::cross_fit::{FoldPlan, out_of_fold_scores};
use vitrine_core::learning::prior::overlay_trial::OverlayChoice;
use vitrine_core::learning::train::checkpoint::{Checkpoint, model_path, resume_path};
use vitrine_core::learning::train::events::{TrainControl, TrainEvent};
use vitrine_core::learning::train::metrics::epoch_metrics::EpochMetrics;
use vitrine_core::learning::train::preflight::{PriorEvidence, preflight};
use vitrine_core::learning::train::run::{EarlyEnd, RunOutcome, TrainJob, train};
use vitrine_core::{Error, Label};

const SIZE: usize = 16;

/// How much brighter than the noise around it a disc is.
const BRIGHT: f32 = 1.2;

/// Discs in noise, or noise alone.
fn patches(count: usize, particle: impl Fn(usize) -> bool, seed: u64, bright: f32) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut pixels = Vec::new();
    for i in 0..count {
        let (cx, cy) = (rng.random_range(6.5..9.5f32), rng.random_range(6.5..9.5f32));
        for y in 0..SIZE {
            for x in 0..SIZE {
                let inside = (x as f32 - cx).hypot(y as f32 - cy) < 4.0;
                let noise: f32 = (0..6).map(|_| rng.random_range(-0.5..0.5f32)).sum();
                pixels.push(noise + if inside && particle(i) { bright } else { 0.0 });
            }
        }
    }
    pixels
}

struct Made {
    data: TrainingData,
    normaliser: Normaliser,
}

/// 40 positives and 160 unlabeled, 30 % of them particles; every fifth validates.
fn made(bright: f32) -> Made {
    made_of(200, 40, bright)
}

/// As [`made`], with more patches and positives.
fn made_of(count: usize, positives: usize, bright: f32) -> Made {
    let is_particle = |i: usize| i < positives || i % 10 < 3;
    let mut pixels = patches(count, is_particle, 5, bright);
    let normaliser =
        Normaliser::fit(NormaliserKind::PerPatchZScore, SIZE, pixels.chunks(SIZE * SIZE)).unwrap();
    for patch in pixels.chunks_mut(SIZE * SIZE) {
        normaliser.apply(patch).unwrap();
    }
    let labels = (0..count).map(|i| if i < positives { Label::Positive } else { Label::Unlabeled }).collect();
    let data = TrainingData {
        size: SIZE,
        pixels: pixels.into(),
        labels,
        train: (0..count).filter(|i| i % 5 != 0).collect(),
        validation: (0..count).filter(|i| i % 5 == 0).collect(),
        truth: Some((0..count).map(|i| Some(is_particle(i))).collect()),
    };
    Made { data, normaliser }
}

fn config(extra: &str) -> RunConfig {
    parse(&format!("prior: 0.3\nbatch:\n  size: 32\n{extra}"), "test").unwrap()
}

const ALL_PARTS: &str = "\
risk:
  kind: nnpu
consistency:
  kind: softmatch
  ramp_up_epochs: 2
  distribution_alignment: true
alignment:
  weight: 0.3
self_training:
  enabled: true
  start_epoch: 3
teacher:
  enabled: true
optimizer:
  accumulation: 2
schedule:
  epochs: 4
";

fn job(config: RunConfig) -> TrainJob {
    let Made { data, normaliser } = made(BRIGHT);
    TrainJob {
        config,
        data,
        normaliser,
        device: ComputeDevice::cpu(),
        folder: None,
        resume: None,
        known_prior: None,
        known_picks: None,
        contrast: None,
        checked: Checked::default(),
    }
}

fn run(job: TrainJob) -> vitrine_core::Result<RunOutcome> {
    let (_orders, control) = channel();
    let (say, hear) = sync_channel(100_000);
    let outcome = train(job, &control, &say);
    drop(hear);
    outcome
}

/// Everything but the clock, as bits: NaN must equal NaN.
fn curve(history: &[EpochMetrics]) -> Vec<Vec<u64>> {
    let steady = |m: &EpochMetrics| {
        let mut m = m.clone();
        m.seconds = 0.0;
        m.patches_per_second = 0.0;
        m.values().iter().map(|v| v.to_bits()).collect()
    };
    history.iter().map(steady).collect()
}

#[test]
fn learns_discs_and_repeats_bit_for_bit() {
    let first = run(job(config(ALL_PARTS))).unwrap();
    let second = run(job(config(ALL_PARTS))).unwrap();
    assert_eq!(curve(&first.history), curve(&second.history));
    assert_eq!(first.model.model, second.model.model);
    let mut other = config(ALL_PARTS);
    other.seed = 2;
    let other = run(job(other)).unwrap();
    assert_ne!(curve(&first.history), curve(&other.history), "another seed, another curve");

    let found = fresh_auc(&first);
    assert!(found > 0.9, "test AUC {found}");
    let last = first.history.last().unwrap();
    assert!(last.pseudo_label_rate > 0.0 && last.pseudo_label_accuracy > 0.5);
    assert!(last.gradient_norm > 0.0 && last.p_min <= last.p_mean && last.p_mean <= last.p_max);
    assert!((last.validation_auc_ceiling - 0.85).abs() < 1e-12);
}

#[test]
fn a_resumed_run_goes_on_exactly() {
    let whole = run(job(config(ALL_PARTS))).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let (orders, control) = channel();
    let (say, hear) = sync_channel(0);
    let listener = std::thread::spawn(move || {
        for event in hear {
            // In the middle of the third epoch.
            if matches!(event, TrainEvent::Progress { epoch: 3, batch: 2, .. }) {
                orders.send(TrainControl::Stop).unwrap();
            }
        }
    });
    let stopped = TrainJob { folder: Some(folder.path().to_owned()), ..job(config(ALL_PARTS)) };
    let stopped = train(stopped, &control, &say).unwrap();
    drop(say);
    listener.join().unwrap();
    assert_eq!(stopped.ended_early, Some(EarlyEnd::Stopped));
    assert_eq!(stopped.history.len(), 2);

    let checkpoint = Checkpoint::load(&resume_path(folder.path())).unwrap();
    assert_eq!(checkpoint.header.epoch, 2);
    let resumed = TrainJob {
        folder: Some(folder.path().to_owned()),
        resume: Some(checkpoint),
        ..job(config(ALL_PARTS))
    };
    let resumed = run(resumed).unwrap();
    assert_eq!(curve(&whole.history), curve(&resumed.history));
    assert_eq!(whole.model.model, resumed.model.model);
    assert_eq!(whole.best_epoch, resumed.best_epoch);
    let kept = Checkpoint::load(&model_path(folder.path())).unwrap();
    assert_eq!(kept.model, resumed.model.model);
}

#[test]
fn from_a_checkpoint_within_an_epoch_a_run_goes_on_exactly() {
    let whole = run(job(config(ALL_PARTS))).unwrap();
    // The first epoch, the one with which self-training begins on trial, and one during the trial.
    for within in [1, 3, 4] {
        let folder = tempfile::tempdir().unwrap();
        let (orders, control) = channel();
        let (say, hear) = sync_channel(0);
        let listener = std::thread::spawn(move || {
            let mut told = None;
            for event in hear {
                match event {
                    TrainEvent::Progress { epoch, batch: 1, .. } if epoch == within => {
                        orders.send(TrainControl::Checkpoint).unwrap();
                    }
                    TrainEvent::Checkpoint { within, .. } => {
                        told = within;
                        orders.send(TrainControl::Stop).unwrap();
                    }
                    _ => {}
                }
            }
            told
        });
        let stopped = TrainJob { folder: Some(folder.path().to_owned()), ..job(config(ALL_PARTS)) };
        let stopped = train(stopped, &control, &say);
        assert_eq!(matches!(stopped, Err(Error::Cancelled)), within == 1, "nothing to score with yet");
        drop(say);
        let (batch, batches) = listener.join().unwrap().expect("a checkpoint before the end of the epoch");

        let checkpoint = Checkpoint::load(&resume_path(folder.path())).unwrap();
        let place = checkpoint.header.mid_epoch.as_ref().unwrap();
        assert_eq!((checkpoint.header.epoch, place.batch, place.batches), (within - 1, batch, batches));
        // Two batches make a step here, and there is no checkpoint between them.
        assert!(batch % 2 == 0 && batch < batches, "{batch} of {batches}");
        // A program that knows only whole epochs has to refuse it.
        assert!(checkpoint.header.format > vitrine_core::learning::train::checkpoint::FORMAT_VERSION);
        let resumed = TrainJob {
            folder: Some(folder.path().to_owned()),
            resume: Some(checkpoint),
            ..job(config(ALL_PARTS))
        };
        let resumed = run(resumed).unwrap();
        assert_eq!(curve(&whole.history), curve(&resumed.history), "from within epoch {within}");
        assert_eq!(whole.model.model, resumed.model.model, "from within epoch {within}");
        assert_eq!(whole.best_epoch, resumed.best_epoch);
        // Complete epochs are stored as before.
        assert_eq!(Checkpoint::load(&resume_path(folder.path())).unwrap().header.mid_epoch, None);
    }
}

#[test]
fn the_overlay_is_tried_before_the_run_and_kept_when_it_goes_on() {
    let wanted = config(
        "augmentation:\n  weak:\n    overlay: 2\n    overlay_trial: true\nschedule:\n  epochs: 2\n  warm_up_epochs: 0\n",
    );
    let folder = tempfile::tempdir().unwrap();
    let (_orders, control) = channel();
    let (say, hear) = sync_channel(100_000);
    let whole = TrainJob { folder: Some(folder.path().to_owned()), ..job(wanted.clone()) };
    let whole = train(whole, &control, &say).unwrap();
    drop(say);
    let choice = hear.iter().find_map(|event| match event {
        TrainEvent::Overlay(choice) => Some(choice),
        _ => None,
    });
    let choice = choice.unwrap();
    let factors: Vec<f64> = choice.tried.iter().map(|tried| tried.factor).collect();
    assert_eq!((factors[0], factors[factors.len() - 1]), (0.0, 2.0));
    assert!(choice.tried.iter().all(|tried| tried.auc > 0.5 && tried.standard_error > 0.0), "{choice:?}");
    let used = whole.model.header.config.augmentation.weak;
    assert_eq!((used.overlay, used.overlay_trial), (choice.chosen, false));
    assert_eq!(whole.prior.value, 0.3, "the prior was given");

    // Going on does not try again, and uses what was found.
    let mut checkpoint = Checkpoint::load(&resume_path(folder.path())).unwrap();
    let mut longer = wanted;
    longer.schedule.epochs = 3;
    checkpoint.header.config.augmentation.weak.overlay = 0.5;
    let resumed = run(TrainJob { resume: Some(checkpoint), ..job(longer) }).unwrap();
    assert_eq!(resumed.history.len(), 3);
    assert_eq!(resumed.model.header.config.augmentation.weak.overlay, 0.5);
}

#[test]
fn half_of_the_overlay_is_tried_where_the_rest_leaves_it_open() {
    let asked = |bright: f32, overlay: f64| {
        let mut config = config("");
        (config.augmentation.weak.overlay, config.augmentation.weak.overlay_trial) = (overlay, true);
        let mut told = Vec::new();
        let progress = |done, to_do| {
            told.push((done, to_do));
            true
        };
        let found = std::cell::RefCell::new(None);
        let say = |event| {
            if let TrainEvent::Overlay(choice) = event {
                found.replace(Some(choice));
            }
        };
        let data = made(bright).data;
        preflight(&config, &data, &ComputeDevice::cpu(), PriorEvidence::default(), say, progress).unwrap();
        assert!(told.last().is_some_and(|(done, to_do)| done == to_do), "{told:?}");
        assert!(told.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 == pair[1].1), "{told:?}");
        found.into_inner().unwrap()
    };
    let mut halves = 0;
    for overlay in [0.5, 3.0] {
        let choice = asked(0.3, overlay);
        let ends = [choice.tried[0], *choice.tried.last().unwrap()];
        let factors: Vec<f64> = choice.tried.iter().map(|tried| tried.factor).collect();
        match OverlayChoice::is_decided(&ends) {
            true => assert_eq!(factors, [0.0, overlay]),
            false => assert_eq!(factors, [0.0, overlay / 2.0, overlay]),
        }
        halves += factors.len() - 2;
    }
    assert_eq!(halves, 1, "0.5 costs nothing here, and 3 something");
}

/// AUC of a run's model on fresh patches, discs against noise; 0.5 is chance.
fn fresh_auc(outcome: &RunOutcome) -> f64 {
    let scorer = Scorer::new(&outcome.model, ComputeDevice::cpu()).unwrap();
    let scores = |particle: bool| {
        let mut pixels = patches(100, |_| particle, 77, BRIGHT);
        let area = scorer.size() * scorer.size();
        pixels.chunks_exact_mut(area).for_each(|patch| scorer.normaliser().apply(patch).unwrap());
        scorer.score(&pixels)
    };
    auc(&scores(true), &scores(false)).unwrap()
}

#[test]
fn every_risk_and_consistency_learns() {
    for risk in ["naive", "upu", "nnpu", "ge_binomial", "vpu", "dist_pu"] {
        for consistency in ["none", "fixmatch", "softmatch", "mean_teacher"] {
            let text = format!(
                "risk:\n  kind: {risk}\nconsistency:\n  kind: {consistency}\n  weight: 1\n  ramp_up_epochs: 0\nteacher:\n  enabled: true\n  decay: 0.9\noptimizer:\n  learning_rate: 0.003\nschedule:\n  epochs: 6\n  warm_up_epochs: 0\n"
            );
            let outcome = run(job(config(&text))).unwrap();
            let history = &outcome.history;
            assert!(history.iter().all(|epoch| epoch.loss.is_finite()), "{risk} with {consistency}");
            for epoch in history {
                let rate = epoch.pseudo_label_rate;
                assert_eq!(rate.is_nan(), consistency == "none", "{risk} with {consistency}: rate {rate}");
            }
            // A gradient that is 0, random or of the wrong sign does not find the discs.
            let found = fresh_auc(&outcome);
            assert!(found > 0.9, "{risk} with {consistency}: AUC {found}");
        }
    }
}

#[test]
fn alignment_changes_what_is_learnt_and_is_repeatable() {
    let train = |weight: f64| {
        let text = format!(
            "risk:\n  kind: naive\nteacher:\n  enabled: true\nalignment:\n  weight: {weight}\nself_training:\n  enabled: true\n  start_epoch: 2\n  trial: false\nschedule:\n  epochs: 2\n  warm_up_epochs: 0\n"
        );
        run(job(config(&text))).unwrap()
    };
    let (with, again, without) = (train(0.3), train(0.3), train(0.0));
    assert!(with.history.iter().all(|epoch| epoch.loss.is_finite()));
    assert_eq!(with.model.model, again.model.model);
    assert!(with.history.iter().zip(&without.history).all(|(with, without)| with.loss != without.loss));
    assert_ne!(with.model.model, without.model.model);
}

#[test]
fn pseudo_labels_come_from_the_average_or_from_the_network_in_training() {
    // An average that hardly moves ranks as a network that has learnt nothing.
    let right = |from_teacher: bool| {
        let text = format!(
            "risk:\n  kind: naive\nself_training:\n  enabled: true\n  start_epoch: 7\nteacher:\n  enabled: true\n  decay: 0.99999\n  \
             decay_warm_up: false\n  pseudo_labels: {from_teacher}\nschedule:\n  epochs: 7\n"
        );
        let outcome = run(job(config(&text))).unwrap();
        outcome.history.last().unwrap().pseudo_label_accuracy
    };
    let [teacher, student] = [right(true), right(false)];
    assert!(student > 0.9 && student > teacher + 0.1, "average {teacher}, network {student}");
}

#[test]
fn mixup_and_a_prior_of_each_epoch_train() {
    let text = "risk:\n  kind: naive\naugmentation:\n  weak:\n    mixup: 0.5\nself_training:\n  enabled: true\n  start_epoch: 2\n  trial: false\n";
    let schedule = "schedule:\n  epochs: 2\n  warm_up_epochs: 0\n";
    let train = |text: &str| run(job(config(&format!("{text}{schedule}")))).unwrap().history;
    let (fixed, anew) = (train(text), train(&format!("{text}  estimate_prior: true\n")));
    assert_eq!(fixed[0].loss, anew[0].loss, "the first epoch has no self-training");
    assert!(fixed.iter().chain(&anew).all(|epoch| epoch.loss.is_finite()));
    let without = train(&text.replace("0.5", "0"));
    assert_ne!(fixed[0].loss, without[0].loss, "mixup changes what is learnt");
}

#[test]
fn quick_classifiers_train_side_by_side_as_they_do_alone() {
    let TrainJob { config, data, device, .. } = job(config("risk:\n  kind: naive\n"));
    let ask = |overlays: &[f64]| {
        out_of_fold_scores(FoldPlan::QUICK, &config, &data, &device, overlays, |_, _| true).unwrap()
    };
    let together = ask(&[0.0, 1.0]);
    assert_eq!(together[1], ask(&[1.0])[0], "whoever trains beside it, on however many threads");
    assert_ne!(together[0], together[1], "an overlay changes what is learnt");
    let seen = together[0].positive.len() + together[0].unlabeled.len();
    assert_eq!(
        seen,
        data.counts(&data.train).positive as usize + data.counts(&data.train).unlabeled as usize
    );
    let mut steps = Vec::new();
    let stopped = out_of_fold_scores(FoldPlan::QUICK, &config, &data, &device, &[0.0], |done, of| {
        steps.push((done, of));
        done < 3
    });
    assert!(matches!(stopped, Err(Error::Cancelled)), "{stopped:?}");
    assert!(steps.len() >= 4 && steps.iter().zip(0..).all(|(step, done)| *step == (done, steps[0].1)));
}

/// The last layer alone moves, and only after the last epoch.
#[test]
fn scores_agree_with_pi_where_they_are_asked_to() {
    let asked = |match_prior: bool| {
        let mut config = config("risk:\n  kind: naive\nschedule:\n  epochs: 6\n  select_by: last\n");
        config.prior = PriorConfig::Given(0.1);
        config.match_prior = match_prior;
        run(job(config)).unwrap()
    };
    let (matched, plain) = (asked(true), asked(false));
    let mean = |outcome: &RunOutcome| {
        let Made { data, .. } = made(BRIGHT);
        let mut pixels = Vec::new();
        for patch in (0..200).filter(|i| data.labels[*i] == Label::Unlabeled) {
            let mut one = [0.0; SIZE * SIZE];
            data.pixels.read(patch, &mut one).unwrap();
            pixels.extend_from_slice(&one);
        }
        let scores = Scorer::new(&outcome.model, ComputeDevice::cpu()).unwrap().score(&pixels);
        scores.iter().sum::<f32>() / scores.len() as f32
    };
    assert!((mean(&matched) - 0.1).abs() < 0.02, "π was told as 0.1, the mean score {}", mean(&matched));
    assert!((mean(&plain) - 0.1).abs() > 0.05, "nothing to set right: {}", mean(&plain));
    assert!((fresh_auc(&matched) - fresh_auc(&plain)).abs() < 1e-6, "the ranking stays");
    assert_eq!(curve(&matched.history[..5]), curve(&plain.history[..5]));
}

#[test]
fn resnet18_trains_on_32_px() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let pixels: Vec<f32> = (0..16 * 32 * 32).map(|_| rng.random_range(-1.0..1.0f32)).collect();
    let normaliser = Normaliser::fit(NormaliserKind::GlobalMeanStd, 32, pixels.chunks(32 * 32)).unwrap();
    let data = TrainingData {
        size: 32,
        pixels: pixels.into(),
        labels: (0..16).map(|i| if i < 6 { Label::Positive } else { Label::Unlabeled }).collect(),
        train: (0..16).collect(),
        validation: Vec::new(),
        truth: None,
    };
    let text = "backbone: resnet18\nschedule:\n  epochs: 1\n  warm_up_epochs: 0\n";
    let outcome = run(TrainJob { data, normaliser, ..job(config(text)) }).unwrap();
    assert!(outcome.history[0].loss.is_finite() && outcome.history[0].gradient_norm > 0.0);
    assert!(outcome.history[0].validation_auc_pu.is_nan(), "nothing was validated, and nothing is claimed");
}

#[test]
fn a_diverging_run_names_epoch_and_batch() {
    let mut wild = config(
        "risk:\n  kind: upu\n  loss: logistic\noptimizer:\n  learning_rate: 0.1\n  gradient_clip: 0\nschedule:\n  epochs: 2\n  warm_up_epochs: 0\n",
    );
    wild.optimizer.learning_rate = 1e30;
    let said = run(job(wild)).err().unwrap();
    assert!(matches!(said, Error::Training { .. }), "{said}");
    let said = said.to_string();
    assert!(said.contains("epoch") && said.contains("batch") && said.contains("learning_rate"), "{said}");
}

#[test]
fn data_a_method_cannot_learn_from_is_refused() {
    let mut none = job(config(""));
    none.data.labels = vec![Label::Unlabeled; 200];
    assert!(run(none).err().unwrap().to_string().contains("label some particles as positive"));
    let supervised = job(config("risk:\n  kind: supervised\n"));
    assert!(run(supervised).err().unwrap().to_string().contains("needs known negatives"));
    let mut only = job(config(""));
    only.data.labels = vec![Label::Positive; 200];
    assert!(run(only).err().unwrap().to_string().contains("unlabeled"));
    let resnet = job(config("backbone: resnet18\n"));
    assert!(run(resnet).err().unwrap().to_string().contains("16 px"));
}

#[test]
fn damaged_and_newer_checkpoints_are_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let made = TrainJob {
        folder: Some(folder.path().to_owned()),
        ..job(config("schedule:\n  epochs: 1\n  warm_up_epochs: 0\n"))
    };
    run(made).unwrap();
    let path = model_path(folder.path());
    let mut checkpoint = Checkpoint::load(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for cut in [0, 7, 100, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let said = Checkpoint::load(&path).unwrap_err().to_string();
        assert!(said.contains("damaged"), "{said}");
    }
    checkpoint.header.format = 99;
    checkpoint.save(&path).unwrap();
    let said = Checkpoint::load(&path).unwrap_err().to_string();
    assert!(said.contains("newer") && said.contains("update Vitrine"), "{said}");
}
