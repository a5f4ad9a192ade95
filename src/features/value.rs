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

/// The times that most features occur, and one: their values are kept, since logarithms are slow.
const USUAL_TIMES: usize = 64;

/// The values of features that occur 0, 1, 2 … times, by [`TermFrequency`].
static VALUES: Table = LazyLock::new(|| table(TermFrequency::value));

/// What the last of 0, 1, 2 … times adds to these values.
static GAINS: Table = LazyLock::new(|| table(TermFrequency::gain));

type Table = LazyLock<[[f64; USUAL_TIMES]; 3]>;

fn table(of: impl Fn(TermFrequency, u32) -> f64) -> [[f64; USUAL_TIMES]; 3] {
    [TermFrequency::Count, TermFrequency::Log, TermFrequency::Binary].map(|settings| {
        std::array::from_fn(|tf| of(settings, u32::try_from(tf).unwrap_or(u32::MAX)))
    })
}

impl TermFrequency {
    fn value(self, tf: u32) -> f64 {
        match self {
            TermFrequency::Count => f64::from(tf),
            TermFrequency::Log => 1.0 + f64::from(tf.max(1)).ln(),
            TermFrequency::Binary => 1.0,
        }
    }

    /// Returns what the last of `tf` times adds to the value.
    fn gain(self, tf: u32) -> f64 {
        if tf <= 1 { self.value(tf) } else { self.value(tf) - self.value(tf - 1) }
    }
}

/// The values that features have before the norm, by the times that they occur.
#[derive(Clone, Copy, Debug)]
pub struct Values {
    tf: TermFrequency,
    usual: &'static [f64; USUAL_TIMES],
}

impl Values {
    /// Returns the value of a feature that occurs `tf` times.
    #[inline]
    pub fn of(self, tf: u32) -> f64 {
        self.usual.get(tf as usize).copied().unwrap_or_else(|| self.tf.value(tf))
    }
}

/// What each time that a feature occurs adds to its value before the norm: a sum over all places of features is
/// the sum over their values.
#[derive(Clone, Copy, Debug)]
pub struct Gains {
    tf: TermFrequency,
    usual: &'static [f64; USUAL_TIMES],
}

impl Gains {
    /// Returns what a feature adds when it occurs for the `tf`th time, counted from 1.
    #[inline]
    pub fn of(self, tf: u32) -> f64 {
        self.usual.get(tf as usize).copied().unwrap_or_else(|| self.tf.gain(tf))
    }
}

impl ValueSettings {
    /// Returns what each time that a feature occurs adds to its value before the norm.
    pub fn gains(self) -> Gains {
        Gains { tf: self.tf, usual: &GAINS[self.tf as usize] }
    }

    /// Returns the values that features have before the norm.
    pub fn values(self) -> Values {
        Values { tf: self.tf, usual: &VALUES[self.tf as usize] }
    }

    /// Returns the value of a feature that occurs `tf` times, before the norm.
    pub fn value(self, tf: u32) -> f64 {
        self.values().of(tf)
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
    fn gains_add_up_to_values() {
        for tf in [TermFrequency::Count, TermFrequency::Log, TermFrequency::Binary] {
            let settings = ValueSettings { tf, norm: Norm::None };
            let mut sum = 0.0;
            for times in 1..2 * u32::try_from(USUAL_TIMES).unwrap() {
                sum += settings.gains().of(times);
                assert!((sum - settings.value(times)).abs() < 1e-12, "{tf:?} {times}");
            }
        }
    }

    #[test]
    fn logarithms_grow_slowly_and_length_divides() {
        let settings = ValueSettings { tf: TermFrequency::Log, norm: Norm::Length };
        // (1 + ln 3) / √100 · 2²⁰ = 220,055.3, by Python 3.11.
        assert_eq!(settings.steps(3, settings.scale(100)), 220_055);
        assert_eq!(settings.steps(1, settings.scale(1)), 1 << 20);
    }
}
