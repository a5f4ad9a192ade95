//! Held-out scores as a calibration, and held-out passages as a way to tell furniture.

use rayon::prelude::*;

use crate::{label::LabelId, model::Calibration};

/// The most steps of Newton's method; some ten are usual.
const NEWTON_STEPS_MAX: usize = 50;

/// What a bias may cost: it keeps the bias of a label with a handful of documents near 0.
const RIDGE: f64 = 1e-3;

/// The rows that a thread takes at once.
const ROWS_AT_ONCE: usize = 1024;

/// Returns the calibration with the smallest log loss on `scores`, whose true labels are `truth`.
///
/// The loss is convex; Newton's method steps to its minimum, half a step at a time where a whole one leads
/// too far.
pub(super) fn fit(scores: &[Vec<f64>], truth: &[LabelId], labels: usize) -> Calibration {
    // Scores are brought to a spread of 1, so that slope and biases are numbers of the same size.
    let spread = spread(scores).max(f64::MIN_POSITIVE);
    let mut trial = Trial::new(scores, truth, labels);
    let mut calibration = Calibration { slope: 1.0 / spread, biases: vec![0.0; labels] };
    let mut loss = trial.log_loss(&calibration);
    for _ in 0..NEWTON_STEPS_MAX {
        let (gradient, hessian) = trial.derivatives(&calibration, spread);
        let step = solve(hessian, gradient);
        let (slope, biases) = step.split_last().expect("there is a slope");
        let moved = |share: f64| Calibration {
            // The slope stays above 0: a higher score is never a lower probability.
            slope: (calibration.slope - share * slope / spread).max(1e-6 / spread),
            biases: calibration
                .biases
                .iter()
                .zip(biases)
                .map(|(b, step)| b - share * step)
                .collect(),
        };
        let next = std::iter::successors(Some(1.0), |share| Some(share / 2.0))
            .take(40)
            .map(moved)
            .map(|next| (trial.log_loss(&next), next))
            .find(|&(next_loss, _)| next_loss < loss);
        let Some((next_loss, next)) = next else { break };
        let gain = loss - next_loss;
        (loss, calibration) = (next_loss, next);
        if gain < 1e-12 {
            break;
        }
    }
    calibration
}

fn spread(scores: &[Vec<f64>]) -> f64 {
    let ranges = scores.iter().map(|row| {
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        max - row.iter().copied().fold(f64::INFINITY, f64::min)
    });
    ranges.sum::<f64>() / scores.len().max(1) as f64
}

/// Documents, and what the calibration that was tried last makes of them.
///
/// Exponentials and logarithms are taken on all cores; what sums them up goes through the documents in
/// their order, so that no number of threads changes a bit.
struct Trial<'a> {
    /// A row a document, a column a label.
    scores: Vec<f64>,
    truth: &'a [LabelId],
    labels: usize,
    probabilities: Vec<f64>,
    losses: Vec<f64>,
}

impl<'a> Trial<'a> {
    fn new(scores: &[Vec<f64>], truth: &'a [LabelId], labels: usize) -> Trial<'a> {
        let (scores, losses) = (scores.concat(), vec![0.0; truth.len()]);
        Trial { probabilities: scores.clone(), scores, truth, labels, losses }
    }

    fn log_loss(&mut self, calibration: &Calibration) -> f64 {
        self.probabilities.copy_from_slice(&self.scores);
        let labels = self.labels;
        self.probabilities
            .par_chunks_mut(ROWS_AT_ONCE * labels)
            .zip(self.losses.par_chunks_mut(ROWS_AT_ONCE))
            .zip(self.truth.par_chunks(ROWS_AT_ONCE))
            .for_each(|((rows, losses), truth)| {
                let rows = rows.chunks_exact_mut(labels);
                for ((row, loss), label) in rows.zip(losses).zip(truth) {
                    calibration.apply(row);
                    *loss = -row[label.index()].max(f64::MIN_POSITIVE).ln();
                }
            });
        let ridge: f64 = calibration.biases.iter().map(|bias| bias * bias).sum();
        self.losses.iter().sum::<f64>() / self.truth.len().max(1) as f64 + RIDGE * ridge
    }

    /// Returns the first and the second derivatives of the loss by each bias and then by the slope, at
    /// `calibration`, which was tried last, for scores that are divided by `spread`.
    fn derivatives(&self, calibration: &Calibration, spread: f64) -> (Vec<f64>, Vec<Vec<f64>>) {
        let labels = self.labels;
        let mut gradient = vec![0.0; labels + 1];
        let mut hessian = vec![vec![0.0; labels + 1]; labels + 1];
        let rows = self.scores.chunks_exact(labels);
        let probabilities = self.probabilities.chunks_exact(labels);
        for ((row, probabilities), label) in rows.zip(probabilities).zip(self.truth) {
            let mean: f64 =
                row.iter().zip(probabilities).map(|(score, p)| score * p).sum::<f64>() / spread;
            for (place, probability) in probabilities.iter().enumerate() {
                let score = row[place] / spread;
                let excess = probability - f64::from(u8::from(place == label.index()));
                gradient[place] += excess;
                gradient[labels] += excess * score;
                for (second, other) in hessian[place].iter_mut().zip(probabilities) {
                    *second -= probability * other;
                }
                hessian[place][place] += probability;
                let by_slope = probability * (score - mean);
                hessian[place][labels] += by_slope;
                hessian[labels][place] += by_slope;
                hessian[labels][labels] += by_slope * score;
            }
        }
        let n = self.truth.len().max(1) as f64;
        for value in gradient.iter_mut().chain(hessian.iter_mut().flatten()) {
            *value /= n;
        }
        for (place, bias) in calibration.biases.iter().enumerate() {
            gradient[place] += 2.0 * RIDGE * bias;
            hessian[place][place] += 2.0 * RIDGE;
        }
        (gradient, hessian)
    }
}

/// A passage that is or is not furniture, and what tells.
pub(super) struct Weighted<const N: usize> {
    pub(super) inputs: [f64; N],
    pub(super) is_true: bool,
}

/// What a coefficient may cost: it keeps them finite where the two kinds do not overlap.
const NEWTON_RIDGE: f64 = 1e-4;

/// Returns the coefficients and the bias of the logistic regression of `is_true` on the inputs, in which
/// the true points together weigh as much as the others: `ln (p / (1 − p)) = bias + Σ coefficient · input`.
///
/// The loss is convex; Newton's method steps to its minimum.
pub(super) fn fit_balanced<const N: usize>(points: &[Weighted<N>]) -> ([f64; N], f64) {
    let n_true = points.iter().filter(|point| point.is_true).count().max(1) as f64;
    let n_false = (points.len() as f64 - n_true).max(1.0);
    let mut theta = vec![0.0; N + 1];
    for _ in 0..NEWTON_STEPS_MAX {
        let mut gradient: Vec<f64> = theta.iter().map(|value| NEWTON_RIDGE * value).collect();
        let mut hessian = vec![vec![0.0; N + 1]; N + 1];
        for (place, row) in hessian.iter_mut().enumerate() {
            row[place] = NEWTON_RIDGE;
        }
        for point in points {
            let share = 0.5 / if point.is_true { n_true } else { n_false };
            let inputs: Vec<f64> = point.inputs.iter().copied().chain([1.0]).collect();
            let z: f64 = theta.iter().zip(&inputs).map(|(value, input)| value * input).sum();
            let p = 1.0 / (1.0 + (-z).exp());
            let excess = p - f64::from(u8::from(point.is_true));
            for (row, &input) in inputs.iter().enumerate() {
                gradient[row] += share * excess * input;
                for (column, &other) in inputs.iter().enumerate() {
                    hessian[row][column] += share * p * (1.0 - p) * input * other;
                }
            }
        }
        let step = solve(hessian, gradient);
        theta.iter_mut().zip(&step).for_each(|(value, step)| *value -= step);
        if step.iter().all(|step| step.abs() < 1e-9) {
            break;
        }
    }
    (std::array::from_fn(|place| theta[place]), theta[N])
}

/// Solves `matrix · x = right` for a symmetric positive definite matrix, by elimination.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for pivot in 0..n {
        let pivot_row = matrix[pivot].clone();
        for row in pivot + 1..n {
            let factor = matrix[row][pivot] / pivot_row[pivot];
            for (value, above) in matrix[row].iter_mut().zip(&pivot_row).skip(pivot) {
                *value -= factor * above;
            }
            right[row] -= factor * right[pivot];
        }
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|column| matrix[row][column] * right[column]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_come_to_mean_what_they_say() {
        // Of 100 documents with one score, 80 are of the first label: its probability is to be 0.8.
        let scores = vec![vec![50.0, 0.0]; 100];
        let truth: Vec<LabelId> = (0..100).map(|n| LabelId(u16::from(80 <= n))).collect();
        let got = fit(&scores, &truth, 2).probabilities(&scores[0]);
        assert!((got[0] - 0.8).abs() < 0.005, "got={got:?}");
    }

    #[test]
    fn scores_that_say_nothing_get_a_slope_near_zero() {
        let scores: Vec<Vec<f64>> = (0..100).map(|n| vec![f64::from(n % 2), 0.5]).collect();
        let truth: Vec<LabelId> = (0..100).map(|n| LabelId(u16::from(n % 4 < 2))).collect();
        let calibration = fit(&scores, &truth, 2);
        assert!(calibration.slope < 0.01, "{calibration:?}");
    }

    #[test]
    fn a_balanced_logistic_regression_finds_its_coefficients() {
        // With one input that is 0 or 1 the minimum is known: the log-odds of the shares. Input 1 has
        // 3 of 4 true, input 0 has 1 of 4.
        let point = |input: f64, is_true| Weighted { inputs: [input], is_true };
        let mut points = Vec::new();
        for _ in 0..3 {
            points.extend([point(1.0, true), point(0.0, false)]);
        }
        points.extend([point(1.0, false), point(0.0, true)]);
        let ([slope], bias) = fit_balanced(&points);
        assert!((bias + 3f64.ln()).abs() < 0.01, "bias={bias}");
        assert!((slope - 2.0 * 3f64.ln()).abs() < 0.02, "slope={slope}");
    }

    #[test]
    fn points_that_do_not_overlap_get_finite_coefficients() {
        let points: Vec<Weighted<1>> =
            (0..10).map(|n| Weighted { inputs: [f64::from(n)], is_true: 5 <= n }).collect();
        let ([slope], bias) = fit_balanced(&points);
        assert!(slope.is_finite() && bias.is_finite() && 0.0 < slope, "{slope} {bias}");
    }
}
