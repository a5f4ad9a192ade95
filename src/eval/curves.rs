//! Outcomes as curves: what a threshold would give and cost.

use super::Outcome;
use crate::{
    label::LabelId,
    model::{ReliabilityBin, RiskPoint},
};

/// The bins of equal width that probabilities are sorted into.
pub const BINS: usize = 15;

/// How precise a label is if more and more documents are given it, the likeliest first.
#[derive(Clone, Debug, PartialEq)]
pub struct PrecisionRecall {
    /// Recall and precision at each probability that occurs, from the highest on.
    pub points: Vec<(f64, f64)>,
    /// `Σ (recall's step) · precision`, as scikit-learn's `average_precision_score`.
    pub average_precision: f64,
}

/// Returns the precision and recall of `label`; no points if no document has it.
pub fn precision_recall(outcomes: &[Outcome], label: LabelId) -> PrecisionRecall {
    let mut ranked: Vec<(f64, bool)> = outcomes
        .iter()
        .map(|outcome| (outcome.probabilities[label.index()], outcome.truth == label))
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positives = ranked.iter().filter(|(_, is_true)| *is_true).count();
    let mut curve = PrecisionRecall { points: Vec::new(), average_precision: 0.0 };
    if positives == 0 {
        return curve;
    }
    let (mut given, mut right, mut recall_before) = (0, 0, 0.0);
    for equal in ranked.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        given += equal.len();
        right += equal.iter().filter(|(_, is_true)| *is_true).count();
        let (recall, precision) = (share(right, positives), share(right, given));
        curve.average_precision += (recall - recall_before) * precision;
        curve.points.push((recall, precision));
        recall_before = recall;
    }
    curve
}

/// Returns what each margin that occurs would give and cost, from the largest on (El-Yaniv and Wiener 2010).
pub fn risk_coverage(outcomes: &[Outcome]) -> Vec<RiskPoint> {
    let mut ranked: Vec<(f64, bool)> = outcomes
        .iter()
        .map(|outcome| (outcome.margin(), outcome.best[0] == outcome.truth))
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut covered, mut wrong) = (0, 0);
    let mut points = Vec::new();
    for equal in ranked.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        covered += equal.len();
        wrong += equal.iter().filter(|(_, is_right)| !is_right).count();
        points.push(RiskPoint {
            margin: equal[0].0,
            coverage: share(covered, outcomes.len()),
            error: share(wrong, covered),
        });
    }
    points
}

/// Returns the bins of the likeliest label's probability that are not empty, lowest first.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 15")]
pub fn reliability(outcomes: &[Outcome]) -> Vec<ReliabilityBin> {
    let mut sums = [(0_u64, 0.0, 0_u64); BINS];
    for outcome in outcomes {
        let probability = outcome.probabilities[outcome.best[0].index()];
        let bin = &mut sums[((probability * BINS as f64) as usize).min(BINS - 1)];
        bin.0 += 1;
        bin.1 += probability;
        bin.2 += u64::from(outcome.best[0] == outcome.truth);
    }
    let filled = sums.into_iter().filter(|&(documents, ..)| documents != 0);
    let bin = |(documents, probabilities, right): (u64, f64, u64)| ReliabilityBin {
        documents,
        probability: probabilities / documents as f64,
        accuracy: right as f64 / documents as f64,
    };
    filled.map(bin).collect()
}

/// Returns `Σ bin's share · |mean probability − share that is right|` (Guo et al. 2017).
pub fn calibration_error(bins: &[ReliabilityBin]) -> f64 {
    let documents: u64 = bins.iter().map(|bin| bin.documents).sum();
    let gaps = bins.iter().map(|bin| bin.documents as f64 * (bin.probability - bin.accuracy).abs());
    gaps.sum::<f64>() / documents.max(1) as f64
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outcome of a document of one of two labels, of which label 1 has `probability`.
    fn outcome(truth: u16, probability: f64) -> Outcome {
        let best = u16::from(0.5 < probability);
        Outcome {
            truth: LabelId(truth),
            answer: LabelId(best),
            abstained: None,
            best: [LabelId(best), LabelId(1 - best)],
            probabilities: vec![1.0 - probability, probability],
        }
    }

    fn outcomes(rows: &[(u16, f64)]) -> Vec<Outcome> {
        rows.iter().map(|&(truth, probability)| outcome(truth, probability)).collect()
    }

    #[test]
    fn average_precision_is_that_of_scikit_learn() {
        // scikit-learn 1.9.1: average_precision_score([0, 0, 1, 1, 1], [.1, .4, .35, .8, .4]).
        let rows = outcomes(&[(0, 0.1), (0, 0.4), (1, 0.35), (1, 0.8), (1, 0.4)]);
        let curve = precision_recall(&rows, LabelId(1));
        assert!((curve.average_precision - 0.805_555_555_555_555_6).abs() < 1e-12, "{curve:?}");
        assert_eq!(curve.points[0], (1.0 / 3.0, 1.0));
        assert_eq!(curve.points.len(), 4, "equal probabilities are one threshold");
    }

    #[test]
    fn a_label_that_no_document_has_has_no_curve() {
        let curve = precision_recall(&outcomes(&[(0, 0.1)]), LabelId(1));
        assert_eq!(curve, PrecisionRecall { points: Vec::new(), average_precision: 0.0 });
    }

    #[test]
    fn risk_is_the_share_of_wrong_answers_among_those_covered() {
        let rows = outcomes(&[(1, 0.875), (0, 0.625), (0, 0.25), (0, 0.0)]);
        let point = |margin, coverage, error| RiskPoint { margin, coverage, error };
        let expected = [
            point(1.0, 0.25, 0.0),
            point(0.75, 0.5, 0.0),
            point(0.5, 0.75, 0.0),
            point(0.25, 1.0, 0.25),
        ];
        assert_eq!(risk_coverage(&rows), expected);
    }

    #[test]
    fn bins_hold_the_mean_probability_and_the_share_that_is_right() {
        let rows = outcomes(&[(1, 0.75), (0, 0.75), (1, 1.0), (1, 0.75), (1, 0.75)]);
        let bins = reliability(&rows);
        let bin =
            |documents, probability, accuracy| ReliabilityBin { documents, probability, accuracy };
        assert_eq!(bins, [bin(4, 0.75, 0.75), bin(1, 1.0, 1.0)]);
        assert!(calibration_error(&bins).abs() < 1e-12);
        assert!(calibration_error(&[]).abs() < 1e-12);
    }
}
