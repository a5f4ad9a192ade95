//! Page furniture: what stands around articles and belongs to none of them.

use serde::{Deserialize, Serialize};

use crate::features::{FeatureId, FeatureVector, ValueSettings};

/// What a model knows of page furniture: "Advertisement", "Share this", bylines, cookie notices.
#[derive(Clone, Debug, PartialEq)]
pub struct Furniture {
    /// What each feature adds to the log-odds of furniture against content, one a feature.
    pub weights: Vec<f32>,
    /// How these and the looks of a passage become log-odds.
    pub calibration: FurnitureCalibration,
}

/// How features and looks of a passage become the log-odds that it is furniture: a logistic
/// regression, fitted on held-out passages.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FurnitureCalibration {
    /// What the sum over the features is multiplied by.
    pub slope: f64,
    /// What is added for each unit of `ln(1 + words)`: furniture is short.
    pub words: f64,
    /// What is added if a sentence ends where the passage ends: furniture has few sentences.
    pub closed: f64,
    /// What is added to all.
    pub bias: f64,
}

impl Furniture {
    /// Returns the log-odds that a passage is furniture, by the `sum` over its features, the number of its
    /// words, and whether a sentence ends where it ends.
    pub fn log_odds(&self, sum: f64, words: u32, is_closed: bool) -> f64 {
        let inputs = inputs(sum, words, is_closed);
        let FurnitureCalibration { slope, words, closed, bias } = self.calibration;
        let terms = [slope, words, closed].into_iter().zip(inputs);
        bias + terms.map(|(coefficient, input)| coefficient * input).sum::<f64>()
    }

    /// Returns what the calibration is fitted on: the sum over the features, `ln(1 + words)`, and 1 if a
    /// sentence ends where the passage ends, else 0.
    pub fn inputs(
        &self,
        vector: &FeatureVector,
        values: ValueSettings,
        is_closed: bool,
    ) -> [f64; 3] {
        let weight = |feature: FeatureId| f64::from(self.weights[feature.index()]);
        let (features, of_times) = (vector.features.iter(), values.values());
        let sum: f64 = features.map(|&(feature, tf)| of_times.of(tf) * weight(feature)).sum();
        inputs(values.scale(vector.occurrences) * sum, vector.words, is_closed)
    }
}

fn inputs(sum: f64, words: u32, is_closed: bool) -> [f64; 3] {
    [sum, f64::from(words).ln_1p(), f64::from(u8::from(is_closed))]
}
