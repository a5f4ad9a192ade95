//! Examples as counts, on all cores: the cells of all features, in shards that threads fill in turn.
//!
//! A cell is what is known of one feature in one stratum. There are about as many cells as different
//! features, far more than the processor's caches hold, and every document adds to some hundred of
//! them. So a thread first sorts what it adds by shard, and then fills shard by shard: a shard is small
//! enough to be cached, and is locked once for many additions.

use std::sync::Mutex;

use hashbrown::{HashTable, hash_table::Entry};

use rayon::prelude::*;

use super::{Counts, strata::StratumIds};
use crate::{
    corpus::{CorpusDigest, Example},
    features::{FeatureKey, extract},
    model::Settings,
    text::Document,
};

/// The number of shards, a power of two: enough that threads rarely meet in one.
const SHARDS: usize = 128;

/// The examples that a thread takes at once.
const EXAMPLES_AT_ONCE: usize = 64;

/// The additions that a thread keeps before it fills the shards with them.
const ADDITIONS_WAITING_MAX: usize = 64 * 1024;

/// The cells of all features, which threads add to at the same time.
///
/// Sums of whole numbers do not depend on the order of the threads.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) strata: Mutex<StratumIds>,
    shards: Vec<Mutex<Shard>>,
}

/// The cells of some features.
#[derive(Debug, Default)]
pub(super) struct Shard {
    pub(super) cells: HashTable<Cell>,
    pub(super) names: Vec<u8>,
}

/// What is known of a feature in one stratum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) key: FeatureKey,
    /// The sum of the feature's values, in whole steps.
    pub(super) steps: u64,
    pub(super) stratum: u32,
    pub(super) documents: u32,
    /// Where the feature's name is in the names that belong to the cell.
    pub(super) name_start: u32,
    pub(super) name_len: u32,
}

impl Cell {
    /// Returns the name, out of the `names` that belong to the cell.
    pub(super) fn name<'a>(&self, names: &'a [u8]) -> &'a [u8] {
        &names[self.name_start as usize..][..self.name_len as usize]
    }
}

impl Default for Tally {
    fn default() -> Tally {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Tally { strata: Mutex::default(), shards }
    }
}

impl Tally {
    /// Returns the shards, when all is added.
    pub(super) fn into_parts(self) -> (StratumIds, Vec<Shard>) {
        let shards = self.shards.into_iter().map(|shard| shard.into_inner().expect(NO_PANIC));
        (self.strata.into_inner().expect(NO_PANIC), shards.collect())
    }
}

/// Why a lock can be had.
pub(super) const NO_PANIC: &str = "no thread panics with the lock";

impl Shard {
    fn add(&mut self, addition: &Cell, name: &[u8]) {
        let is_same = |cell: &Cell| cell.key == addition.key && cell.stratum == addition.stratum;
        match self.cells.entry(hash(addition), is_same, hash) {
            Entry::Occupied(mut cell) => {
                let cell = cell.get_mut();
                cell.steps += addition.steps;
                cell.documents += addition.documents;
            }
            Entry::Vacant(vacant) => {
                let name_start =
                    u32::try_from(self.names.len()).expect("the names of a shard are below 4 GiB");
                vacant.insert(Cell { name_start, ..*addition });
                self.names.extend_from_slice(name);
            }
        }
    }
}

/// Returns a hash of a cell's feature and stratum. The key is a hash already.
fn hash(cell: &Cell) -> u64 {
    cell.key.0.wrapping_add(u64::from(cell.stratum).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// What a thread is to add to a [`Tally`].
#[derive(Debug)]
pub(super) struct Additions {
    shards: Vec<Vec<Cell>>,
    names: Vec<u8>,
    waiting: usize,
    /// The features of the document at hand.
    seen: Vec<Seen>,
    places: HashTable<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    key: FeatureKey,
    times: u32,
    name_start: u32,
    name_len: u32,
}

impl Default for Additions {
    fn default() -> Additions {
        Additions {
            shards: vec![Vec::new(); SHARDS],
            names: Vec::new(),
            waiting: 0,
            seen: Vec::new(),
            places: HashTable::new(),
        }
    }
}

impl Additions {
    /// Adds the features of `example`, which is of `stratum`.
    pub(super) fn add(
        &mut self,
        example: &Example,
        stratum: u32,
        settings: &Settings,
        tally: &Tally,
    ) {
        let title = example.title.as_deref().unwrap_or_default();
        let document = Document::with_title(title, &example.text)
            .expect("an example's text was checked when it was read");
        let occurrences = self.see(&document, settings);
        let scale = settings.values.scale(occurrences);
        for seen in &self.seen {
            let Seen { key, times, name_start, name_len } = *seen;
            let steps = settings.values.steps(times, scale);
            let cell = Cell { key, steps, stratum, documents: 1, name_start, name_len };
            self.shards[shard_of(key)].push(cell);
        }
        self.waiting += self.seen.len();
        if ADDITIONS_WAITING_MAX < self.waiting {
            self.fill(tally);
        }
    }

    /// Finds the features of `document`, each once. Returns how often features occur.
    fn see(&mut self, document: &Document<'_>, settings: &Settings) -> u32 {
        let Additions { names, seen, places, .. } = self;
        seen.clear();
        places.clear();
        let mut occurrences = 0;
        extract(document, &settings.features, |feature| {
            occurrences += 1;
            let key = feature.key;
            let is_same = |&place: &u32| seen[place as usize].key == key;
            match places.entry(key.0, is_same, |&place| seen[place as usize].key.0) {
                Entry::Occupied(place) => seen[*place.get() as usize].times += 1,
                Entry::Vacant(vacant) => {
                    let narrow = |n: usize| u32::try_from(n).expect("names waiting are few");
                    vacant.insert(narrow(seen.len()));
                    let name_start = names.len();
                    feature.name.write_to(names);
                    let name_len = narrow(names.len() - name_start);
                    seen.push(Seen { key, times: 1, name_start: narrow(name_start), name_len });
                }
            }
        });
        occurrences
    }

    /// Moves all that waits to the shards.
    pub(super) fn fill(&mut self, tally: &Tally) {
        for (waiting, shard) in self.shards.iter_mut().zip(&tally.shards) {
            let mut shard = shard.lock().expect(NO_PANIC);
            for cell in waiting.drain(..) {
                shard.add(&cell, cell.name(&self.names));
            }
        }
        self.names.clear();
        self.waiting = 0;
    }
}

/// Counts `examples`, each of which has a key, on all cores.
pub(super) fn count(examples: &[(u64, &Example)], settings: &Settings) -> Counts {
    let tally = Tally::default();
    let mut digest = CorpusDigest::default();
    for (_, example) in examples {
        digest.add(example);
    }
    examples.par_chunks(EXAMPLES_AT_ONCE).for_each_init(Additions::default, |additions, chunk| {
        let mut ids = tally.strata.lock().expect(NO_PANIC);
        let strata: Vec<u32> = chunk.iter().map(|(_, example)| ids.add(example)).collect();
        drop(ids);
        for ((_, example), stratum) in chunk.iter().zip(strata) {
            additions.add(example, stratum, settings, &tally);
        }
        additions.fill(&tally);
    });
    Counts::new(digest, tally)
}

/// Returns the shard of a feature, by bits in the middle: a hash table looks at the first and the last.
fn shard_of(key: FeatureKey) -> usize {
    (key.0 >> 32) as usize % SHARDS
}
