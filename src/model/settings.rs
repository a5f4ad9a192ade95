//! How a model was trained: what counts, what is kept, and how the rest is estimated.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::features::{FeatureSettings, ValueSettings};

/// How a model was trained. It stands in the model file, so that training can go on from there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Which things in a text count.
    pub features: FeatureSettings,
    /// How much a feature counts, given how often it occurs.
    pub values: ValueSettings,
    /// Which features are kept.
    pub selection: SelectionSettings,
    /// How weights are estimated from counts.
    pub estimator: Estimator,
    /// How much a label's own documents say by [`Estimator::OneVsRest`], where the others' say 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub own_weight: f64,
    /// What is added to each count, so that a feature that a label never showed is not impossible.
    pub smoothing: f64,
    /// Where the class priors come from.
    pub prior: Prior,
    /// How documents are weighed.
    pub weighing: WeighingSettings,
}

fn one() -> f64 {
    1.0
}

/// Tells whether own and other documents say as much. Then files are the same as those from before that
/// could be set.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_one(own_weight: &f64) -> bool {
    own_weight.to_bits() == 1_f64.to_bits()
}

/// How documents are weighed before their counts are summed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeighingSettings {
    /// From 0, where each document weighs the same, to 1, where each source of a label does: a
    /// document of a source with n documents of its label weighs `n^−source_balance`.
    pub source_balance: f64,
    /// The times that documents which the model gets wrong are given more weight, and the model is
    /// estimated again. 0 is plain naive Bayes.
    pub passes: u32,
    /// What scores are multiplied by before they tell how wrong the model is.
    pub slope: f64,
}

/// Which features are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectionSettings {
    /// The fewest documents that a feature occurs in.
    pub documents_min: u32,
    /// The fewest sources that a feature occurs in, if the corpus names that many. A feature of one
    /// source tells the publisher, not the topic.
    pub sources_min: u32,
    /// The most features that are kept: those that occur in the most sources, then documents.
    pub features_max: u32,
}

/// How weights are estimated from counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// `ln P(feature | label)`.
    Multinomial,
    /// `−ln P(feature | the other labels)`, after Rennie et al. 2003.
    Complement,
    /// `own_weight · ln P(feature | label) − ln P(feature | the other labels)`: the two above, added.
    OneVsRest,
}

/// Where the class priors come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prior {
    /// From the number of documents of each label.
    Empirical,
    /// The same for each label.
    Uniform,
    /// As given, by label; they sum to 1.
    Given(BTreeMap<String, f64>),
}
