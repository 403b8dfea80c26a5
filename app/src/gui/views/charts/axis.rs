//! Numbers on the axes of a plot.

use egui_plot::{GridInput, GridMark};

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
    tick(mark.value, mark.step_size, false)
}

/// A share on an axis.
pub fn percent_tick(mark: GridMark) -> String {
    tick(mark.value, mark.step_size, true)
}

/// A number on an axis, with as many digits as the distance of the grid lines asks for: no two lines have the same.
pub fn tick(value: f64, step: f64, percent: bool) -> String {
    if percent {
        let digits = digits(100.0 * step);
        return format!("{:.digits$} %", 100.0 * value);
    }
    let digits = digits(step);
    if digits > MAX_DIGITS && value.abs() < 1e-3 {
        return shortest(value, step);
    }
    format!("{value:.digits$}")
}

/// A number on a logarithmic axis, where each line is at a round number of its own.
pub fn log_tick(value: f64, percent: bool) -> String {
    if percent { format!("{} %", shortest(100.0 * value, 0.0)) } else { shortest(value, 0.0) }
}

/// Digits behind the point up to which a small number is written out.
const MAX_DIGITS: usize = 5;

/// Digits behind the point that tell apart numbers a step from each other.
fn digits(step: f64) -> usize {
    // The logarithm of 0.001 may be a hair below −3.
    (-step.log10() - 1e-9).ceil().clamp(0.0, 12.0) as usize
}

/// The shortest text of a round number on an axis with this distance of lines.
fn shortest(value: f64, step: f64) -> String {
    // What is left of a rounded sum: 0.30000000000000004, or 1e-20 for 0.
    let value: f64 =
        if value.abs() < step * 1e-6 { 0.0 } else { format!("{value:.9e}").parse().unwrap_or(value) };
    if value != 0.0 && !(1e-3..1e6).contains(&value.abs()) { format!("{value:e}") } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use super::{log_marks_within, log_tick, marks, round_step, tick};

    #[test]
    fn no_two_lines_have_the_same_number() {
        let words = |low: f64, high: f64, percent: bool| -> Vec<String> {
            let step = round_step((high - low) / 6.0);
            marks((low, high), step).iter().map(|mark| tick(mark.value, step, percent)).collect()
        };
        assert_eq!(words(0.002905, 0.002955, false), ["0.00291", "0.00292", "0.00293", "0.00294", "0.00295"]);
        assert_eq!(words(0.0, 0.00101, false), ["0.0000", "0.0002", "0.0004", "0.0006", "0.0008", "0.0010"]);
        assert_eq!(words(0.0, 2.01e-6, false), ["0", "5e-7", "1e-6", "1.5e-6", "2e-6"]);
        assert_eq!(words(0.0, 1.01, true), ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]);
        assert_eq!(
            words(0.9899, 1.0001, true),
            ["99.0 %", "99.2 %", "99.4 %", "99.6 %", "99.8 %", "100.0 %"]
        );
        for place in 0..60 {
            let low = 1e-6 * 1.7_f64.powi(place % 20) * f64::from(place);
            for width in [1e-6, 3e-5, 0.002, 0.04, 0.7, 12.0, 4e4] {
                for percent in [false, true] {
                    let all = words(low, low + width, percent);
                    let different: std::collections::BTreeSet<&String> = all.iter().collect();
                    assert_eq!(all.len(), different.len(), "{low} {width}: {all:?}");
                }
            }
        }
        let log: Vec<String> =
            [0.0002, 0.05, 0.1, 1.0, 20.0, 100.2, 1000.0].map(|value| log_tick(value, false)).into();
        assert_eq!(log, ["2e-4", "0.05", "0.1", "1", "20", "100.2", "1000"]);
        assert_eq!(log_tick(10_f64.powf(0.3_f64.log10()), true), "30 %");
    }

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
