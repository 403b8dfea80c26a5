//! Trains one epoch, batch by batch.
//!
//! A [`Trainer`] owns patches, student, teacher and optimiser; [`crate::learning::train::run`] drives it epoch by
//! epoch. Everything random comes from generators seeded by run, epoch and purpose, so an epoch depends only on the
//! state at its start. That makes a resumed run exact.

use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsAccumulator;
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

use crate::device::ComputeDevice;
use crate::error::Result;
use crate::label::Label;
use crate::learning::config::{ConsistencyKind, RunConfig};
use crate::learning::data::TrainingData;
use crate::learning::data::augment::Augmenter;
use crate::learning::data::batch_views::BatchViews;
use crate::learning::data::patch_store::DevicePool;
use crate::learning::data::sampler::{Batch, epoch_batches};
use crate::learning::infer::predict::{TestTimeAugmentation, pool_logits};
use crate::learning::loss::consistency::{ConsistencyState, RunningConfidence};
use crate::learning::loss::self_training::{PseudoTarget, SelfTrainingTrial};
use crate::learning::network::Network;
use crate::learning::optim::adamw::{AdamW, global_norm};
use crate::learning::optim::ema;
use crate::learning::optim::schedule::{consistency_weight, learning_rate};
use crate::learning::random::{Stream, generator};
use crate::learning::readback::PendingReadback;
use crate::learning::train::batch_loss::{BatchInput, BatchLoss};
use crate::learning::train::general::ranking::GeneralRanking;
use crate::learning::train::general::share::GeneralShare;
use crate::learning::train::metrics::epoch_metrics::EpochMetrics;
use crate::learning::train::metrics::epoch_totals::EpochTotals;
use crate::learning::train::metrics::step_metrics::{BatchMetrics, StepMetrics, read_steps};
use crate::learning::train::mid_epoch::MidEpochState;
use crate::learning::train::networks::Networks;
use crate::learning::train::validation::measure_validation;
use crate::remedy::Warning;

/// What an epoch does after a batch.
pub enum AfterBatch {
    /// Go on.
    Continue,
    /// Hand over the state after the next step of the optimiser, and go on.
    SaveState,
    /// Hand over the state after the next step of the optimiser, and leave the epoch unfinished. After the last step the
    /// epoch is completed instead.
    SaveAndStop,
    /// Leave the epoch unfinished.
    Stop,
}

/// Follows an epoch from batch to batch.
pub(super) trait EpochObserver {
    /// Called after each batch with the batches done and the batches of the epoch.
    fn after_batch(&mut self, done: usize, batches: usize) -> AfterBatch;

    /// Called with the state where [`Self::after_batch`] returned [`AfterBatch::SaveState`] or
    /// [`AfterBatch::SaveAndStop`]. Not called after the last batch, because the epoch is as good as complete then.
    fn save_state(&mut self, trainer: &Trainer, state: MidEpochState) -> Result<()>;
}

/// The moving parts of a run.
pub struct Trainer {
    pub(super) config: RunConfig,
    pub(super) prior: f64,
    pub(super) data: TrainingData,
    pub(super) pool: DevicePool,
    augmenter: Augmenter,
    pub(super) device: Device,
    on_cpu: bool,
    pub(super) networks: Networks,
    pub(super) optimizer: AdamW,
    pub(super) confidence: RunningConfidence,
    pub(super) trial: SelfTrainingTrial,
    /// The networks before self-training, while its trial lasts; the network that scores of the first course, while the second
    /// lasts.
    pub(super) set_aside: Option<Networks>,
    pub(super) warnings: Vec<Warning>,
    /// What the general model says of [`Self::unlabeled`], where self-training asks it.
    pub(super) general: Option<GeneralRanking>,
    /// The general model, where a share of its weights may score.
    pub(super) general_share: Option<GeneralShare>,
    /// By how much all of the rule for contrast lowers the logit of each patch; empty where the run has no rule for it.
    pub(super) lowers: Vec<f32>,
    /// The network that scores after the last epoch, where it is not the trained one as it is.
    pub(super) settled: Option<Network>,
    positive: Vec<usize>,
    pub(super) unlabeled: Vec<usize>,
    negative: Vec<usize>,
}

/// What an epoch carries from batch to batch.
struct EpochState {
    /// Counted from 1.
    epoch: usize,
    /// Epochs before this one that count for the schedules.
    epochs_before: f64,
    batches: Vec<Batch>,
    /// Pseudo-labels of self-training, one for each patch of the run; `None` while it is off.
    targets: Option<Vec<PseudoTarget>>,
    weak_rng: ChaCha8Rng,
    other_rng: ChaCha8Rng,
    totals: EpochTotals,
    unread: PendingReadback<StepMetrics>,
    /// Gradients of batches that wait for the rest of their group, and what these batches measured.
    gradients: GradientsAccumulator<Network>,
    group: Vec<BatchMetrics>,
    started: Instant,
    /// Seconds that the epoch took before the run was resumed.
    seconds_before: f64,
}

impl Trainer {
    /// Uploads the patches and draws the initial weights.
    pub fn new(mut config: RunConfig, prior: f64, data: TrainingData, device: &ComputeDevice) -> Self {
        // The term of the negatives is a mean, so a few of them would weigh as much as all positives. With fewer
        // negatives than positives it is scaled down by their ratio.
        let counts = data.counts(&data.train);
        if counts.positive > 0 {
            config.risk.negative_weight *= (counts.negative as f64 / counts.positive as f64).min(1.0);
        }
        let inner = device.inner.clone();
        Self {
            pool: DevicePool::new(&data.pixels, data.size, device),
            augmenter: Augmenter::new(data.size, config.seed, &inner),
            networks: Networks::new(&config, &inner),
            optimizer: AdamW::new(config.optimizer.weight_decay),
            confidence: RunningConfidence::new(ConsistencyState::new(prior), &inner),
            trial: SelfTrainingTrial::default(),
            set_aside: None,
            warnings: Vec::new(),
            general: None,
            general_share: None,
            lowers: Vec::new(),
            settled: None,
            positive: data.with_label(&data.train, Label::Positive),
            unlabeled: data.with_label(&data.train, Label::Unlabeled),
            negative: data.with_label(&data.train, Label::Negative),
            on_cpu: device.is_cpu,
            device: inner,
            config,
            prior,
            data,
        }
    }

    /// Trains one epoch (counted from 1). `after_batch` gets the batches done and the batches of the epoch. Returns
    /// `None` when it stopped the epoch.
    ///
    /// # Errors
    /// [`crate::error::Error::Training`] when a loss or gradient is no finite number. The networks are useless then; a
    /// run resumes from its last checkpoint.
    pub fn run_epoch(
        &mut self,
        epoch: usize,
        after_batch: impl FnMut(usize, usize) -> AfterBatch,
    ) -> Result<Option<EpochMetrics>> {
        struct WithoutStates<F>(F);
        impl<F: FnMut(usize, usize) -> AfterBatch> EpochObserver for WithoutStates<F> {
            fn after_batch(&mut self, done: usize, batches: usize) -> AfterBatch {
                (self.0)(done, batches)
            }
            fn save_state(&mut self, _: &Trainer, _: MidEpochState) -> Result<()> {
                Ok(())
            }
        }
        self.run_observed_epoch(epoch, None, &mut WithoutStates(after_batch))
    }

    /// As [`Self::run_epoch`], from a state within the epoch where one is given.
    ///
    /// # Errors
    /// As [`Self::run_epoch`], and the errors of the observer.
    pub(super) fn run_observed_epoch(
        &mut self,
        epoch: usize,
        from: Option<&MidEpochState>,
        observer: &mut dyn EpochObserver,
    ) -> Result<Option<EpochMetrics>> {
        let mut state = self.begin_epoch(epoch, from)?;
        let batches = state.batches.len();
        let (mut save_state, mut stop) = (false, false);
        for index in from.map_or(0, |from| from.batch)..batches {
            self.train_batch(&mut state, index)?;
            let done = index + 1;
            match observer.after_batch(done, batches) {
                AfterBatch::Stop => {
                    // Reports an error in the last steps; what they measured is not stored.
                    state.read_steps()?;
                    return Ok(None);
                }
                AfterBatch::SaveState => save_state = true,
                AfterBatch::SaveAndStop => (save_state, stop) = (true, true),
                AfterBatch::Continue => {}
            }
            // Checkpoints do not hold gradients that wait for the rest of their group.
            if save_state && state.group.is_empty() && done < batches {
                save_state = false;
                observer.save_state(self, state.mid_epoch(done)?)?;
                if stop {
                    return Ok(None);
                }
            }
        }
        self.finish_epoch(state).map(Some)
    }

    /// Chooses pseudo-labels and batches, and seeds the generators.
    fn begin_epoch(&mut self, epoch: usize, from: Option<&MidEpochState>) -> Result<EpochState> {
        let started = Instant::now();
        let seed = self.config.seed;
        if from.is_none() {
            self.begin_second_course(epoch);
        }
        let targets = match from {
            Some(from) => from.targets(self.data.labels.len())?,
            None => self.self_training_targets(epoch)?,
        };
        let batches = epoch_batches(
            &self.config.batch,
            &self.positive,
            &self.unlabeled,
            &self.negative,
            &mut generator(seed, epoch, Stream::EpochOrder),
        );
        let mut state = EpochState {
            epoch,
            // The epochs of a failed trial do not count for the schedules.
            epochs_before: (epoch - 1).saturating_sub(self.trial.lost_epochs()) as f64,
            batches,
            targets,
            weak_rng: generator(seed, epoch, Stream::WeakViews),
            other_rng: generator(seed, epoch, Stream::OtherViews),
            totals: EpochTotals::default(),
            unread: PendingReadback::default(),
            gradients: GradientsAccumulator::new(),
            group: Vec::new(),
            started,
            seconds_before: 0.0,
        };
        if let Some(from) = from {
            from.fast_forward([&mut state.weak_rng, &mut state.other_rng]);
            state.totals = from.totals();
            state.seconds_before = from.seconds;
        }
        Ok(state)
    }

    /// Adds the gradients of a batch to its group, and makes a step when the group is complete.
    fn train_batch(&mut self, state: &mut EpochState, index: usize) -> Result<()> {
        let (before, batches) = (state.epochs_before, state.batches.len());
        let epochs_done = |batches_done: usize| before + batches_done as f64 / batches as f64;
        let group = self.config.optimizer.accumulation;
        // The last group of an epoch may be smaller; its gradients are averaged all the same.
        let group_size = group.min(batches - (index / group) * group);
        let batch = &state.batches[index];
        let views = BatchViews::make(
            &self.pool,
            &self.augmenter,
            &self.config,
            batch,
            [&mut state.weak_rng, &mut state.other_rng],
        )?;
        let input = BatchInput {
            batch,
            views,
            targets: state.targets.as_deref(),
            lambda: consistency_weight(&self.config.consistency, epochs_done(index)),
            gradient_scale: 1.0 / group_size as f64,
            place: (state.epoch, index + 1),
        };
        let loss = BatchLoss {
            config: &self.config,
            prior: self.prior,
            networks: &self.networks,
            confidence: &self.confidence,
            data: &self.data,
            device: &self.device,
        };
        let (gradients, metrics) = loss.gradients(input, &mut state.totals)?;
        state.gradients.accumulate(&self.networks.student, gradients);
        state.group.push(metrics);
        if state.group.len() == group_size {
            let peak = self.config.optimizer.learning_rate;
            self.make_step(state, learning_rate(peak, &self.config.schedule, epochs_done(index + 1)))?;
        }
        Ok(())
    }

    /// Makes a step with the gradients of a group of batches, and updates the teacher. On the CPU the measures of the
    /// batches are read before the step; on a GPU some steps later ([`crate::learning::readback`]).
    fn make_step(&mut self, state: &mut EpochState, rate: f64) -> Result<()> {
        let gradients = state.gradients.grads();
        let batches = std::mem::take(&mut state.group);
        let norm = global_norm(&self.networks.student, &gradients, &self.device);
        self.update_confidence(&batches);
        state.unread.push(StepMetrics { batches, gradient_norm: norm.clone() });
        if self.on_cpu {
            state.read_steps()?;
        }
        let limit = self.config.optimizer.gradient_clip;
        self.networks.student =
            self.optimizer.clipped_step(rate, self.networks.student.clone(), gradients, norm, limit);
        if let Some(average) = self.networks.teacher.take() {
            let decay = ema::decay_at(&self.config.teacher, self.optimizer.steps());
            self.networks.teacher = Some(ema::update(average, &self.networks.student.valid(), decay));
        }
        if state.unread.is_due() {
            state.read_steps()?;
        }
        Ok(())
    }

    /// Updates the running statistics of the consistency term with p of the unlabeled.
    fn update_confidence(&mut self, batches: &[BatchMetrics]) {
        if self.config.consistency.kind == ConsistencyKind::None {
            return;
        }
        let p: Vec<_> = batches.iter().filter_map(|batch| batch.p.clone()).collect();
        if !p.is_empty() {
            self.confidence.update(Tensor::cat(p, 0));
        }
    }

    /// Measures the validation side and decides the trial of self-training.
    fn finish_epoch(&mut self, mut state: EpochState) -> Result<EpochMetrics> {
        state.read_steps()?;
        let epochs_done = state.epochs_before + 1.0;
        let mut metrics = state.totals.means();
        metrics.epoch = state.epoch;
        metrics.learning_rate =
            learning_rate(self.config.optimizer.learning_rate, &self.config.schedule, epochs_done);
        metrics.consistency_weight = match self.config.consistency.kind {
            ConsistencyKind::None => f64::NAN,
            _ => consistency_weight(&self.config.consistency, epochs_done),
        };
        metrics.patches_per_second = state.totals.patches as f64 / state.seconds().max(1e-9);
        self.settle_scores(state.epoch)?;
        self.validate(&mut metrics)?;
        self.judge_self_training(state.targets.is_some(), &mut metrics)?;
        metrics.seconds = state.seconds();
        Ok(metrics)
    }

    /// Fills in the measures of the validation side; NaN where a class is missing.
    pub(super) fn validate(&self, metrics: &mut EpochMetrics) -> Result<()> {
        let measured = self.measured_network(metrics.epoch);
        let scores = |label| {
            let patches = self.data.with_label(&self.data.validation, label);
            pool_logits(&measured, &self.pool, &patches, TestTimeAugmentation::None)
        };
        let (p, u, n) = (scores(Label::Positive)?, scores(Label::Unlabeled)?, scores(Label::Negative)?);
        measure_validation(metrics, self.prior, &p, &u, &n)
    }

    /// The network that scores, in validation form: the teacher where there is one, else the student; after the last epoch
    /// as the configuration asks for it (`scoring_weights`).
    pub fn scoring_network(&self) -> Network {
        self.settled.clone().unwrap_or_else(|| self.networks.scoring())
    }

    /// Logits of patches of the run, by index, from [`Self::scoring_network`].
    ///
    /// # Errors
    /// When a patch cannot be read.
    pub fn logits(&self, patches: &[usize], augmentation: TestTimeAugmentation) -> Result<Vec<f32>> {
        pool_logits(&self.scoring_network(), &self.pool, patches, augmentation)
    }

    /// Logits of patches of the run, by index, from the student in validation form.
    ///
    /// # Errors
    /// When a patch cannot be read.
    pub fn student_logits(&self, patches: &[usize]) -> Result<Vec<f32>> {
        pool_logits(&self.networks.student.valid(), &self.pool, patches, TestTimeAugmentation::None)
    }
}

impl EpochState {
    /// Adds the measures of all steps so far to the totals.
    fn read_steps(&mut self) -> Result<()> {
        read_steps(&mut self.unread, &mut self.totals)
    }

    fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }

    /// The state after `done` batches.
    fn mid_epoch(&mut self, done: usize) -> Result<MidEpochState> {
        self.read_steps()?;
        let place = (done, self.batches.len());
        let rngs = [&self.weak_rng, &self.other_rng];
        Ok(MidEpochState::new(place, self.seconds(), rngs, self.targets.as_deref(), &self.totals))
    }
}
