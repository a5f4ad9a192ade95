//! Held-out scores as a calibration.

use crate::{label::LabelId, model::Calibration};

/// The most steps of the fit. It is convex and has a handful of parameters; some dozens suffice.
const STEPS_MAX: usize = 500;

/// What a bias may cost: it keeps the bias of a label with a handful of documents near 0.
const RIDGE: f64 = 1e-3;

/// Returns the calibration with the smallest log loss on `scores`, whose true labels are `truth`.
///
/// The loss is convex, and goes down along its gradient with steps that halve until they help.
pub(super) fn fit(scores: &[Vec<f64>], truth: &[LabelId], labels: usize) -> Calibration {
    // Scores are brought to a spread of 1, so that the slope's steps are as large as the biases'.
    let spread = spread(scores).max(f64::MIN_POSITIVE);
    let mut calibration = Calibration { slope: 1.0 / spread, biases: vec![0.0; labels] };
    let mut step = 1.0;
    let mut loss = log_loss(&calibration, scores, truth);
    for _ in 0..STEPS_MAX {
        let (slope, biases) = gradient(&calibration, scores, truth);
        let moved = |step: f64| Calibration {
            // The slope stays above 0: a higher score is never a lower probability.
            slope: (calibration.slope - step * slope / (spread * spread)).max(1e-6 / spread),
            biases: calibration.biases.iter().zip(&biases).map(|(b, g)| b - step * g).collect(),
        };
        let next = std::iter::successors(Some(step), |step| Some(step / 2.0))
            .take(40)
            .map(|step| (step, moved(step)))
            .map(|(step, next)| (step, log_loss(&next, scores, truth), next))
            .find(|&(_, next_loss, _)| next_loss < loss);
        let Some((taken, next_loss, next)) = next else { break };
        let gain = loss - next_loss;
        (step, loss, calibration) = (taken * 2.0, next_loss, next);
        if gain < 1e-9 {
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

fn log_loss(calibration: &Calibration, scores: &[Vec<f64>], truth: &[LabelId]) -> f64 {
    let losses = scores.iter().zip(truth).map(|(row, label)| {
        -calibration.probabilities(row)[label.index()].max(f64::MIN_POSITIVE).ln()
    });
    let ridge: f64 = calibration.biases.iter().map(|bias| bias * bias).sum();
    losses.sum::<f64>() / scores.len().max(1) as f64 + RIDGE * ridge
}

/// Returns the gradient of the loss along the slope and along each bias.
fn gradient(calibration: &Calibration, scores: &[Vec<f64>], truth: &[LabelId]) -> (f64, Vec<f64>) {
    let mut slope = 0.0;
    let mut biases: Vec<f64> = vec![0.0; calibration.biases.len()];
    for (row, label) in scores.iter().zip(truth) {
        for (place, probability) in calibration.probabilities(row).into_iter().enumerate() {
            let excess = probability - f64::from(u8::from(place == label.index()));
            slope += excess * row[place];
            biases[place] += excess;
        }
    }
    let n = scores.len().max(1) as f64;
    for (gradient, bias) in biases.iter_mut().zip(&calibration.biases) {
        *gradient = *gradient / n + 2.0 * RIDGE * bias;
    }
    (slope / n, biases)
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
}
