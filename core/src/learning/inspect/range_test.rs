//! The loss over a rising learning rate.

use crate::error::Result;
use crate::learning::inspect::setup::{Probe, ProbeSetup};
use crate::learning::optim::adamw::AdamW;

/// The learning-rate range test (Smith 2017): the rate rises by a constant factor from `low` to `high` over `steps`
/// steps. Returns rate and loss of each step. Ends early where the loss is no finite number.
///
/// # Errors
/// When no batch can be made.
pub fn range_test(setup: ProbeSetup<'_>, (low, high): (f64, f64), steps: usize) -> Result<Vec<(f64, f64)>> {
    let mut probe = Probe::new(setup, None, steps.max(2))?;
    let mut optimizer = AdamW::new(0.0);
    let factor = (high / low).powf(1.0 / (steps.max(2) - 1) as f64);
    let mut rate = low;
    let mut points = Vec::new();
    for batch in probe.batches.clone() {
        let (loss, gradients) = probe.gradients(&batch)?;
        points.push((rate, loss));
        if !loss.is_finite() {
            break;
        }
        probe.step(&mut optimizer, rate, gradients);
        rate *= factor;
    }
    Ok(points)
}
