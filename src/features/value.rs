//! How much a feature of a document counts, given how often it occurs.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// The steps that one unit of a value has: values are summed as whole numbers of steps.
///
/// Sums of whole numbers do not depend on the order of the documents or the threads, and can be
/// subtracted again without a trace. A step of a millionth is far below what a text can tell.
pub const STEPS_PER_UNIT: f64 = 1_048_576.0;

/// How a feature's value grows with the times that it occurs in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TermFrequency {
    /// `tf`: as often as it occurs.
    Count,
    /// `1 + ln tf`: a second time says less than the first.
    Log,
    /// `1`: whether it occurs.
    Binary,
}

/// What the values of a document are divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// Nothing: a long document says more than a short one.
    None,
    /// The root of the number of features that occur, known or not, each as often as it occurs: a
    /// long document says as much as a short one. It is close to the Euclidean length of the values,
    /// and is known without counting the features that no model knows.
    Length,
}

/// How much a feature of a document counts, given how often it occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueSettings {
    /// How a value grows with the times that the feature occurs.
    pub tf: TermFrequency,
    /// What the values of a document are divided by.
    pub norm: Norm,
}

/// `1 + ln tf` of the times that most features occur: logarithms are slow, and these are the usual.
static LOGS: LazyLock<[f64; 64]> = LazyLock::new(|| {
    std::array::from_fn(|tf| 1.0 + f64::from(u32::try_from(tf.max(1)).unwrap_or(1)).ln())
});

impl ValueSettings {
    /// Returns the value of a feature that occurs `tf` times, before the norm.
    pub fn value(self, tf: u32) -> f64 {
        match self.tf {
            TermFrequency::Count => f64::from(tf),
            TermFrequency::Log => match LOGS.get(tf as usize) {
                Some(&log) => log,
                None => 1.0 + f64::from(tf).ln(),
            },
            TermFrequency::Binary => 1.0,
        }
    }

    /// Returns what the values of a document are multiplied by, in which features occur
    /// `occurrences` times in all.
    pub fn scale(self, occurrences: u32) -> f64 {
        match self.norm {
            Norm::None => 1.0,
            Norm::Length => 1.0 / f64::from(occurrences.max(1)).sqrt(),
        }
    }

    /// Returns the value of a feature that occurs `tf` times, in whole steps.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "values are positive and below 2^32 units"
    )]
    pub fn steps(self, tf: u32, scale: f64) -> u64 {
        (self.value(tf) * scale * STEPS_PER_UNIT).round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_whole_units() {
        let settings = ValueSettings { tf: TermFrequency::Count, norm: Norm::None };
        assert_eq!(settings.steps(3, settings.scale(100)), 3 << 20);
    }

    #[test]
    fn logarithms_grow_slowly_and_length_divides() {
        let settings = ValueSettings { tf: TermFrequency::Log, norm: Norm::Length };
        // (1 + ln 3) / √100 · 2²⁰ = 220,055.3, by Python 3.11.
        assert_eq!(settings.steps(3, settings.scale(100)), 220_055);
        assert_eq!(settings.steps(1, settings.scale(1)), 1 << 20);
    }
}
