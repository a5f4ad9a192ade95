//! Answers beside the truth.

use crate::{
    label::LabelId,
    model::{AbstentionReason, Answer, Decision},
};

/// The answer to one document, beside the truth.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The true label.
    pub truth: LabelId,
    /// The label that counts as the answer: for an abstention NEITHER the label that stands for it, for
    /// any other abstention the likeliest label.
    pub answer: LabelId,
    /// Why the model abstained, if it did.
    pub abstained: Option<AbstentionReason>,
    /// The two likeliest labels.
    pub best: [LabelId; 2],
    /// The probability of each label.
    pub probabilities: Vec<f64>,
}

impl Outcome {
    /// Holds `answer` against the true label.
    pub fn new(answer: &Answer, truth: LabelId, neither: Option<LabelId>) -> Outcome {
        let (label, abstained) = match answer.decision {
            Decision::Label(label) => (label, None),
            Decision::Abstain(reason @ AbstentionReason::Neither) => {
                (neither.unwrap_or(answer.best[0]), Some(reason))
            }
            Decision::Abstain(reason) => (answer.best[0], Some(reason)),
        };
        let probabilities = answer.probabilities.clone();
        Outcome { truth, answer: label, abstained, best: answer.best, probabilities }
    }

    /// Tells whether the document was labelled right.
    pub fn is_right(&self) -> bool {
        self.truth == self.answer
    }

    /// Tells whether the model gave an answer. NEITHER is one.
    pub fn is_decided(&self) -> bool {
        matches!(self.abstained, None | Some(AbstentionReason::Neither))
    }

    /// Returns the probability of the true label.
    pub fn truth_probability(&self) -> f64 {
        self.probabilities[self.truth.index()]
    }

    /// Returns `−ln` of the true label's probability, in nats.
    pub fn loss(&self) -> f64 {
        -self.truth_probability().max(f64::MIN_POSITIVE).ln()
    }

    /// Returns the lead of the likeliest label's probability over the second's.
    pub fn margin(&self) -> f64 {
        let [best, second] = self.best.map(|label| self.probabilities[label.index()]);
        best - second
    }
}
