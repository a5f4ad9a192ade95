//! The examples that are kept whole: those that documents are weighed and models are measured on.

use std::collections::BTreeMap;

use crate::corpus::{CorpusDigest, Example};

/// The most bytes of text that are kept. A corpus of some fifty thousand articles is kept whole.
pub const SAMPLE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Examples, chosen by their digest: the same ones whatever their order, and all if there is room.
#[derive(Debug, Default)]
pub struct Sample {
    /// By digest, and the number of equal ones. The first digests stay.
    kept: BTreeMap<[u64; 4], (Example, u32)>,
    bytes: usize,
    /// The first digest that did not fit; from it on, nothing is taken.
    end: Option<[u64; 4]>,
}

impl Sample {
    /// Adds an example, if its digest is low enough.
    pub fn add(&mut self, example: Example, digest: &CorpusDigest) {
        self.add_many(digest.lanes(), example, 1);
    }

    /// Returns the number of examples.
    pub fn len(&self) -> u64 {
        self.kept.values().map(|&(_, times)| u64::from(times)).sum()
    }

    /// Tells whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Returns the examples in the order of their digests, each with a hash of its content.
    pub fn examples(&self) -> Vec<(u64, &Example)> {
        let mut examples = Vec::new();
        for (digest, (example, times)) in &self.kept {
            examples.extend(std::iter::repeat_n((digest[0], example), *times as usize));
        }
        examples
    }

    fn add_many(&mut self, digest: [u64; 4], example: Example, times: u32) {
        if self.end.is_some_and(|end| end <= digest) {
            return;
        }
        self.bytes += size(&example) * times as usize;
        self.kept.entry(digest).and_modify(|(_, kept)| *kept += times).or_insert((example, times));
        while SAMPLE_BYTES_MAX < self.bytes {
            let Some((&last, _)) = self.kept.last_key_value() else { return };
            self.end_at(last);
        }
    }

    fn end_at(&mut self, end: [u64; 4]) {
        if self.end.is_none_or(|own| end < own) {
            self.end = Some(end);
            for (_, (example, times)) in self.kept.split_off(&end) {
                self.bytes -= size(&example) * times as usize;
            }
        }
    }
}

/// Returns the bytes that an example takes, roughly.
fn size(example: &Example) -> usize {
    example.text.len() + example.title.as_ref().map_or(0, String::len) + size_of::<Example>()
}
