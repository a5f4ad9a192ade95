//! What was tried before a model's settings were chosen.

use serde::{Deserialize, Serialize};

/// What was tried before a model's settings were chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuning {
    /// How documents were held out.
    pub method: String,
    /// The trials, in the order in which they were made. Each changes one of the settings that were the best
    /// until then.
    pub trials: Vec<Trial>,
    /// Whether all was tried that there was to try; if not, the time was up.
    pub is_complete: bool,
}

/// Settings that were tried, and what was measured on documents that were held out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// What was changed.
    pub change: String,
    /// The mean of `−ln` of the true label's probability, in nats.
    pub log_loss: f64,
    /// The mean of the labels' F1.
    pub macro_f1: f64,
    /// The share of documents that were labelled right.
    pub accuracy: f64,
    /// Whether the change was kept.
    pub is_kept: bool,
}

impl Trial {
    /// Returns what decides, the less the better: the geometric mean of the log loss and of the share of
    /// documents that were labelled wrong. So a tenth less of one is worth a tenth more of the other.
    pub fn loss(&self) -> f64 {
        (self.log_loss * (1.0 - self.accuracy)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(log_loss: f64, accuracy: f64) -> f64 {
        Trial { change: String::new(), log_loss, macro_f1: 0.5, accuracy, is_kept: false }.loss()
    }

    #[test]
    fn a_tenth_fewer_errors_are_worth_a_tenth_more_log_loss() {
        assert!((loss(0.5, 0.775) - (0.5_f64 * 0.225).sqrt()).abs() < 1e-12);
        assert!((loss(0.44, 0.9) - loss(0.4, 0.89)).abs() < 1e-12);
    }

    #[test]
    fn many_right_answers_outweigh_a_little_calm_but_a_few_do_not() {
        assert!(loss(0.265, 0.938) < loss(0.254, 0.928));
        assert!(loss(0.104, 0.967) < loss(0.130, 0.969));
    }
}
