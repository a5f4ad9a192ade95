//! Scores as probabilities.

use serde::{Deserialize, Serialize};

/// How scores become probabilities: `softmax(slope · score + bias)`.
///
/// The scores of naive Bayes are too sure of themselves, since words are not independent. Slope and
/// biases are fitted on documents that were held out of training, so that of the documents with a
/// probability of 0.9, nine in ten are right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// What scores are multiplied by.
    pub slope: f64,
    /// What is added then, one for each label.
    pub biases: Vec<f64>,
}

impl Calibration {
    /// Returns the calibration that leaves the scores of `labels` labels as they are.
    pub fn none(labels: usize) -> Calibration {
        Calibration { slope: 1.0, biases: vec![0.0; labels] }
    }

    /// Returns the probability of each label.
    pub fn probabilities(&self, scores: &[f64]) -> Vec<f64> {
        let mut probabilities = scores.to_vec();
        self.apply(&mut probabilities);
        probabilities
    }

    /// Makes probabilities of scores, in their place.
    pub fn apply(&self, scores: &mut [f64]) {
        for (score, bias) in scores.iter_mut().zip(&self.biases) {
            *score = self.slope * *score + bias;
        }
        softmax(scores);
    }

    /// Returns the logarithm of the probability of each label, up to a constant.
    pub fn log_probabilities(&self, scores: &[f64]) -> impl Iterator<Item = f64> {
        scores.iter().zip(&self.biases).map(|(score, bias)| self.slope * score + bias)
    }
}

/// Makes `exp(score) / Σ exp(score)` of each score.
///
/// The largest score is subtracted first: without that, long documents would underflow.
fn softmax(scores: &mut [f64]) {
    let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for score in scores.iter_mut() {
        *score = (*score - max).exp();
    }
    let sum: f64 = scores.iter().sum();
    for score in scores {
        *score /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(scores: &[f64], expected: &[f64]) {
        let got = Calibration::none(scores.len()).probabilities(scores);
        assert_eq!(got.len(), expected.len(), "scores={scores:?}");
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-12, "scores={scores:?} got={got}");
        }
    }

    #[test]
    fn probabilities_are_a_softmax() {
        // scipy.special.softmax([1, 2, 3]), scipy 1.15.
        check(
            &[1.0, 2.0, 3.0],
            &[0.090_030_573_170_380_46, 0.244_728_471_054_797_64, 0.665_240_955_774_821_9],
        );
    }

    #[test]
    fn long_documents_do_not_underflow() {
        check(&[-9000.0, -9000.0], &[0.5, 0.5]);
        check(&[9000.0, -9000.0], &[1.0, 0.0]);
    }

    #[test]
    fn slope_and_biases_come_before_the_softmax() {
        let calibration = Calibration { slope: 0.5, biases: vec![0.0, 2f64.ln()] };
        let got = calibration.probabilities(&[4.0, 4.0]);
        assert!((got[1] - 2.0 / 3.0).abs() < 1e-12, "got={got:?}");
    }
}
