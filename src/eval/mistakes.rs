//! The documents that a model is most wrong about.

use super::Outcome;
use crate::corpus::Example;

/// A document that was labelled wrong.
#[derive(Clone, Debug)]
pub struct Mistake {
    /// The document.
    pub example: Example,
    /// What the model said of it.
    pub outcome: Outcome,
}

/// The documents whose true labels got the lowest probabilities, of those labelled wrong.
#[derive(Debug)]
pub struct Mistakes {
    max: usize,
    kept: Vec<Mistake>,
}

impl Mistakes {
    /// Makes a place for the worst `max` mistakes.
    pub fn new(max: usize) -> Mistakes {
        Mistakes { max, kept: Vec::new() }
    }

    /// Adds a document, if it was labelled wrong.
    pub fn add(&mut self, example: Example, outcome: &Outcome) {
        if outcome.is_right() {
            return;
        }
        self.kept.push(Mistake { example, outcome: outcome.clone() });
        // Sorting at twice the number keeps memory small, and each document is sorted once or twice.
        if 2 * self.max <= self.kept.len() {
            self.sort_and_cut();
        }
    }

    /// Returns the mistakes, the worst first; of equals, the first that was added.
    pub fn worst(mut self) -> Vec<Mistake> {
        self.sort_and_cut();
        self.kept
    }

    fn sort_and_cut(&mut self) {
        self.kept.sort_by(|a, b| {
            a.outcome.truth_probability().total_cmp(&b.outcome.truth_probability())
        });
        self.kept.truncate(self.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::LabelId;

    fn outcome(truth_probability: f64) -> Outcome {
        let best = if truth_probability < 0.5 { [1, 0] } else { [0, 1] };
        Outcome {
            truth: LabelId(0),
            answer: LabelId(best[0]),
            abstained: None,
            best: best.map(LabelId),
            probabilities: vec![truth_probability, 1.0 - truth_probability],
        }
    }

    #[test]
    fn the_worst_are_kept_and_what_is_right_is_none() {
        let mut mistakes = Mistakes::new(2);
        for (text, probability) in
            [("a", 0.4), ("b", 0.9), ("c", 0.1), ("d", 0.3), ("e", 0.2), ("f", 0.1)]
        {
            let (text, label) = (text.to_owned(), "x".to_owned());
            let example = Example { id: None, title: None, text, label, source: None };
            mistakes.add(example, &outcome(probability));
        }
        let worst = mistakes.worst();
        let texts: Vec<&str> = worst.iter().map(|mistake| mistake.example.text.as_str()).collect();
        assert_eq!(texts, ["c", "f"]);
    }
}
