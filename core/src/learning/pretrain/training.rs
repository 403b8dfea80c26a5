//! Trains a network on a pretext task.

use std::path::Path;
use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use rand::seq::SliceRandom;

use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::imaging::normalise::Normaliser;
use crate::learning::config::{RunConfig, ScheduleConfig};
use crate::learning::data::TrainingData;
use crate::learning::data::augment::Augmenter;
use crate::learning::data::patch_store::DevicePool;
use crate::learning::network::is_head;
use crate::learning::network::weights::{NamedTensors, extract, load};
use crate::learning::optim::adamw::{AdamW, global_norm};
use crate::learning::optim::schedule::learning_rate;
use crate::learning::pretrain::pretext::{Pretext, ViewSource, spread};
use crate::learning::pretrain::weights_file::{
    FORMAT_VERSION, Pretrained, PretrainedHeader, pretraining_path,
};
use crate::learning::random::{Stream, generator};
use crate::learning::readback::{DeviceValues, PendingReadback};
use crate::learning::train::events::{PretrainEpoch, RunPhase, TrainEvent};

/// A pretraining under way.
pub(super) struct Pretraining<'a, P> {
    config: &'a RunConfig,
    patches: &'a [usize],
    pool: DevicePool,
    augmenter: Augmenter,
    device: Device,
    on_cpu: bool,
    pretext: P,
    optimizer: AdamW,
    header: PretrainedHeader,
}

impl<'a, P: Pretext> Pretraining<'a, P> {
    /// Uploads the patches of the training side and draws the initial weights.
    ///
    /// # Errors
    /// When the training side holds fewer than two patches.
    pub fn new(
        config: &'a RunConfig,
        data: &'a TrainingData,
        normaliser: &Normaliser,
        device: &ComputeDevice,
    ) -> Result<Self> {
        if data.train.len() < 2 {
            return Err(Error::request(
                "the training split holds fewer than two patches, so there is nothing to pretrain on",
                "import more patches, or set pretrain.kind: none",
            ));
        }
        let inner = device.inner.clone();
        Ok(Self {
            config,
            patches: &data.train,
            pool: DevicePool::new(&data.pixels, data.size, device),
            augmenter: Augmenter::new(data.size, config.seed, &inner),
            pretext: P::new(config, &inner.clone().autodiff()),
            optimizer: AdamW::new(config.optimizer.weight_decay),
            device: inner,
            on_cpu: device.is_cpu,
            header: PretrainedHeader {
                format: FORMAT_VERSION,
                program: env!("CARGO_PKG_VERSION").to_owned(),
                backbone: config.backbone,
                channels: 1,
                width: config.backbone.width(),
                size: data.size,
                normaliser: *normaliser,
                config: config.pretrain.clone(),
                views: P::views(config),
                seed: config.seed,
                patches: data.train.len(),
                history: Vec::new(),
                optimizer_steps: 0,
            },
        })
    }

    /// Trains all epochs; resumes a pretraining of this run that the folder holds. `report` gets events and returns
    /// whether to go on.
    ///
    /// # Errors
    /// When a loss is no finite number, the disk refuses, the file to resume from does not fit, or
    /// [`Error::Cancelled`]. Complete epochs stay in the folder.
    pub fn run(
        mut self,
        folder: Option<&Path>,
        report: &mut dyn FnMut(TrainEvent) -> bool,
    ) -> Result<Pretrained> {
        if let Some(path) = folder.map(pretraining_path).filter(|path| path.exists()) {
            self.resume(&path)?;
        }
        self.train_epochs(folder, report)
    }

    /// Puts back the state of an interrupted pretraining of this run.
    fn resume(&mut self, path: &Path) -> Result<()> {
        let left = Pretrained::load(path)?;
        let same = PretrainedHeader {
            history: left.header.history.clone(),
            optimizer_steps: left.header.optimizer_steps,
            program: left.header.program.clone(),
            ..self.header.clone()
        };
        let misfit = |problem: String| {
            Error::format(path, format!("does not fit this run: {problem}"), "start a new run")
        };
        if same != left.header {
            return Err(misfit("it began with other settings or other patches".to_owned()));
        }
        self.pretext = load(self.pretext.clone(), &left.whole).map_err(misfit)?;
        self.optimizer.restore(left.header.optimizer_steps, left.optimizer, &self.device);
        self.header = left.header;
        Ok(())
    }

    /// The features of the network; with `whole`, everything needed to resume instead.
    fn state(&self, whole: bool) -> Pretrained {
        let none = NamedTensors::new;
        let mut features = extract(&self.pretext.network().valid());
        features.retain(|name, _| !is_head(name));
        Pretrained {
            header: PretrainedHeader { optimizer_steps: self.optimizer.steps(), ..self.header.clone() },
            features: if whole { none() } else { features },
            whole: if whole { extract(&self.pretext.valid()) } else { none() },
            optimizer: if whole { self.optimizer.state() } else { none() },
        }
    }

    fn train_epochs(
        mut self,
        folder: Option<&Path>,
        report: &mut dyn FnMut(TrainEvent) -> bool,
    ) -> Result<Pretrained> {
        let epochs = self.config.pretrain.epochs;
        let warning = |epoch, (loss, spread)| P::warning((epoch, epochs), loss, spread);
        let mut warned =
            (1..).zip(&self.header.history).any(|(epoch, &values)| warning(epoch, values).is_some());
        for epoch in self.header.history.len() + 1..=epochs {
            report(TrainEvent::Phase(RunPhase::Pretraining { epoch, epochs }));
            let started = Instant::now();
            let Some((loss, spread)) = self.train_epoch(epoch, report)? else {
                return Err(Error::Cancelled);
            };
            self.header.history.push((loss, spread));
            if let Some(folder) = folder {
                self.state(true).save(&pretraining_path(folder))?;
            }
            let seconds = started.elapsed().as_secs_f64();
            report(TrainEvent::Pretrained(PretrainEpoch {
                epoch,
                epochs,
                loss,
                spread,
                seconds,
                explanation: P::EXPLANATION,
            }));
            if let Some(warning) = warning(epoch, (loss, spread)).filter(|_| !warned) {
                warned = true;
                report(TrainEvent::Warning(warning));
            }
        }
        Ok(self.state(false))
    }

    /// Trains one pass over the patches. Returns mean loss and mean spread, or `None` when told to stop.
    fn train_epoch(
        &mut self,
        epoch: usize,
        report: &mut dyn FnMut(TrainEvent) -> bool,
    ) -> Result<Option<(f64, f64)>> {
        let (seed, settings) = (self.config.seed, &self.config.pretrain);
        let schedule = ScheduleConfig {
            epochs: settings.epochs,
            warm_up_epochs: usize::from(settings.epochs > 1),
            cosine: true,
            ..ScheduleConfig::default()
        };
        let mut order = self.patches.to_vec();
        order.shuffle(&mut generator(seed, epoch, Stream::PretrainOrder));
        let mut rng = generator(seed, epoch, Stream::PretrainViews);
        // A batch of one patch is left out: batch normalisation and the spread need at least two.
        let batches: Vec<&[usize]> = order.chunks(settings.batch_size).filter(|b| b.len() > 1).collect();
        let (count, mut totals) = (batches.len(), Totals::default());
        let mut unread = PendingReadback::default();
        for (index, batch) in batches.into_iter().enumerate() {
            let done = (epoch - 1) as f64 + (index + 1) as f64 / count as f64;
            let (loss, rows) = self.pretext.loss(ViewSource {
                patches: self.pool.gather(batch)?,
                views: self.header.views,
                augmenter: &self.augmenter,
                rng: &mut rng,
            });
            let gradients = GradientsParams::from_grads(loss.clone().backward(), &self.pretext);
            let norm = global_norm(&self.pretext, &gradients, &self.device);
            unread.push(PretrainStep {
                place: (epoch, index + 1),
                loss: loss.inner(),
                gradient_norm: norm.clone(),
                rows,
            });
            if self.on_cpu {
                totals.add(unread.read())?;
            }
            let limit = self.config.optimizer.gradient_clip;
            let rate = learning_rate(settings.learning_rate, &schedule, done);
            self.pretext = self.optimizer.clipped_step(rate, self.pretext.clone(), gradients, norm, limit);
            if unread.is_due() {
                totals.add(unread.read())?;
            }
            let go_on = report(TrainEvent::Progress {
                epoch: 0,
                epochs: settings.epochs,
                batch: (epoch - 1) * count + index + 1,
                batches: settings.epochs * count,
            });
            if !go_on {
                return Ok(None);
            }
        }
        totals.add(unread.read())?;
        let count = count.max(1) as f64;
        Ok(Some((totals.losses / count, totals.spreads / count)))
    }
}

/// What a step measured, still on the device.
struct PretrainStep {
    /// Epoch and batch, both counted from 1.
    place: (usize, usize),
    /// Shape 1.
    loss: Tensor<1>,
    /// Norm of the gradient before clipping (shape 1).
    gradient_norm: Tensor<1>,
    /// As [`Pretext::loss`] returns them.
    rows: Tensor<2>,
}

impl DeviceValues for PretrainStep {
    fn tensors(&self) -> Vec<Tensor<1>> {
        let length = self.rows.shape().num_elements();
        vec![self.loss.clone(), self.gradient_norm.clone(), self.rows.clone().reshape([length])]
    }
}

/// Sums over the steps of an epoch.
#[derive(Default)]
struct Totals {
    losses: f64,
    spreads: f64,
}

impl Totals {
    /// Adds steps with their values.
    fn add(&mut self, steps: Vec<(PretrainStep, Vec<Vec<f32>>)>) -> Result<()> {
        for (step, values) in steps {
            let [loss, norm, rows] = values.as_slice() else { continue };
            let first = |values: &[f32]| values.first().copied().unwrap_or(f32::NAN);
            for (name, value) in [("loss", first(loss)), ("gradient norm", first(norm))] {
                if !value.is_finite() {
                    let problem = format!("the {name} of pretraining is {value}");
                    return Err(Error::diverged(step.place, problem, "lower pretrain.learning_rate"));
                }
            }
            let [_, columns] = step.rows.dims();
            self.losses += f64::from(first(loss));
            self.spreads += spread(rows, columns);
        }
        Ok(())
    }
}
