//! Outcomes as figures.
//!
//! linfa's confusion matrix is not used: with three labels and more its F1 is that of the averages, and
//! a label that is never answered makes it NaN. Here 0/0 is 0, as in scikit-learn.

use std::collections::BTreeMap;

use super::{Outcome, calibration_error, reliability};
use crate::{
    label::{LabelId, LabelSet},
    model::AbstentionReason,
};

/// The figures of one label.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelMetrics {
    /// Of the documents that were given the label, the share that has it.
    pub precision: f64,
    /// Of the documents that have the label, the share that was given it.
    pub recall: f64,
    /// The harmonic mean of the two.
    pub f1: f64,
    /// The documents that have the label.
    pub support: u64,
}

/// How good a model is on some documents.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// The number of documents.
    pub documents: u64,
    /// The share of documents that were labelled right.
    pub accuracy: f64,
    /// The mean of the F1 of the labels that occur, in truth or in answers.
    pub macro_f1: f64,
    /// The mean of `−ln` of the true label's probability, in nats.
    pub log_loss: f64,
    /// Expected calibration error: `Σ bin's share · |mean probability − share that is right|`, over
    /// 15 bins of the likeliest label's probability (Guo et al. 2017).
    pub ece: f64,
    /// The figures of each label.
    pub labels: Vec<LabelMetrics>,
    /// The documents by true label (rows) and answer (columns).
    pub confusion: Vec<Vec<u64>>,
    /// The share of documents that were decided. An abstention NEITHER is a decision.
    pub coverage: f64,
    /// The share of those that were labelled right.
    pub decided_accuracy: f64,
    /// The number of abstentions by reason.
    pub abstentions: Vec<(AbstentionReason, u64)>,
}

impl Metrics {
    /// Returns the figures of `outcomes`.
    pub fn of(labels: &LabelSet, outcomes: &[Outcome]) -> Metrics {
        let mut confusion = vec![vec![0; labels.len()]; labels.len()];
        for outcome in outcomes {
            confusion[outcome.truth.index()][outcome.answer.index()] += 1;
        }
        let label_metrics: Vec<LabelMetrics> =
            labels.ids().map(|label| label_metrics(&confusion, label)).collect();
        let seen = labels.ids().zip(&label_metrics).filter(|(label, metrics)| {
            0 < metrics.support || confusion.iter().any(|row| 0 < row[label.index()])
        });
        let f1s: Vec<f64> = seen.map(|(_, metrics)| metrics.f1).collect();
        let decided: Vec<&Outcome> =
            outcomes.iter().filter(|outcome| outcome.is_decided()).collect();
        let decided_right = decided.iter().filter(|outcome| outcome.is_right()).count() as u64;
        let right = outcomes.iter().filter(|outcome| outcome.is_right()).count() as u64;
        let losses = outcomes.iter().map(Outcome::loss);
        let documents = outcomes.len() as u64;
        Metrics {
            documents,
            accuracy: share(right, documents),
            macro_f1: f1s.iter().sum::<f64>() / (f1s.len().max(1)) as f64,
            log_loss: losses.sum::<f64>() / documents.max(1) as f64,
            ece: calibration_error(&reliability(outcomes)),
            labels: label_metrics,
            confusion,
            coverage: share(decided.len() as u64, documents),
            decided_accuracy: share(decided_right, decided.len() as u64),
            abstentions: abstentions(outcomes),
        }
    }

    /// Returns the figures of the outcomes of each source, in the order of their names.
    pub fn by_source<'a>(
        labels: &LabelSet,
        outcomes: &[Outcome],
        sources: &'a [Option<String>],
    ) -> Vec<(Option<&'a str>, Metrics)> {
        let mut by_source: BTreeMap<Option<&str>, Vec<Outcome>> = BTreeMap::new();
        for (outcome, source) in outcomes.iter().zip(sources) {
            by_source.entry(source.as_deref()).or_default().push(outcome.clone());
        }
        let measure = |(source, outcomes): (_, Vec<_>)| (source, Metrics::of(labels, &outcomes));
        by_source.into_iter().map(measure).collect()
    }
}

fn label_metrics(confusion: &[Vec<u64>], label: LabelId) -> LabelMetrics {
    let right = confusion[label.index()][label.index()];
    let support = confusion[label.index()].iter().sum();
    let answered = confusion.iter().map(|row| row[label.index()]).sum();
    LabelMetrics {
        precision: share(right, answered),
        recall: share(right, support),
        f1: share(2 * right, support + answered),
        support,
    }
}

fn abstentions(outcomes: &[Outcome]) -> Vec<(AbstentionReason, u64)> {
    [
        AbstentionReason::TooShort,
        AbstentionReason::FewKnownWords,
        AbstentionReason::LowMargin,
        AbstentionReason::Neither,
    ]
    .into_iter()
    .map(|reason| {
        let of_reason = outcomes.iter().filter(|outcome| outcome.abstained == Some(reason));
        (reason, of_reason.count() as u64)
    })
    .collect()
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(truth: u16, answer: u16, probability: f64) -> Outcome {
        let rest = 1.0 - probability;
        let rival = if truth == answer { (answer + 1) % 3 } else { truth };
        let mut probabilities = vec![0.0; 3];
        probabilities[usize::from(answer)] = probability;
        probabilities[usize::from(rival)] = rest;
        let best = [answer, rival].map(LabelId);
        Outcome {
            truth: LabelId(truth),
            answer: LabelId(answer),
            abstained: None,
            best,
            probabilities,
        }
    }

    fn labels() -> LabelSet {
        LabelSet::new(["a", "b", "c"].map(String::from), "c").unwrap()
    }

    #[test]
    fn figures_are_those_of_scikit_learn() {
        // scikit-learn 1.7, classification_report and log_loss of
        // truth [0,0,0,1,1,2], answers [0,0,1,1,2,2].
        let pairs = [(0, 0), (0, 0), (0, 1), (1, 1), (1, 2), (2, 2)];
        let outcomes: Vec<Outcome> = pairs.iter().map(|&(t, a)| outcome(t, a, 0.75)).collect();
        let metrics = Metrics::of(&labels(), &outcomes);
        let close = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-12, "{got}");
        close(metrics.accuracy, 2.0 / 3.0);
        close(metrics.macro_f1, (0.8 + 0.5 + 2.0 / 3.0) / 3.0);
        close(metrics.labels[0].precision, 1.0);
        close(metrics.labels[0].recall, 2.0 / 3.0);
        close(metrics.labels[2].precision, 0.5);
        close(metrics.log_loss, -(4.0 * 0.75_f64.ln() + 2.0 * 0.25_f64.ln()) / 6.0);
        close(metrics.ece, 0.75 - 2.0 / 3.0);
        assert_eq!(metrics.confusion, [[2, 1, 0], [0, 1, 1], [0, 0, 1]]);
    }

    #[test]
    fn a_label_that_never_occurs_is_no_number_but_zero_and_not_averaged() {
        let metrics = Metrics::of(&labels(), &[outcome(0, 0, 0.9), outcome(1, 1, 0.9)]);
        assert_eq!((metrics.labels[2].f1, metrics.labels[2].precision), (0.0, 0.0));
        assert!((metrics.macro_f1 - 1.0).abs() < 1e-12);
        assert!(Metrics::of(&labels(), &[]).macro_f1.abs() < 1e-12);
    }

    #[test]
    fn abstentions_but_neither_are_left_out_of_the_decided() {
        let abstained = |reason| Outcome { abstained: Some(reason), ..outcome(0, 1, 0.5) };
        let outcomes = [
            outcome(0, 0, 0.9),
            abstained(AbstentionReason::LowMargin),
            Outcome { abstained: Some(AbstentionReason::Neither), ..outcome(2, 2, 0.9) },
        ];
        let metrics = Metrics::of(&labels(), &outcomes);
        assert!((metrics.coverage - 2.0 / 3.0).abs() < 1e-12);
        assert!((metrics.decided_accuracy - 1.0).abs() < 1e-12);
        assert_eq!(metrics.abstentions[2], (AbstentionReason::LowMargin, 1));
    }
}
