//! What a model has said so far, without what it was asked.

use std::sync::atomic::AtomicU64;

use super::counters::{Histogram, add, get};
use crate::{
    label::LabelSet,
    model::{AbstentionReason, Answer, Decision},
};

/// The upper bounds of the buckets that probabilities are counted in. If the documents change, their
/// shares do, whatever the right answers are.
const PROBABILITIES: [f64; 10] = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999];

/// What a model has said so far.
#[derive(Debug)]
pub(in crate::server) struct Tally {
    /// Of each label, and then of each reason for abstaining.
    outcomes: Box<[AtomicU64]>,
    labels: usize,
    document_bytes: AtomicU64,
    words: AtomicU64,
    words_known: AtomicU64,
    /// Of the likeliest label's probability.
    pub(super) probabilities: Histogram,
}

/// How often a model has given each answer, and of what.
pub(super) struct Totals {
    pub(super) outcomes: Vec<u64>,
    pub(super) document_bytes: u64,
    pub(super) words: u64,
    pub(super) words_known: u64,
}

/// The reasons for abstaining, in the order in which they are counted.
const REASONS: [AbstentionReason; 6] = [
    AbstentionReason::TooShort,
    AbstentionReason::FewKnownWords,
    AbstentionReason::LowMargin,
    AbstentionReason::Neither,
    AbstentionReason::Furniture,
    AbstentionReason::NoText,
];

fn place(reason: AbstentionReason) -> usize {
    match reason {
        AbstentionReason::TooShort => 0,
        AbstentionReason::FewKnownWords => 1,
        AbstentionReason::LowMargin => 2,
        AbstentionReason::Neither => 3,
        AbstentionReason::Furniture => 4,
        AbstentionReason::NoText => 5,
    }
}

impl Tally {
    pub(in crate::server) fn new(labels: &LabelSet) -> Tally {
        let outcomes = (0..labels.len() + REASONS.len()).map(|_| AtomicU64::new(0)).collect();
        Tally {
            outcomes,
            labels: labels.len(),
            document_bytes: AtomicU64::new(0),
            words: AtomicU64::new(0),
            words_known: AtomicU64::new(0),
            probabilities: Histogram::new(&PROBABILITIES),
        }
    }

    /// Counts an answer to a document of `bytes`.
    pub(in crate::server) fn add(&self, answer: &Answer, bytes: usize) {
        add(&self.outcomes[outcome(answer.decision, self.labels)], 1);
        add(&self.document_bytes, bytes as u64);
        add(&self.words, answer.words.into());
        add(&self.words_known, answer.words_known.into());
        self.probabilities.add(answer.probabilities[answer.best[0].index()]);
    }

    pub(super) fn totals(&self) -> Totals {
        Totals {
            outcomes: self.outcomes.iter().map(get).collect(),
            document_bytes: get(&self.document_bytes),
            words: get(&self.words),
            words_known: get(&self.words_known),
        }
    }
}

/// Returns the place of a decision among the outcomes of a model of so many labels.
pub(in crate::server) fn outcome(decision: Decision, labels: usize) -> usize {
    match decision {
        Decision::Label(label) => label.index(),
        Decision::Abstain(reason) => labels + place(reason),
    }
}

/// Returns the names of the outcomes of a model with these labels, in their order: each label, and each
/// reason for abstaining.
pub(in crate::server) fn outcome_names(labels: &LabelSet) -> impl Iterator<Item = &str> {
    labels.names().iter().map(String::as_str).chain(REASONS.iter().map(|reason| reason.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_stand_at_their_places() {
        for (at, reason) in REASONS.into_iter().enumerate() {
            assert_eq!(place(reason), at);
        }
    }
}
