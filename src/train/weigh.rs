//! Counts and documents as weighted sums.
//!
//! Plain naive Bayes sums all documents alike, so the many easy ones of a large source drown the few
//! hard ones. Here a document first weighs less the more its source has of its label, and then, pass by
//! pass, more the more wrong the model is about it, as boosting does (Freund and Schapire 1997; for
//! naive Bayes compare the discriminative frequency estimate of Su, Zhang, Ling and Matwin 2008):
//! `weight ← weight · exp(1 − P(true label))`. The model stays naive Bayes; only its counts are others.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{
    FeatureCounts, FitError, Strata, Stratum,
    fit::{self, Method},
    pages::{self, TrainingPassage},
    select,
};
use crate::{
    corpus::Unit,
    features::{FeatureId, FeatureVector, ValueSettings},
    label::{LabelId, LabelSet},
    model::{Calibration, Settings, Weights},
};

/// A weight of 1, as a whole number: sums of whole numbers do not depend on their order.
const WEIGHT_UNIT: f64 = 1024.0;

/// The fewest documents that a source counts as when sources are made equal: a single document must not
/// weigh as much as a publisher's whole archive.
const SOURCE_DOCUMENTS_MIN: u64 = 100;

/// The heaviest document, in weights of 1. It keeps the sums within 64 bits.
const WEIGHT_MAX: f64 = 65_536.0;

/// A document of the sample.
pub(super) struct TrainingDocument {
    pub(super) label: LabelId,
    pub(super) vector: FeatureVector,
    /// Some of its passages, by which reading pages is learned.
    pub(super) passages: Vec<TrainingPassage>,
    /// The features of its first words, for some lengths.
    pub(super) openings: Vec<FeatureVector>,
    source: Option<String>,
    /// A hash of the content.
    key: u64,
    /// The value, in steps, of a feature that occurs once, twice and so on; the usual ones.
    steps: [i64; 8],
}

impl TrainingDocument {
    pub(super) fn new(
        label: LabelId,
        source: Option<String>,
        key: u64,
        vector: FeatureVector,
        passages: Vec<TrainingPassage>,
        values: ValueSettings,
    ) -> TrainingDocument {
        let scale = values.scale(vector.occurrences);
        let steps = std::array::from_fn(|tf| steps(values, u32::try_from(tf).unwrap_or(0), scale));
        TrainingDocument { label, vector, openings: Vec::new(), passages, source, key, steps }
    }

    pub(super) fn with_openings(self, openings: Vec<FeatureVector>) -> TrainingDocument {
        TrainingDocument { openings, ..self }
    }

    /// Returns what the document is when folds are made.
    pub(super) fn unit(&self) -> Unit<'_> {
        Unit { label: self.label, source: self.source.as_deref(), key: self.key, documents: 1 }
    }

    /// Calls `add` with each feature, and with its value in steps, times `weight`.
    fn shift(&self, weight: i64, values: ValueSettings, mut add: impl FnMut(FeatureId, i64)) {
        let scale = values.scale(self.vector.occurrences);
        let usual = self.steps.map(|steps| weight * steps);
        for &(feature, tf) in &self.vector.features {
            let usual = usual.get(tf as usize).copied();
            add(feature, usual.unwrap_or_else(|| weight * steps(values, tf, scale)));
        }
    }
}

fn steps(values: ValueSettings, tf: u32, scale: f64) -> i64 {
    i64::try_from(values.steps(tf, scale)).expect("values are small")
}

/// Documents that are held out: true at the place of each that is.
pub(super) struct Without<'a> {
    pub(super) held_out: &'a [bool],
}

/// What a model is estimated from.
pub(super) struct Training<'a> {
    pub(super) documents: &'a [TrainingDocument],
    /// The stratum of each document.
    document_strata: Vec<usize>,
    strata: &'a Strata,
    /// The features that are kept.
    features: &'a FeatureCounts,
    /// The label of each stratum; none if it is one of furniture.
    stratum_labels: Vec<Option<LabelId>>,
    pub(super) labels: usize,
    pub(super) settings: &'a Settings,
}

impl<'a> Training<'a> {
    pub(super) fn new(
        strata: &'a Strata,
        features: &'a FeatureCounts,
        labels: &LabelSet,
        settings: &'a Settings,
        documents: &'a [TrainingDocument],
    ) -> Training<'a> {
        let label_of = |stratum: &Stratum| labels.find(&stratum.label);
        let stratum_labels: Vec<Option<LabelId>> =
            strata.documents().iter().map(|(stratum, _)| label_of(stratum)).collect();
        let places: BTreeMap<(LabelId, Option<&str>), usize> = strata
            .documents()
            .iter()
            .enumerate()
            .filter_map(|(place, (stratum, _))| {
                Some(((label_of(stratum)?, stratum.source.as_deref()), place))
            })
            .collect();
        let document_strata = documents
            .iter()
            .map(|document| places[&(document.label, document.source.as_deref())])
            .collect();
        Training {
            documents,
            document_strata,
            strata,
            features,
            stratum_labels,
            labels: labels.len(),
            settings,
        }
    }

    /// Estimates a model. Returns the weighted sums, and the weights that they give, a row a feature, a column
    /// a label.
    pub(super) fn fit(&self) -> Result<(Vec<u64>, Vec<f32>), FitError> {
        let sums = self.weighted_sums(None, &vec![true; self.features.len()]);
        let rows = fit::weights(Method::of(self.settings), &sums, self.labels)?;
        Ok((sums, rows))
    }

    /// Estimates a model without the documents that are held out.
    pub(super) fn fit_without(&self, without: &Without<'_>) -> Vec<f32> {
        let kept = self.kept_without(without);
        let (sums, mut rows) = (self.weighted_sums(Some(without), &kept), Vec::new());
        self.estimate(&sums, &kept, &mut rows);
        rows
    }

    /// Returns the scores of a document by `weights`.
    pub(super) fn scores(&self, vector: &FeatureVector, weights: &Weights) -> Vec<f64> {
        weights.scores(vector, self.settings.values)
    }

    /// Returns the number of examples of page furniture.
    pub(super) fn furniture_examples(&self) -> u64 {
        let strata = self.stratum_labels.iter().zip(self.strata.documents());
        strata.filter(|(label, _)| label.is_none()).map(|(_, (_, examples))| examples).sum()
    }

    /// Returns the sums of the features' values in examples of furniture, if there are any.
    pub(super) fn furniture_sums(&self) -> Vec<u64> {
        if self.furniture_examples() == 0 {
            return Vec::new();
        }
        self.content_and_furniture_sums(None).chunks_exact(2).map(|row| row[1]).collect()
    }

    /// Returns the number of documents of each label.
    pub(super) fn label_documents(&self, without: Option<&Without<'_>>) -> Vec<u64> {
        let mut documents = vec![0; self.labels];
        for (label, n) in self.stratum_labels.iter().zip(self.stratum_documents(without)) {
            if let Some(label) = label {
                documents[label.index()] += n;
            }
        }
        documents
    }

    /// Returns the number of documents at hand of the label that has the fewest.
    pub(super) fn fewest_documents(&self) -> usize {
        let mut documents = vec![0; self.labels];
        for document in self.documents {
            documents[document.label.index()] += 1;
        }
        documents.into_iter().min().unwrap_or_default()
    }

    /// Returns the sums with each document times its weight, a row a feature, a column a label.
    fn weighted_sums(&self, without: Option<&Without<'_>>, kept: &[bool]) -> Vec<u64> {
        let base = self.stratum_weights(without);
        let whole: Vec<i64> = base.iter().map(|&weight| whole(weight)).collect();
        // All documents, by strata; then what the sample's weigh more or less than that.
        let strata = self.stratum_sums(&whole.iter().map(|w| w.unsigned_abs()).collect::<Vec<_>>());
        let mut weights: Vec<f64> =
            self.document_strata.iter().map(|&stratum| base[stratum]).collect();
        if let Some(without) = without {
            zero(&mut weights, without);
        }
        // Memory for so many numbers is worth keeping from pass to pass.
        let (mut sums, mut rows) = (Vec::new(), Vec::new());
        self.shift(&strata, &whole, &weights, &mut sums);
        for _ in 0..self.settings.weighing.passes {
            self.estimate(&sums, kept, &mut rows);
            let model = Weights::new(vec![0.0; self.labels], rows);
            self.reweigh(&mut weights, &model);
            rows = model.into_rows();
            self.shift(&strata, &whole, &weights, &mut sums);
        }
        sums
    }

    /// Makes of `rows` the weights that `sums` give to the features that are `kept`.
    fn estimate(&self, sums: &[u64], kept: &[bool], rows: &mut Vec<f32>) {
        fit::weights_by_formula(Method::of(self.settings), sums, self.labels, kept, rows);
    }

    /// Raises the weight of each document by how wrong the model is, and keeps the sum of each label's.
    fn reweigh(&self, weights: &mut [f64], model: &Weights) {
        let slope = self.settings.weighing.slope;
        let calibration = Calibration { slope, biases: vec![0.0; self.labels] };
        let before = self.label_weights(weights);
        weights.par_iter_mut().zip(self.documents).for_each(|(weight, document)| {
            if 0.0 < *weight {
                let scores = self.scores(&document.vector, model);
                let right = calibration.probabilities(&scores)[document.label.index()];
                *weight *= (1.0 - right).exp();
            }
        });
        let after = self.label_weights(weights);
        for (weight, document) in weights.iter_mut().zip(self.documents) {
            let label = document.label.index();
            if 0.0 < after[label] {
                *weight *= before[label] / after[label];
            }
        }
    }

    /// Returns the sum of the weights of each label's documents.
    fn label_weights(&self, weights: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.labels];
        for (weight, document) in weights.iter().zip(self.documents) {
            sums[document.label.index()] += weight;
        }
        sums
    }

    /// Returns what documents of each stratum weigh before any pass; 1 on average for each label.
    fn stratum_weights(&self, without: Option<&Without<'_>>) -> Vec<f64> {
        let documents = self.stratum_documents(without);
        let power = -self.settings.weighing.source_balance;
        let weight = |n: u64| (n.max(SOURCE_DOCUMENTS_MIN) as f64).powf(power);
        let raw: Vec<f64> =
            documents.iter().map(|&n| if n == 0 { 0.0 } else { weight(n) }).collect();
        let mut totals = vec![(0.0, 0.0); self.labels];
        for ((label, &n), raw) in self.stratum_labels.iter().zip(&documents).zip(&raw) {
            let Some(label) = label else { continue };
            totals[label.index()].0 += n as f64;
            totals[label.index()].1 += n as f64 * raw;
        }
        let factors = self.stratum_labels.iter().map(|label| {
            let (documents, raw) = label.map_or((0.0, 0.0), |label| totals[label.index()]);
            if raw == 0.0 { 0.0 } else { documents / raw }
        });
        raw.iter().zip(factors).map(|(raw, factor)| raw * factor).collect()
    }

    /// Returns the number of documents of each stratum.
    fn stratum_documents(&self, without: Option<&Without<'_>>) -> Vec<u64> {
        let mut documents: Vec<u64> = self.strata.documents().iter().map(|&(_, n)| n).collect();
        if let Some(without) = without {
            for (&stratum, &held_out) in self.document_strata.iter().zip(without.held_out) {
                documents[stratum] -= u64::from(held_out);
            }
        }
        documents
    }

    /// Returns `Σ stratum's weight · stratum's steps` for each feature and label.
    fn stratum_sums(&self, weights: &[u64]) -> Vec<u64> {
        let mut sums = vec![0; self.features.len() * self.labels];
        sums.par_chunks_exact_mut(self.labels).enumerate().for_each(|(feature, row)| {
            for count in self.features.counts(feature) {
                let stratum = count.stratum as usize;
                if let Some(label) = self.stratum_labels[stratum] {
                    row[label.index()] += weights[stratum] * count.steps;
                }
            }
        });
        sums
    }

    /// Returns the plain sums of content without the documents that are held out, and those of furniture,
    /// a row a feature.
    pub(super) fn content_and_furniture_sums(&self, without: Option<&Without<'_>>) -> Vec<u64> {
        let mut sums = vec![0; self.features.len() * 2];
        sums.par_chunks_exact_mut(2).enumerate().for_each(|(feature, row)| {
            for count in self.features.counts(feature) {
                let label = self.stratum_labels[count.stratum as usize];
                row[usize::from(label.is_none())] += count.steps;
            }
        });
        let held_out = without.map_or(&[][..], |without| without.held_out);
        for (document, _) in self.documents.iter().zip(held_out).filter(|(_, out)| **out) {
            for (feature, steps) in pages::steps(&document.vector, self.settings.values) {
                sums[2 * feature.index()] -= steps;
            }
        }
        sums
    }

    /// Makes of `sums` those of `strata` with each of the sample's documents at its own weight, in steps.
    fn shift(&self, strata: &[u64], stratum_weights: &[i64], weights: &[f64], sums: &mut Vec<u64>) {
        sums.clear();
        sums.extend_from_slice(strata);
        let documents = self.documents.iter().zip(&self.document_strata).zip(weights);
        for ((document, &stratum), &weight) in documents {
            let shift = whole(weight) - stratum_weights[stratum];
            if shift != 0 {
                document.shift(shift, self.settings.values, |feature, shift| {
                    let sum = &mut sums[feature.index() * self.labels + document.label.index()];
                    // A document takes away no more than its stratum has of it.
                    *sum = sum.wrapping_add_signed(shift);
                });
            }
        }
        for sum in sums {
            *sum = scaled(*sum);
        }
    }

    /// Tells which features would have been kept without the documents that are held out.
    ///
    /// The vocabulary is that of all documents; a feature that only they have must not be known.
    fn kept_without(&self, without: &Without<'_>) -> Vec<bool> {
        let selection = &self.settings.selection;
        // A stratum that is held out whole is no source; of others, the documents are counted.
        let left = self.stratum_documents(Some(without));
        let sources_min = select::sources_min(self.strata.sources(), selection);
        let mut held_out = vec![0_u32; self.features.len()];
        for (document, _) in self.documents.iter().zip(without.held_out).filter(|(_, out)| **out) {
            for (feature, _) in &document.vector.features {
                held_out[feature.index()] += 1;
            }
        }
        held_out
            .into_par_iter()
            .enumerate()
            .map(|(feature, held_out)| {
                let strata = self.features.strata(feature);
                let sources = self.strata.count_sources(strata.filter(|&s| left[s] != 0));
                let documents = self.features.documents(feature) - held_out;
                selection.documents_min <= documents && sources_min <= sources
            })
            .collect()
    }
}

fn zero(weights: &mut [f64], without: &Without<'_>) {
    for (weight, _) in weights.iter_mut().zip(without.held_out).filter(|(_, out)| **out) {
        *weight = 0.0;
    }
}

/// Returns a weight as a whole number of parts of [`WEIGHT_UNIT`].
#[expect(clippy::cast_possible_truncation, reason = "the limit is far below 2^63")]
fn whole(weight: f64) -> i64 {
    (weight.min(WEIGHT_MAX) * WEIGHT_UNIT).round() as i64
}

/// Returns a sum of weighted steps as one of steps.
fn scaled(sum: u64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number")]
    let unit = WEIGHT_UNIT as u64;
    (sum + unit / 2) / unit
}
