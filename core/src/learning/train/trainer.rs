//! One training run, step by step.
//!
//! A [`Trainer`] owns device, student, teacher and optimiser and is driven epoch by epoch by
//! [`crate::learning::train::run`]. Everything random is drawn from generators seeded by run, epoch and purpose, so
//! an epoch depends only on the state at its start: that is what makes a resumed run exact.

use std::time::Instant;

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, TensorData};

use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::label::Label;
use crate::learning::config::{ConsistencyKind, RunConfig};
use crate::learning::data::TrainingData;
use crate::learning::data::augment::Augmenter;
use crate::learning::data::batch_views::BatchViews;
use crate::learning::data::patch_store::DevicePool;
use crate::learning::data::sampler::{Batch, epoch_batches, generator};
use crate::learning::infer::predict::{Views, pool_logits, probability};
use crate::learning::loss::alignment::{Classes, alignment_loss};
use crate::learning::loss::consistency::{
    ConsistencyState, RunningConfidence, consistency_loss, pseudo_labels,
};
use crate::learning::loss::risk::{LabelledLogits, RiskValue, cross_entropy, risk};
use crate::learning::loss::self_training::{PseudoTarget, Trial, Verdict, both_ends};
use crate::learning::network::Network;
use crate::learning::optim::adamw::{AdamW, clip_factor, global_norm};
use crate::learning::optim::ema;
use crate::learning::optim::schedule::{consistency_weight, learning_rate};
use crate::learning::prior::best_bin::estimate_prior;
use crate::learning::train::epoch_metrics::EpochMetrics;
use crate::learning::train::epoch_totals::EpochStats;
use crate::learning::train::mid_epoch::WithinEpoch;
use crate::learning::train::step_metrics::{Measured, Step, Unread};

/// Purposes of the generators of one epoch.
const ORDER: u64 = 0;
const WEAK: u64 = 1;
const STRONG: u64 = 2;

/// What the driver of an epoch answers after each batch.
pub enum AfterBatch {
    /// Go on.
    Continue,
    /// Hand over the state as soon as the optimiser has made its step, then go on.
    Keep,
    /// Leave the epoch unfinished.
    Stop,
}

/// The moving parts of a run.
pub struct Trainer {
    config: RunConfig,
    prior: f64,
    data: TrainingData,
    pool: DevicePool,
    augmenter: Augmenter,
    device: Device,
    on_cpu: bool,
    pub(crate) student: Network,
    pub(crate) teacher: Option<Network>,
    pub(crate) optimizer: AdamW,
    pub(crate) confidence: RunningConfidence,
    pub(crate) trial: Trial,
    /// Student and teacher from before self-training, while its trial lasts.
    pub(crate) before_trial: Option<(Network, Option<Network>)>,
    news: Vec<String>,
    positive: Vec<usize>,
    unlabeled: Vec<usize>,
    negative: Vec<usize>,
}

impl Trainer {
    /// Uploads the data and draws the first weights.
    pub fn new(mut config: RunConfig, prior: f64, data: TrainingData, device: &ComputeDevice) -> Self {
        // The negatives' term is a mean, so a few of them would weigh as much as all positives; with
        // fewer negatives than positives it counts by their number.
        let counts = data.counts(&data.train);
        if counts.positive > 0 {
            config.risk.negative_weight *= (counts.negative as f64 / counts.positive as f64).min(1.0);
        }
        let inner = device.inner.clone();
        let student = Network::new(config.backbone, config.seed, &inner.clone().autodiff());
        let teacher = config.teacher.enabled.then(|| student.valid());
        Self {
            pool: DevicePool::new(&data.pixels, data.size, device),
            augmenter: Augmenter::new(data.size, config.seed, &inner),
            student,
            teacher,
            optimizer: AdamW::new(config.optimizer.weight_decay),
            confidence: RunningConfidence::new(ConsistencyState::new(prior), &inner),
            trial: Trial::default(),
            before_trial: None,
            news: Vec::new(),
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

    /// The network that scores: the teacher where there is one, in validation form.
    pub fn scoring_network(&self) -> Network {
        self.teacher.clone().unwrap_or_else(|| self.student.valid())
    }

    /// Logits of patches of the pool under [`Self::scoring_network`].
    ///
    /// # Errors
    /// When a patch cannot be read.
    pub fn logits(&self, indices: &[usize], views: Views) -> Result<Vec<f32>> {
        pool_logits(&self.scoring_network(), &self.pool, indices, views)
    }

    /// Logits of patches of the pool under the student, in validation form, without mirrorings.
    ///
    /// # Errors
    /// When a patch cannot be read.
    pub fn student_logits(&self, indices: &[usize]) -> Result<Vec<f32>> {
        pool_logits(&self.student.valid(), &self.pool, indices, Views::One)
    }

    /// Trains one epoch (counted from 1). `after_batch` is asked after every batch with the batches
    /// done and to do. Returns `None` when it said stop.
    ///
    /// # Errors
    /// [`Error::Training`] when loss or gradient are no finite numbers. The networks are then of no more use: a run
    /// goes on from its last checkpoint.
    pub fn run_epoch(
        &mut self,
        epoch: usize,
        after_batch: impl FnMut(usize, usize) -> AfterBatch,
    ) -> Result<Option<EpochMetrics>> {
        self.run_epoch_from(epoch, None, after_batch, |_, _| Ok(()))
    }

    /// As [`Self::run_epoch`], from a place within the epoch, and with a state handed to `keep` where
    /// `after_batch` asks for it. After the last batch there is none: the epoch is as good as complete.
    ///
    /// # Errors
    /// As [`Self::run_epoch`], and those of `keep`.
    pub fn run_epoch_from(
        &mut self,
        epoch: usize,
        from: Option<&WithinEpoch>,
        mut after_batch: impl FnMut(usize, usize) -> AfterBatch,
        mut keep: impl FnMut(&Self, WithinEpoch) -> Result<()>,
    ) -> Result<Option<EpochMetrics>> {
        let started = Instant::now();
        let seconds = || from.map_or(0.0, |from| from.seconds) + started.elapsed().as_secs_f64();
        let seed = self.config.seed;
        let targets = match from {
            Some(from) => from.targets(self.data.labels.len())?,
            None => self.self_training_targets(epoch)?,
        };
        let batches = epoch_batches(
            &self.config.batch,
            &self.positive,
            &self.unlabeled,
            &self.negative,
            &mut generator(seed, epoch, ORDER),
        );
        let mut weak_rng = generator(seed, epoch, WEAK);
        let mut strong_rng = generator(seed, epoch, STRONG);
        let mut stats = EpochStats::default();
        if let Some(from) = from {
            from.forward([&mut weak_rng, &mut strong_rng]);
            stats = from.stats();
        }
        let mut wanted = false;
        let group = self.config.optimizer.accumulation;
        let mut accumulated = GradientsAccumulator::new();
        let mut waiting = Vec::new();
        let mut unread = Unread::default();
        let count = batches.len();
        // The epochs of a failed trial do not count for the schedule.
        let before = (epoch - 1).saturating_sub(self.trial.lost_epochs()) as f64;
        for (index, batch) in batches.iter().enumerate().skip(from.map_or(0, |from| from.batch)) {
            let done = before + index as f64 / count as f64;
            let lambda = consistency_weight(&self.config.consistency, done);
            // The last group of an epoch may be short; its gradients are averaged all the same.
            let in_group = group.min(count - (index / group) * group);
            let views = BatchViews::make(
                &self.pool,
                &self.augmenter,
                &self.config,
                batch,
                [&mut weak_rng, &mut strong_rng],
            )?;
            let (gradients, measured) = self.gradients(
                batch,
                views,
                targets.as_deref(),
                lambda,
                1.0 / in_group as f64,
                &mut stats,
                (epoch, index + 1),
            )?;
            accumulated.accumulate(&self.student, gradients);
            waiting.push(measured);
            if waiting.len() == in_group {
                let done = before + (index + 1) as f64 / count as f64;
                let rate = learning_rate(self.config.optimizer.learning_rate, &self.config.schedule, done);
                self.apply(accumulated.grads(), std::mem::take(&mut waiting), rate, &mut unread, &mut stats)?;
            }
            match after_batch(index + 1, count) {
                AfterBatch::Stop => {
                    // What went wrong in the last steps is said, and never stored.
                    unread.read(&mut stats)?;
                    return Ok(None);
                }
                AfterBatch::Keep => wanted = true,
                AfterBatch::Continue => {}
            }
            // Gradients that wait for others of their group are in no checkpoint.
            if wanted && waiting.is_empty() && index + 1 < count {
                wanted = false;
                unread.read(&mut stats)?;
                let place = (index + 1, count);
                let rngs = [&weak_rng, &strong_rng];
                keep(self, WithinEpoch::new(place, seconds(), rngs, targets.as_deref(), &stats))?;
            }
        }
        unread.read(&mut stats)?;
        let mut metrics = stats.finish();
        metrics.epoch = epoch;
        metrics.learning_rate =
            learning_rate(self.config.optimizer.learning_rate, &self.config.schedule, before + 1.0);
        metrics.consistency_weight = match self.config.consistency.kind {
            ConsistencyKind::None => f64::NAN,
            _ => consistency_weight(&self.config.consistency, before + 1.0),
        };
        metrics.patches_per_second = stats.patches as f64 / seconds().max(1e-9);
        self.validate(&mut metrics)?;
        self.judge_trial(targets.is_some(), &mut metrics)?;
        metrics.seconds = seconds();
        Ok(Some(metrics))
    }

    /// Ends the trial of self-training when it is time, and goes back where it failed.
    fn judge_trial(&mut self, on: bool, metrics: &mut EpochMetrics) -> Result<()> {
        if !self.config.self_training.enabled || !self.config.self_training.trial {
            return Ok(());
        }
        match self.trial.note(on, metrics.validation_auc_pu) {
            Verdict::Undecided => {}
            Verdict::Kept(..) => self.before_trial = None,
            Verdict::GivenUp(before, after) => {
                if let Some((student, teacher)) = self.before_trial.take() {
                    self.student = student;
                    self.teacher = teacher;
                }
                // What is stored and shown belongs to the weights that go on.
                self.validate(metrics)?;
                self.news.push(format!(
                    "Self-training was given up in epoch {}: the validation AUC fell from {before:.3} to {after:.3} \
                     in its first epochs. The run goes on from the weights before it, with the unlabeled as the \
                     risk takes them, and is that many epochs longer.",
                    metrics.epoch
                ));
            }
        }
        Ok(())
    }

    /// Sentences a person should read that came up since the last call.
    pub fn take_news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.news)
    }

    /// Pseudo-labels at both ends for this epoch, by index into the pool; `None` while it is off.
    fn self_training_targets(&mut self, epoch: usize) -> Result<Option<Vec<PseudoTarget>>> {
        let config = &self.config.self_training;
        let due = config.enabled && epoch >= config.start_epoch && !self.unlabeled.is_empty();
        if !due || self.trial.given_up() {
            return Ok(None);
        }
        if config.trial && self.trial.about_to_start() {
            self.before_trial = Some((self.student.clone(), self.teacher.clone()));
        }
        let config = &self.config.self_training;
        let ranking =
            if self.config.teacher.pseudo_labels { self.scoring_network() } else { self.student.valid() };
        let scores = pool_logits(&ranking, &self.pool, &self.unlabeled, Views::Four)?;
        let prior = if config.estimate_prior { self.prior_now(&ranking)? } else { self.prior };
        let chosen = both_ends(&scores, prior, config.positive_share, config.negative_margin);
        let mut targets = vec![PseudoTarget::LeftOut; self.data.labels.len()];
        for (&patch, target) in self.unlabeled.iter().zip(chosen) {
            targets[patch] = target;
        }
        Ok(Some(targets))
    }

    /// π by the validation patches as `ranking` scores them; the run's own where they are too few to say.
    fn prior_now(&self, ranking: &Network) -> Result<f64> {
        let scores = |label| {
            let patches = self.data.with_label(&self.data.validation, label);
            pool_logits(ranking, &self.pool, &patches, Views::Four)
        };
        let estimate = estimate_prior(&scores(Label::Positive)?, &scores(Label::Unlabeled)?);
        Ok(estimate.map_or(self.prior, |estimate| estimate.estimate.clamp(0.01, 0.99)))
    }

    /// Gradients of one batch, scaled by `share`.
    #[allow(clippy::too_many_arguments)]
    fn gradients(
        &self,
        batch: &Batch,
        BatchViews { weak, strong, again, mix }: BatchViews,
        targets: Option<&[PseudoTarget]>,
        lambda: f64,
        share: f64,
        stats: &mut EpochStats,
        place: (usize, usize),
    ) -> Result<(GradientsParams, Measured)> {
        let (p, u, n) = (batch.positive.len(), batch.unlabeled.len(), batch.negative.len());
        let (has_strong, has_again) = (strong.is_some(), again.is_some());
        let teacher_p = match &self.teacher {
            Some(teacher) if self.config.teacher.pseudo_labels && has_strong => {
                Some(sigmoid(teacher.forward(weak.clone().narrow(0, p, u))))
            }
            _ => None,
        };
        let input = match strong {
            Some(strong) => Tensor::cat(vec![weak, strong], 0),
            None => weak,
        };
        let features = self.student.features(Tensor::from_inner(input));
        let logits = self.student.head(features.clone());
        let labelled = |logits: &Tensor<1>| {
            let part = |from: usize, count: usize| (count > 0).then(|| logits.clone().narrow(0, from, count));
            LabelledLogits { positive: part(0, p), unlabeled: part(p, u), negative: part(p + u, n) }
        };
        let own = labelled(&logits);
        let given_p = teacher_p.or_else(|| own.unlabeled.clone().map(|logits| sigmoid(logits.inner())));

        let mut value_of = |labelled| match targets {
            Some(targets) => self.self_training_risk(batch, labelled, targets, stats),
            None => risk(&self.config.risk, self.prior, labelled),
        };
        let mut value = value_of(own);
        if let Some(mix) = mix {
            let partners = mix.by_partner(logits.clone().narrow(0, 0, p + u + n));
            let other = value_of(labelled(&partners));
            value = value.zip(other).map(|(own, other)| own.mixed(other, mix.share));
        }
        let Some(value) = value else {
            return Err(Error::request(
                "a batch holds nothing the risk can learn from",
                "give positives a part of the batch, or choose another risk",
            ));
        };

        let pseudo = given_p
            .clone()
            .filter(|_| has_strong)
            .map(|p| pseudo_labels(&self.config.consistency, &self.confidence, self.prior, p));
        let consistency = pseudo.clone().map(|labels| {
            let strong = logits.clone().narrow(0, p + u + n, u);
            let [target, weight] = [labels.target, labels.weight].map(Tensor::from_inner);
            consistency_loss(self.config.consistency.kind, strong, target, weight)
        });
        // While self-training sets them, its pseudo-labels are those that are shown.
        let pseudo = pseudo
            .filter(|_| targets.is_none())
            .map(|labels| (labels, batch.unlabeled.iter().map(|&patch| self.truth(patch)).collect()));

        let RiskValue { objective, shown, negative_term, turned } = value;
        let zero = || Tensor::<1>::zeros([1], &self.device);
        let consistency_shown = consistency.clone().map_or_else(zero, Tensor::inner);
        let alignment = match (again, &self.teacher) {
            (Some(again), Some(teacher)) => {
                let classes = match targets {
                    Some(targets) => Classes::by_targets(batch, targets, &self.device),
                    None if u == 0 => Classes::by_targets(batch, &[], &self.device),
                    None => Classes::by_logits(batch, self.prior, logits.clone().narrow(0, p, u).inner()),
                };
                let first = features.narrow(0, 0, batch.len());
                let term = alignment_loss(first, teacher.features(again), &classes);
                Some(term * self.config.alignment.weight)
            }
            _ => None,
        };
        let mut shown_total = shown.clone().inner() + consistency_shown.clone() * lambda;
        let mut loss = match consistency {
            Some(term) => objective + term * lambda,
            None => objective,
        };
        if let Some(term) = alignment {
            shown_total = shown_total + term.clone().inner();
            loss = loss + term;
        }
        let terms = Tensor::cat(
            vec![
                loss.clone().inner(),
                shown_total,
                shown.inner(),
                negative_term.map_or_else(zero, Tensor::inner),
                consistency_shown,
                turned.map_or_else(zero, Tensor::inner),
            ],
            0,
        );
        let patches = batch.len() * if has_again { 2 } else { 1 } + if has_strong { u } else { 0 };
        let gradients = (loss * share).backward();
        let gradients = GradientsParams::from_grads(gradients, &self.student);
        Ok((gradients, Measured { terms, p: given_p, pseudo, patches, place }))
    }

    /// Cross-entropy of positives and of the unlabeled at both ends of the ranking.
    fn self_training_risk(
        &self,
        batch: &Batch,
        logits: LabelledLogits,
        targets: &[PseudoTarget],
        stats: &mut EpochStats,
    ) -> Option<RiskValue> {
        let LabelledLogits { positive, unlabeled, negative } = logits;
        let mut target = vec![1.0f32; batch.positive.len()];
        let mut weight = vec![1.0f32; batch.positive.len()];
        for &patch in &batch.unlabeled {
            let (t, w) = match targets[patch] {
                PseudoTarget::Positive => (1.0, 1.0),
                PseudoTarget::Negative => (0.0, 1.0),
                PseudoTarget::LeftOut => (0.0, 0.0),
            };
            target.push(t);
            weight.push(w);
        }
        let from = batch.positive.len();
        let chosen = target[from..].iter().copied().zip(weight[from..].iter().copied());
        stats.pseudo_labels(chosen, batch.unlabeled.iter().map(|&i| self.truth(i)));
        let total: f32 = weight.iter().sum();
        let parts: Vec<Tensor<1>> = [positive, unlabeled].into_iter().flatten().collect();
        let mut objective = (!parts.is_empty() && total > 0.0).then(|| {
            let count = target.len();
            let vector = |values: Vec<f32>| {
                Tensor::<1>::from_inner(Tensor::from_data(TensorData::new(values, [count]), &self.device))
            };
            let loss = cross_entropy(Tensor::cat(parts, 0), vector(target)) * vector(weight);
            loss.sum() / f64::from(total)
        });
        let known = LabelledLogits { positive: None, unlabeled: None, negative };
        let mut negative_term = None;
        if let Some(value) = risk(&self.config.risk, self.prior, known) {
            negative_term = value.negative_term;
            objective = Some(match objective {
                Some(main) => main + value.objective,
                None => value.objective,
            });
        }
        let objective = objective?;
        Some(RiskValue { shown: objective.clone().detach(), objective, negative_term, turned: None })
    }

    /// Makes a step with the gradients of a group of batches. On the CPU what they measured is read first; a GPU is asked
    /// later ([`crate::learning::train::step_metrics`]).
    fn apply(
        &mut self,
        gradients: GradientsParams,
        group: Vec<Measured>,
        rate: f64,
        unread: &mut Unread,
        stats: &mut EpochStats,
    ) -> Result<()> {
        let norm = global_norm(&self.student, &gradients, &self.device);
        if self.config.consistency.kind != ConsistencyKind::None {
            let p: Vec<_> = group.iter().filter_map(|measured| measured.p.clone()).collect();
            if !p.is_empty() {
                self.confidence.update(Tensor::cat(p, 0));
            }
        }
        unread.add(Step { group, norm: norm.clone() });
        if self.on_cpu {
            unread.read(stats)?;
        }
        let limit = self.config.optimizer.gradient_clip;
        let scale = (limit > 0.0).then(|| clip_factor(norm.clone(), limit));
        self.student = self.optimizer.step(rate, self.student.clone(), gradients, scale);
        if let Some(average) = self.teacher.take() {
            let decay = ema::decay_at(&self.config.teacher, self.optimizer.steps());
            self.teacher = Some(ema::update(average, &self.student.valid(), decay));
        }
        if unread.is_due() {
            unread.read(stats)?;
        }
        Ok(())
    }

    fn truth(&self, patch: usize) -> Option<bool> {
        self.data.truth.as_ref().and_then(|truth| truth.get(patch).copied().flatten())
    }

    /// Fills in what is measured on the validation split; NaN where a class is missing.
    fn validate(&self, metrics: &mut EpochMetrics) -> Result<()> {
        let of = |label| self.data.with_label(&self.data.validation, label);
        let scores = |label| self.logits(&of(label), Views::One);
        let (p, u, n) = (scores(Label::Positive)?, scores(Label::Unlabeled)?, scores(Label::Negative)?);
        crate::learning::train::validation::fill(metrics, self.prior, &p, &u, &n)
    }

    /// p of the given patches of the pool, averaged over mirrorings and quarter turns.
    ///
    /// # Errors
    /// When a patch cannot be read.
    pub fn probabilities(&self, indices: &[usize]) -> Result<Vec<f32>> {
        Ok(self.logits(indices, Views::Eight)?.into_iter().map(probability).collect())
    }
}
