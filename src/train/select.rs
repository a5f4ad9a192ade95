//! Counts as the features that are kept.

use rayon::prelude::*;

use super::Counts;
use crate::model::SelectionSettings;

/// Returns the places of the features that are kept, in the order of their names.
///
/// If there are too many, those stay that occur in the most sources, then in the most documents.
/// Sources count only where the corpus names at least as many as are asked for.
pub(super) fn select(counts: &Counts, settings: &SelectionSettings) -> Vec<usize> {
    let sources_min = sources_min(counts.sources(), settings);
    let mut kept: Vec<(u32, u32, usize)> = (0..counts.len())
        .into_par_iter()
        .filter_map(|place| {
            let documents = counts.documents(place);
            if documents < settings.documents_min {
                return None;
            }
            let sources = counts.feature_sources(place, |_| true);
            (sources_min <= sources).then_some((sources, documents, place))
        })
        .collect();
    let features_max = settings.features_max as usize;
    if features_max < kept.len() {
        kept.par_sort_unstable_by(|a, b| {
            (b.0, b.1).cmp(&(a.0, a.1)).then_with(|| counts.name(a.2).cmp(counts.name(b.2)))
        });
        kept.truncate(features_max);
    }
    let mut places: Vec<usize> = kept.into_iter().map(|(_, _, place)| place).collect();
    places.par_sort_unstable_by(|&a, &b| counts.name(a).cmp(counts.name(b)));
    places
}

/// Returns the fewest sources of a feature, given how many the corpus names.
pub(super) fn sources_min(sources: usize, settings: &SelectionSettings) -> u32 {
    if sources < settings.sources_min as usize { 0 } else { settings.sources_min }
}
