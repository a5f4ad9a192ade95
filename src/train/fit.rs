//! Sums as weights: the only file with linfa and ndarray.

use std::sync::Mutex;

use linfa::{DatasetBase, dataset::Label, traits::Fit as _};
use linfa_bayes::MultinomialNb;
use ndarray::{Array1, ArrayView2};
use serde::Serialize;

use crate::{
    features::STEPS_PER_UNIT,
    model::{Estimator, Settings},
};

/// Why linfa would not estimate.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The smoothing is not above 0, or no number.
    #[error("the smoothing is {smoothing}, it must be above 0 and finite")]
    Smoothing {
        /// The smoothing.
        smoothing: f64,
    },
    /// linfa gave an error.
    #[error("linfa gave up: {reason}")]
    Linfa {
        /// What it said.
        reason: String,
    },
}

/// How weights come from sums: `own · ln P(feature | label) − others · ln P(feature | the other labels)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Method {
    pub(super) own: f64,
    pub(super) others: f64,
    pub(super) smoothing: f64,
}

impl Method {
    pub(super) fn of(settings: &Settings) -> Method {
        let (own, others) = match settings.estimator {
            Estimator::Multinomial => (1.0, 0.0),
            Estimator::Complement => (0.0, 1.0),
            Estimator::OneVsRest => (settings.own_weight, 1.0),
        };
        Method { own, others, smoothing: settings.smoothing }
    }
}

/// Returns the weights that `method` gives, by linfa, for `sums` in steps. Both have a row for each feature
/// and a column for each label.
pub(super) fn weights(method: Method, sums: &[u64], labels: usize) -> Result<Vec<f32>, FitError> {
    let own: Vec<f64> = sums.iter().map(|&steps| units(steps)).collect();
    let mut weights = vec![0.0; sums.len()];
    let mut add = |share: f64, sums: &[f64]| -> Result<(), FitError> {
        if share != 0.0 {
            let logs = log_likelihoods(sums, labels, method.smoothing)?;
            weights.iter_mut().zip(logs).for_each(|(weight, log)| *weight += share * log);
        }
        Ok(())
    };
    add(method.own, &own)?;
    add(-method.others, &complements(&own, labels))?;
    Ok(weights.into_iter().map(narrow).collect())
}

/// Makes of `weights` what [`weights`] returns, by linfa's formula, which a test holds against it. Features
/// that are not `kept` have no say, and weights of 0.
///
/// linfa estimates the model that is kept, and this the dozens that only lead there: it needs no other
/// memory, and takes the logarithm of what a feature's label never showed once for all labels.
pub(super) fn weights_by_formula(
    method: Method,
    sums: &[u64],
    labels: usize,
    kept: &[bool],
    weights: &mut Vec<f32>,
) {
    let Method { own, others, smoothing } = method;
    let mut totals = vec![(0.0, 0.0); labels];
    for (row, _) in sums.chunks_exact(labels).zip(kept).filter(|(_, kept)| **kept) {
        let all: f64 = row.iter().map(|&steps| units(steps)).sum();
        for ((own, others), &steps) in totals.iter_mut().zip(row) {
            *own += units(steps) + smoothing;
            *others += rest(all, steps) + smoothing;
        }
    }
    let log_totals: Vec<(f64, f64)> =
        totals.into_iter().map(|(own, others)| (own.ln(), others.ln())).collect();
    let log_smoothing = smoothing.ln();
    weights.clear();
    weights.resize(sums.len(), 0.0);
    let rows = weights.chunks_exact_mut(labels).zip(sums.chunks_exact(labels)).zip(kept);
    for ((weights, row), _) in rows.filter(|(_, kept)| **kept) {
        let all: f64 = row.iter().map(|&steps| units(steps)).sum();
        let log_all = (all + smoothing).ln();
        for ((weight, &steps), (log_own, log_others)) in
            weights.iter_mut().zip(row).zip(&log_totals)
        {
            let (own_log, others_log) = match steps {
                0 => (log_smoothing, log_all),
                _ => ((units(steps) + smoothing).ln(), (rest(all, steps) + smoothing).ln()),
            };
            *weight = narrow(own * (own_log - log_own) - others * (others_log - log_others));
        }
    }
}

/// Returns a sum in steps as one in units.
fn units(steps: u64) -> f64 {
    steps as f64 / STEPS_PER_UNIT
}

/// Returns what is left of `all` without a label's `steps`. A sum of one label alone leaves nothing, never less.
fn rest(all: f64, steps: u64) -> f64 {
    (all - units(steps)).max(0.0)
}

#[expect(clippy::cast_possible_truncation, reason = "seven digits are plenty")]
fn narrow(weight: f64) -> f32 {
    weight as f32
}

/// Returns, for each label, the sums of the other labels.
fn complements(sums: &[f64], labels: usize) -> Vec<f64> {
    let mut others = sums.to_vec();
    for row in others.chunks_exact_mut(labels) {
        let total: f64 = row.iter().sum();
        // A sum of one label alone leaves nothing, never less.
        for sum in row {
            *sum = (total - *sum).max(0.0);
        }
    }
    others
}

/// Returns `ln P(feature | label)`, a row a feature, a column a label, as linfa's multinomial naive
/// Bayes estimates it from the labels' `sums` of the same shape:
/// `ln (sum + smoothing) − ln Σ (sum + smoothing)`.
///
/// One summed row a label gives what the single documents would, since the estimate depends on the
/// sums only.
pub fn log_likelihoods(sums: &[f64], labels: usize, smoothing: f64) -> Result<Vec<f64>, FitError> {
    if !(smoothing.is_finite() && 0.0 < smoothing) {
        return Err(FitError::Smoothing { smoothing });
    }
    let linfa = |reason: String| FitError::Linfa { reason };
    let features = sums.len() / labels;
    let rows = ArrayView2::from_shape((features, labels), sums)
        .map_err(|error| linfa(error.to_string()))?;
    let targets: Array1<QuietLabel> = (0..labels).map(QuietLabel::new).collect();
    let dataset = DatasetBase::new(rows.reversed_axes().to_owned(), targets);
    let model: MultinomialNb<f64, QuietLabel> =
        quietly(|| MultinomialNb::params().alpha(smoothing).fit(&dataset))
            .map_err(|error| linfa(error.to_string()))?;
    parameters(&model, features, labels)
        .ok_or_else(|| linfa("its parameters cannot be read".into()))
}

/// Takes the parameters out of linfa's model, which keeps them private, by way of serde.
fn parameters(
    model: &MultinomialNb<f64, impl Label + Serialize>,
    features: usize,
    labels: usize,
) -> Option<Vec<f64>> {
    let json = serde_json::to_value(model).ok()?;
    let classes = json.get("class_info")?;
    let columns: Vec<&Vec<serde_json::Value>> = (0..labels)
        .map(|label| {
            classes.get(label.to_string())?.get("feature_log_prob")?.get("data")?.as_array()
        })
        .collect::<Option<_>>()?;
    let fits = columns.iter().all(|column| column.len() == features);
    let rows = 0..if fits { features } else { return None };
    rows.flat_map(|feature| columns.iter().map(move |column| column[feature].as_f64())).collect()
}

/// A label whose third copy is another label.
///
/// linfa-bayes 0.8.1 prints what it learned of each label, number by number, a forgotten `dbg!`, which
/// took half as long as all of training. It stores that under a third copy of the label and looks it
/// up by the second, so with this one it finds nothing to print.
#[derive(Debug, Default, PartialOrd, Ord)]
struct QuietLabel {
    label: usize,
    copies: u8,
}

impl QuietLabel {
    fn new(label: usize) -> QuietLabel {
        QuietLabel { label, copies: 0 }
    }
}

impl Clone for QuietLabel {
    fn clone(&self) -> QuietLabel {
        QuietLabel { label: self.label, copies: self.copies.saturating_add(1) }
    }
}

impl PartialEq for QuietLabel {
    fn eq(&self, other: &QuietLabel) -> bool {
        self.label == other.label && (self.copies < 3) == (other.copies < 3)
    }
}

impl Eq for QuietLabel {}

impl std::hash::Hash for QuietLabel {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.label.hash(state);
    }
}

impl Label for QuietLabel {}

impl Serialize for QuietLabel {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.label.serialize(serializer)
    }
}

/// Runs `fit` with the process's standard error closed: even with a [`QuietLabel`], linfa-bayes 0.8.1
/// prints a line a label there. Where it cannot be closed, as under some sandboxes, that is borne.
fn quietly<T>(fit: impl FnOnce() -> T) -> T {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let _gag = gag::Gag::stderr().ok();
    fit()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three features, two labels.
    const SUMS: [f64; 6] = [3.0, 0.0, 1.0, 2.5, 0.0, 4.0];

    #[track_caller]
    fn check_close(got: &[f64], expected: &[f64]) {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-12, "got={got} expected={expected}");
        }
    }

    /// Four features, three labels, in steps.
    const STEPS: [u64; 12] = [3 << 20, 0, 1 << 19, 1 << 20, 5 << 19, 0, 0, 4 << 20, 7, 0, 0, 0];

    fn by_formula(method: Method, sums: &[u64], labels: usize, kept: &[bool]) -> Vec<f32> {
        let mut weights = Vec::new();
        weights_by_formula(method, sums, labels, kept, &mut weights);
        weights
    }

    #[test]
    fn the_formula_gives_what_linfa_gives() {
        for (own, others) in [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.25, 1.0)] {
            for smoothing in [1.0, 0.05] {
                let method = Method { own, others, smoothing };
                let by_linfa = weights(method, &STEPS, 3).unwrap();
                let by_formula = by_formula(method, &STEPS, 3, &[true; 4]);
                assert_eq!(by_formula.len(), by_linfa.len());
                for (got, expected) in by_formula.iter().zip(by_linfa) {
                    assert!((got - expected).abs() < 1e-6, "{method:?} {got} {expected}");
                }
            }
        }
    }

    #[test]
    fn summed_rows_give_what_linfa_gives_for_single_documents() {
        let documents =
            ndarray::array![[1.0, 1.0, 0.0], [2.0, 0.0, 0.0], [0.0, 2.5, 1.0], [0.0, 0.0, 3.0]];
        let targets: Array1<usize> = ndarray::array![0, 0, 1, 1];
        let dataset = DatasetBase::new(documents, targets);
        let model: MultinomialNb<f64, usize> =
            quietly(|| MultinomialNb::params().alpha(0.5).fit(&dataset)).unwrap();
        let single = parameters(&model, 3, 2).unwrap();
        check_close(&log_likelihoods(&SUMS, 2, 0.5).unwrap(), &single);
    }

    #[test]
    fn a_smoothing_of_zero_is_refused() {
        for smoothing in [0.0, -1.0, f64::NAN] {
            let refused = log_likelihoods(&SUMS, 2, smoothing);
            assert!(matches!(refused, Err(FitError::Smoothing { .. })), "smoothing={smoothing}");
        }
    }

    #[test]
    fn features_that_are_not_kept_have_no_say() {
        for (own, others) in [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
            let method = Method { own, others, smoothing: 1.0 };
            let all = by_formula(method, &STEPS, 3, &[true, false, true, true]);
            let less = by_formula(method, &[&STEPS[..3], &STEPS[6..]].concat(), 3, &[true; 3]);
            assert_eq!([&all[..3], &all[6..]].concat(), less, "{method:?}");
            assert_eq!(all[3..6], [0.0; 3], "{method:?}");
        }
    }

    #[test]
    fn own_documents_and_those_of_other_labels_have_their_shares() {
        // Of two labels, each has the other's sums as those of the others.
        let of =
            |own, others| by_formula(Method { own, others, smoothing: 1.0 }, &STEPS, 2, &[true; 6]);
        let logs = of(1.0, 0.0);
        let pairs = logs.chunks_exact(2).flat_map(|row| [(row[0], row[1]), (row[1], row[0])]);
        for (got, (own, other)) in of(0.25, 1.0).into_iter().zip(pairs) {
            assert!((got - (0.25 * own - other)).abs() < 1e-6, "got={got}");
        }
    }
}
