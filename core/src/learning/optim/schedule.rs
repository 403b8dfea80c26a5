//! Learning rate and λ over a run.

use crate::learning::config::{ConsistencyConfig, ScheduleConfig};

/// Learning rate after `epochs_done` epochs, fractions included. It rises linearly from 0 over the warm-up and then
/// stays constant, or falls to 0 along half a cosine. From `restart_epoch` on it starts the cosine anew (warm
/// restarts, Loshchilov & Hutter 2017).
pub fn learning_rate(peak: f64, config: &ScheduleConfig, epochs_done: f64) -> f64 {
    let warm_up = config.warm_up_epochs as f64;
    if epochs_done < warm_up {
        return peak * epochs_done / warm_up;
    }
    if !config.cosine {
        return peak;
    }
    let restart = config.restart_epoch.saturating_sub(1) as f64;
    let (from, to) = match config.restart_epoch {
        0 => (warm_up, config.epochs as f64),
        _ if epochs_done < restart => (warm_up, restart),
        _ => (restart, config.epochs as f64),
    };
    let t = ((epochs_done - from) / (to - from).max(1e-9)).clamp(0.0, 1.0);
    peak * 0.5 * (1.0 + (std::f64::consts::PI * t).cos())
}

/// λ after `epochs_done` epochs, fractions included: λ·e^(−5(1−t)²), where t rises to 1 over the ramp-up (Laine & Aila
/// 2017).
pub fn consistency_weight(config: &ConsistencyConfig, epochs_done: f64) -> f64 {
    let ramp = config.ramp_up_epochs as f64;
    if ramp <= 0.0 || epochs_done >= ramp {
        return config.weight;
    }
    let missing = 1.0 - (epochs_done / ramp).clamp(0.0, 1.0);
    config.weight * (-5.0 * missing * missing).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learning_rate_rises_then_falls_to_zero() {
        let config =
            ScheduleConfig { epochs: 12, warm_up_epochs: 2, cosine: true, ..ScheduleConfig::default() };
        assert_eq!(learning_rate(0.1, &config, 0.0), 0.0);
        assert!((learning_rate(0.1, &config, 1.0) - 0.05).abs() < 1e-12);
        assert!((learning_rate(0.1, &config, 2.0) - 0.1).abs() < 1e-12);
        // Half way down the cosine.
        assert!((learning_rate(0.1, &config, 7.0) - 0.05).abs() < 1e-12);
        assert!(learning_rate(0.1, &config, 12.0).abs() < 1e-12);
        let flat = ScheduleConfig { cosine: false, ..config };
        assert_eq!(learning_rate(0.1, &flat, 11.0), 0.1);
    }

    #[test]
    fn a_restart_passes_the_cosine_twice() {
        let config =
            ScheduleConfig { epochs: 30, warm_up_epochs: 0, restart_epoch: 21, ..ScheduleConfig::default() };
        let rate = |done| learning_rate(0.1, &config, done);
        assert!((rate(10.0) - 0.05).abs() < 1e-12 && rate(19.999) < 1e-6, "down to 0 by the end of epoch 20");
        assert_eq!(rate(20.0), 0.1);
        assert!((rate(25.0) - 0.05).abs() < 1e-12 && rate(30.0).abs() < 1e-12);
    }

    #[test]
    fn ramp_starts_at_e_to_minus_five_and_ends_at_lambda() {
        let config = ConsistencyConfig { weight: 0.3, ramp_up_epochs: 30, ..ConsistencyConfig::default() };
        assert!((consistency_weight(&config, 0.0) - 0.3 * (-5.0f64).exp()).abs() < 1e-12);
        assert!((consistency_weight(&config, 15.0) - 0.3 * (-1.25f64).exp()).abs() < 1e-12);
        assert_eq!(consistency_weight(&config, 30.0), 0.3);
        assert_eq!(consistency_weight(&config, 99.0), 0.3);
    }
}
