//! When a model abstains, and what a request may say about that.

use serde::{Deserialize, Serialize};

use super::{Model, RiskPoint};

/// When to abstain.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// The fewest words of a document that is decided.
    pub words_min: u32,
    /// The smallest share of known words of a document that is decided, 0 to 1.
    pub known_share_min: f64,
    /// The smallest lead of the best label's probability over the second best's, 0 to 1.
    pub margin_min: f64,
}

/// What a request puts in the place of a model's thresholds; what is `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ThresholdOverrides {
    /// The share of decided documents that may be wrong. It becomes a margin, by what was measured on
    /// documents held out of training.
    pub max_error: Option<f64>,
    /// See [`Thresholds::margin_min`].
    pub margin_min: Option<f64>,
    /// See [`Thresholds::known_share_min`].
    pub known_share_min: Option<f64>,
    /// See [`Thresholds::words_min`].
    pub words_min: Option<u32>,
}

/// Why a model's thresholds cannot be replaced so.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ThresholdError {
    /// A share is below 0, above 1, or no number.
    #[error("{field} is {value}, not within 0 to 1")]
    Share {
        /// The field, as [`ThresholdOverrides`] calls it.
        field: &'static str,
        /// Its value.
        value: f64,
    },
    /// Two fields contradict one another.
    #[error("max_error and margin_min are both given, and each sets the margin; leave one out")]
    Both,
    /// The model does not know its errors.
    #[error(
        "the model was trained without held-out folds and does not know its errors; give \
         margin_min instead, or train it with folds"
    )]
    NotMeasured,
    /// No margin keeps the errors that low.
    #[error(
        "no margin kept errors at {max_error} when the model was measured; the fewest were {} of \
         the {} decided, ask for no less", fewest.error, fewest.coverage
    )]
    NotReached {
        /// The share that was asked for.
        max_error: f64,
        /// The margin with the fewest errors.
        fewest: RiskPoint,
    },
}

impl Model {
    /// Returns the model's thresholds with `overrides` in their place.
    pub fn thresholds_with(
        &self,
        overrides: &ThresholdOverrides,
    ) -> Result<Thresholds, ThresholdError> {
        let ThresholdOverrides { max_error, margin_min, known_share_min, words_min } = *overrides;
        check_share("max_error", max_error)?;
        check_share("margin_min", margin_min)?;
        check_share("known_share_min", known_share_min)?;
        let own = self.thresholds;
        let margin_min = match (max_error, margin_min) {
            (Some(_), Some(_)) => return Err(ThresholdError::Both),
            (Some(max_error), None) => self.margin_for(max_error)?,
            (None, margin_min) => margin_min.unwrap_or(own.margin_min),
        };
        Ok(Thresholds {
            words_min: words_min.unwrap_or(own.words_min),
            known_share_min: known_share_min.unwrap_or(own.known_share_min),
            margin_min,
        })
    }

    fn margin_for(&self, max_error: f64) -> Result<f64, ThresholdError> {
        let figures = self.card.figures.as_ref().ok_or(ThresholdError::NotMeasured)?;
        figures
            .margin_min(max_error)
            .map_err(|fewest| ThresholdError::NotReached { max_error, fewest })
    }
}

fn check_share(field: &'static str, share: Option<f64>) -> Result<(), ThresholdError> {
    match share {
        Some(value) if !(0.0..=1.0).contains(&value) => Err(ThresholdError::Share { field, value }),
        _ => Ok(()),
    }
}
