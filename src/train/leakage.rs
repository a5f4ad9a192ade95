//! What a corpus gives away: features that tell the source rather than the label, and copies of documents.
//!
//! Both make a model look better on held-out documents than it is on sources that it has not seen.

use std::collections::{BTreeMap, BTreeSet};

use super::{FeatureCounts, Strata, weigh::TrainingDocument};

/// The share of a feature's documents that one source has, if the feature betrays that source.
const OWN_SHARE_MIN: f64 = 0.9;

/// The share of the source's documents that the feature occurs in, then.
const SPREAD_MIN: f64 = 0.5;

/// The fewest documents of a source that tell something of its habits.
const SOURCE_DOCUMENTS_MIN: u64 = 10;

/// How many betraying features are named.
const NAMED_MAX: usize = 8;

/// The fewest features that two documents must share, one for one, to count as copies.
const COPY_FEATURES_MIN: usize = 5;

/// What a corpus gives away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Leakage {
    /// The number of features that betray a source.
    pub betraying: usize,
    /// Those that occur in the most documents.
    pub worst: Vec<Betrayal>,
    /// The number of documents that are copies of another one.
    pub copies: usize,
    /// Those that were in another fold than the other one, so that a model was measured on what it learned.
    pub copies_across_folds: usize,
    /// Those that have another label than the other one.
    pub copies_across_labels: usize,
}

/// A feature that occurs in most documents of one source, and hardly elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Betrayal {
    /// The feature's name.
    pub feature: String,
    /// The source.
    pub source: String,
    /// The number of the source's documents that it occurs in.
    pub documents: u64,
    /// The number of documents of the source.
    pub source_documents: u64,
}

impl Leakage {
    /// Looks for what the corpus gives away, in the features that are kept and the documents of the sample.
    /// `fold_of` is the fold of each, if they were held out.
    pub(super) fn find(
        strata: &Strata,
        features: &FeatureCounts,
        documents: &[TrainingDocument],
        fold_of: Option<&[usize]>,
    ) -> Leakage {
        let mut worst = betrayals(strata, features);
        worst.sort_by_key(|betrayal| std::cmp::Reverse(betrayal.documents));
        let betraying = worst.len();
        worst.truncate(NAMED_MAX);
        Leakage { betraying, worst, ..copies(documents, fold_of) }
    }
}

fn betrayals(strata: &Strata, features: &FeatureCounts) -> Vec<Betrayal> {
    let mut of_source: BTreeMap<&str, u64> = BTreeMap::new();
    for (stratum, documents) in strata.documents() {
        *of_source.entry(stratum.source.as_deref().unwrap_or_default()).or_default() += documents;
    }
    // Where there are few sources, a feature of one is no surprise.
    if of_source.len() < 3 {
        return Vec::new();
    }
    (0..features.len())
        .filter_map(|feature| {
            let (source, documents, all) = main_source(strata, features, feature)?;
            let source_documents = of_source[source];
            let is_own = OWN_SHARE_MIN * all as f64 <= documents as f64;
            let is_habit = SOURCE_DOCUMENTS_MIN <= source_documents
                && SPREAD_MIN * source_documents as f64 <= documents as f64;
            (is_own && is_habit).then(|| Betrayal {
                feature: features.name(feature).to_owned(),
                source: source.to_owned(),
                documents,
                source_documents,
            })
        })
        .collect()
}

/// Returns the source that has most of a feature's documents, how many it has, and how many all have.
fn main_source<'a>(
    strata: &'a Strata,
    features: &FeatureCounts,
    feature: usize,
) -> Option<(&'a str, u64, u64)> {
    let mut documents: BTreeMap<&str, u64> = BTreeMap::new();
    for count in features.counts(feature) {
        let (stratum, _) = &strata.documents()[count.stratum as usize];
        let source = stratum.source.as_deref()?;
        *documents.entry(source).or_default() += u64::from(count.documents);
    }
    let all = documents.values().sum();
    let (source, most) = documents.into_iter().max_by_key(|&(_, documents)| documents)?;
    Some((source, most, all))
}

/// Counts documents with the very same features as another one: its copies, but for case and unknown words.
fn copies(documents: &[TrainingDocument], fold_of: Option<&[usize]>) -> Leakage {
    let mut groups: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (place, document) in documents.iter().enumerate() {
        let vector = &document.vector;
        if COPY_FEATURES_MIN <= vector.features.len() {
            groups.entry((vector.occurrences, &vector.features)).or_default().push(place);
        }
    }
    let mut leakage = Leakage::default();
    for group in groups.into_values().filter(|group| 1 < group.len()) {
        let folds: BTreeSet<usize> =
            fold_of.into_iter().flat_map(|folds| group.iter().map(|&place| folds[place])).collect();
        let labels: BTreeSet<_> = group.iter().map(|&place| documents[place].label).collect();
        leakage.copies += group.len() - 1;
        leakage.copies_across_folds += if 1 < folds.len() { group.len() - 1 } else { 0 };
        leakage.copies_across_labels += labels.len() - 1;
    }
    leakage
}
