//! How do examples become a model?
//!
//! ```text
//! corpus ─collect─▶ Counts ─select─▶ features ─weigh─▶ weighted sums ─fit (linfa)─▶ Weights
//!                └▶ Sample ─folds, held out in turn─▶ scores ─calibrate─▶ Calibration, Figures
//! ```
//!
//! Counts are whole numbers, so the same corpus gives the same bytes in any order and on any number of
//! threads. Memory grows with the vocabulary and with the [`Sample`], which is bounded.

mod additive;
mod base;
mod calibrate;
mod collect;
mod counts;
mod fit;
mod held_out;
mod leakage;
mod openings;
mod pages;
mod questions;
mod sample;
mod select;
mod strata;
mod tally;
mod thresholds;
mod tune;
mod weigh;

use std::time::Duration;

use rayon::{iter::Either, prelude::*};

pub use additive::{AdditiveError, merge};
pub use base::{BaseError, Changes, Counted, count, train_changes};
pub use collect::{Collected, collect};
pub use counts::{Count, Counts, FeatureCounts};
pub use fit::{FitError, log_likelihoods};
pub use leakage::{Betrayal, Leakage};
pub use questions::{QUESTIONS, Question};
pub use sample::{SAMPLE_BYTES_MAX, Sample};
pub use strata::{Strata, Stratum};
pub use tune::{Search, train_tuned};

use crate::{
    corpus::{BadRow, CorpusError, Example, Rows},
    eval::Metrics,
    features::{FeatureSettings, Norm, TermFrequency, ValueSettings, VectorScratch, Vocabulary},
    label::{LabelSet, LabelSetError},
    model::{
        Calibration, Estimator, Model, ModelCard, ModelCounts, ModelFile, ModelReference,
        PageReader, Prior, RiskPoint, SelectionSettings, Settings, WeighingSettings, Weights,
    },
    text::{Document, ends_sentence},
};
use held_out::HeldOut;
use pages::{FurnitureExample, TrainingPassage};
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
    /// The share of decided documents that may be wrong, as measured on held-out ones, 0 to 1. The model
    /// abstains on as many others as that takes; at 1 it decides all it can.
    pub max_error: f64,
    /// Whether the file keeps the counts of all features, so that documents can be added and forgotten.
    pub whole: bool,
    /// Whether bad rows are skipped and counted, rather than ending the training.
    pub skip_bad_rows: bool,
}

/// Returns the settings that did best on sources held out of training (see DESIGN.md).
pub fn default_settings() -> Settings {
    Settings {
        features: FeatureSettings { ngram: 2, shapes: true, chars: 0 },
        values: ValueSettings { tf: TermFrequency::Log, norm: Norm::Length },
        selection: SelectionSettings { documents_min: 3, sources_min: 3, features_max: 60_000 },
        estimator: Estimator::OneVsRest,
        own_weight: 1.0,
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
    /// What the corpus gives away.
    pub leakage: Leakage,
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
    #[error(transparent)]
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
    /// No margin keeps the errors as low as they should be.
    #[error(
        "no margin keeps errors at {:.1} %: the fewest are {:.1} %, at a coverage of {:.1} %; raise \
         --max-error, or add documents of more sources",
        100.0 * max_error, 100.0 * fewest.error, 100.0 * fewest.coverage
    )]
    Risk {
        /// The share of decided documents that may be wrong.
        max_error: f64,
        /// The margin with the fewest errors.
        fewest: RiskPoint,
    },
    /// Something is to be chosen by what is measured, but nothing is held out to measure it on.
    #[error(
        "{what} needs documents that are held out: set --folds to 2 or more, and see that each label has two \
         documents or more"
    )]
    Unmeasured {
        /// What needs them.
        what: &'static str,
    },
    /// Whole sources cannot be held out.
    #[error(
        "the corpus names {sources} sources, too few to hold out whole ones in {folds} folds: set --folds to \
         as many or fewer (at least 2), add sources, or name none"
    )]
    FewSources {
        /// The number of sources.
        sources: u32,
        /// The number of folds.
        folds: usize,
    },
    /// The time is too short to try anything.
    #[error(
        "--time-budget of {:.1} s is over before anything could be compared: the settings as given took \
         {:.1} s; give several times that",
        budget.as_secs_f64(), first.as_secs_f64()
    )]
    Budget {
        /// The time that was given.
        budget: Duration,
        /// The time that the first trial took.
        first: Duration,
    },
    /// Training cannot go on from a model or counts.
    #[error(transparent)]
    Base(#[from] BaseError),
    /// A model could not be estimated.
    #[error("cannot estimate the model")]
    Fit(#[from] FitError),
}

impl From<AdditiveError> for TrainError {
    fn from(error: AdditiveError) -> TrainError {
        TrainError::Base(BaseError::Counts(error))
    }
}

/// Trains a model on the `rows` of a corpus.
pub fn train(rows: Rows, config: &Config) -> Result<Trained, TrainError> {
    from_collected(collect(rows, &config.settings, config.skip_bad_rows)?, config)
}

/// Trains a model on what was collected from a corpus.
pub fn from_collected(collected: Collected, config: &Config) -> Result<Trained, TrainError> {
    estimate(collected, config, None)
}

/// Trains a model. One that goes on from a `base` is not measured: it takes over what the base was.
fn estimate(
    collected: Collected,
    config: &Config,
    base: Option<&Model>,
) -> Result<Trained, TrainError> {
    let Collected { counts, sample, bad_rows, first_bad_row } = collected;
    let settings = &config.settings;
    if config.whole && settings.weighing.passes != 0 {
        return Err(BaseError::Weighed.into());
    }
    let labels = labels(&counts.strata, config)?;
    base.map_or(Ok(()), |base| base::check_labels(base, &labels))?;
    let kept = select::select(&counts, &settings.selection)?;
    let features_counted = counts.len();
    let whole = if config.whole { Some(additive::file(&counts, settings)?.whole) } else { None };
    // Most features are left out; from here on, what they counted is no more needed.
    let Counts { digest, strata, features: _ } = counts;
    let vocabulary = vocabulary(&kept);
    let (documents, furniture) = documents(&sample, &vocabulary, &labels, settings, true);
    drop(sample);
    let training = Training::new(&strata, &kept, &labels, settings, &documents);

    let label_documents = training.label_documents(None);
    let log_priors = log_priors(&settings.prior, &labels, &label_documents)?;
    let (last, held_out) = rayon::join(
        || training.fit(),
        || HeldOut::new(&training, if base.is_some() { 0 } else { config.folds }, &log_priors),
    );
    let (sums, rows) = last?;
    let (calibration, page) = calibrated(&training, &furniture, held_out.as_ref(), base);
    let version = config.version.clone().unwrap_or_else(|| digest.hex()[..12].to_owned());
    let mut model = Model {
        reference: ModelReference { name: config.name.clone(), version, digest: String::new() },
        labels,
        vocabulary,
        weights: Weights::new(log_priors, rows),
        calibration,
        thresholds: thresholds::UNMEASURED,
        page,
        settings: settings.clone(),
        card: ModelCard {
            label_documents,
            sources: strata.sources().into(),
            furniture_examples: training.furniture_examples(),
            corpus_digest: digest.hex(),
            size_bytes: 0,
            figures: None,
            tuning: None,
        },
    };
    let fold_of = held_out.as_ref().map(|held_out| held_out.folds.fold_of.as_slice());
    let leakage = Leakage::find(&strata, &kept, &documents, fold_of);
    let metrics = measure(&mut model, held_out, base, config.max_error)?;
    let counts = model_counts(&training, &strata, &kept, sums);
    let mut file = ModelFile { model, counts, whole };
    file.to_bytes();
    Ok(Trained { file, bad_rows, first_bad_row, features_counted, metrics, leakage })
}

/// Gives `model` its figures and thresholds: by held-out documents, or else those of the base.
fn measure(
    model: &mut Model,
    held_out: Option<HeldOut<'_>>,
    base: Option<&Model>,
    max_error: f64,
) -> Result<Option<Metrics>, TrainError> {
    match (held_out, base) {
        (Some(held_out), _) => held_out.measure(model, max_error).map(Some),
        (None, Some(base)) => base::hand_on(base, model, max_error).map(|()| None),
        (None, None) if max_error < 1.0 => Err(TrainError::Unmeasured { what: "--max-error" }),
        (None, None) => Ok(None),
    }
}

/// Returns the counts that a model is estimated from: those of the features that are `kept`, and their sums.
fn model_counts(
    training: &Training<'_>,
    strata: &Strata,
    kept: &FeatureCounts,
    sums: Vec<u64>,
) -> ModelCounts {
    let sources = (0..kept.len()).map(|feature| strata.count_sources(kept.strata(feature)));
    ModelCounts {
        sums,
        furniture_sums: training.furniture_sums(),
        documents: (0..kept.len()).map(|feature| kept.documents(feature)).collect(),
        sources: sources.collect(),
    }
}

fn vocabulary(kept: &FeatureCounts) -> Vocabulary {
    Vocabulary::of_sorted((0..kept.len()).map(|feature| kept.name(feature)))
        .expect("names are sorted, and differ")
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

/// Returns the sample's examples as vectors: the documents of the labels, and the furniture. Documents have
/// their passages and openings if they are taken apart.
fn documents(
    sample: &Sample,
    vocabulary: &Vocabulary,
    labels: &LabelSet,
    settings: &Settings,
    take_apart: bool,
) -> (Vec<TrainingDocument>, Vec<FurnitureExample>) {
    let read = |scratch: &mut VectorScratch, (place, (key, example)): (usize, (u64, &Example))| {
        let title = example.title.as_deref().unwrap_or_default();
        let document = Document::with_title(title, &example.text)
            .expect("an example's text was checked when it was read");
        let vector = scratch.count(&document, &settings.features, vocabulary).clone();
        let Some(label) = labels.find(&example.label) else {
            let is_closed = ends_sentence(example.text.trim_end());
            let passage = TrainingPassage { vector, is_closed };
            return Either::Right(FurnitureExample { passage, key });
        };
        let text = if take_apart { example.text.as_str() } else { "" };
        let passages = pages::sample_passages(text, scratch, vocabulary, settings);
        let text = if place < openings::DOCUMENTS_MAX { text } else { "" };
        let openings = openings::openings(text, scratch, &settings.features, vocabulary);
        let source = example.source.clone();
        let values = settings.values;
        let document = TrainingDocument::new(label, source, key, vector, passages, values);
        Either::Left(document.with_openings(openings))
    };
    sample
        .examples()
        .into_par_iter()
        .enumerate()
        .map_init(VectorScratch::default, read)
        .partition_map(|example| example)
}

/// Returns how scores become probabilities, and what is known of pages: as the held-out documents tell, or
/// else as `base` has it.
fn calibrated(
    training: &Training<'_>,
    furniture: &[FurnitureExample],
    held_out: Option<&HeldOut<'_>>,
    base: Option<&Model>,
) -> (Calibration, PageReader) {
    let labels = training.labels;
    match (held_out, base) {
        (Some(held_out), _) => {
            let (calibration, page) = rayon::join(
                || calibrate::fit(&held_out.scores, &held_out.truth, labels),
                || pages::reader(training, furniture, &held_out.folds),
            );
            (calibration, page)
        }
        (None, Some(base)) => (base.calibration.clone(), pages::handed_on(training, &base.page)),
        (None, None) => (Calibration::none(labels), PageReader::none(labels)),
    }
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
