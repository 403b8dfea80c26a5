//! Out-of-fold scores: classifiers score training patches that they did not see.
//!
//! The class prior is estimated from these scores, and overlay factors are compared by them, before a run.

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
use crate::learning::data::sampler::shares;
use crate::learning::infer::predict::TestTimeAugmentation;
use crate::learning::random::{Stream, generator};
use crate::learning::train::trainer::{AfterBatch, Trainer};

/// Logits of training patches, each from a network that did not see the patch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OutOfFoldScores {
    /// Logits of positives.
    pub positive: Vec<f32>,
    /// Logits of unlabeled patches.
    pub unlabeled: Vec<f32>,
}

/// The classifiers that train on parts of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoldPlan {
    /// Their network.
    pub backbone: Backbone,
    /// Parts of the data, and classifiers: each learns from all parts but one, and scores that one.
    pub folds: usize,
    /// Minimum number of epochs of each.
    pub min_epochs: usize,
    /// Minimum number of steps of each. Scores of a network that has hardly learned overlap too much, and then the estimate of
    /// π comes out too high.
    pub min_steps: usize,
    /// Maximum number of steps of each; it limits the epochs.
    pub max_steps: usize,
}

impl FoldPlan {
    /// Two quick classifiers of the small network, which every run can afford.
    pub const QUICK: Self =
        Self { backbone: Backbone::SmallCnn, folds: 2, min_epochs: 5, min_steps: 300, max_steps: usize::MAX };
}

/// At most this many positives and unlabeled patches are scored: more take longer and add nothing.
const MAX_SCORED: [usize; 2] = [3000, 6000];

/// A quick classifier of one fold.
struct FoldJob {
    config: RunConfig,
    /// Its `train` side leaves out the fold.
    data: TrainingData,
    /// Patches of the fold, which it scores.
    held_out: Vec<usize>,
    /// Index of its overlay factor.
    factor: usize,
}

/// Scores training positives and unlabeled patches, each with a naive classifier of the plan that did not see the patch.
/// Does so once for each factor of `overlays`, with which the classifiers' views are overlaid (0: no overlay). On the
/// CPU the classifiers train in parallel, because one alone cannot use many cores. `progress` gets the epochs
/// done and to do, and returns whether to go on.
///
/// # Errors
/// When there are too few patches to hold some of them out, when training fails, or [`Error::Cancelled`].
pub fn out_of_fold_scores(
    plan: FoldPlan,
    config: &RunConfig,
    data: &TrainingData,
    device: &ComputeDevice,
    overlays: &[f64],
    mut progress: impl FnMut(usize, usize) -> bool,
) -> Result<Vec<OutOfFoldScores>> {
    let (jobs, epochs) = fold_jobs(plan, config, data, overlays)?;
    let to_do = jobs.len() * epochs;
    if !progress(0, to_do) {
        return Err(Error::Cancelled);
    }
    let cores = rayon::current_num_threads();
    let parallel = if device.is_cpu { jobs.len().min(cores) } else { 1 };
    let (next, cancelled) = (AtomicUsize::new(0), AtomicBool::new(false));
    let results: Mutex<BTreeMap<usize, Result<Vec<f32>>>> = Mutex::new(BTreeMap::new());
    // A channel without a buffer: while the receiver is paused, the classifiers wait.
    let (tick_sender, ticks) = mpsc::sync_channel::<()>(0);
    std::thread::scope(|scope| {
        for _ in 0..parallel {
            let (tick_sender, next, cancelled, results, jobs) =
                (tick_sender.clone(), &next, &cancelled, &results, &jobs);
            scope.spawn(move || {
                let work = || {
                    while !cancelled.load(Ordering::Relaxed) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(job) = jobs.get(number) else { break };
                        let tick = || {
                            // Sending fails only when the receiving thread has given up already.
                            let _ = tick_sender.send(());
                            !cancelled.load(Ordering::Relaxed)
                        };
                        let result = train_and_score(job, epochs, device, tick);
                        if result.is_err() {
                            // Without this result the others are useless.
                            cancelled.store(true, Ordering::Relaxed);
                        }
                        results.lock().unwrap_or_else(PoisonError::into_inner).insert(number, result);
                    }
                };
                // Each thread gets its share of the cores. Where no pool can be made it uses the common one.
                let threads = (cores / parallel).max(1);
                match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
                    Ok(pool) if parallel > 1 => pool.install(work),
                    _ => work(),
                }
            });
        }
        drop(tick_sender);
        for (done, ()) in (1..).zip(ticks) {
            if !progress(done, to_do) {
                cancelled.store(true, Ordering::Relaxed);
            }
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut scores = vec![OutOfFoldScores::default(); overlays.len()];
    for (number, result) in results {
        let logits = match result {
            Err(Error::Cancelled) => continue,
            result => result?,
        };
        let job = &jobs[number];
        let scores = &mut scores[job.factor];
        for (&patch, logit) in job.held_out.iter().zip(logits) {
            match data.labels[patch] {
                Label::Positive => scores.positive.push(logit),
                Label::Unlabeled => scores.unlabeled.push(logit),
                Label::Negative => {}
            }
        }
    }
    // A failure also sets `cancelled`, but has returned above.
    if cancelled.into_inner() { Err(Error::Cancelled) } else { Ok(scores) }
}

/// The classifiers to train, fold by fold for each overlay factor, and their number of epochs.
fn fold_jobs(
    plan: FoldPlan,
    config: &RunConfig,
    data: &TrainingData,
    overlays: &[f64],
) -> Result<(Vec<FoldJob>, usize)> {
    use rand::seq::SliceRandom;
    // Of the run's method only what the plan takes over, so that one result serves several runs.
    let mut quick = RunConfig {
        backbone: plan.backbone,
        normaliser: config.normaliser,
        risk: RiskConfig { kind: RiskKind::Naive, ..RiskConfig::default() },
        teacher: TeacherConfig { enabled: true, ..TeacherConfig::default() },
        schedule: ScheduleConfig { epochs: plan.min_epochs, warm_up_epochs: 1, ..ScheduleConfig::default() },
        ..RunConfig::default()
    };
    quick.augmentation.weak.rotation = Rotation::Any;
    let mut rng = generator(config.seed, 0, Stream::Folds);
    let mut shuffled = |label| {
        let mut patches = data.with_label(&data.train, label);
        patches.shuffle(&mut rng);
        patches
    };
    let (mut positive, mut unlabeled) = (shuffled(Label::Positive), shuffled(Label::Unlabeled));
    positive.truncate(MAX_SCORED[0]);
    unlabeled.truncate(MAX_SCORED[1]);
    let folds = plan.folds;
    if positive.len() < 2 * folds || unlabeled.len() < 2 * folds {
        return Err(Error::request(
            format!(
                "{} positive and {} unlabeled training patches are too few to hold some of them out",
                positive.len(),
                unlabeled.len()
            ),
            "label more positives; or give the prior as a number and set augmentation.weak.overlay_trial to false",
        ));
    }
    let per_step = shares(&quick.batch, [positive.len(), unlabeled.len(), 0])[1].max(1);
    let steps = (unlabeled.len() * (folds - 1) / folds).div_ceil(per_step).max(1);
    let epochs = plan.min_epochs.min(plan.max_steps / steps).max(plan.min_steps.div_ceil(steps)).max(1);
    quick.schedule.epochs = epochs;
    let all = [positive, unlabeled].concat();
    let mut jobs = Vec::new();
    for (factor, &overlay) in overlays.iter().enumerate() {
        for fold in 0..folds {
            let part = |held_out: bool| -> Vec<usize> {
                let places = all.iter().enumerate().filter(|(place, _)| (place % folds == fold) == held_out);
                places.map(|(_, &patch)| patch).collect()
            };
            let mut config =
                RunConfig { seed: config.seed.wrapping_add(1000 + fold as u64), ..quick.clone() };
            config.augmentation.weak.overlay = overlay;
            let data =
                TrainingData { train: part(false), validation: Vec::new(), truth: None, ..data.clone() };
            jobs.push(FoldJob { config, data, held_out: part(true), factor });
        }
    }
    Ok((jobs, epochs))
}

/// Trains a classifier and returns the logits of its held-out patches. `tick` is called after each epoch and returns
/// whether to go on.
fn train_and_score(
    job: &FoldJob,
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
    trainer.logits(&job.held_out, TestTimeAugmentation::Symmetries)
}
