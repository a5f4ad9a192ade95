//! Held-out answers as thresholds: when a model is to abstain.

use super::TrainError;
use crate::{
    eval::{Outcome, risk_coverage},
    model::{Figures, RiskPoint, Thresholds},
};

/// The steps of coverage at which a model remembers its risk.
const RISK_STEPS: f64 = 250.0;

/// One of how many held-out documents may be stranger, or shorter, than any that is decided.
const RARE: usize = 1000;

/// The largest share of known words that a model asks for. A text of which most words are unknown is not
/// told by the rest of them; to ask for more would refuse headlines that are full of names.
const KNOWN_SHARE_MAX: f64 = 0.5;

/// The thresholds of a model that was not measured: it decides what has some known words.
pub(super) const UNMEASURED: Thresholds =
    Thresholds { words_min: 1, known_share_min: 0.25, margin_min: 0.0 };

/// What a fold's model said of a document that it was not trained on, or of its first words.
#[derive(Clone, Debug)]
pub(super) struct Sighting {
    /// The number of words.
    pub(super) words: u32,
    /// The share of them that the model knew.
    pub(super) known_share: f64,
    /// The lead of the likeliest label's probability.
    pub(super) margin: f64,
    /// Whether the likeliest label was the true one.
    pub(super) is_right: bool,
}

/// Returns the thresholds that keep errors at `max_error`.
///
/// `openings` are documents cut to their first words. A model decides documents as short as the held-out
/// ones were, on which its risk was measured, and shorter ones if the openings of that length kept it too.
pub(super) fn choose(
    figures: &Figures,
    documents: &[Sighting],
    openings: &[Sighting],
    max_error: f64,
) -> Result<Thresholds, TrainError> {
    let margin_min = match figures.margin_min(max_error) {
        Ok(margin) => margin,
        Err(fewest) => return Err(TrainError::Risk { max_error, fewest }),
    };
    let known_shares = documents.iter().map(|document| document.known_share).collect();
    let known_share_min = rare(known_shares, f64::total_cmp).min(KNOWN_SHARE_MAX);
    let shortest = rare(documents.iter().map(|document| document.words).collect(), u32::cmp);
    let without_words = Thresholds { words_min: 0, known_share_min, margin_min };
    let words_min = words_min(openings, &without_words, max_error).unwrap_or(shortest);
    Ok(Thresholds { words_min: words_min.min(shortest).max(1), known_share_min, margin_min })
}

/// Returns the value that all but the rarest few are at or above.
fn rare<T: Copy>(mut values: Vec<T>, order: impl Fn(&T, &T) -> std::cmp::Ordering) -> T {
    values.sort_unstable_by(order);
    values[values.len() / RARE]
}

/// Returns the fewest words from which on the openings that would be decided are wrong in at most
/// `max_error`.
fn words_min(openings: &[Sighting], thresholds: &Thresholds, max_error: f64) -> Option<u32> {
    let mut lengths: Vec<u32> = openings.iter().map(|opening| opening.words).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let keeps = |&length: &u32| {
        let decided = openings.iter().filter(|opening| {
            opening.words == length
                && thresholds.margin_min <= opening.margin
                && thresholds.known_share_min <= opening.known_share
        });
        let (mut n, mut wrong) = (0_u32, 0_u32);
        for opening in decided {
            n += 1;
            wrong += u32::from(!opening.is_right);
        }
        f64::from(wrong) <= max_error * f64::from(n)
    };
    // From the longest on, as long as the risk is kept.
    lengths.into_iter().rev().take_while(keeps).last()
}

/// Returns the risk at each step of coverage, without the points that decide less and err more than another.
pub(super) fn risk(outcomes: &[Outcome]) -> Vec<RiskPoint> {
    let mut best: Vec<RiskPoint> = Vec::new();
    for point in risk_coverage(outcomes).into_iter().rev() {
        let is_better = best.last().is_none_or(|last| point.error < last.error);
        let is_next = best.last().is_none_or(|last| step(&point) < step(last));
        if is_better && is_next {
            best.push(point);
        }
    }
    best.reverse();
    best
}

fn step(point: &RiskPoint) -> f64 {
    (point.coverage * RISK_STEPS).floor()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighting(words: u32, margin: f64, is_right: bool) -> Sighting {
        Sighting { words, known_share: 0.75, margin, is_right }
    }

    #[test]
    fn documents_may_be_as_short_as_those_measured_or_as_openings_that_keep_the_risk() {
        let figures = Figures::of_risk(&[(0.5, 0.5, 0.0), (0.0, 1.0, 0.25)]);
        let documents = [20, 30, 40].map(|words| sighting(words, 0.9, true));
        let openings = [
            sighting(1, 0.9, true),
            sighting(2, 0.9, false),
            sighting(2, 0.9, true),
            sighting(3, 0.2, false),
            sighting(4, 0.9, true),
            sighting(24, 0.9, true),
        ];
        let chosen = |max_error| choose(&figures, &documents, &openings, max_error).unwrap();
        // At a margin of 0.5 the wrong opening of three words is not decided, but one of two words is.
        let expected = Thresholds { words_min: 3, known_share_min: 0.5, margin_min: 0.5 };
        assert_eq!(chosen(0.1), expected);
        let expected = Thresholds { words_min: 1, known_share_min: 0.5, margin_min: 0.0 };
        assert_eq!(chosen(1.0), expected);
        let no_openings = choose(&figures, &documents, &[], 0.1).unwrap();
        assert_eq!(no_openings.words_min, 20);
    }

    #[test]
    fn a_risk_that_no_margin_keeps_is_refused() {
        let figures = Figures::of_risk(&[(0.5, 0.5, 0.125), (0.0, 1.0, 0.25)]);
        let refused = choose(&figures, &[sighting(9, 0.9, true)], &[], 0.0625).unwrap_err();
        assert!(refused.to_string().contains("12.5 %"), "{refused}");
    }

    #[test]
    fn risk_is_remembered_where_deciding_less_errs_less() {
        let outcome = |margin: f64, is_right: bool| {
            let probabilities = vec![0.5 + margin / 2.0, 0.5 - margin / 2.0];
            let [first, second] = [0, 1].map(crate::label::LabelId);
            let truth = if is_right { first } else { second };
            Outcome { truth, answer: first, abstained: None, best: [first, second], probabilities }
        };
        let outcomes =
            [(0.75, true), (0.625, false), (0.5, true), (0.25, true), (0.125, false), (0.0, true)];
        let risk = risk(&outcomes.map(|(margin, is_right)| outcome(margin, is_right)));
        let point = |margin, coverage, error| RiskPoint { margin, coverage, error };
        let expected =
            [point(0.75, 1.0 / 6.0, 0.0), point(0.25, 4.0 / 6.0, 0.25), point(0.0, 1.0, 2.0 / 6.0)];
        assert_eq!(risk, expected);
    }
}
