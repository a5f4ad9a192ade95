//! Counts as the features that are kept.

use rayon::prelude::*;

use super::{Counts, FeatureCounts, TrainError};
use crate::model::SelectionSettings;

/// A feature that may be kept, and what decides on it.
struct Candidate<'a> {
    sources: u32,
    documents: u32,
    name: &'a str,
    features: &'a FeatureCounts,
    place: usize,
}

/// Returns the features that are kept, in the order of their names.
///
/// If there are too many, those stay that occur in the most sources, then in the most documents.
/// Sources count only where the corpus names at least as many as are asked for.
pub(super) fn select(
    counts: &Counts,
    settings: &SelectionSettings,
) -> Result<FeatureCounts, TrainError> {
    let mut kept: Vec<Candidate<'_>> = counts
        .features
        .par_iter()
        .flat_map_iter(|features| candidates(features, counts, settings))
        .collect();
    let features_max = settings.features_max as usize;
    if features_max < kept.len() {
        kept.par_sort_unstable_by(|a, b| {
            (b.sources, b.documents, a.name).cmp(&(a.sources, a.documents, b.name))
        });
        kept.truncate(features_max);
    }
    kept.par_sort_unstable_by_key(|candidate| candidate.name);
    let mut selected = FeatureCounts::default();
    for Candidate { features, place, name, .. } in kept {
        selected.push(name.as_bytes(), features.counts(place).iter().copied());
    }
    if selected.is_empty() {
        let SelectionSettings { documents_min, sources_min, .. } = *settings;
        return Err(TrainError::NoFeature { documents_min, sources_min });
    }
    Ok(selected)
}

fn candidates<'a>(
    features: &'a FeatureCounts,
    counts: &'a Counts,
    settings: &SelectionSettings,
) -> impl Iterator<Item = Candidate<'a>> {
    let sources_min = sources_min(counts.strata.sources(), settings);
    let documents_min = settings.documents_min;
    (0..features.len()).filter_map(move |place| {
        let documents = features.documents(place);
        if documents < documents_min {
            return None;
        }
        let sources = counts.strata.count_sources(features.strata(place));
        let name = || features.name(place);
        (sources_min <= sources).then(|| Candidate {
            sources,
            documents,
            name: name(),
            features,
            place,
        })
    })
}

/// Returns the fewest sources of a feature, given how many the corpus names.
pub(super) fn sources_min(sources: u32, settings: &SelectionSettings) -> u32 {
    if sources < settings.sources_min { 0 } else { settings.sources_min }
}
