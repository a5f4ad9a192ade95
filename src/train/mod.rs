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
mod pages;
mod sample;
mod select;
mod strata;
mod tally;
mod weigh;

use std::num::NonZeroUsize;

use rayon::{iter::Either, prelude::*};

pub use collect::{Collected, collect};
pub use counts::{Count, Counts, FeatureCounts};
pub use fit::{FitError, log_likelihoods};
pub use sample::{SAMPLE_BYTES_MAX, Sample};
pub use strata::{Strata, Stratum};

use crate::{
    corpus::{BadRow, CorpusError, Example, Rows, Unit, folds},
    eval::{Metrics, Outcome},
    features::{FeatureSettings, Norm, TermFrequency, ValueSettings, VectorScratch, Vocabulary},
    label::{LabelId, LabelSet, LabelSetError},
    model::{
        Calibration, Estimator, Figures, Model, ModelCard, ModelCounts, ModelFile, ModelReference,
        PageReader, Prior, SelectionSettings, Settings, Thresholds, WeighingSettings, Weights,
    },
    text::{Document, ends_sentence},
};
use pages::{FoldModels, FurnitureExample, TrainingPassage};
use weigh::{Training, TrainingDocument};

/// What to train, and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// The model's name.
    pub name: String,
    /// The model's version; if none is given, one that tells the corpus.
    pub version: Option<String>,
    /// The label that stands for "neither", if the corpus has it.
    pub neither: String,
    /// The label of examples of page furniture, if the corpus has any. It is not one of the model's.
    pub furniture: String,
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
    let labels = labels(&counts.strata, config)?;
    let settings = &config.settings;
    let kept = select::select(&counts, &settings.selection);
    if kept.is_empty() {
        let SelectionSettings { documents_min, sources_min, .. } = settings.selection;
        return Err(TrainError::NoFeature { documents_min, sources_min });
    }
    let features_counted = counts.len();
    // Most features are left out; from here on, what they counted is no more needed.
    let Counts { digest, strata, features: _ } = counts;
    let vocabulary = Vocabulary::of_sorted((0..kept.len()).map(|feature| kept.name(feature)))
        .expect("names are sorted, and differ");
    let (documents, furniture) = documents(sample, &vocabulary, &labels, settings);
    let training = Training::new(&strata, &kept, &labels, settings, documents);

    let label_documents = training.label_documents(None);
    let log_priors = log_priors(&settings.prior, &labels, &label_documents)?;
    let (last, held_out) = rayon::join(
        || training.fit(fit::log_likelihoods, None),
        || held_out_scores(&training, config.folds, &log_priors),
    );
    let (sums, rows) = last?;
    let held_out = held_out?;
    let (calibration, page) = match &held_out {
        Some(held_out) => (
            calibrate::fit(&held_out.scores, &held_out.truth, labels.len()),
            pages::reader(&training, &furniture, &held_out.folds)?,
        ),
        None => (Calibration::none(labels.len()), PageReader::none(labels.len())),
    };
    let version = config.version.clone().unwrap_or_else(|| digest.hex()[..12].to_owned());
    let mut model = Model {
        reference: ModelReference { name: config.name.clone(), version, digest: String::new() },
        labels,
        vocabulary,
        weights: Weights::new(log_priors, rows),
        calibration,
        thresholds: Thresholds { words_min: 1, known_share_min: 0.25, margin_min: 0.0 },
        page,
        settings: settings.clone(),
        card: ModelCard {
            label_documents,
            sources: strata.sources().into(),
            corpus_digest: digest.hex(),
            size_bytes: 0,
            figures: None,
        },
    };
    let metrics = held_out.map(|held_out| held_out.measure(&mut model));
    let sources = (0..kept.len()).map(|feature| strata.count_sources(kept.strata(feature)));
    let counts = ModelCounts {
        sums: training.plain_sums(),
        weighted_sums: if training.is_weighted() { sums } else { Vec::new() },
        documents: (0..kept.len()).map(|feature| kept.documents(feature)).collect(),
        sources: sources.collect(),
        whole: kept.len() == features_counted,
    };
    let mut file = ModelFile { model, counts };
    file.to_bytes();
    Ok(Trained { file, bad_rows, first_bad_row, features_counted, metrics })
}

fn labels(strata: &Strata, config: &Config) -> Result<LabelSet, TrainError> {
    let names = strata.documents().iter().map(|(stratum, _)| stratum.label.clone());
    let labels = LabelSet::new(names.filter(|name| *name != config.furniture), &config.neither)?;
    for name in labels.names() {
        let of_label = strata.documents().iter().filter(|(stratum, _)| stratum.label == *name);
        if of_label.map(|(_, documents)| documents).sum::<u64>() < 2 {
            return Err(TrainError::OneDocument { label: name.clone() });
        }
    }
    Ok(labels)
}

/// Returns the sample's examples as vectors: the documents of the labels, and the furniture.
fn documents(
    sample: Sample,
    vocabulary: &Vocabulary,
    labels: &LabelSet,
    settings: &Settings,
) -> (Vec<TrainingDocument>, Vec<FurnitureExample>) {
    let read = |scratch: &mut VectorScratch, (key, example): (u64, Example)| {
        let title = example.title.as_deref().unwrap_or_default();
        let document = Document::with_title(title, &example.text)
            .expect("an example's text was checked when it was read");
        let vector = scratch.count(&document, &settings.features, vocabulary).clone();
        let Some(label) = labels.find(&example.label) else {
            let is_closed = ends_sentence(example.text.trim_end());
            let passage = TrainingPassage { vector, is_closed };
            return Either::Right(FurnitureExample { passage, key });
        };
        let passages = pages::sample_passages(&example.text, scratch, vocabulary, settings);
        let source = example.source;
        let values = settings.values;
        Either::Left(TrainingDocument::new(label, source, key, vector, passages, values))
    };
    sample
        .into_examples()
        .into_par_iter()
        .map_init(VectorScratch::default, read)
        .partition_map(|example| example)
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
struct HeldOut<'a> {
    method: String,
    folds: FoldModels,
    scores: Vec<Vec<f64>>,
    truth: Vec<LabelId>,
    documents: &'a [TrainingDocument],
}

impl HeldOut<'_> {
    /// Measures the calibrated scores, and writes the figures on the model's card.
    fn measure(self, model: &mut Model) -> Metrics {
        let outcomes = self.scores.into_iter().zip(self.documents);
        let outcomes: Vec<Outcome> = outcomes
            .map(|(scores, document)| {
                let answer = model.decide(scores, &document.vector);
                Outcome::new(&answer, document.label, model.labels.neither())
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
fn held_out_scores<'a>(
    training: &'a Training<'_>,
    n_folds: usize,
    log_priors: &[f64],
) -> Result<Option<HeldOut<'a>>, TrainError> {
    let documents = &training.documents;
    let smallest = training.label_documents(None).into_iter().min().unwrap_or_default();
    let n_folds = n_folds.min(usize::try_from(smallest).unwrap_or(usize::MAX));
    let Some(n_folds) = NonZeroUsize::new(n_folds).filter(|folds| 1 < folds.get()) else {
        return Ok(None);
    };
    let units: Vec<Unit<'_>> = documents.iter().map(TrainingDocument::unit).collect();
    let folds = folds(&units, n_folds);
    let models = (0..n_folds.get()).into_par_iter().map(|fold| {
        let held_out: Vec<bool> = folds.fold_of.iter().map(|&of| of == fold).collect();
        let without = weigh::Without { held_out: &held_out };
        let (_, rows) = training.fit(fit::log_likelihoods_by_formula, Some(&without))?;
        Ok(Weights::new(log_priors.to_vec(), rows))
    });
    let models: Vec<Weights> = models.collect::<Result<_, FitError>>()?;
    let of_fold = documents.iter().zip(&folds.fold_of);
    let scores = of_fold.map(|(document, &fold)| training.scores(document, &models[fold]));
    let what = if folds.by_source { "whole sources held out" } else { "documents held out" };
    Ok(Some(HeldOut {
        method: format!("{n_folds} folds, {what}"),
        scores: scores.collect(),
        folds: FoldModels { fold_of: folds.fold_of, models },
        truth: documents.iter().map(|document| document.label).collect(),
        documents,
    }))
}
