//! Scores of patches by quick classifiers that did not see them: what is asked of the data before a run.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::label::Label;
use crate::learning::config::{
    Backbone, RiskConfig, RiskKind, Rotation, RunConfig, ScheduleConfig, TeacherConfig,
};
use crate::learning::data::TrainingData;
use crate::learning::data::sampler::{generator, shares};
use crate::learning::infer::predict::Views;
use crate::learning::train::trainer::{AfterBatch, Trainer};

/// Logits of training patches, each from a network that did not see the patch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FoldScores {
    /// Of the positives.
    pub positive: Vec<f32>,
    /// Of the unlabeled.
    pub unlabeled: Vec<f32>,
}

/// Folds of the out-of-fold scores.
const FOLDS: usize = 2;
/// Epochs of each fold's quick classifier, at least.
const EPOCHS: usize = 5;
/// Steps of each fold's quick classifier, at least: scores of a network that has hardly begun to learn
/// overlap more than they should, and π comes out too high.
const STEPS: usize = 300;
/// Positives and unlabeled asked, at most: more would make a person wait and tell nothing new.
const MOST: [usize; 2] = [3000, 6000];
const FOLD_ORDER: u64 = 7;

/// One network to train: which patches it learns from, which it scores, and how.
struct Quick {
    config: RunConfig,
    data: TrainingData,
    held: Vec<usize>,
    /// Of the factors of the overlay, by number.
    factor: usize,
}

/// Scores of training positives and training unlabeled, each from a quick naive classifier that did
/// not see the patch, once for each factor of `overlays`: while the classifiers learn, other unlabeled patches
/// are laid over their views with factors up to that; 0 lays none. On the CPU the classifiers train side by
/// side, since small networks use many cores badly. `progress` gets the epochs done and to do, and says whether
/// to go on.
///
/// # Errors
/// When there are too few patches to hold any out, training fails, or [`Error::Cancelled`].
pub fn out_of_fold_scores(
    config: &RunConfig,
    data: &TrainingData,
    device: &ComputeDevice,
    overlays: &[f64],
    mut progress: impl FnMut(usize, usize) -> bool,
) -> Result<Vec<FoldScores>> {
    let (jobs, epochs) = jobs(config, data, overlays)?;
    let to_do = jobs.len() * epochs;
    if !progress(0, to_do) {
        return Err(Error::Cancelled);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let at_once = if device.is_cpu { jobs.len().min(cores) } else { 1 };
    let (next, cancelled) = (AtomicUsize::new(0), AtomicBool::new(false));
    let results: Mutex<BTreeMap<usize, Result<Vec<f32>>>> = Mutex::new(BTreeMap::new());
    // Nothing is kept in between: who does not listen for a while, a paused run, makes the others wait.
    let (told, ticks) = mpsc::sync_channel::<()>(0);
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            let (told, next, cancelled, results, jobs) = (told.clone(), &next, &cancelled, &results, &jobs);
            scope.spawn(move || {
                let work = || {
                    while !cancelled.load(Ordering::Relaxed) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(job) = jobs.get(number) else { break };
                        let tick = || {
                            // Nobody listening means that the main thread has given up already.
                            let _ = told.send(());
                            !cancelled.load(Ordering::Relaxed)
                        };
                        let result = train_and_score(job, epochs, device, tick);
                        if result.is_err() {
                            // The others' work would be for nothing.
                            cancelled.store(true, Ordering::Relaxed);
                        }
                        results.lock().unwrap_or_else(PoisonError::into_inner).insert(number, result);
                    }
                };
                // Each with its share of the cores; without a pool of its own it computes on the common one.
                let threads = (cores / at_once).max(1);
                match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
                    Ok(pool) if at_once > 1 => pool.install(work),
                    _ => work(),
                }
            });
        }
        drop(told);
        for (done, ()) in (1..).zip(ticks) {
            if !progress(done, to_do) {
                cancelled.store(true, Ordering::Relaxed);
            }
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut scores = vec![FoldScores::default(); overlays.len()];
    for (number, result) in results {
        let logits = match result {
            Err(Error::Cancelled) => continue,
            result => result?,
        };
        let job = &jobs[number];
        let scores = &mut scores[job.factor];
        for (&patch, logit) in job.held.iter().zip(logits) {
            match data.labels[patch] {
                Label::Positive => scores.positive.push(logit),
                Label::Unlabeled => scores.unlabeled.push(logit),
                Label::Negative => {}
            }
        }
    }
    // A failure stops the others too, but has been handed on by now.
    if cancelled.into_inner() { Err(Error::Cancelled) } else { Ok(scores) }
}

/// What is to be trained, fold by fold for each factor of the overlay, and for how many epochs.
fn jobs(config: &RunConfig, data: &TrainingData, overlays: &[f64]) -> Result<(Vec<Quick>, usize)> {
    use rand::seq::SliceRandom;
    // The same whatever method is trained afterwards, so that one estimate serves several runs.
    let mut quick = RunConfig {
        backbone: Backbone::SmallCnn,
        normaliser: config.normaliser,
        risk: RiskConfig { kind: RiskKind::Naive, ..RiskConfig::default() },
        teacher: TeacherConfig { enabled: true, ..TeacherConfig::default() },
        schedule: ScheduleConfig { epochs: EPOCHS, warm_up_epochs: 1, ..ScheduleConfig::default() },
        ..RunConfig::default()
    };
    quick.augmentation.weak.rotation = Rotation::Any;
    let mut rng = generator(config.seed, 0, FOLD_ORDER);
    let mut shuffled = |label| {
        let mut patches = data.with_label(&data.train, label);
        patches.shuffle(&mut rng);
        patches
    };
    let (mut positive, mut unlabeled) = (shuffled(Label::Positive), shuffled(Label::Unlabeled));
    positive.truncate(MOST[0]);
    unlabeled.truncate(MOST[1]);
    if positive.len() < 2 * FOLDS || unlabeled.len() < 2 * FOLDS {
        return Err(Error::request(
            format!(
                "{} positive and {} unlabeled training patches are too few to hold half of them out",
                positive.len(),
                unlabeled.len()
            ),
            "label more positives; or give the prior as a number and set augmentation.weak.overlay_trial to false",
        ));
    }
    let per_step = shares(&quick.batch, [positive.len(), unlabeled.len(), 0])[1].max(1);
    let steps = (unlabeled.len() / FOLDS).div_ceil(per_step).max(1);
    let epochs = EPOCHS.max(STEPS.div_ceil(steps));
    quick.schedule.epochs = epochs;
    let all = [positive, unlabeled].concat();
    let mut jobs = Vec::new();
    for (factor, &overlay) in overlays.iter().enumerate() {
        for fold in 0..FOLDS {
            let part = |held: bool| -> Vec<usize> {
                let places = all.iter().enumerate().filter(|(place, _)| (place % FOLDS == fold) == held);
                places.map(|(_, &patch)| patch).collect()
            };
            let mut config =
                RunConfig { seed: config.seed.wrapping_add(1000 + fold as u64), ..quick.clone() };
            config.augmentation.weak.overlay = overlay;
            let data =
                TrainingData { train: part(false), validation: Vec::new(), truth: None, ..data.clone() };
            jobs.push(Quick { config, data, held: part(true), factor });
        }
    }
    Ok((jobs, epochs))
}

/// Logits of the held patches. `tick` is called after each epoch and says whether to go on.
fn train_and_score(
    job: &Quick,
    epochs: usize,
    device: &ComputeDevice,
    tick: impl Fn() -> bool,
) -> Result<Vec<f32>> {
    let mut trainer = Trainer::new(job.config.clone(), 0.5, job.data.clone(), device);
    for epoch in 1..=epochs {
        trainer.run_epoch(epoch, |_, _| AfterBatch::Continue)?;
        if !tick() {
            return Err(Error::Cancelled);
        }
    }
    trainer.logits(&job.held, Views::Eight)
}
