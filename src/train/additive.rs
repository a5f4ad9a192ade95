//! Whole counts that add and subtract, exactly and in any order.

use std::collections::BTreeMap;

use super::{Count, Counts, FeatureCounts, Strata, Stratum};
use crate::{
    corpus::CorpusDigest,
    model::{CountsFile, Settings, StratumDocuments, WholeCounts},
};

/// Why counts do not add or subtract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdditiveError {
    /// Something would be counted fewer than no times.
    #[error(
        "some of the documents to forget were never learned, with this label and source; forget only \
         rows that were in the corpus, just as they were"
    )]
    NeverLearned,
    /// A number, or all names together, would be too large.
    #[error("the counts are too large to be added")]
    TooLarge,
    /// The counts are of other things.
    #[error(
        "the counts are of other features; leave out --ngram and --chars, which go on as they were, or count both corpora \
         with the same settings"
    )]
    OtherFeatures,
    /// A file says that it was made of another corpus than it counted.
    #[error("its corpus digest is damaged")]
    Digest,
}

/// Adds the counts of two files.
///
/// # Errors
/// If they are of other features, or too large.
pub fn merge(a: &CountsFile, b: &CountsFile) -> Result<CountsFile, AdditiveError> {
    changed(a, b, 1)
}

/// Takes the counts of `b` out of those of `a`, which they are a part of.
pub(super) fn forget(a: &CountsFile, b: &CountsFile) -> Result<CountsFile, AdditiveError> {
    let less = changed(a, b, -1)?;
    // Values without a document: what is to be taken out is not what had been put in.
    let is_possible = less.whole.cell_documents.iter().all(|&documents| documents != 0);
    if is_possible { Ok(less) } else { Err(AdditiveError::NeverLearned) }
}

fn changed(a: &CountsFile, b: &CountsFile, sign: i128) -> Result<CountsFile, AdditiveError> {
    if (&a.features, a.values) != (&b.features, b.values) {
        return Err(AdditiveError::OtherFeatures);
    }
    let mut digest = parsed(&a.corpus_digest)?;
    let other = parsed(&b.corpus_digest)?;
    if sign < 0 {
        digest.subtract(&other);
    } else {
        digest.merge(&other);
    }
    Ok(CountsFile {
        features: a.features.clone(),
        values: a.values,
        corpus_digest: digest.hex(),
        whole: sum(&a.whole, &b.whole, sign)?,
    })
}

/// Returns a file of what was counted with `settings`.
pub(super) fn file(counts: &Counts, settings: &Settings) -> Result<CountsFile, AdditiveError> {
    Ok(CountsFile {
        features: settings.features.clone(),
        values: settings.values,
        corpus_digest: counts.digest.hex(),
        whole: whole(counts)?,
    })
}

fn parsed(digest: &str) -> Result<CorpusDigest, AdditiveError> {
    digest.parse().map_err(|_| AdditiveError::Digest)
}

/// Returns the counts of the features whose names are `known`.
pub(super) fn only(
    whole: &WholeCounts,
    known: impl Fn(&str) -> bool,
) -> Result<WholeCounts, AdditiveError> {
    let mut only = WholeCounts { strata: whole.strata.clone(), ..WholeCounts::default() };
    for (name, cells) in whole.features().filter(|&(name, _)| known(name)) {
        push(&mut only, name, cells.map(|cell| count(whole, cell)))?;
    }
    Ok(only)
}

/// Returns `counts` in the order of the features' names.
fn whole(counts: &Counts) -> Result<WholeCounts, AdditiveError> {
    let mut features: Vec<(&str, &[Count])> = counts
        .features
        .iter()
        .flat_map(|list| (0..list.len()).map(|place| (list.name(place), list.counts(place))))
        .collect();
    features.sort_unstable_by_key(|&(name, _)| name);
    let strata = counts.strata.documents().iter().map(|(stratum, documents)| StratumDocuments {
        source: stratum.source.clone(),
        label: stratum.label.clone(),
        documents: *documents,
    });
    let mut whole = WholeCounts { strata: strata.collect(), ..WholeCounts::default() };
    for (name, cells) in features {
        push(&mut whole, name, cells.iter().copied())?;
    }
    Ok(whole)
}

/// Returns the counts that `file` was made of.
pub(super) fn counts(file: &CountsFile) -> Result<Counts, AdditiveError> {
    let whole = &file.whole;
    let strata = whole.strata.iter().map(|StratumDocuments { source, label, documents }| {
        (Stratum { source: source.clone(), label: label.clone() }, *documents)
    });
    let mut features = FeatureCounts::default();
    for (name, cells) in whole.features() {
        features.push(name.as_bytes(), cells.map(|cell| count(whole, cell)));
    }
    let digest = parsed(&file.corpus_digest)?;
    Ok(Counts { digest, strata: Strata::new(strata.collect()), features: vec![features] })
}

fn count(whole: &WholeCounts, cell: usize) -> Count {
    Count {
        steps: whole.cell_steps[cell],
        documents: whole.cell_documents[cell],
        stratum: whole.cell_strata[cell],
    }
}

/// Adds a feature, which comes after all others by its name. One without counts is none.
fn push(
    whole: &mut WholeCounts,
    name: &str,
    cells: impl IntoIterator<Item = Count>,
) -> Result<(), AdditiveError> {
    let before = whole.cell_steps.len();
    for Count { steps, documents, stratum } in cells {
        whole.cell_strata.push(stratum);
        whole.cell_documents.push(documents);
        whole.cell_steps.push(steps);
    }
    if before != whole.cell_steps.len() {
        whole.names.push_str(name);
        whole.name_ends.push(narrow(whole.names.len())?);
        whole.cell_ends.push(narrow(whole.cell_steps.len())?);
    }
    Ok(())
}

/// A number of one side, or of both together, which may be too few or too many.
#[derive(Clone, Copy, Debug, Default)]
struct Amount(i128);

impl Amount {
    /// Returns the amount as a count, of which there cannot be fewer than none.
    fn checked<T: TryFrom<i128>>(self) -> Result<T, AdditiveError> {
        let error = if self.0 < 0 { AdditiveError::NeverLearned } else { AdditiveError::TooLarge };
        T::try_from(self.0).map_err(|_| error)
    }
}

fn narrow(n: usize) -> Result<u32, AdditiveError> {
    u32::try_from(n).map_err(|_| AdditiveError::TooLarge)
}

/// Returns `a + sign · b`, without what then counts nothing.
fn sum(a: &WholeCounts, b: &WholeCounts, sign: i128) -> Result<WholeCounts, AdditiveError> {
    let sides = [(a, 1), (b, sign)];
    let mut documents: BTreeMap<(Option<&str>, &str), Amount> = BTreeMap::new();
    for (side, sign) in sides {
        for stratum in &side.strata {
            documents.entry(key(stratum)).or_default().0 += sign * i128::from(stratum.documents);
        }
    }
    documents.retain(|_, amount| amount.0 != 0);
    let mut sum = WholeCounts::default();
    for (&(source, label), amount) in &documents {
        let (source, label) = (source.map(str::to_owned), label.to_owned());
        sum.strata.push(StratumDocuments { source, label, documents: amount.checked()? });
    }
    let places: BTreeMap<_, _> = documents.into_keys().zip(0_u32..).collect();
    let mut cells: Vec<Cell<'_>> = Vec::new();
    for (side, sign) in sides {
        let places: Vec<_> =
            side.strata.iter().map(|stratum| places.get(&key(stratum)).copied()).collect();
        cells.extend(side.features().flat_map(|(feature, own)| {
            let places = &places;
            own.map(move |cell| Cell::new(feature, count(side, cell), places, sign))
        }));
    }
    cells.sort_unstable_by_key(|cell| (cell.feature, cell.stratum));
    for of_feature in cells.chunk_by(|a, b| a.feature == b.feature) {
        let counts = of_feature.chunk_by(|a, b| a.stratum == b.stratum).map(total);
        let counts: Vec<Option<Count>> = counts.collect::<Result<_, _>>()?;
        push(&mut sum, of_feature[0].feature, counts.into_iter().flatten())?;
    }
    Ok(sum)
}

fn key(stratum: &StratumDocuments) -> (Option<&str>, &str) {
    (stratum.source.as_deref(), &stratum.label)
}

/// What one side counted of a feature in one stratum, or of one that has no documents any more.
struct Cell<'a> {
    feature: &'a str,
    stratum: Option<u32>,
    documents: i128,
    steps: i128,
}

impl<'a> Cell<'a> {
    fn new(feature: &'a str, count: Count, places: &[Option<u32>], sign: i128) -> Cell<'a> {
        let Count { steps, documents, stratum } = count;
        let stratum = places[stratum as usize];
        let (documents, steps) = (sign * i128::from(documents), sign * i128::from(steps));
        Cell { feature, stratum, documents, steps }
    }
}

/// Returns what the cells of one feature and stratum count together, if anything.
fn total(cells: &[Cell<'_>]) -> Result<Option<Count>, AdditiveError> {
    let documents = Amount(cells.iter().map(|cell| cell.documents).sum());
    let steps = Amount(cells.iter().map(|cell| cell.steps).sum());
    if (documents.0, steps.0) == (0, 0) {
        return Ok(None);
    }
    // A stratum without documents has no counts, or else they are not those of its documents.
    let stratum = cells[0].stratum.ok_or(AdditiveError::NeverLearned)?;
    Ok(Some(Count { steps: steps.checked()?, documents: documents.checked()?, stratum }))
}
