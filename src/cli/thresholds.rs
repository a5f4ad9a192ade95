//! Flags that say when the model is to abstain.

use newsdesk::model::ThresholdOverrides;

/// When to abstain, as typed.
#[derive(clap::Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Abstaining")]
pub(super) struct ThresholdArgs {
    /// Abstain so often that at most this share of the decided documents is wrong, as measured when the
    /// model was trained [default: what the model was trained with]
    #[arg(long, value_name = "SHARE", env = "NEWSDESK_MAX_ERROR", conflicts_with = "min_margin")]
    max_error: Option<f64>,
    /// The smallest lead of the best label's probability over the second's, 0 to 1 [default: the model's]
    #[arg(long, value_name = "SHARE", env = "NEWSDESK_MIN_MARGIN")]
    min_margin: Option<f64>,
    /// The smallest share of known words, 0 to 1 [default: the model's]
    #[arg(long, value_name = "SHARE", env = "NEWSDESK_MIN_KNOWN_SHARE")]
    min_known_share: Option<f64>,
    /// The fewest words [default: the model's]
    #[arg(long, value_name = "N", env = "NEWSDESK_MIN_WORDS")]
    min_words: Option<u32>,
}

impl ThresholdArgs {
    pub(super) fn overrides(&self) -> ThresholdOverrides {
        ThresholdOverrides {
            max_error: self.max_error,
            margin_min: self.min_margin,
            known_share_min: self.min_known_share,
            words_min: self.min_words,
        }
    }
}
