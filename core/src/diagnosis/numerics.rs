//! Checks the numerics: gradients of the configured risk on this data against finite differences in 64 bits, and one
//! step on the chosen device against the CPU.

use super::finding::{Finding, Section, Severity};
use super::probe::prior_of;
use super::{Examination, SharedData, Subject, kinds};
use crate::device::ComputeDevice;
use crate::error::Result;
use crate::learning::config::Backbone;
use crate::learning::inspect::ProbeSetup;
use crate::learning::inspect::gradient_check::{check_gradients, first_step_norms};

/// Tensors checked.
const MAX_TENSORS: usize = 14;
/// Relative error that is still rounding; a rectifier that turns within the step makes one weight worse.
const MAX_ROUNDING_ERROR: f64 = 1e-3;
/// Relative difference between devices in 32 bits.
const MAX_DEVICE_DIFFERENCE: f64 = 5e-3;

pub(super) fn examine(subject: &Subject, shared: &SharedData, device: &ComputeDevice) -> Result<Section> {
    let mut section = Section::new(Examination::Numerics);
    let Some(quick) = &shared.quick else {
        section.skipped = Some(shared.untrained.clone());
        return Ok(section);
    };
    let mut config = subject.config.clone();
    config.backbone = Backbone::SmallCnn;
    config.batch.size = 16;
    let prior = prior_of(&config, shared);
    let checks = check_gradients(&config, prior, &quick.data, MAX_TENSORS)?;
    let off: Vec<&_> = checks.iter().filter(|c| c.error.is_nan() || c.error > MAX_ROUNDING_ERROR).collect();
    let median = super::stats::quantile(&checks.iter().map(|c| c.error).collect::<Vec<_>>(), 0.5);
    section.say(format!(
        "Gradients against finite differences in 64 bits at {} weights: median relative error {median:.1e}, {} above \
         {MAX_ROUNDING_ERROR:e}.",
        checks.len(),
        off.len()
    ));
    // One weight in front of a rectifier that happens to turn is no fault of the gradient.
    if off.len() * 3 > checks.len() {
        let listed: Vec<String> = off
            .iter()
            .take(4)
            .map(|c| format!("{}: {:.3e} against {:.3e}", c.weight, c.gradient, c.difference))
            .collect();
        section.findings.push(
            Finding::new(
                kinds::WRONG_GRADIENT,
                Examination::Numerics,
                Severity::Wrong,
                format!(
                    "Finite differences do not confirm the gradient at {} of {} weights.",
                    off.len(),
                    checks.len()
                ),
                format!(
                    "Training then minimises something other than the loss that is shown ({}).",
                    listed.join("; ")
                ),
                "This is a fault of the program: report it with the whole report.",
            )
            .with("median relative error", format!("{median:.1e}")),
        );
    }
    if device.is_cpu {
        section.say("The device is the CPU, so there is no other to compare it with.");
        return Ok(section);
    }
    let norms_on = |device: &ComputeDevice| {
        first_step_norms(ProbeSetup { config: &config, prior, data: &quick.data, device })
    };
    let (cpu, gpu) = (norms_on(&ComputeDevice::cpu())?, norms_on(device)?);
    let scale = cpu.iter().skip(1).map(|c| c.1.abs()).fold(1e-6, f64::max);
    let worst = cpu
        .iter()
        .zip(&gpu)
        .map(|(c, g)| (&c.0, (c.1 - g.1).abs() / c.1.abs().max(1e-2 * scale)))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let Some((name, worst)) = worst else { return Ok(section) };
    section.say(format!(
        "One step on {device} against the CPU: largest relative difference {worst:.1e} ({name})."
    ));
    if worst.is_nan() || worst > MAX_DEVICE_DIFFERENCE {
        section.findings.push(
            Finding::new(
                kinds::DEVICES_DISAGREE,
                Examination::Numerics,
                Severity::Wrong,
                format!("{device} and the CPU disagree on the same step."),
                format!("The {name} differs by {:.1} %, far beyond rounding in 32 bits.", worst * 100.0),
                "Train on the processor (device cpu), and update the driver of the graphics card.",
            )
            .with("largest relative difference", format!("{worst:.1e} ({name})")),
        );
    }
    Ok(section)
}
