//! Whole small trainings of a subject, judged by the simulation's truth.

use vitrine_core::Label;
use vitrine_core::device::ComputeDevice;
use vitrine_core::diagnosis::{RunRecord, Subject};
use vitrine_core::imaging::NormaliserKind;
use vitrine_core::imaging::normalise::Normaliser;
use vitrine_core::learning::config::{RunConfig, SurrogateLoss};
use vitrine_core::learning::data::TrainingData;
use vitrine_core::learning::eval::metrics::auc;
use vitrine_core::learning::infer::predict::{TestTimeAugmentation, probability};
use vitrine_core::learning::network::weights::{NamedTensors, extract};
use vitrine_core::learning::train::metrics::epoch_metrics::EpochMetrics;
use vitrine_core::learning::train::preflight::{PriorEvidence, preflight};
use vitrine_core::learning::train::trainer::{AfterBatch, Trainer};
use vitrine_core::project::Side;

/// What a training of some epochs came to.
pub struct Trained {
    /// Every epoch.
    pub history: Vec<EpochMetrics>,
    /// By truth, over the validation side.
    pub auc: f64,
    /// Mean p over the unlabeled of the validation side: what the run says π is.
    pub says: f64,
    /// Why it ended early.
    pub error: Option<String>,
    /// The network that scores, as a run stores it.
    pub model: NamedTensors,
}

/// The patches as a run would get them.
fn data_of(subject: &Subject, kind: NormaliserKind) -> TrainingData {
    let on = |side: Side| (0..subject.len()).filter(|&i| subject.sides[i] == side).collect::<Vec<_>>();
    let mut pixels = (*subject.pixels).clone();
    let train = on(Side::Train);
    let (size, area) = (subject.size, subject.size * subject.size);
    let normaliser =
        Normaliser::fit(kind, size, train.iter().map(|&i| &subject.pixels[i * area..(i + 1) * area]))
            .unwrap();
    pixels.chunks_exact_mut(area).for_each(|patch| normaliser.apply(patch).unwrap());
    TrainingData {
        size,
        pixels: pixels.into(),
        labels: subject.labels.clone(),
        train,
        validation: on(Side::Validation),
        truth: None,
    }
}

/// Trains the first `epochs` epochs of a configuration as a run of that length.
pub fn train(subject: &Subject, config: &RunConfig, epochs: usize) -> Trained {
    let data = data_of(subject, config.normaliser);
    let device = ComputeDevice::cpu();
    let prior =
        preflight(config, &data, &device, PriorEvidence::default(), |_| {}, |_, _| true).unwrap().prior.value;
    let mut config = config.clone();
    config.schedule.epochs = epochs;
    let held = data.validation.clone();
    let mut trainer = Trainer::new(config, prior, data, &device);
    let (mut history, mut error) = (Vec::new(), None);
    for epoch in 1..=epochs {
        match trainer.run_epoch(epoch, |_, _| AfterBatch::Continue) {
            Ok(metrics) => history.extend(metrics),
            Err(why) => {
                error = Some(why.to_string());
                break;
            }
        }
    }
    let logits = trainer.logits(&held, TestTimeAugmentation::None).unwrap();
    let truth = subject.truth.as_ref().unwrap();
    let of = |wanted: bool| -> Vec<f32> {
        held.iter().zip(&logits).filter(|(i, _)| truth[**i] == Some(wanted)).map(|(_, l)| *l).collect()
    };
    let unlabeled: Vec<f64> = held
        .iter()
        .zip(&logits)
        .filter(|(i, _)| subject.labels[**i] == Label::Unlabeled)
        .map(|(_, l)| f64::from(probability(*l)))
        .collect();
    Trained {
        history,
        auc: if error.is_none() { auc(&of(true), &of(false)).unwrap() } else { 0.5 },
        says: unlabeled.iter().sum::<f64>() / unlabeled.len() as f64,
        error,
        model: extract(&trainer.scoring_network()),
    }
}

/// The subject with this training as its run.
pub fn as_run(mut subject: Subject, trained: &Trained) -> Subject {
    subject.run = Some(RunRecord {
        name: "trained".to_owned(),
        history: trained.history.clone(),
        model: Some(trained.model.clone()),
        ended: trained.error.clone().unwrap_or_else(|| "finished".to_owned()),
    });
    subject
}

/// nnPU with the sigmoid loss and hard pseudo-labels from the first step on: the case the program grew
/// out of, which collapses when it is trained.
pub fn collapsing(mut subject: Subject) -> Subject {
    let c = &mut subject.config;
    c.risk.loss = SurrogateLoss::Sigmoid;
    c.consistency.threshold = 0.9;
    c.batch.size = 16;
    c.consistency.weight = 1.0;
    c.consistency.ramp_up_epochs = 0;
    c.schedule.warm_up_epochs = 0;
    c.schedule.cosine = false;
    subject
}
