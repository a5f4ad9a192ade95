//! Whether probabilities mean what they say.

use serde::{Deserialize, Serialize};

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
