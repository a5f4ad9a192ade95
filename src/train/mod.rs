//! How do examples become a model?
//!
//! ```text
//! corpus ─collect─▶ Counts ─select─▶ features ─weigh─▶ weighted sums ─fit (linfa)─▶ Weights
//!                └▶ Sample ─folds, held out in turn─▶ scores ─calibrate─▶ Calibration, Figures
//! ```
//!
//! Counts are whole numbers, so the same corpus gives the same bytes in any order and on any number of
//! threads. Memory grows with the vocabulary and with the [`Sample`], which is bounded.

mod calibrate;
mod collect;
mod counts;
mod fit;
mod sample;
mod select;
mod weigh;

use std::num::NonZeroUsize;

use rayon::prelude::*;

pub use collect::{Collected, collect};
pub use counts::{Counts, Stratum};
pub use fit::{FitError, log_likelihoods};
pub use sample::{SAMPLE_BYTES_MAX, Sample};

use crate::{
    corpus::{BadRow, CorpusError, Rows, Unit, folds},
    eval::{Metrics, Outcome},
    features::{FeatureSettings, Norm, TermFrequency, ValueSettings, VectorScratch, Vocabulary},
    label::{LabelId, LabelSet, LabelSetError},
    model::{
        Calibration, Estimator, Figures, Model, ModelCard, ModelCounts, ModelFile, ModelReference,
        Prior, SelectionSettings, Settings, Thresholds, WeighingSettings, Weights,
    },
    text::Document,
};
use weigh::Training;

/// What to train, and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// The model's name.
    pub name: String,
    /// The model's version; if none is given, one that tells the corpus.
    pub version: Option<String>,
    /// The label that stands for "neither", if the corpus has it.
    pub neither: String,
    /// How to estimate.
    pub settings: Settings,
    /// The number of folds that are held out in turn; below 2, nothing is measured.
    pub folds: usize,
    /// Whether bad rows are skipped and counted, rather than ending the training.
    pub skip_bad_rows: bool,
}

/// Returns the settings that did best on sources held out of training (see DESIGN.md).
pub fn default_settings() -> Settings {
    Settings {
        features: FeatureSettings { ngram: 2, shapes: true },
        values: ValueSettings { tf: TermFrequency::Log, norm: Norm::Length },
        selection: SelectionSettings { documents_min: 3, sources_min: 3, features_max: 60_000 },
        estimator: Estimator::OneVsRest,
        smoothing: 0.03,
        prior: Prior::Uniform,
        weighing: WeighingSettings { source_balance: 0.5, passes: 8, slope: 0.2 },
    }
}

/// A model, and what its training met.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The model and its counts.
    pub file: ModelFile,
    /// The number of rows that were skipped.
    pub bad_rows: u64,
    /// The first of them.
    pub first_bad_row: Option<BadRow>,
    /// The features that were counted, of which the model keeps some.
    pub features_counted: usize,
    /// What was measured with each fold held out, if anything was.
    pub metrics: Option<Metrics>,
}

/// Why a model could not be trained.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The corpus could not be read.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// A row is no example.
    #[error("{0}; mend it, or skip such rows with --skip-bad-rows")]
    BadRow(BadRow),
    /// The labels do not make a model.
    #[error("{0}")]
    Labels(#[from] LabelSetError),
    /// A label has too few documents.
    #[error("label `{label}` has one document only; add more, or take it out of the corpus")]
    OneDocument {
        /// The label.
        label: String,
    },
    /// No feature is left.
    #[error(
        "no feature occurs in {documents_min} documents and {sources_min} sources; lower \
         --min-documents or --min-sources, or add documents"
    )]
    NoFeature {
        /// The fewest documents of a feature.
        documents_min: u32,
        /// The fewest sources of a feature.
        sources_min: u32,
    },
    /// The priors do not fit the labels.
    #[error("the priors must name each label once and sum to 1: {labels}")]
    Prior {
        /// The labels.
        labels: String,
    },
    /// A model could not be estimated.
    #[error("cannot estimate the model")]
    Fit(#[from] FitError),
}

/// Trains a model on the `rows` of a corpus.
pub fn train(rows: Rows, config: &Config) -> Result<Trained, TrainError> {
    from_collected(collect(rows, &config.settings, config.skip_bad_rows)?, config)
}

/// Trains a model on what was collected from a corpus.
pub fn from_collected(collected: Collected, config: &Config) -> Result<Trained, TrainError> {
    let Collected { counts, sample, bad_rows, first_bad_row } = collected;
    let labels = labels(&counts, &config.neither)?;
    let settings = &config.settings;
    let kept = select::select(&counts, &settings.selection);
    if kept.is_empty() {
        let SelectionSettings { documents_min, sources_min, .. } = settings.selection;
        return Err(TrainError::NoFeature { documents_min, sources_min });
    }
    let vocabulary = Vocabulary::of_sorted(kept.iter().map(|&feature| counts.name(feature)))
        .expect("names are sorted, and differ");
    let training = Training::new(
        &counts,
        &kept,
        &labels,
        settings,
        vectors(&sample, &vocabulary, &labels, settings),
    );

    let log_priors = log_priors(&settings.prior, &labels, &training.label_documents(None))?;
    let all = training.kept_without(None);
    let sums = training.weighted_sums(None, &all)?;
    let weights =
        Weights::new(log_priors.clone(), training.estimate(fit::log_likelihoods, &sums, &all)?);
    let held_out = held_out_scores(&training, &sample, &labels, config, &log_priors)?;
    let calibration = match &held_out {
        Some(held_out) => calibrate::fit(&held_out.scores, &held_out.truth, labels.len()),
        None => Calibration::none(labels.len()),
    };
    let label_documents = training.label_documents(None);
    let version = config.version.clone().unwrap_or_else(|| counts.digest.hex()[..12].to_owned());
    let mut model = Model {
        reference: ModelReference { name: config.name.clone(), version, digest: String::new() },
        labels,
        vocabulary,
        weights,
        calibration,
        thresholds: Thresholds { words_min: 1, known_share_min: 0.25, margin_min: 0.0 },
        settings: settings.clone(),
        card: ModelCard {
            label_documents,
            sources: counts.sources() as u64,
            corpus_digest: counts.digest.hex(),
            size_bytes: 0,
            figures: None,
        },
    };
    let metrics = held_out.map(|held_out| held_out.measure(&mut model));
    let model_counts = ModelCounts {
        sums: training.plain_sums(),
        weighted_sums: if training.is_weighted() { sums } else { Vec::new() },
        documents: kept.iter().map(|&feature| counts.documents(feature)).collect(),
        sources: kept.iter().map(|&feature| counts.feature_sources(feature, |_| true)).collect(),
        whole: kept.len() == counts.len(),
    };
    let mut file = ModelFile { model, counts: model_counts };
    file.to_bytes();
    let features_counted = counts.len();
    Ok(Trained { file, bad_rows, first_bad_row, features_counted, metrics })
}

fn labels(counts: &Counts, neither: &str) -> Result<LabelSet, TrainError> {
    let labels =
        LabelSet::new(counts.strata().iter().map(|(stratum, _)| stratum.label.clone()), neither)?;
    for name in labels.names() {
        let of_label = counts.strata().iter().filter(|(stratum, _)| stratum.label == *name);
        if of_label.map(|(_, documents)| documents).sum::<u64>() < 2 {
            return Err(TrainError::OneDocument { label: name.clone() });
        }
    }
    Ok(labels)
}

/// Returns the sample's documents as vectors, with their labels and strata.
fn vectors(
    sample: &Sample,
    vocabulary: &Vocabulary,
    labels: &LabelSet,
    settings: &Settings,
) -> Vec<weigh::TrainingDocument> {
    sample
        .examples()
        .par_iter()
        .map_init(VectorScratch::default, |scratch, example| {
            let title = example.title.as_deref().unwrap_or_default();
            let document = Document::with_title(title, &example.text)
                .expect("an example's text was checked when it was read");
            let label = labels.find(&example.label).expect("every example was counted");
            let vector = scratch.count(&document, &settings.features, vocabulary).clone();
            let source = example.source.clone();
            weigh::TrainingDocument::new(label, source, vector, settings.values)
        })
        .collect()
}

fn log_priors(
    prior: &Prior,
    labels: &LabelSet,
    label_documents: &[u64],
) -> Result<Vec<f64>, TrainError> {
    let n_labels = labels.len() as f64;
    match prior {
        Prior::Uniform => Ok(vec![-n_labels.ln(); labels.len()]),
        Prior::Empirical => {
            let total = label_documents.iter().sum::<u64>() as f64;
            Ok(label_documents.iter().map(|&documents| (documents as f64 / total).ln()).collect())
        }
        Prior::Given(given) => {
            let all_named = given.keys().eq(labels.names());
            let sum: f64 = given.values().sum();
            if !all_named || 1e-6 < (sum - 1.0).abs() || given.values().any(|&p| p <= 0.0) {
                return Err(TrainError::Prior { labels: labels.names().join(", ") });
            }
            Ok(given.values().map(|prior| prior.ln()).collect())
        }
    }
}

/// The scores of documents by models that were trained without them.
struct HeldOut {
    method: String,
    scores: Vec<Vec<f64>>,
    truth: Vec<LabelId>,
    vectors: Vec<crate::features::FeatureVector>,
}

impl HeldOut {
    /// Measures the calibrated scores, and writes the figures on the model's card.
    fn measure(self, model: &mut Model) -> Metrics {
        let outcomes = self.scores.iter().zip(&self.vectors).zip(&self.truth);
        let outcomes: Vec<Outcome> = outcomes
            .map(|((scores, vector), &truth)| {
                let answer = model.decide(scores.clone(), vector);
                Outcome::new(&answer, truth, model.labels.neither())
            })
            .collect();
        let metrics = Metrics::of(&model.labels, &outcomes);
        model.card.figures = Some(Figures {
            method: self.method,
            documents: metrics.documents,
            accuracy: metrics.accuracy,
            macro_f1: metrics.macro_f1,
            log_loss: metrics.log_loss,
            ece: metrics.ece,
        });
        metrics
    }
}

/// Holds out each fold in turn, and scores its documents by a model of the others.
fn held_out_scores(
    training: &Training<'_>,
    sample: &Sample,
    labels: &LabelSet,
    config: &Config,
    log_priors: &[f64],
) -> Result<Option<HeldOut>, TrainError> {
    let smallest = training.label_documents(None).into_iter().min().unwrap_or_default();
    let n_folds = config.folds.min(usize::try_from(smallest).unwrap_or(usize::MAX));
    let Some(n_folds) = NonZeroUsize::new(n_folds).filter(|folds| 1 < folds.get()) else {
        return Ok(None);
    };
    let units: Vec<Unit<'_>> = sample
        .examples()
        .iter()
        .zip(sample.keys())
        .map(|(example, key)| Unit {
            label: labels.find(&example.label).expect("every example was counted"),
            source: example.source.as_deref(),
            key,
            documents: 1,
        })
        .collect();
    let folds = folds(&units, n_folds);
    let mut scores = vec![Vec::new(); training.documents.len()];
    for fold in 0..n_folds.get() {
        let held_out: Vec<bool> = folds.fold_of.iter().map(|&of| of == fold).collect();
        let without = weigh::Without { held_out: &held_out };
        let kept = training.kept_without(Some(&without));
        let sums = training.weighted_sums(Some(&without), &kept)?;
        let weights = Weights::new(
            log_priors.to_vec(),
            training.estimate(fit::log_likelihoods_by_formula, &sums, &kept)?,
        );
        for (place, document) in training.documents.iter().enumerate() {
            if held_out[place] {
                scores[place] = weights.scores(&document.vector, config.settings.values);
            }
        }
    }
    let what = if folds.by_source { "whole sources held out" } else { "documents held out" };
    Ok(Some(HeldOut {
        method: format!("{n_folds} folds, {what}"),
        scores,
        truth: training.documents.iter().map(|document| document.label).collect(),
        vectors: training.documents.iter().map(|document| document.vector.clone()).collect(),
    }))
}
