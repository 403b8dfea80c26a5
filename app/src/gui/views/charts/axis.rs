//! Numbers on the axes of a plot.

use egui_plot::{GridInput, GridMark};
use vitrine_core::report::tables::{NumberStyle, format_number};

/// Round numbers on an axis (1, 2 or 5 times a power of ten), at least `points` apart, so that each has
/// room for its number; `whole` for epochs, which are never between two numbers.
pub fn round_marks(points: f64, whole: bool) -> impl Fn(GridInput) -> Vec<GridMark> {
    move |input| {
        // egui_plot's least distance of two lines is 8 points.
        let least = input.base_step_size * points / 8.0;
        let step = round_step(if whole { least.max(1.0) } else { least });
        marks(input.bounds, step)
    }
}

/// Marks on a logarithmic axis: powers of ten, and between them 2 and 5 where there is room.
pub fn log_marks(points: f64) -> impl Fn(GridInput) -> Vec<GridMark> {
    move |input| log_marks_within(input.bounds, input.base_step_size * points / 8.0)
}

/// As [`log_marks`], between two logarithms and `least` apart. There are always two at least: where the
/// powers of ten and their parts leave one or none, other round numbers.
fn log_marks_within((low, high): (f64, f64), least: f64) -> Vec<GridMark> {
    if least > 0.3 {
        let decades = marks((low, high), round_step(least.max(1.0)));
        if decades.len() >= 2 {
            return decades;
        }
    }
    let of = |decade: GridMark| [1.0_f64, 2.0, 5.0].map(|n| decade.value + n.log10());
    let parts = marks((low - 1.0, high), 1.0).into_iter().flat_map(of);
    let mut shown: Vec<f64> = Vec::new();
    for at in parts.filter(|at| (low..=high).contains(at)) {
        if shown.last().is_none_or(|last| at - last >= least * 0.999) {
            shown.push(at);
        }
    }
    if shown.len() < 2 {
        let (low, high) = (10_f64.powf(low), 10_f64.powf(high));
        // A fifth leaves two round numbers at least, for the step is at most half of it all.
        let round = marks((low, high), round_step((high - low) / 5.0));
        shown = round.into_iter().map(|mark| mark.value.log10()).filter(|at| at.is_finite()).collect();
    }
    // As a distance, for the numbers of lines that are too near are not shown.
    let step_size = least.max(0.3);
    shown.into_iter().map(|value| GridMark { value, step_size }).collect()
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below `least`.
fn round_step(least: f64) -> f64 {
    let ten = 10_f64.powf(least.max(f64::MIN_POSITIVE).log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|n| n * ten).find(|step| *step >= least * 0.999).unwrap_or(10.0 * ten)
}

fn marks((low, high): (f64, f64), step: f64) -> Vec<GridMark> {
    let (first, last) = ((low / step).ceil(), (high / step).floor());
    if !(first.is_finite() && last.is_finite()) || last - first > 1000.0 {
        return Vec::new();
    }
    (first as i64..=last as i64).map(|n| GridMark { value: n as f64 * step, step_size: step }).collect()
}

/// A plain number on an axis, for axes that begin and end with round numbers.
pub fn plain_tick(mark: GridMark) -> String {
    tick(mark.value, mark.step_size, false, false)
}

/// A number on the y axis, with as many digits as the distance of the grid lines asks for.
pub fn tick(value: f64, step: f64, percent: bool, log: bool) -> String {
    if percent {
        return format!("{:.0} %", 100.0 * value);
    }
    if log || (value != 0.0 && value.abs() < 1e-3) {
        return format_number(value, NumberStyle::Plain)
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned();
    }
    let digits = (-step.log10()).ceil().clamp(0.0, 4.0) as usize;
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::{log_marks_within, marks, round_step};

    #[test]
    fn marks_are_round_numbers_inside_the_axis() {
        assert_eq!([0.013, 0.02, 3.0, 7.0].map(round_step), [0.02, 0.02, 5.0, 10.0]);
        let values: Vec<f64> = marks((0.78, 0.91), 0.05).iter().map(|mark| mark.value).collect();
        assert_eq!(values, [0.8, 0.8500000000000001, 0.9]);
        assert!(marks((0.0, f64::INFINITY), 1.0).is_empty());
    }

    #[test]
    fn a_logarithmic_axis_has_two_marks_at_least() {
        let values = |low: f64, high: f64, least| -> Vec<f64> {
            let marks = log_marks_within((low.log10(), high.log10()), least);
            marks.iter().map(|mark| (10_f64.powf(mark.value) * 1e4).round() / 1e4).collect()
        };
        assert_eq!(values(0.8, 120.0, 0.2), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        assert_eq!(values(0.8, 120.0, 0.5), [1.0, 10.0, 100.0]);
        // One power of ten or none: parts of it, and where these are too few, other round numbers.
        assert_eq!(values(0.6, 6.0, 0.35), [1.0, 5.0]);
        assert_eq!(values(0.6, 3.9, 0.35), [1.0, 2.0, 3.0]);
        assert_eq!(values(2.1, 9.9, 0.1), [4.0, 6.0, 8.0]);
        assert_eq!(values(0.305, 0.365, 0.01), [0.32, 0.34, 0.36]);
        for place in 0..200 {
            for width in [0.01, 0.1, 0.4, 0.9, 1.7, 3.0] {
                let low = -3.0 + f64::from(place) * 0.031;
                let marks = log_marks_within((low, low + width), width * 30.0 / 150.0);
                let within = |at: f64| (low - 1e-9..=low + width + 1e-9).contains(&at);
                assert!(
                    marks.len() >= 2 && marks.iter().all(|m| within(m.value)),
                    "{low} {width}: {marks:?}"
                );
            }
        }
        assert!(log_marks_within((0.0, f64::INFINITY), 0.1).is_empty());
    }
}
