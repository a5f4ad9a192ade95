//! What a model learned, in its own words.

use crate::{
    features::FeatureId,
    label::LabelId,
    model::{Model, ModelFile},
};

/// Returns the features that speak most for `label` against the best other one, weighed by the root of
/// how many documents they occur in: a strong feature that is never seen tells nobody anything.
pub fn strongest_features(file: &ModelFile, label: LabelId, n: usize) -> Vec<(FeatureId, f64)> {
    let ModelFile { model, counts, whole: _ } = file;
    let mut found: Vec<(f64, FeatureId, f64)> = model
        .vocabulary
        .ids()
        .map(|feature| {
            let log_odds = log_odds(model, feature, label);
            let documents = f64::from(counts.documents[feature.index()]);
            (log_odds * documents.sqrt(), feature, log_odds)
        })
        .collect();
    found.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    found.into_iter().take(n).map(|(_, feature, log_odds)| (feature, log_odds)).collect()
}

fn log_odds(model: &Model, feature: FeatureId, label: LabelId) -> f64 {
    let row = model.weights.row(feature);
    let rivals = row.iter().enumerate().filter(|&(other, _)| other != label.index());
    let best = rivals.map(|(_, &weight)| weight).fold(f32::NEG_INFINITY, f32::max);
    f64::from(row[label.index()] - best)
}
