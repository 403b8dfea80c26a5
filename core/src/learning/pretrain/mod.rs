//! Self-supervised pretraining: the network learns from patches alone, before it sees a label.
//!
//! What it is asked to learn is a `Pretext`, a file each: `simsiam`, `masked`. The heads that are needed for it are
//! thrown away afterwards. It learns from the training side, whatever the labels; validation and test stay
//! patches the network has never seen. The steps are AdamW's, as in training.

mod masked;
mod simsiam;
pub mod weights_file;

use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::device::ComputeDevice;
use crate::error::{Error, Result};
use crate::imaging::normalise::Normaliser;
use crate::learning::config::{PretrainKind, RunConfig, ScheduleConfig};
use crate::learning::data::TrainingData;
use crate::learning::data::augment::Augmenter;
use crate::learning::data::patch_store::DevicePool;
use crate::learning::data::sampler::generator;
use crate::learning::network::Network;
use crate::learning::network::weights::{NamedTensors, collect, restore, to_vec};
use crate::learning::optim::adamw::{AdamW, clip_factor, global_norm};
use crate::learning::optim::schedule::learning_rate;
use crate::learning::pretrain::weights_file::{
    FORMAT_VERSION, PretrainViews, Pretrained, PretrainedHeader, pretrained_path, pretraining_path,
};
use crate::learning::train::events::{PretrainEpoch, RunPhase, TrainEvent};
use crate::learning::train::step_metrics::AT_ONCE;

/// Purposes of the generators of one epoch.
const ORDER: u64 = 61;
const VIEWS: u64 = 62;

/// Makes the views of a batch, one after the other.
struct Views<'a> {
    patches: Tensor<4>,
    shown: PretrainViews,
    augmenter: &'a Augmenter,
    rng: &'a mut ChaCha8Rng,
}

impl Views<'_> {
    /// A view of each patch (N×1×S×S).
    fn next(&mut self) -> Tensor<4> {
        let patches = self.patches.clone();
        match &self.shown {
            PretrainViews::Strong(settings) => self.augmenter.strong(patches, settings, self.rng),
            PretrainViews::Weak(settings) => self.augmenter.weak(patches, settings, self.rng),
        }
    }
}

/// What a network is asked to learn from patches without labels: the network with the heads it needs for it.
trait Pretext: Module {
    /// What loss and spread say, for who watches.
    const MEANING: &'static str;

    /// What a person should be told after an epoch, of so many, with this mean loss and mean spread.
    fn trouble(place: (usize, usize), loss: f64, spread: f64) -> Option<String>;

    /// The views that patches are shown in.
    fn views(config: &RunConfig) -> PretrainViews;

    /// The network begins with the first weights of the run without pretraining.
    fn new(config: &RunConfig, device: &Device) -> Self;

    /// The network without its heads.
    fn network(&self) -> &Network;

    /// Loss of a batch (shape 1), and rows (without gradient) whose [`spread`] says whether the patches look
    /// different to the network.
    fn loss(&self, views: Views) -> (Tensor<1>, Tensor<2>);
}

/// √d times the standard deviation of rows scaled to length 1, averaged over the d columns: about 1 for
/// rows in all directions, 0 when all point the same way (Chen & He 2021, section 4.1).
pub fn spread(rows: &[f32], columns: usize) -> f64 {
    let count = rows.len() / columns.max(1);
    if count == 0 {
        return 0.0;
    }
    let (mut sum, mut squares) = (vec![0.0f64; columns], vec![0.0f64; columns]);
    for row in rows.chunks_exact(columns) {
        let length = row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt().max(1e-12);
        for (column, &value) in row.iter().enumerate() {
            let value = f64::from(value) / length;
            sum[column] += value;
            squares[column] += value * value;
        }
    }
    let deviation = |(sum, squares): (&f64, &f64)| {
        let mean = sum / count as f64;
        (squares / count as f64 - mean * mean).max(0.0).sqrt()
    };
    let mean = sum.iter().zip(&squares).map(deviation).sum::<f64>() / columns as f64;
    mean * (columns as f64).sqrt()
}

/// The weights, without the last layer, that a run begins with; `None` where they are drawn at random.
/// In a folder that holds a pretraining of this run it goes on from there, and it leaves its weights
/// in the folder. `say` hears what happens and answers whether to go on.
///
/// # Errors
/// Weights that do not fit, a loss that is no finite number, a disk that refuses, or
/// [`Error::Cancelled`] when told to stop; what was complete by then stays in the folder.
pub fn beginning(
    config: &RunConfig,
    data: &TrainingData,
    normaliser: &Normaliser,
    device: &ComputeDevice,
    folder: Option<&Path>,
    say: &mut dyn FnMut(TrainEvent) -> bool,
) -> Result<Option<NamedTensors>> {
    if config.pretrain.kind == PretrainKind::None {
        return Ok(None);
    }
    if let Some(path) = folder.map(pretrained_path).filter(|path| path.exists()) {
        let pretrained = Pretrained::load(&path)?;
        pretrained.require_fit(&path, config, normaliser)?;
        return Ok(Some(pretrained.features));
    }
    let pretrained = match config.pretrain.kind {
        PretrainKind::None => return Ok(None),
        PretrainKind::Weights => named_weights(config, normaliser)?,
        PretrainKind::Simsiam => {
            Pretraining::<simsiam::Siamese>::new(config, data, normaliser, device)?.whole(folder, say)?
        }
        PretrainKind::Masked => {
            Pretraining::<masked::Masked>::new(config, data, normaliser, device)?.whole(folder, say)?
        }
    };
    if let Some(folder) = folder {
        pretrained.save(&pretrained_path(folder))?;
        // What is left over costs only disk space.
        let _ = std::fs::remove_file(pretraining_path(folder));
    }
    Ok(Some(pretrained.features))
}

/// Reads the weights a configuration names and checks that they fit.
///
/// # Errors
/// As [`Pretrained::load`] and [`Pretrained::require_fit`].
pub fn named_weights(config: &RunConfig, normaliser: &Normaliser) -> Result<Pretrained> {
    let path = PathBuf::from(config.pretrain.weights.trim());
    let pretrained = Pretrained::load(&path)?;
    pretrained.require_fit(&path, config, normaliser)?;
    Ok(pretrained)
}

/// A network with the pretrained weights in place; its last layer stays as it is.
///
/// # Errors
/// A sentence naming the first weight that does not fit.
pub fn put_into(network: Network, features: &NamedTensors) -> std::result::Result<Network, String> {
    let mut all = collect(&network.valid());
    all.retain(|name, _| is_head(name));
    all.extend(features.iter().map(|(name, tensor)| (name.clone(), tensor.clone())));
    restore(network, &all)
}

fn is_head(name: &str) -> bool {
    name.split('.').any(|part| part == "head")
}

/// The moving parts of a pretraining.
struct Pretraining<'a, P> {
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
    fn new(
        config: &'a RunConfig,
        data: &'a TrainingData,
        normaliser: &Normaliser,
        device: &ComputeDevice,
    ) -> Result<Self> {
        if data.train.len() < 2 {
            return Err(Error::request(
                "the training split holds fewer than two patches: there is nothing to pretrain on",
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

    /// All of it, from where an earlier one in this folder ended.
    fn whole(mut self, folder: Option<&Path>, say: &mut dyn FnMut(TrainEvent) -> bool) -> Result<Pretrained> {
        if let Some(path) = folder.map(pretraining_path).filter(|path| path.exists()) {
            self.go_on(&path)?;
        }
        self.run(folder, say)
    }

    /// Takes up what a pretraining of this run left when it ended before its time.
    fn go_on(&mut self, path: &Path) -> Result<()> {
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
            return Err(misfit("it was begun with other settings or other patches".to_owned()));
        }
        self.pretext = restore(self.pretext.clone(), &left.whole).map_err(misfit)?;
        self.optimizer.restore(left.header.optimizer_steps, left.optimizer, &self.device);
        self.header = left.header;
        Ok(())
    }

    /// What there is now; `whole` with everything needed to go on.
    fn state(&self, whole: bool) -> Pretrained {
        let none = NamedTensors::new;
        let mut features = collect(&self.pretext.network().valid());
        features.retain(|name, _| !is_head(name));
        Pretrained {
            header: PretrainedHeader { optimizer_steps: self.optimizer.steps(), ..self.header.clone() },
            features: if whole { none() } else { features },
            whole: if whole { collect(&self.pretext.valid()) } else { none() },
            optimizer: if whole { self.optimizer.state() } else { none() },
        }
    }

    fn run(mut self, folder: Option<&Path>, say: &mut dyn FnMut(TrainEvent) -> bool) -> Result<Pretrained> {
        let epochs = self.config.pretrain.epochs;
        let trouble = |epoch, (loss, spread)| P::trouble((epoch, epochs), loss, spread);
        let mut warned =
            (1..).zip(&self.header.history).any(|(epoch, &values)| trouble(epoch, values).is_some());
        for epoch in self.header.history.len() + 1..=epochs {
            say(TrainEvent::Phase(RunPhase::Pretraining { epoch, epochs }));
            let started = Instant::now();
            let Some((loss, spread)) = self.epoch(epoch, say)? else { return Err(Error::Cancelled) };
            self.header.history.push((loss, spread));
            if let Some(folder) = folder {
                self.state(true).save(&pretraining_path(folder))?;
            }
            let seconds = started.elapsed().as_secs_f64();
            say(TrainEvent::Pretrained(PretrainEpoch {
                epoch,
                epochs,
                loss,
                spread,
                seconds,
                meaning: P::MEANING,
            }));
            if let Some(sentence) = trouble(epoch, (loss, spread)).filter(|_| !warned) {
                warned = true;
                say(TrainEvent::Warning(sentence));
            }
        }
        Ok(self.state(false))
    }

    /// One pass over the patches: mean loss and mean spread. `None` when told to stop.
    fn epoch(&mut self, epoch: usize, say: &mut dyn FnMut(TrainEvent) -> bool) -> Result<Option<(f64, f64)>> {
        let (seed, settings) = (self.config.seed, &self.config.pretrain);
        let schedule = ScheduleConfig {
            epochs: settings.epochs,
            warm_up_epochs: usize::from(settings.epochs > 1),
            cosine: true,
            ..ScheduleConfig::default()
        };
        let mut order = self.patches.to_vec();
        order.shuffle(&mut generator(seed, epoch, ORDER));
        let mut rng = generator(seed, epoch, VIEWS);
        // A patch alone has nothing to be normalised with, and no spread.
        let batches: Vec<&[usize]> = order.chunks(settings.batch_size).filter(|b| b.len() > 1).collect();
        let (count, mut unread) = (batches.len(), Unread::default());
        for (index, batch) in batches.into_iter().enumerate() {
            let done = (epoch - 1) as f64 + (index + 1) as f64 / count as f64;
            let (loss, rows) = self.pretext.loss(Views {
                patches: self.pool.gather(batch)?,
                shown: self.header.views,
                augmenter: &self.augmenter,
                rng: &mut rng,
            });
            let gradients = GradientsParams::from_grads(loss.clone().backward(), &self.pretext);
            let norm = global_norm(&self.pretext, &gradients, &self.device);
            unread.add((index + 1, loss.inner(), norm.clone(), rows));
            if self.on_cpu {
                unread.read(epoch)?;
            }
            let limit = self.config.optimizer.gradient_clip;
            let scale = (limit > 0.0).then(|| clip_factor(norm, limit));
            let rate = learning_rate(settings.learning_rate, &schedule, done);
            self.pretext = self.optimizer.step(rate, self.pretext.clone(), gradients, scale);
            if unread.steps.len() >= AT_ONCE {
                unread.read(epoch)?;
            }
            let told = say(TrainEvent::Progress {
                epoch: 0,
                epochs: settings.epochs,
                batch: (epoch - 1) * count + index + 1,
                batches: settings.epochs * count,
            });
            if !told {
                return Ok(None);
            }
        }
        unread.read(epoch)?;
        let count = count.max(1) as f64;
        Ok(Some((unread.losses / count, unread.spreads / count)))
    }
}

/// Steps of an epoch that are made and not read, and the sums of those that are. A GPU is asked for several at
/// once, as in training ([`crate::learning::train::step_metrics`]).
#[derive(Default)]
struct Unread {
    /// Batch, loss (shape 1), norm of the gradient (shape 1), and rows as [`Pretext::loss`] gives them.
    steps: Vec<(usize, Tensor<1>, Tensor<1>, Tensor<2>)>,
    losses: f64,
    spreads: f64,
}

impl Unread {
    fn add(&mut self, step: (usize, Tensor<1>, Tensor<1>, Tensor<2>)) {
        self.steps.push(step);
    }

    /// Reads all of them in one go.
    fn read(&mut self, epoch: usize) -> Result<()> {
        let steps = std::mem::take(&mut self.steps);
        let parts: Vec<_> = steps
            .iter()
            .flat_map(|(_, loss, norm, rows)| {
                let length = rows.shape().num_elements();
                [loss.clone(), norm.clone(), rows.clone().reshape([length])]
            })
            .collect();
        if parts.is_empty() {
            return Ok(());
        }
        let values = to_vec(Tensor::cat(parts, 0));
        let mut rest = values.as_slice();
        for (batch, _, _, rows) in steps {
            let [count, columns] = rows.dims();
            let Some((step, others)) = rest.split_at_checked(2 + count * columns) else { break };
            rest = others;
            let (value, norm) = (step[0], step[1]);
            if !value.is_finite() {
                return Err(diverged(epoch, batch, &format!("the loss of pretraining is {value}")));
            }
            if !norm.is_finite() {
                return Err(diverged(epoch, batch, &format!("the gradient norm of pretraining is {norm}")));
            }
            self.losses += f64::from(value);
            self.spreads += spread(&step[2..], columns);
        }
        Ok(())
    }
}

fn diverged(epoch: usize, batch: usize, problem: &str) -> Error {
    Error::Training {
        epoch,
        batch,
        problem: problem.to_owned(),
        remedy: "lower pretrain.learning_rate".into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::learning::config::Backbone;

    #[test]
    fn the_spread_is_one_in_all_directions_and_zero_in_one() {
        // Unit vectors along ±x and ±y: deviation √½ in either column, times √2.
        assert!((spread(&[1.0, 0.0, -4.0, 0.0, 0.0, 2.0, 0.0, -1.0], 2) - 1.0).abs() < 1e-12);
        assert!(spread(&[1.0, 1.0, 5.0, 5.0, 0.1, 0.1], 2) < 1e-6);
        assert_eq!(spread(&[], 2), 0.0);
    }

    #[test]
    fn the_width_is_that_of_the_features_and_the_head_stays() {
        let device = ComputeDevice::cpu().inner;
        for backbone in [Backbone::SmallCnn, Backbone::Resnet18] {
            let network = Network::new(backbone, 1, &device).valid();
            let patch = Tensor::<4>::zeros([1, 1, 32, 32], &device);
            assert_eq!(network.features(patch).dims()[1], backbone.width());
            let mut features = collect(&Network::new(backbone, 2, &device).valid());
            features.retain(|name, _| !is_head(name));
            let before = collect(&network);
            let after = collect(&put_into(network, &features).unwrap());
            assert_eq!(before.len(), features.len() + 2, "weight and bias of the last layer");
            for (name, tensor) in &after {
                let expected = if is_head(name) { &before[name] } else { &features[name] };
                assert_eq!(tensor, expected, "{name}");
            }
        }
    }
}
