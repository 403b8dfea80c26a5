//! The loss of one batch and its gradients.
//!
//! Weak, strong and labelled views go through the student together, and all terms are summed before the one backward
//! pass, so that batch normalisation sees all views.

use burn::optim::GradientsParams;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, TensorData};

use crate::error::{Error, Result};
use crate::learning::config::RunConfig;
use crate::learning::data::TrainingData;
use crate::learning::data::batch_views::BatchViews;
use crate::learning::data::mixup::Mix;
use crate::learning::data::sampler::Batch;
use crate::learning::loss::alignment::{Classes, alignment_loss};
use crate::learning::loss::consistency::{PseudoLabels, RunningConfidence, consistency_loss, pseudo_labels};
use crate::learning::loss::risk::{LabelledLogits, RiskValue, cross_entropy, risk};
use crate::learning::loss::self_training::PseudoTarget;
use crate::learning::train::metrics::epoch_totals::EpochTotals;
use crate::learning::train::metrics::step_metrics::BatchMetrics;
use crate::learning::train::networks::Networks;

/// A batch with its views and weights.
pub(super) struct BatchInput<'a> {
    pub batch: &'a Batch,
    pub views: BatchViews,
    /// Pseudo-labels of self-training, one for each patch of the run; `None` while it is off.
    pub targets: Option<&'a [PseudoTarget]>,
    /// λ, the weight of the consistency term.
    pub lambda: f64,
    /// Factor of the gradients: one over the batches of a step.
    pub gradient_scale: f64,
    /// Epoch and batch, both counted from 1.
    pub place: (usize, usize),
}

/// Everything that the loss of a batch depends on beside the batch.
pub(super) struct BatchLoss<'a> {
    pub config: &'a RunConfig,
    /// The class prior π.
    pub prior: f64,
    pub networks: &'a Networks,
    pub confidence: &'a RunningConfidence,
    pub data: &'a TrainingData,
    pub device: &'a Device,
}

impl BatchLoss<'_> {
    /// Gradients of the loss of a batch, and what the batch measured. Pseudo-labels of self-training are added to
    /// `totals` at once, because they lie on the host.
    ///
    /// # Errors
    /// When the batch holds nothing from which the risk can learn.
    pub fn gradients(
        &self,
        input: BatchInput<'_>,
        totals: &mut EpochTotals,
    ) -> Result<(GradientsParams, BatchMetrics)> {
        let BatchInput { batch, views, targets, lambda, gradient_scale, place } = input;
        let BatchViews { weak, strong, second_weak, mix } = views;
        let (has_strong, has_second) = (strong.is_some(), second_weak.is_some());
        let patches =
            batch.len() * if has_second { 2 } else { 1 } + if has_strong { batch.unlabeled.len() } else { 0 };

        let teacher_p = if has_strong { self.teacher_p(batch, &weak) } else { None };
        let (features, logits) = self.student_outputs(weak, strong);
        let by_label = LabelledLogits::split(batch, &logits);
        let p = teacher_p.or_else(|| by_label.unlabeled.clone().map(|logits| sigmoid(logits.inner())));

        let risk = self.risk_term(batch, targets, &logits, by_label, mix, totals)?;
        let pseudo = p.clone().filter(|_| has_strong);
        let pseudo = pseudo.map(|p| pseudo_labels(&self.config.consistency, self.confidence, self.prior, p));
        let consistency = pseudo.clone().map(|labels| self.consistency_term(batch, &logits, labels));
        let alignment = self.alignment_term(batch, targets, features, &logits, second_weak);

        let (loss, terms) = self.total_loss(risk, consistency, alignment, lambda);
        let gradients = (loss * gradient_scale).backward();
        let gradients = GradientsParams::from_grads(gradients, &self.networks.student);
        // While self-training is on, its pseudo-labels are the ones that are reported.
        let pseudo = pseudo.filter(|_| targets.is_none()).map(|labels| {
            (labels, batch.unlabeled.iter().map(|&patch| self.data.is_particle(patch)).collect())
        });
        Ok((gradients, BatchMetrics { terms, p, pseudo, patches, place }))
    }

    /// p of the unlabeled from the teacher, where it gives the pseudo-labels.
    fn teacher_p(&self, batch: &Batch, weak: &Tensor<4>) -> Option<Tensor<1>> {
        let teacher = self.networks.teacher.as_ref().filter(|_| self.config.teacher.pseudo_labels)?;
        let unlabeled = weak.clone().narrow(0, batch.positive.len(), batch.unlabeled.len());
        Some(sigmoid(teacher.forward(unlabeled)))
    }

    /// Features and logits of weak and strong views from the student.
    fn student_outputs(&self, weak: Tensor<4>, strong: Option<Tensor<4>>) -> (Tensor<2>, Tensor<1>) {
        let input = match strong {
            Some(strong) => Tensor::cat(vec![weak, strong], 0),
            None => weak,
        };
        let features = self.networks.student.features(Tensor::from_inner(input));
        let logits = self.networks.student.head(features.clone());
        (features, logits)
    }

    /// The risk, or the self-training loss that replaces it. With mixup it is mixed like the views: a share of the
    /// risk with the patches' own labels, the rest with their partners'.
    fn risk_term(
        &self,
        batch: &Batch,
        targets: Option<&[PseudoTarget]>,
        logits: &Tensor<1>,
        by_label: LabelledLogits,
        mix: Option<Mix>,
        totals: &mut EpochTotals,
    ) -> Result<RiskValue> {
        let mut value_of = |logits| match targets {
            Some(targets) => self.self_training_risk(batch, logits, targets, totals),
            None => risk(&self.config.risk, self.prior, logits),
        };
        let mut value = value_of(by_label);
        if let Some(mix) = mix {
            let partners = mix.by_partner(logits.clone().narrow(0, 0, batch.len()));
            let other = value_of(LabelledLogits::split(batch, &partners));
            value = value.zip(other).map(|(own, other)| own.mixed(other, mix.share));
        }
        value.ok_or_else(|| {
            Error::request(
                "a batch holds nothing from which the risk can learn",
                "give positives a part of the batch, or choose another risk",
            )
        })
    }

    /// Cross-entropy of the positives and of the pseudo-labelled patches, plus the term of the known negatives.
    fn self_training_risk(
        &self,
        batch: &Batch,
        logits: LabelledLogits,
        targets: &[PseudoTarget],
        totals: &mut EpochTotals,
    ) -> Option<RiskValue> {
        let LabelledLogits { positive, unlabeled, negative } = logits;
        let positives = batch.positive.len();
        let (mut target, mut weight) = (vec![1.0f32; positives], vec![1.0f32; positives]);
        for &patch in &batch.unlabeled {
            let (t, w) = match targets[patch] {
                PseudoTarget::Positive => (1.0, 1.0),
                PseudoTarget::Negative => (0.0, 1.0),
                PseudoTarget::Ignored => (0.0, 0.0),
            };
            target.push(t);
            weight.push(w);
        }
        let chosen = target[positives..].iter().copied().zip(weight[positives..].iter().copied());
        totals.add_pseudo_labels(chosen, batch.unlabeled.iter().map(|&patch| self.data.is_particle(patch)));
        let total: f32 = weight.iter().sum();
        let parts: Vec<Tensor<1>> = [positive, unlabeled].into_iter().flatten().collect();
        let mut objective = (!parts.is_empty() && total > 0.0).then(|| {
            let count = target.len();
            let vector = |values: Vec<f32>| {
                Tensor::<1>::from_inner(Tensor::from_data(TensorData::new(values, [count]), self.device))
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
        Some(RiskValue { shown: objective.clone().detach(), objective, negative_term, clamped: None })
    }

    /// The consistency term before λ: strong views against pseudo-labels.
    fn consistency_term(&self, batch: &Batch, logits: &Tensor<1>, labels: PseudoLabels) -> Tensor<1> {
        let strong = logits.clone().narrow(0, batch.len(), batch.unlabeled.len());
        let [target, weight] = [labels.target, labels.weight].map(Tensor::from_inner);
        consistency_loss(self.config.consistency.kind, strong, target, weight)
    }

    /// The weighted alignment term: features of the weak views under the student against those of the second weak
    /// views under the teacher.
    fn alignment_term(
        &self,
        batch: &Batch,
        targets: Option<&[PseudoTarget]>,
        features: Tensor<2>,
        logits: &Tensor<1>,
        second_weak: Option<Tensor<4>>,
    ) -> Option<Tensor<1>> {
        let (second_weak, teacher) = second_weak.zip(self.networks.teacher.as_ref())?;
        let (positive, unlabeled) = (batch.positive.len(), batch.unlabeled.len());
        let classes = match targets {
            Some(targets) => Classes::by_targets(batch, targets, self.device),
            None if unlabeled == 0 => Classes::by_targets(batch, &[], self.device),
            None => {
                let logits = logits.clone().narrow(0, positive, unlabeled).inner();
                Classes::by_logits(batch, self.prior, logits)
            }
        };
        let first = features.narrow(0, 0, batch.len());
        let term = alignment_loss(first, teacher.features(second_weak), &classes);
        Some(term * self.config.alignment.weight)
    }

    /// The loss, and the values that [`BatchMetrics::terms`] holds.
    fn total_loss(
        &self,
        risk: RiskValue,
        consistency: Option<Tensor<1>>,
        alignment: Option<Tensor<1>>,
        lambda: f64,
    ) -> (Tensor<1>, Tensor<1>) {
        let RiskValue { objective, shown, negative_term, clamped } = risk;
        let zero = || Tensor::<1>::zeros([1], self.device);
        let consistency_shown = consistency.clone().map_or_else(zero, Tensor::inner);
        let mut total_shown = shown.clone().inner() + consistency_shown.clone() * lambda;
        let mut loss = match consistency {
            Some(term) => objective + term * lambda,
            None => objective,
        };
        if let Some(term) = alignment {
            total_shown = total_shown + term.clone().inner();
            loss = loss + term;
        }
        let terms = vec![
            loss.clone().inner(),
            total_shown,
            shown.inner(),
            negative_term.map_or_else(zero, Tensor::inner),
            consistency_shown,
            clamped.map_or_else(zero, Tensor::inner),
        ];
        (loss, Tensor::cat(terms, 0))
    }
}
