//! Probabilities as a decision.

use std::borrow::Borrow;

use super::Thresholds;
use crate::{features::Extent, label::LabelId};

/// A label, or none, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// The label.
    Label(LabelId),
    /// No label, for a reason.
    Abstain(AbstentionReason),
}

/// Why a model gives no label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AbstentionReason {
    /// The document has too few words to tell.
    TooShort,
    /// The model knows too few of the document's words.
    FewKnownWords,
    /// The best label is not likely enough.
    LowMargin,
    /// The best label is the one that stands for "neither of the others".
    Neither,
    /// The passage is page furniture, or the page has nothing else.
    Furniture,
    /// The document has nothing that a reader sees: markup alone.
    NoText,
}

impl AbstentionReason {
    /// Returns the reason as JSON and the contract spell it.
    pub fn name(self) -> &'static str {
        match self {
            AbstentionReason::TooShort => "TOO_SHORT",
            AbstentionReason::FewKnownWords => "FEW_KNOWN_WORDS",
            AbstentionReason::LowMargin => "LOW_MARGIN",
            AbstentionReason::Neither => "NEITHER",
            AbstentionReason::Furniture => "FURNITURE",
            AbstentionReason::NoText => "NO_TEXT",
        }
    }
}

impl Thresholds {
    /// Decides, for a document of this extent with these `probabilities`, of which `best` is the highest.
    ///
    /// What a document lacks comes first: a text in an unknown language has a best label too, but it
    /// means nothing. NEITHER is an answer, so it must be as sure as any other one.
    pub fn decide(
        &self,
        extent: Extent,
        probabilities: &[f64],
        best: LabelId,
        neither: Option<LabelId>,
    ) -> Decision {
        let known_min = self.known_share_min * f64::from(extent.words);
        let rivals = probabilities.iter().enumerate().filter(|&(label, _)| label != best.index());
        let second = rivals.map(|(_, &probability)| probability).fold(0.0, f64::max);
        if extent.words < self.words_min {
            Decision::Abstain(AbstentionReason::TooShort)
        } else if extent.words_known == 0 || f64::from(extent.words_known) < known_min {
            Decision::Abstain(AbstentionReason::FewKnownWords)
        } else if probabilities[best.index()] - second < self.margin_min {
            Decision::Abstain(AbstentionReason::LowMargin)
        } else if Some(best) == neither {
            Decision::Abstain(AbstentionReason::Neither)
        } else {
            Decision::Label(best)
        }
    }
}

/// Returns the labels with the two highest probabilities; of equals, the first.
pub fn best_two(probabilities: impl IntoIterator<Item = impl Borrow<f64>>) -> [LabelId; 2] {
    let mut best = [(f64::NEG_INFINITY, LabelId(0)); 2];
    for (label, probability) in (0..).map(LabelId).zip(probabilities) {
        let probability = *probability.borrow();
        if best[0].0 < probability {
            best = [(probability, label), best[0]];
        } else if best[1].0 < probability {
            best[1] = (probability, label);
        }
    }
    best.map(|(_, label)| label)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THRESHOLDS: Thresholds =
        Thresholds { words_min: 2, known_share_min: 0.5, margin_min: 0.2 };

    #[track_caller]
    fn check(words: u32, words_known: u32, probabilities: [f64; 3], expected: Decision) {
        let extent = Extent { words, words_known, ..Extent::default() };
        let best = best_two(probabilities)[0];
        let got = THRESHOLDS.decide(extent, &probabilities, best, Some(LabelId(1)));
        assert_eq!(got, expected, "words={words} known={words_known} p={probabilities:?}");
    }

    #[test]
    fn each_threshold_is_met_at_its_value_and_missed_below() {
        let sure = [0.75, 0.125, 0.125];
        let label = Decision::Label(LabelId(0));
        check(2, 1, sure, label);
        check(1, 1, sure, Decision::Abstain(AbstentionReason::TooShort));
        check(3, 1, sure, Decision::Abstain(AbstentionReason::FewKnownWords));
        check(4, 2, sure, label);
        check(4, 2, [0.125, 0.75, 0.125], Decision::Abstain(AbstentionReason::Neither));
        check(4, 2, [0.35, 0.5, 0.15], Decision::Abstain(AbstentionReason::LowMargin));
        check(4, 2, [0.55, 0.1, 0.35], label);
        check(4, 2, [0.5, 0.15, 0.35], Decision::Abstain(AbstentionReason::LowMargin));
    }

    #[test]
    fn of_equal_probabilities_the_first_labels_are_best() {
        assert_eq!(best_two([0.2, 0.4, 0.4]), [LabelId(1), LabelId(2)]);
        assert_eq!(best_two([0.5, 0.5]), [LabelId(0), LabelId(1)]);
        assert_eq!(best_two([0.3, 0.3, 0.4]), [LabelId(2), LabelId(0)]);
    }
}
