//! The documents of one source and one label, and how many there are.

use std::collections::BTreeMap;

use crate::corpus::Example;

/// The documents of one source and one label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stratum {
    /// The source, if it is known.
    pub source: Option<String>,
    /// The label.
    pub label: String,
}

/// Strata by number, in the order of their first documents.
#[derive(Debug, Default)]
pub(super) struct StratumIds(BTreeMap<Stratum, (u32, u64)>);

impl StratumIds {
    /// Counts an example, and returns the number of its stratum.
    pub(super) fn add(&mut self, example: &Example) -> u32 {
        let stratum = Stratum { label: example.label.clone(), source: example.source.clone() };
        let next = u32::try_from(self.0.len()).expect("fewer strata than documents");
        let (id, documents) = self.0.entry(stratum).or_insert((next, 0));
        *documents += 1;
        *id
    }

    /// Puts the strata in order. Returns them, and the new number of each by the old one.
    pub(super) fn sorted(self) -> (Strata, Vec<u32>) {
        let mut renumbered = vec![0; self.0.len()];
        for (new, (old, _)) in (0..).zip(self.0.values()) {
            renumbered[*old as usize] = new;
        }
        let documents = self.0.into_iter().map(|(stratum, (_, documents))| (stratum, documents));
        (Strata::new(documents.collect()), renumbered)
    }
}

/// Strata in order, those of a source beside one another: nothing depends on the order of documents.
#[derive(Debug, Default)]
pub struct Strata {
    documents: Vec<(Stratum, u64)>,
    /// The number of each stratum's source.
    source_ids: Vec<Option<u32>>,
}

impl Strata {
    /// Makes strata of `documents`, which are in order.
    pub(super) fn new(documents: Vec<(Stratum, u64)>) -> Strata {
        let mut strata = Strata { documents, source_ids: Vec::new() };
        let mut next = 0;
        for (place, (stratum, _)) in strata.documents.iter().enumerate() {
            let is_new = place == 0 || strata.documents[place - 1].0.source != stratum.source;
            next += u32::from(is_new && stratum.source.is_some());
            strata.source_ids.push(stratum.source.as_ref().map(|_| next));
        }
        strata
    }

    /// Returns the strata and the number of documents of each.
    pub fn documents(&self) -> &[(Stratum, u64)] {
        &self.documents
    }

    /// Returns the number of different sources.
    pub fn sources(&self) -> u32 {
        self.count_sources(0..self.source_ids.len())
    }

    /// Returns the number of different sources of some strata, which must be in order.
    pub(super) fn count_sources(&self, strata: impl Iterator<Item = usize>) -> u32 {
        let (mut count, mut last) = (0, None);
        for source in strata.filter_map(|stratum| self.source_ids[stratum]) {
            count += u32::from(last != Some(source));
            last = Some(source);
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(ids: &mut StratumIds, label: &str, source: Option<&str>) -> u32 {
        let source = source.map(str::to_owned);
        let (label, text) = (label.to_owned(), "a text".to_owned());
        ids.add(&Example { id: None, title: None, text, label, source })
    }

    #[test]
    fn strata_are_numbered_as_they_come_and_then_put_in_order() {
        let mut ids = StratumIds::default();
        let rows =
            [("b", Some("y")), ("a", Some("y")), ("a", None), ("b", Some("y")), ("a", Some("x"))];
        let numbers = rows.map(|(label, source)| add(&mut ids, label, source));
        assert_eq!(numbers, [0, 1, 2, 0, 3]);

        let (strata, renumbered) = ids.sorted();
        assert_eq!(renumbered, [3, 2, 0, 1]);
        let documents: Vec<u64> = strata.documents().iter().map(|&(_, n)| n).collect();
        assert_eq!(documents, [1, 1, 1, 2]);
        assert_eq!(strata.sources(), 2);
        assert_eq!(strata.count_sources([0].into_iter()), 0);
        assert_eq!(strata.count_sources([2, 3].into_iter()), 1);
    }
}
