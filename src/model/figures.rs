//! What was measured on documents that were held out of training.

use serde::{Deserialize, Serialize};

/// What was measured on documents that were held out of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// How documents were held out.
    pub method: String,
    /// The number of documents that were measured.
    pub documents: u64,
    /// The share of documents that were labelled right.
    pub accuracy: f64,
    /// The mean of the labels' F1.
    pub macro_f1: f64,
    /// The mean of `−ln` of the true label's probability, in nats.
    pub log_loss: f64,
    /// Expected calibration error.
    pub ece: f64,
    /// Whether probabilities mean what they say: bins of equal width, lowest first, none empty.
    pub reliability: Vec<ReliabilityBin>,
    /// What each margin costs and saves, from the largest margin on.
    pub risk: Vec<RiskPoint>,
}

/// Documents whose likeliest label has about the same probability, and how often that label was right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReliabilityBin {
    /// The number of documents.
    pub documents: u64,
    /// The mean probability of their likeliest labels, 0 to 1.
    pub probability: f64,
    /// The share of them whose likeliest label was the true one, 0 to 1.
    pub accuracy: f64,
}

/// What becomes of documents if only those are decided whose likeliest label leads by `margin`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskPoint {
    /// The smallest lead of the best label's probability over the second best's, 0 to 1.
    pub margin: f64,
    /// The share of documents that are decided, 0 to 1.
    pub coverage: f64,
    /// The share of those that are decided wrong, 0 to 1.
    pub error: f64,
}

impl Figures {
    /// Returns the smallest margin at which at most `max_error` of the decided documents were wrong.
    ///
    /// # Errors
    /// If no margin is large enough; the point with the fewest errors is returned.
    pub fn margin_min(&self, max_error: f64) -> Result<f64, RiskPoint> {
        let fits = self.risk.iter().rev().find(|point| point.error <= max_error);
        let Some(point) = fits else {
            let best = self.risk.iter().min_by(|a, b| a.error.total_cmp(&b.error));
            return Err(best.copied().unwrap_or(RiskPoint {
                margin: 1.0,
                coverage: 0.0,
                error: 1.0,
            }));
        };
        // At the last point everything is decided, however small its margin was.
        let is_last = self.risk.last() == Some(point);
        Ok(if is_last { 0.0 } else { point.margin })
    }
}

#[cfg(test)]
impl Figures {
    /// Returns figures with nothing but these points of margin, coverage and error.
    pub(crate) fn of_risk(risk: &[(f64, f64, f64)]) -> Figures {
        let point = |&(margin, coverage, error)| RiskPoint { margin, coverage, error };
        Figures {
            method: String::new(),
            documents: 0,
            accuracy: 0.0,
            macro_f1: 0.0,
            log_loss: 0.0,
            ece: 0.0,
            reliability: Vec::new(),
            risk: risk.iter().map(point).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_margin_that_keeps_the_risk_is_taken() {
        let figures = Figures::of_risk(&[
            (0.9, 0.25, 0.02),
            (0.7, 0.5, 0.01),
            (0.4, 0.75, 0.02),
            (0.1, 1.0, 0.1),
        ]);
        assert_eq!(figures.margin_min(0.1), Ok(0.0));
        assert_eq!(figures.margin_min(0.05), Ok(0.4));
        assert_eq!(figures.margin_min(0.01), Ok(0.7));
        let best = RiskPoint { margin: 0.7, coverage: 0.5, error: 0.01 };
        assert_eq!(figures.margin_min(0.005), Err(best));
    }

    #[test]
    fn without_a_measurement_no_risk_can_be_kept() {
        assert!(Figures::of_risk(&[]).margin_min(1.0).is_err());
    }
}
