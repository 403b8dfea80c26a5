//! Pretraining without labels: that it learns, is used, goes on after a stop, is refused where it does not
//! fit, and says when it has collapsed.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::mpsc::{channel, sync_channel};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vitrine_core::device::ComputeDevice;
use vitrine_core::error::Result;
use vitrine_core::imaging::normalise::{Normaliser, NormaliserKind};
use vitrine_core::learning::config::overrides::Overrides;
use vitrine_core::learning::config::yaml::{parse, to_yaml};
use vitrine_core::learning::config::{PretrainKind, Rotation, RunConfig};
use vitrine_core::learning::data::TrainingData;
use vitrine_core::learning::pretrain::weights_file::{Pretrained, pretrained_path, pretraining_path};
use vitrine_core::learning::train::checkpoint::{model_path, resume_path};
use vitrine_core::learning::train::events::{PretrainEpoch, RunPhase, TrainControl, TrainEvent};
use vitrine_core::learning::train::run::{RunOutcome, TrainJob, train};
use vitrine_core::{Error, Label};

const SIZE: usize = 16;

/// A project of discs in noise and noise alone, drawn from `seed`: 12 positives and 68 unlabeled.
fn project(seed: u64, kind: NormaliserKind, size: usize) -> (TrainingData, Normaliser) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let centre = size as f32 / 2.0;
    let mut pixels = Vec::new();
    for i in 0..80 {
        let disc = i < 12 || i % 10 < 3;
        for y in 0..size {
            for x in 0..size {
                let inside = (x as f32 - centre).hypot(y as f32 - centre) < 4.0;
                let noise: f32 = (0..6).map(|_| rng.random_range(-0.5..0.5f32)).sum();
                pixels.push(noise + if inside && disc { 1.2 } else { 0.0 });
            }
        }
    }
    let normaliser = Normaliser::fit(kind, size, pixels.chunks(size * size)).unwrap();
    for patch in pixels.chunks_mut(size * size) {
        normaliser.apply(patch).unwrap();
    }
    let data = TrainingData {
        size,
        pixels: pixels.into(),
        labels: (0..80).map(|i| if i < 12 { Label::Positive } else { Label::Unlabeled }).collect(),
        train: (0..80).filter(|i| i % 5 != 0).collect(),
        validation: (0..80).filter(|i| i % 5 == 0).collect(),
        truth: None,
    };
    (data, normaliser)
}

fn config(extra: &str) -> RunConfig {
    let text = format!(
        "prior: 0.3\nrisk:\n  kind: naive\nteacher:\n  enabled: true\nbatch:\n  size: 32\nschedule:\n  epochs: 2\n{extra}"
    );
    parse(&text, "test").unwrap()
}

fn pretrained(epochs: usize) -> RunConfig {
    pretrained_by("simsiam", epochs)
}

fn pretrained_by(kind: &str, epochs: usize) -> RunConfig {
    config(&format!("pretrain:\n  kind: {kind}\n  epochs: {epochs}\n  batch_size: 16\n"))
}

fn with_weights(path: &Path) -> RunConfig {
    let overrides = Overrides { pretrained: Some(path.display().to_string()), ..Overrides::default() };
    overrides.apply(config("")).unwrap()
}

fn job(config: RunConfig, folder: Option<&Path>) -> TrainJob {
    let (data, normaliser) = project(5, NormaliserKind::PerPatchZScore, SIZE);
    TrainJob {
        config,
        data,
        normaliser,
        device: ComputeDevice::cpu(),
        folder: folder.map(Path::to_owned),
        resume: None,
        known_prior: None,
        known_picks: None,
        contrast: None,
        checked: Default::default(),
    }
}

fn run(job: TrainJob) -> (Result<RunOutcome>, Vec<TrainEvent>) {
    let (_orders, control) = channel();
    let (say, hear) = sync_channel(100_000);
    let outcome = train(job, &control, &say);
    drop(say);
    (outcome, hear.iter().collect())
}

fn epochs(events: &[TrainEvent]) -> Vec<PretrainEpoch> {
    let of = |event: &TrainEvent| match event {
        TrainEvent::Pretrained(epoch) => Some(*epoch),
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

fn losses(outcome: &RunOutcome) -> Vec<u64> {
    outcome.history.iter().map(|m| m.loss.to_bits()).collect()
}

#[test]
fn pretrains_then_trains_and_repeats_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let (first, events) = run(job(pretrained(6), Some(folder.path())));
    let first = first.unwrap();
    let told = epochs(&events);
    assert_eq!(told.iter().map(|e| e.epoch).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert!(told[5].loss < told[0].loss - 0.1, "both views come to look alike: {told:?}");
    assert!(told.iter().all(|e| (0.0..1.1).contains(&e.spread)), "{told:?}");
    assert!(events.contains(&TrainEvent::Phase(RunPhase::Pretraining { epoch: 3, epochs: 6 })));
    let kept = Pretrained::load(&pretrained_path(folder.path())).unwrap();
    assert_eq!(kept.header.history, told.iter().map(|e| (e.loss, e.spread)).collect::<Vec<_>>());
    assert_eq!(kept.header.patches, 64, "the training side, and no patch that validates");
    assert!(kept.whole.is_empty() && kept.optimizer.is_empty());
    assert!(!pretraining_path(folder.path()).exists());

    let again = run(job(pretrained(6), None)).0.unwrap();
    assert_eq!(losses(&first), losses(&again));
    assert_eq!(first.model.model, again.model.model);
    let without = run(job(config(""), None)).0.unwrap();
    assert_ne!(losses(&first), losses(&without), "the weights are used");
}

#[test]
fn drawing_what_is_hidden_is_learnt_goes_on_after_a_stop_and_serves() {
    let whole = tempfile::tempdir().unwrap();
    let (straight, events) = run(job(pretrained_by("masked", 30), Some(whole.path())));
    let told = epochs(&events);
    assert!(told[29].loss < told[0].loss && told[29].loss < 1.0, "more is drawn than the mean: {told:?}");

    let stopped = tempfile::tempdir().unwrap();
    let third = |event: &TrainEvent| matches!(event, TrainEvent::Pretrained(epoch) if epoch.epoch == 3);
    let cancelled = stop_at(job(pretrained_by("masked", 30), Some(stopped.path())), third);
    assert!(matches!(cancelled, Err(Error::Cancelled)));
    let (resumed, events) = run(job(pretrained_by("masked", 30), Some(stopped.path())));
    assert!(epochs(&events)[0].epoch > 3);
    assert_eq!(losses(&straight.unwrap()), losses(&resumed.unwrap()));

    let weights = pretrained_path(stopped.path());
    let (used, _) = run(job(with_weights(&weights), None));
    assert_ne!(losses(&used.unwrap()), losses(&run(job(config(""), None)).0.unwrap()));
}

#[test]
fn labels_are_not_looked_at() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run(job(pretrained(2), Some(one.path()))).0.unwrap();
    let mut relabelled = job(pretrained(2), Some(other.path()));
    relabelled.data.labels.reverse();
    run(relabelled).0.unwrap();
    let load = |folder: &tempfile::TempDir| Pretrained::load(&pretrained_path(folder.path())).unwrap();
    assert_eq!(load(&one), load(&other));
}

/// Trains until an event is met, then stops.
fn stop_at(job: TrainJob, met: impl Fn(&TrainEvent) -> bool + Send + 'static) -> Result<RunOutcome> {
    let (orders, control) = channel();
    let (say, hear) = sync_channel(0);
    let listener = std::thread::spawn(move || {
        for event in hear {
            if met(&event) {
                orders.send(TrainControl::Stop).unwrap();
            }
        }
    });
    let outcome = train(job, &control, &say);
    drop(say);
    listener.join().unwrap();
    outcome
}

#[test]
fn goes_on_in_the_middle_of_pretraining_and_between_it_and_training() {
    let whole = tempfile::tempdir().unwrap();
    let expected = run(job(pretrained(4), Some(whole.path()))).0.unwrap();
    let weights = Pretrained::load(&pretrained_path(whole.path())).unwrap();

    // Stopped in the third epoch of pretraining.
    let folder = tempfile::tempdir().unwrap();
    let stopped = stop_at(job(pretrained(4), Some(folder.path())), |event| {
        matches!(event, TrainEvent::Progress { epoch: 0, batch: 10, .. })
    });
    assert!(matches!(stopped, Err(Error::Cancelled)));
    assert!(!pretrained_path(folder.path()).exists());
    assert_eq!(Pretrained::load(&pretraining_path(folder.path())).unwrap().header.history.len(), 2);
    let (outcome, events) = run(job(pretrained(4), Some(folder.path())));
    assert_eq!(epochs(&events).iter().map(|e| e.epoch).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(losses(&outcome.unwrap()), losses(&expected));
    assert_eq!(Pretrained::load(&pretrained_path(folder.path())).unwrap(), weights);

    // Killed after pretraining, before the first epoch was complete.
    for path in [resume_path(folder.path()), model_path(folder.path())] {
        std::fs::remove_file(path).unwrap();
    }
    let (outcome, events) = run(job(pretrained(4), Some(folder.path())));
    assert!(epochs(&events).is_empty(), "what is done is not done again");
    assert_eq!(losses(&outcome.unwrap()), losses(&expected));

    // Other settings do not go on from there.
    let other = tempfile::tempdir().unwrap();
    let _ = stop_at(job(pretrained(4), Some(other.path())), |event| {
        matches!(event, TrainEvent::Progress { epoch: 0, batch: 6, .. })
    });
    let said = run(job(pretrained(5), Some(other.path()))).0.err().unwrap().to_string();
    assert!(said.contains("other settings") && said.contains("start a new run"), "{said}");
}

#[test]
fn weights_serve_another_project() {
    let folder = tempfile::tempdir().unwrap();
    run(job(pretrained(3), Some(folder.path()))).0.unwrap();
    let path = pretrained_path(folder.path());

    let second = tempfile::tempdir().unwrap();
    let mut other = job(with_weights(&path), Some(second.path()));
    (other.data, other.normaliser) = project(77, NormaliserKind::PerPatchZScore, SIZE);
    let (outcome, events) = run(other);
    let outcome = outcome.unwrap();
    assert!(epochs(&events).is_empty());
    assert_eq!(
        Pretrained::load(&pretrained_path(second.path())).unwrap(),
        Pretrained::load(&path).unwrap(),
        "a copy stays with the run"
    );
    let mut fresh = job(config(""), None);
    (fresh.data, fresh.normaliser) = project(77, NormaliserKind::PerPatchZScore, SIZE);
    assert_ne!(losses(&outcome), losses(&run(fresh).0.unwrap()));
}

#[test]
fn weights_that_do_not_fit_are_refused_with_both_named() {
    let folder = tempfile::tempdir().unwrap();
    run(job(pretrained(1), Some(folder.path()))).0.unwrap();
    let path = pretrained_path(folder.path());
    let refused = |config: RunConfig, kind, size| {
        let mut other = job(config, None);
        (other.data, other.normaliser) = project(5, kind, size);
        run(other).0.err().unwrap().to_string()
    };
    let z_score = NormaliserKind::PerPatchZScore;
    let said = refused(with_weights(&path), z_score, 20);
    assert!(said.contains("16 px") && said.contains("expects 20 px"), "{said}");
    let mut resnet = with_weights(&path);
    resnet.backbone = vitrine_core::learning::config::Backbone::Resnet18;
    let said = refused(resnet, z_score, 32);
    assert!(said.contains("small_cnn") && said.contains("expects resnet18"), "{said}");
    let said = refused(with_weights(&path), NormaliserKind::GlobalMeanStd, SIZE);
    assert!(said.contains("the normaliser") && said.contains("expects"), "{said}");
    let said = refused(with_weights(&model_path(folder.path())), z_score, SIZE);
    assert!(said.contains("checkpoint of a run") && said.contains("pretrained.safetensors"), "{said}");
    let said = refused(with_weights(&folder.path().join("nothing")), z_score, SIZE);
    assert!(said.contains("nothing"), "{said}");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let said = refused(with_weights(&path), z_score, SIZE);
    assert!(said.contains("damaged"), "{said}");
}

#[test]
fn a_collapse_is_said_in_words() {
    let mut config = pretrained(2);
    let views = &mut config.augmentation.strong;
    (views.flip, views.rotation, views.shift, views.scale) = (false, Rotation::None, 0.0, 0.0);
    (views.contrast, views.brightness, views.noise, views.blur, views.erase) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let mut collapsed = job(config, None);
    // All patches the same: no network can tell them apart.
    let mut first = vec![0.0; SIZE * SIZE];
    collapsed.data.pixels.read(0, &mut first).unwrap();
    collapsed.data.pixels = first.repeat(80).into();
    let (_, events) = run(collapsed);
    assert!(epochs(&events).iter().all(|e| e.spread < 0.01));
    let told: Vec<&String> = events
        .iter()
        .filter_map(|e| if let TrainEvent::Warning(warning) = e { Some(&warning.text) } else { None })
        .filter(|words| words.contains("Pretraining has collapsed"))
        .collect();
    assert_eq!(told.len(), 1, "said once: {told:?}");
    let (_, healthy) = run(job(pretrained(2), None));
    assert!(!healthy.iter().any(|e| matches!(e, TrainEvent::Warning(w) if w.text.contains("collapsed"))));
}

#[test]
fn configurations_without_the_section_and_contradictions() {
    assert_eq!(config("").pretrain.kind, PretrainKind::None);
    let both = pretrained(7);
    assert_eq!(parse(&to_yaml(&both).unwrap(), "again").unwrap(), both);
    let said = |text: &str| parse(text, "run.yaml").unwrap_err().to_string();
    let found = said("pretrain:\n  kind: weights\n");
    assert!(found.contains("names no file"), "{found}");
    let found = said("pretrain:\n  weights: a.safetensors\n");
    assert!(found.contains("line 2") && found.contains("kind: weights"), "{found}");
    let found = said("pretrain:\n  kind: simsiam\n  epochs: 0\n");
    assert!(found.contains("line 3") && found.contains("1 to 10000"), "{found}");
    let found = said("pretrain:\n  kind: byol\n");
    assert!(found.contains("simsiam"), "{found}");
    let asked =
        Overrides { pretrain: Some(PretrainKind::Masked), ..Overrides::default() }.apply(config("")).unwrap();
    assert_eq!(asked.pretrain.kind, PretrainKind::Masked);
}
