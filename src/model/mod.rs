//! What does the text say?
//!
//! A [`Model`] labels documents: it scores their features, turns the scores into probabilities, and
//! decides, or abstains. It never changes and cannot fail. This module knows nothing of how a model is
//! estimated, nor of who asks; it does no I/O but in `file.rs`.

mod calibration;
mod container;
mod counts_file;
mod decision;
mod evidence;
mod figures;
mod file;
mod furniture;
mod naive_bayes;
mod page;
mod sections;
mod settings;
mod thresholds;
mod tuning;
mod whole;

use std::cell::RefCell;

pub use calibration::Calibration;
pub use container::{FORMAT, MODEL_BYTES_MAX, ModelFileError, UnusableModel};
pub use counts_file::{BaseFile, CountsFile};
pub use decision::{AbstentionReason, Decision, best_two};
pub use evidence::{Evidence, PLACES_MAX, Place};
pub use figures::{Figures, ReliabilityBin, RiskPoint};
pub use file::{ModelCounts, ModelFile, NAME_BYTES_MAX, is_model_name};
pub use furniture::{Furniture, FurnitureCalibration};
pub use naive_bayes::Weights;
pub use page::{PageAnswer, PageReader, PassageAnswer, Section};
pub use settings::{Estimator, Prior, SelectionSettings, Settings, WeighingSettings};
pub use thresholds::{ThresholdError, ThresholdOverrides, Thresholds};
pub use tuning::{Trial, Tuning};
pub use whole::{StratumDocuments, WholeCounts};

use crate::{
    features::{Extent, FeatureVector, VectorScratch, Vocabulary},
    label::{LabelId, LabelSet},
    text::Document,
};

/// A trained model. A retrained one is another `Model`.
#[derive(Clone, Debug)]
pub struct Model {
    /// The name, version and digest.
    pub reference: ModelReference,
    /// The labels.
    pub labels: LabelSet,
    /// The features.
    pub vocabulary: Vocabulary,
    /// What each feature adds to the score of each label.
    pub weights: Weights,
    /// How scores become probabilities.
    pub calibration: Calibration,
    /// When to abstain.
    pub thresholds: Thresholds,
    /// What it knows of pages, beyond what it knows of documents.
    pub page: PageReader,
    /// How the model was trained.
    pub settings: Settings,
    /// What it was trained on, and what was measured.
    pub card: ModelCard,
}

/// Names a model beyond doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelReference {
    /// The name that requests ask for.
    pub name: String,
    /// The version.
    pub version: String,
    /// SHA-256 of the model file, in hexadecimal digits.
    pub digest: String,
}

/// What a model was trained on, and what was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelCard {
    /// The number of documents of each label.
    pub label_documents: Vec<u64>,
    /// The number of different sources; 0 if the corpus does not name them.
    pub sources: u64,
    /// The number of examples of page furniture.
    pub furniture_examples: u64,
    /// A digest of the documents that does not depend on their order.
    pub corpus_digest: String,
    /// The size of the model file, in bytes.
    pub size_bytes: u64,
    /// What was measured on held-out documents, if anything was.
    pub figures: Option<Figures>,
    /// What was tried before the settings were chosen, if anything was.
    pub tuning: Option<Tuning>,
}

/// What a model says of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The label, or why there is none.
    pub decision: Decision,
    /// The score of each label, in the order of the labels.
    pub scores: Vec<f64>,
    /// The probability of each label, in the order of the labels; they sum to 1.
    pub probabilities: Vec<f64>,
    /// The label with the highest probability, and the one with the second highest.
    pub best: [LabelId; 2],
    /// The features that weigh most between those two, strongest first.
    pub evidence: Vec<Evidence>,
    /// How many words the document has, each as often as it occurs.
    pub words: u32,
    /// How many of them the model knows.
    pub words_known: u32,
}

thread_local! {
    /// What a thread keeps from document to document, so that scoring allocates nothing that grows.
    static SCRATCH: RefCell<VectorScratch> = RefCell::default();
}

fn with_scratch<T>(work: impl FnOnce(&mut VectorScratch) -> T) -> T {
    SCRATCH.with_borrow_mut(work)
}

impl Model {
    /// Returns what the model says of `document`, with at most `evidence_max` features as evidence.
    ///
    /// ```
    /// use newsdesk::{model::Decision, text::Document};
    ///
    /// let model = newsdesk::default_model();
    /// let text = "Early-bird tickets for the trade fair are on sale: register now for 20% off!";
    /// let answer = model.classify(&Document::new(text).unwrap(), 0);
    /// assert_eq!(answer.decision, Decision::Label(model.labels.find("promotional").unwrap()));
    /// ```
    pub fn classify(&self, document: &Document<'_>, evidence_max: usize) -> Answer {
        self.classify_by(&self.thresholds, document, evidence_max)
    }

    /// Returns what [`classify`](Model::classify) does, by other thresholds than the model's.
    pub fn classify_by(
        &self,
        thresholds: &Thresholds,
        document: &Document<'_>,
        evidence_max: usize,
    ) -> Answer {
        with_scratch(|scratch| {
            let vector = scratch.count(document, &self.settings.features, &self.vocabulary);
            let mut answer = self.judge(thresholds, vector);
            if document.is_blank() {
                answer.decision = Decision::Abstain(AbstentionReason::NoText);
            }
            if 0 < evidence_max {
                let parts = evidence::Part::fields(document);
                answer.evidence = evidence::find(self, &parts, vector, answer.best, evidence_max);
            }
            answer
        })
    }

    /// Returns the features of `document` that weigh most for the first of two labels or against it,
    /// strongest first, at most `max`.
    pub fn evidence(
        &self,
        document: &Document<'_>,
        between: [LabelId; 2],
        max: usize,
    ) -> Vec<Evidence> {
        with_scratch(|scratch| {
            let vector = scratch.count(document, &self.settings.features, &self.vocabulary);
            evidence::find(self, &evidence::Part::fields(document), vector, between, max)
        })
    }

    /// Returns what the model says of a document whose features are known, without evidence.
    fn judge(&self, thresholds: &Thresholds, vector: &FeatureVector) -> Answer {
        let scores = self.weights.scores(vector, self.settings.values);
        self.decide(thresholds, scores, vector.extent())
    }

    /// Returns what the model makes of the `scores` of a document, without evidence.
    pub fn decide(&self, thresholds: &Thresholds, scores: Vec<f64>, extent: Extent) -> Answer {
        let probabilities = self.calibration.probabilities(&scores);
        let best = decision::best_two(&probabilities);
        let decision = thresholds.decide(extent, &probabilities, best[0], self.labels.neither());
        let Extent { words, words_known, .. } = extent;
        let evidence = Vec::new();
        Answer { decision, scores, probabilities, best, evidence, words, words_known }
    }

    /// Reads a model from a file.
    pub fn load(path: &std::path::Path) -> Result<Model, ModelFileError> {
        ModelFile::read(path).map(|file| file.model)
    }
}
