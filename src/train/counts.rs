//! The additive statistics of a corpus: how much each feature counts in each stratum.

use rayon::prelude::*;

use super::{
    strata::Strata,
    tally::{Cell, Shard, Tally},
};
use crate::corpus::CorpusDigest;

/// How much each feature counts in each stratum, in whole steps.
///
/// Counts of two corpora add up to those of both, whatever the order.
#[derive(Debug, Default)]
pub struct Counts {
    /// A digest of the documents.
    pub digest: CorpusDigest,
    /// What documents there are.
    pub strata: Strata,
    /// The features, in lists that can be gone through side by side.
    pub features: Vec<FeatureCounts>,
}

/// Some features, and how much each counts in each stratum.
#[derive(Debug, Default)]
pub struct FeatureCounts {
    /// Where the name and the counts of each feature end.
    ends: Vec<Ends>,
    names: Vec<u8>,
    counts: Vec<Count>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    name: usize,
    counts: usize,
}

/// How much a feature counts in one stratum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The sum of the feature's values, in whole steps.
    pub steps: u64,
    /// The number of documents that it occurs in.
    pub documents: u32,
    /// The place of the stratum.
    pub stratum: u32,
}

impl Counts {
    /// Puts what was tallied in order, on all cores.
    pub(super) fn new(digest: CorpusDigest, tally: Tally) -> Counts {
        let (ids, shards) = tally.into_parts();
        let (strata, renumbered) = ids.sorted();
        let shards = shards.into_par_iter().map(|shard| FeatureCounts::new(shard, &renumbered));
        Counts { digest, strata, features: shards.collect() }
    }

    /// Returns the number of features.
    pub fn len(&self) -> usize {
        self.features.iter().map(FeatureCounts::len).sum()
    }

    /// Tells whether there is no feature.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl FeatureCounts {
    fn new(Shard { cells, names }: Shard, renumbered: &[u32]) -> FeatureCounts {
        let mut cells: Vec<Cell> = cells.into_iter().collect();
        for cell in &mut cells {
            cell.stratum = renumbered[cell.stratum as usize];
        }
        cells.sort_unstable_by_key(|cell| (cell.key, cell.stratum));
        let mut features = FeatureCounts::default();
        features.counts.reserve_exact(cells.len());
        for of_feature in cells.chunk_by(|a, b| a.key == b.key) {
            let counts = of_feature.iter().map(|&Cell { steps, documents, stratum, .. }| Count {
                steps,
                documents,
                stratum,
            });
            features.push(of_feature[0].name(&names), counts);
        }
        features
    }

    /// Adds a feature by its name, in UTF-8, and its counts, in the order of their strata.
    pub(super) fn push(&mut self, name: &[u8], counts: impl IntoIterator<Item = Count>) {
        self.names.extend_from_slice(name);
        self.counts.extend(counts);
        self.ends.push(Ends { name: self.names.len(), counts: self.counts.len() });
    }

    /// Returns the number of features.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Tells whether there is no feature.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns the name of the feature at `place`.
    pub fn name(&self, place: usize) -> &str {
        let name = &self.names[self.start(place).name..self.ends[place].name];
        std::str::from_utf8(name).expect("normal forms are UTF-8")
    }

    /// Returns the counts of the feature at `place`, in the order of their strata.
    pub fn counts(&self, place: usize) -> &[Count] {
        &self.counts[self.start(place).counts..self.ends[place].counts]
    }

    /// Returns the number of documents that the feature at `place` occurs in.
    pub fn documents(&self, place: usize) -> u32 {
        self.counts(place).iter().map(|count| count.documents).sum()
    }

    /// Returns the strata that the feature at `place` occurs in, in order.
    pub fn strata(&self, place: usize) -> impl Iterator<Item = usize> {
        self.counts(place).iter().map(|count| count.stratum as usize)
    }

    fn start(&self, place: usize) -> Ends {
        place.checked_sub(1).map_or(Ends::default(), |before| self.ends[before])
    }
}
