//! Numbers of instruments, such as pixel sizes and voltages, in their shortest form. Headers keep them in 32 bits.

/// A number of an instrument with as few digits as mean the same to eight places: headers store 32-bit
/// floats, in which 1.77 reads as 1.7699999809265137.
pub(crate) fn plain(value: f64) -> f64 {
    let near = |v: &f64| *v == value || (v - value).abs() <= 6e-8 * value.abs();
    (0..17).filter_map(|digits| format!("{value:.digits$e}").parse().ok()).find(near).unwrap_or(value)
}

/// [`plain`] in decimal digits.
pub(crate) fn decimal(value: f64) -> String {
    plain(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn instrument_numbers_are_written_in_their_shortest_form() {
        // What MRC headers make of 1.77 and 0.885, and what binning makes of 1.77.
        assert_eq!(decimal(1.769_999_980_926_513_7), "1.77");
        assert_eq!(decimal(f64::from(0.885_f32)), "0.885");
        assert_eq!(decimal(1.77 * 3.0), "5.31");
        // Digits that were read stay.
        assert_eq!(decimal(1.047_530_9), "1.0475309");
        assert_eq!(decimal(300.0), "300");
        assert_eq!(decimal(0.0), "0");
    }
}
