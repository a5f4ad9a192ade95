//! Documents as folds: which are held out together when a model is measured on others.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
};

use crate::label::LabelId;

/// Documents that stay together: a single one, or all of one label and source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit<'a> {
    /// The label of the documents.
    pub label: LabelId,
    /// Who published them, if known.
    pub source: Option<&'a str>,
    /// A hash of the content, such as [`CorpusDigest::key`](super::CorpusDigest::key).
    ///
    /// It decides where no source does, so that the order of a file decides nothing. Units with one
    /// key stay together: one document, or its copy, is never both learned and held out.
    pub key: u64,
    /// The number of documents.
    pub documents: u64,
}

/// The fold of each unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folds {
    /// The fold of each unit, in the order of the units; folds count from 0.
    pub fold_of: Vec<usize>,
    /// Whether whole sources are held out. If not, a publisher's habits are learned and measured at
    /// once, and the figures look better than they are.
    pub by_source: bool,
}

/// Assigns each unit to one of `n_folds`, with about as many documents of each label in each.
///
/// A source lies in one fold with all its labels, and a unit without source goes by its key. Sources
/// are split too, by key, if there are fewer of them than folds, or if one fold would hold out all
/// documents of a label: a model that has learned nothing of a label cannot be measured on it.
///
/// The result depends on the set of units, never on their order.
///
/// # Example
/// ```
/// use newsdesk::{corpus::{Unit, folds}, label::LabelId};
///
/// let unit = |label, source, documents| {
///     Unit { label: LabelId(label), source: Some(source), key: 0, documents }
/// };
/// let units = [unit(0, "agency", 9), unit(1, "agency", 1), unit(0, "blog", 5), unit(1, "shop", 7)];
/// let folds = folds(&units, 2.try_into()?);
/// assert!(folds.by_source);
/// assert_eq!(folds.fold_of, [0, 0, 1, 1]);
/// # Ok::<(), std::num::TryFromIntError>(())
/// ```
pub fn folds(units: &[Unit<'_>], n_folds: NonZeroUsize) -> Folds {
    let sources: BTreeSet<&str> = units.iter().filter_map(|unit| unit.source).collect();
    if n_folds.get() <= sources.len() {
        let fold_of = assign(units, n_folds, |unit| match unit.source {
            Some(source) => GroupName::Source(source),
            None => GroupName::Key(unit.key),
        });
        if n_folds.get() == 1 || every_label_is_in_two(units, &fold_of) {
            return Folds { fold_of, by_source: true };
        }
    }
    Folds { fold_of: assign(units, n_folds, |unit| GroupName::Key(unit.key)), by_source: false }
}

/// What the units of a group have in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum GroupName<'a> {
    Source(&'a str),
    Key(u64),
}

/// Documents that must lie in one fold.
#[derive(Default)]
struct Group {
    documents: u64,
    documents_by_label: BTreeMap<LabelId, u64>,
    units: Vec<usize>,
}

/// Assigns group by group, the largest first: what is left to even out the folds is then small.
fn assign<'a>(
    units: &[Unit<'a>],
    n_folds: NonZeroUsize,
    group_name: impl Fn(&Unit<'a>) -> GroupName<'a>,
) -> Vec<usize> {
    let mut groups: BTreeMap<GroupName<'_>, Group> = BTreeMap::new();
    for (place, unit) in units.iter().enumerate() {
        let group = groups.entry(group_name(unit)).or_default();
        group.documents += unit.documents;
        *group.documents_by_label.entry(unit.label).or_default() += unit.documents;
        group.units.push(place);
    }
    // The sort is stable, so groups of one size stay in the order of their names.
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.documents));

    let mut folds: Vec<Group> = (0..n_folds.get()).map(|_| Group::default()).collect();
    for group in groups {
        let fold = folds
            .iter_mut()
            .min_by_key(|fold| (overlap(fold, &group), fold.documents))
            .expect("there is at least one fold, and of equal ones the first is taken");
        fold.take(group);
    }
    let mut fold_of = vec![0; units.len()];
    for (place, fold) in folds.iter().enumerate() {
        fold.units.iter().for_each(|&unit| fold_of[unit] = place);
    }
    fold_of
}

impl Group {
    fn take(&mut self, other: Group) {
        self.documents += other.documents;
        for (label, documents) in other.documents_by_label {
            *self.documents_by_label.entry(label).or_default() += documents;
        }
        self.units.extend(other.units);
    }
}

/// Returns how many documents of the group's labels the fold has, each label weighed by its documents
/// in the group: `Σ fold[label] · group[label]`.
///
/// Putting the group where this is least adds least to `Σ fold[label]²` over all folds and labels,
/// which is least when each label is spread evenly.
fn overlap(fold: &Group, group: &Group) -> u128 {
    let product = |(label, &documents): (&LabelId, &u64)| {
        let in_fold = fold.documents_by_label.get(label).copied().unwrap_or_default();
        u128::from(in_fold) * u128::from(documents)
    };
    group.documents_by_label.iter().map(product).sum()
}

/// Tells whether each label is in at least two folds, so that holding one out leaves some of it.
fn every_label_is_in_two(units: &[Unit<'_>], fold_of: &[usize]) -> bool {
    let mut folds_by_label: BTreeMap<LabelId, BTreeSet<usize>> = BTreeMap::new();
    for (unit, &fold) in units.iter().zip(fold_of) {
        folds_by_label.entry(unit.label).or_default().insert(fold);
    }
    folds_by_label.values().all(|folds| 2 <= folds.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(label: u16, source: Option<&str>, key: u64, documents: u64) -> Unit<'_> {
        Unit { label: LabelId(label), source, key, documents }
    }

    fn split(units: &[Unit<'_>], n_folds: usize) -> Folds {
        folds(units, NonZeroUsize::new(n_folds).unwrap())
    }

    /// Returns the documents of `label` in each fold.
    fn documents(units: &[Unit<'_>], folds: &Folds, n_folds: usize, label: u16) -> Vec<u64> {
        let mut documents = vec![0; n_folds];
        for (unit, &fold) in units.iter().zip(&folds.fold_of) {
            if unit.label == LabelId(label) {
                documents[fold] += unit.documents;
            }
        }
        documents
    }

    #[test]
    fn a_source_lies_in_one_fold_with_all_its_labels() {
        let sources: Vec<String> = (0..12).map(|source| format!("s{source}")).collect();
        let units: Vec<Unit<'_>> = (0..60_u16)
            .map(|place| unit(place % 3, Some(&sources[usize::from(place) % 12]), 0, 10))
            .collect();
        let folds = split(&units, 5);
        assert!(folds.by_source);
        for source in &sources {
            let of_source = units.iter().zip(&folds.fold_of);
            let of_source = of_source.filter(|(unit, _)| unit.source == Some(source));
            let in_folds: BTreeSet<usize> = of_source.map(|(_, &fold)| fold).collect();
            assert_eq!(in_folds.len(), 1, "source={source}");
        }
    }

    #[test]
    fn the_largest_sources_go_first_and_ties_go_by_name() {
        let units = [
            unit(0, Some("d"), 0, 1),
            unit(0, Some("b"), 0, 4),
            unit(0, Some("c"), 0, 4),
            unit(0, Some("a"), 0, 5),
        ];
        assert_eq!(split(&units, 3).fold_of, [1, 1, 2, 0]);
    }

    #[test]
    fn labels_are_spread_evenly_over_the_folds() {
        let units: Vec<Unit<'_>> =
            (0..1000).map(|key| unit(u16::from(key % 10 == 0), None, key, 1)).collect();
        let folds = split(&units, 4);
        assert_eq!(documents(&units, &folds, 4, 0), [225; 4]);
        assert_eq!(documents(&units, &folds, 4, 1), [25; 4]);
    }

    #[test]
    fn the_order_of_the_units_does_not_matter() {
        let sources = ["a", "b", "c", "d", "e"];
        let units: Vec<Unit<'_>> = (0..97_u16)
            .map(|place| {
                let source = sources.get(usize::from(place * 7 % 9)).copied();
                unit(place % 3, source, u64::from(place % 40), u64::from(place % 4))
            })
            .collect();
        let backwards: Vec<Unit<'_>> = units.iter().rev().copied().collect();
        for n_folds in [2, 5, 6] {
            let mut fold_of = split(&backwards, n_folds).fold_of;
            fold_of.reverse();
            assert_eq!(split(&units, n_folds).fold_of, fold_of, "n_folds={n_folds}");
        }
    }

    #[test]
    fn fewer_sources_than_folds_are_split_by_content() {
        let units: Vec<Unit<'_>> =
            (0..20).map(|key| unit(u16::from(10 <= key), Some("only"), key, 1)).collect();
        let folds = split(&units, 5);
        assert!(!folds.by_source);
        assert_eq!(documents(&units, &folds, 5, 0), [2; 5]);
        assert_eq!(documents(&units, &folds, 5, 1), [2; 5]);
    }

    #[test]
    fn a_label_of_one_source_is_not_held_out_whole() {
        let sources = ["a", "b", "c", "d"];
        let mut units: Vec<Unit<'_>> =
            (0..40).map(|key| unit(0, Some(sources[key % 4]), key as u64, 1)).collect();
        units.extend((40..50).map(|key| unit(1, Some("shop"), key, 1)));
        let folds = split(&units, 5);
        assert!(!folds.by_source);
        assert_eq!(documents(&units, &folds, 5, 1), [2; 5]);
    }

    #[test]
    fn copies_of_a_document_stay_together() {
        let units: Vec<Unit<'_>> = (0..30).map(|place| unit(0, None, place % 10, 1)).collect();
        let folds = split(&units, 3);
        for (place, fold) in folds.fold_of.iter().enumerate() {
            assert_eq!(*fold, folds.fold_of[place % 10]);
        }
    }

    #[test]
    fn one_fold_and_no_units_are_no_trouble() {
        let units = [unit(0, Some("a"), 0, 1), unit(1, Some("b"), 0, 1)];
        assert_eq!(split(&units, 1).fold_of, [0, 0]);
        assert!(split(&[], 3).fold_of.is_empty());
    }
}
