//! The additive statistics of a corpus: how much each feature counts in each stratum.

use std::collections::BTreeMap;

use hashbrown::{DefaultHashBuilder, HashMap};

use crate::{
    corpus::{CorpusDigest, Example},
    features::{FeatureKey, extract},
    model::Settings,
    text::Document,
};

/// The documents of one label and one source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stratum {
    /// The label.
    pub label: String,
    /// The source, if it is known.
    pub source: Option<String>,
}

/// How much each feature counts in each stratum, in whole steps.
///
/// Counts of two corpora add up to those of both, whatever the order.
#[derive(Debug, Default)]
pub struct Counts {
    /// A digest of the documents.
    pub digest: CorpusDigest,
    /// The strata and their documents, in the order of their first documents.
    strata: Vec<(Stratum, u64)>,
    stratum_ids: BTreeMap<Stratum, u32>,
    /// The source of each stratum, by number.
    stratum_sources: Vec<Option<u32>>,
    source_ids: BTreeMap<String, u32>,
    features: HashMap<FeatureKey, u32, DefaultHashBuilder>,
    entries: Vec<Entry>,
    cells: Vec<Cell>,
    /// The names of all features, one after the other.
    names: String,
}

/// What is known of a feature.
#[derive(Clone, Copy, Debug)]
struct Entry {
    key: FeatureKey,
    name_start: usize,
    name_len: u32,
    first_cell: u32,
}

/// What is known of a feature in one stratum, and the next cell of the same feature.
#[derive(Clone, Copy, Debug)]
struct Cell {
    steps: u64,
    documents: u32,
    stratum: u32,
    next: u32,
}

const NO_CELL: u32 = u32::MAX;

/// What counting keeps from document to document.
#[derive(Debug, Default)]
pub struct CountScratch {
    places: HashMap<FeatureKey, u32, DefaultHashBuilder>,
    seen: Vec<(FeatureKey, u32, usize)>,
    names: String,
}

impl Counts {
    /// Adds the features of `example`.
    pub fn add(&mut self, example: &Example, settings: &Settings, scratch: &mut CountScratch) {
        let title = example.title.as_deref().unwrap_or_default();
        let document = Document::with_title(title, &example.text)
            .expect("an example's text was checked when it was read");
        let CountScratch { places, seen, names } = scratch;
        places.clear();
        seen.clear();
        names.clear();
        let mut occurrences = 0;
        extract(&document, &settings.features, |feature| {
            occurrences += 1;
            let place = *places.entry(feature.key).or_insert_with(|| {
                let place = u32::try_from(seen.len()).expect("a document has fewer features");
                feature.name.write_to(names);
                seen.push((feature.key, 0, names.len()));
                place
            });
            seen[place as usize].1 += 1;
        });
        let stratum =
            self.stratum(Stratum { label: example.label.clone(), source: example.source.clone() });
        self.strata[stratum as usize].1 += 1;
        let scale = settings.values.scale(occurrences);
        let mut name_start = 0;
        for &(key, tf, name_end) in &*seen {
            let entry = self.entry(key, &names[name_start..name_end]);
            self.add_to_cell(entry, stratum, settings.values.steps(tf, scale), 1);
            name_start = name_end;
        }
    }

    /// Adds the counts of another corpus.
    pub fn merge(&mut self, other: &Counts) {
        self.digest.merge(&other.digest);
        let mut own_strata = Vec::with_capacity(other.strata.len());
        for (stratum, documents) in &other.strata {
            let own = self.stratum(stratum.clone());
            self.strata[own as usize].1 += documents;
            own_strata.push(own);
        }
        for entry in &other.entries {
            let own = self.entry(entry.key, other.entry_name(entry));
            for cell in other.cells_from(entry.first_cell) {
                self.add_to_cell(
                    own,
                    own_strata[cell.stratum as usize],
                    cell.steps,
                    cell.documents,
                );
            }
        }
    }

    /// Returns the number of features.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether there is no feature.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the strata and the number of documents of each.
    pub fn strata(&self) -> &[(Stratum, u64)] {
        &self.strata
    }

    /// Returns the number of different sources.
    pub fn sources(&self) -> usize {
        self.source_ids.len()
    }

    /// Returns the name of the feature at `place`.
    pub fn name(&self, place: usize) -> &str {
        self.entry_name(&self.entries[place])
    }

    /// Returns the number of documents that the feature at `place` occurs in.
    pub fn documents(&self, place: usize) -> u32 {
        self.cells_from(self.entries[place].first_cell).map(|cell| cell.documents).sum()
    }

    /// Returns the number of sources that the feature at `place` occurs in, of the strata that `count`.
    pub fn feature_sources(&self, place: usize, count: impl Fn(usize) -> bool) -> u32 {
        let strata =
            self.cells(place).map(|(stratum, ..)| stratum).filter(|&stratum| count(stratum));
        let mut sources: Vec<u32> =
            strata.filter_map(|stratum| self.stratum_sources[stratum]).collect();
        sources.sort_unstable();
        sources.dedup();
        u32::try_from(sources.len()).expect("a feature has fewer cells than that")
    }

    /// Returns, for the feature at `place`, each stratum that it occurs in, with the sum of its values
    /// in steps and the number of documents.
    pub fn cells(&self, place: usize) -> impl Iterator<Item = (usize, u64, u32)> {
        let cells = self.cells_from(self.entries[place].first_cell);
        cells.map(|cell| (cell.stratum as usize, cell.steps, cell.documents))
    }

    fn cells_from(&self, first: u32) -> impl Iterator<Item = &Cell> {
        let cell = move |at: u32| (at != NO_CELL).then(|| &self.cells[at as usize]);
        std::iter::successors(cell(first), move |own| cell(own.next))
    }

    fn entry_name(&self, entry: &Entry) -> &str {
        &self.names[entry.name_start..][..entry.name_len as usize]
    }

    fn stratum(&mut self, stratum: Stratum) -> u32 {
        if let Some(&id) = self.stratum_ids.get(&stratum) {
            return id;
        }
        let id = u32::try_from(self.strata.len()).expect("fewer strata than documents");
        let next_source = u32::try_from(self.source_ids.len()).expect("fewer sources than strata");
        let source = stratum
            .source
            .clone()
            .map(|source| *self.source_ids.entry(source).or_insert(next_source));
        self.stratum_sources.push(source);
        self.stratum_ids.insert(stratum.clone(), id);
        self.strata.push((stratum, 0));
        id
    }

    fn entry(&mut self, key: FeatureKey, name: &str) -> usize {
        let Counts { features, entries, names, .. } = self;
        let place = features.entry(key).or_insert_with(|| {
            let place = u32::try_from(entries.len()).expect("fewer than 2^32 features");
            let name_len = u32::try_from(name.len()).expect("names are short");
            entries.push(Entry { key, name_start: names.len(), name_len, first_cell: NO_CELL });
            names.push_str(name);
            place
        });
        *place as usize
    }

    fn add_to_cell(&mut self, entry: usize, stratum: u32, steps: u64, documents: u32) {
        let first = self.entries[entry].first_cell;
        let mut at = first;
        while at != NO_CELL {
            let cell = &mut self.cells[at as usize];
            if cell.stratum == stratum {
                cell.steps += steps;
                cell.documents += documents;
                return;
            }
            at = cell.next;
        }
        self.entries[entry].first_cell =
            u32::try_from(self.cells.len()).expect("fewer than 2^32 cells");
        self.cells.push(Cell { steps, documents, stratum, next: first });
    }
}
