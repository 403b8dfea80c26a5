//! A small logistic regression on a handful of features, with its cross-validated AUC.

use rand::seq::SliceRandom;

use crate::learning::eval::metrics::auc;
use crate::learning::random::{Stream, generator};

/// Folds of the cross-validation.
const FOLDS: usize = 4;
/// Newton steps; a dozen features converge in far fewer.
const NEWTON_STEPS: usize = 12;
/// Ridge on standardised features, per sample.
const RIDGE: f64 = 1e-2;

/// AUC with which rows of `a` can be told from rows of `b`, each scored by a model that has not seen
/// it; `None` with fewer than eight rows on a side. 0.5 is "not at all".
pub fn separability(a: &[Vec<f64>], b: &[Vec<f64>], seed: u64) -> Option<f64> {
    if a.len() < 2 * FOLDS || b.len() < 2 * FOLDS {
        return None;
    }
    let rows: Vec<(&Vec<f64>, f64)> = a.iter().map(|r| (r, 1.0)).chain(b.iter().map(|r| (r, 0.0))).collect();
    let mut fold: Vec<usize> = Vec::with_capacity(rows.len());
    // Folds with the same share of both groups.
    for count in [a.len(), b.len()] {
        let mut part: Vec<usize> = (0..count).map(|i| i % FOLDS).collect();
        part.shuffle(&mut generator(seed, 0, Stream::LinearFolds));
        fold.extend(part);
    }
    let (mut scores_a, mut scores_b) = (Vec::new(), Vec::new());
    for held in 0..FOLDS {
        let train: Vec<(&Vec<f64>, f64)> =
            rows.iter().zip(&fold).filter(|(_, f)| **f != held).map(|(r, _)| *r).collect();
        let scale = Scale::of(&train);
        let weights = fit(&train, &scale, a.len() as f64 / rows.len() as f64);
        for ((row, target), _) in rows.iter().zip(&fold).filter(|(_, f)| **f == held) {
            let score = dot(&weights, &scale.apply(row)) as f32;
            if *target > 0.5 { &mut scores_a } else { &mut scores_b }.push(score);
        }
    }
    auc(&scores_a, &scores_b).ok()
}

/// Standardises features; one that does not vary becomes 0. A one stands behind them.
struct Scale {
    mean: Vec<f64>,
    inverse: Vec<f64>,
}

impl Scale {
    fn of(rows: &[(&Vec<f64>, f64)]) -> Self {
        let width = rows.first().map_or(0, |r| r.0.len());
        let n = rows.len().max(1) as f64;
        let mut mean = vec![0.0; width];
        for (row, _) in rows {
            mean.iter_mut().zip(row.iter()).for_each(|(m, v)| *m += v / n);
        }
        let mut spread = vec![0.0; width];
        for (row, _) in rows {
            spread.iter_mut().zip(row.iter()).zip(&mean).for_each(|((s, v), m)| *s += (v - m).powi(2) / n);
        }
        let inverse = spread.iter().map(|v| if *v > 1e-18 { 1.0 / v.sqrt() } else { 0.0 }).collect();
        Self { mean, inverse }
    }

    fn apply(&self, row: &[f64]) -> Vec<f64> {
        // Far outliers would rule the fit.
        let scaled =
            row.iter().zip(&self.mean).zip(&self.inverse).map(|((v, m), i)| ((v - m) * i).clamp(-8.0, 8.0));
        scaled.chain(std::iter::once(1.0)).collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Ridge-penalised logistic regression by Newton's method; both groups weigh the same.
fn fit(rows: &[(&Vec<f64>, f64)], scale: &Scale, share: f64) -> Vec<f64> {
    let width = scale.mean.len() + 1;
    let scaled: Vec<(Vec<f64>, f64, f64)> = rows
        .iter()
        .map(|(row, target)| {
            let weight = if *target > 0.5 { 0.5 / share } else { 0.5 / (1.0 - share) };
            (scale.apply(row), *target, weight)
        })
        .collect();
    let mut weights = vec![0.0; width];
    for _ in 0..NEWTON_STEPS {
        let mut gradient: Vec<f64> = weights.iter().map(|w| RIDGE * rows.len() as f64 * w).collect();
        let mut hessian = vec![vec![0.0; width]; width];
        for (i, row) in hessian.iter_mut().enumerate() {
            row[i] = RIDGE * rows.len() as f64 + 1e-9;
        }
        for (x, target, weight) in &scaled {
            let p = 1.0 / (1.0 + (-dot(&weights, x)).exp());
            let error = weight * (p - target);
            let curve = weight * (p * (1.0 - p)).max(1e-6);
            for i in 0..width {
                gradient[i] += error * x[i];
                for j in 0..=i {
                    hessian[i][j] += curve * x[i] * x[j];
                }
            }
        }
        let Some(step) = solve(hessian, gradient) else { break };
        let size = dot(&step, &step);
        weights.iter_mut().zip(&step).for_each(|(w, s)| *w -= s);
        if size < 1e-10 {
            break;
        }
    }
    weights
}

/// Solves A·x = b by Cholesky; A is symmetric, its lower triangle given. `None` when A is not
/// positive definite.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let n = b.len();
    for i in 0..n {
        for j in 0..=i {
            let sum = a[i][j] - (0..j).map(|k| a[i][k] * a[j][k]).sum::<f64>();
            if i == j {
                if sum <= 0.0 {
                    return None;
                }
                a[i][i] = sum.sqrt();
            } else {
                a[i][j] = sum / a[j][j];
            }
        }
    }
    for i in 0..n {
        b[i] = (b[i] - (0..i).map(|k| a[i][k] * b[k]).sum::<f64>()) / a[i][i];
    }
    for i in (0..n).rev() {
        b[i] = (b[i] - (i + 1..n).map(|k| a[k][i] * b[k]).sum::<f64>()) / a[i][i];
    }
    Some(b)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn solves_a_small_system() {
        // [4 2; 2 3]·[1; 2] = [8; 8].
        let x = solve(vec![vec![4.0, 0.0], vec![2.0, 3.0]], vec![8.0, 8.0]).unwrap();
        assert!((x[0] - 1.0).abs() < 1e-12 && (x[1] - 2.0).abs() < 1e-12);
        assert!(solve(vec![vec![-1.0]], vec![1.0]).is_none());
    }

    #[test]
    fn tells_shifted_groups_apart_and_equal_ones_not() {
        let mut rng = generator(3, 0, Stream::EpochOrder);
        let mut rows = |shift: f64, n: usize| -> Vec<Vec<f64>> {
            (0..n)
                .map(|_| {
                    (0..5).map(|i| rng.random_range(-1.0..1.0) + if i == 2 { shift } else { 0.0 }).collect()
                })
                .collect()
        };
        let (a, b, c) = (rows(0.0, 200), rows(0.0, 100), rows(1.0, 100));
        let same = separability(&a, &b, 1).unwrap();
        let apart = separability(&a, &c, 1).unwrap();
        assert!((same - 0.5).abs() < 0.1, "{same}");
        assert!(apart > 0.8, "{apart}");
        assert!(separability(&a[..3], &c, 1).is_none());
    }
}
