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
    /// The mean of `−ln` of the true label's probability, in nats. It decides.
    pub log_loss: f64,
    /// The mean of the labels' F1.
    pub macro_f1: f64,
    /// The share of documents that were labelled right.
    pub accuracy: f64,
    /// Whether the change was kept.
    pub is_kept: bool,
}
