//! Models as bytes, and back.
//!
//! The bytes are a [container]: a JSON header with everything that is not a table of
//! numbers, and the tables. A file that fails any check gives an error that names the fault, and no model.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use super::{
    Calibration, Figures, Furniture, FurnitureCalibration, Model, ModelCard, ModelReference,
    PageReader, Settings, Thresholds, Tuning, Weights,
    container::{self, FORMAT, ModelFileError, NO_DIGEST, Table, UnusableModel, words},
    whole::{StratumDocuments, WholeCounts},
};
use crate::{features::Vocabulary, label::LabelSet};

/// The longest name or version of a model, in bytes. They go into every answer.
pub const NAME_BYTES_MAX: usize = 48;

/// A model, and the counts that it was estimated from, so that training can go on.
#[derive(Clone, Debug)]
pub struct ModelFile {
    /// The model.
    pub model: Model,
    /// What it was estimated from.
    pub counts: ModelCounts,
    /// The same with no feature left out, by source and label, if it was to be kept. Documents can then be
    /// added and forgotten exactly.
    pub whole: Option<WholeCounts>,
}

/// The counts that a model was estimated from, for the features that it kept.
///
/// Tables have a row a feature and a column a label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelCounts {
    /// The sums of the features' values, in steps, each document times its weight, as the estimator took
    /// them.
    pub sums: Vec<u64>,
    /// The sums of the features' values in examples of page furniture. Empty if there were none.
    pub furniture_sums: Vec<u64>,
    /// The number of documents that each feature occurs in.
    pub documents: Vec<u32>,
    /// The number of sources that each feature occurs in.
    pub sources: Vec<u32>,
}

/// Everything in a model file that is not a table of numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: u32,
    digest: String,
    name: String,
    version: String,
    labels: Vec<LabelHeader>,
    neither: Option<String>,
    settings: Settings,
    calibration: Calibration,
    thresholds: Thresholds,
    passage_calibration: Calibration,
    furniture: Option<FurnitureCalibration>,
    corpus: CorpusHeader,
    figures: Option<Figures>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tuning: Option<Tuning>,
    /// The strata of the whole counts, if they were kept.
    strata: Option<Vec<StratumDocuments>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LabelHeader {
    name: String,
    documents: u64,
    log_prior: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CorpusHeader {
    digest: String,
    sources: u64,
    furniture: u64,
}

impl ModelFile {
    /// Reads a model file.
    pub fn read(path: &Path) -> Result<ModelFile, ModelFileError> {
        let bytes = container::read(path)?;
        ModelFile::from_bytes(&bytes)
            .map_err(|reason| ModelFileError::Unusable { path: path.to_owned(), reason })
    }

    /// Reads a model from the bytes of a file.
    pub fn from_bytes(bytes: &[u8]) -> Result<ModelFile, UnusableModel> {
        let (header, tensors) = container::from_bytes(bytes)?;
        if header.get("kind").is_some() {
            return Err(UnusableModel::NotModel);
        }
        let header: Header = serde_json::from_value(header).map_err(UnusableModel::Metadata)?;
        let names = header.labels.iter().map(|label| label.name.clone());
        let labels = LabelSet::new(names, header.neither.as_deref().unwrap_or_default())
            .map_err(UnusableModel::Labels)?;
        check_header(&header, &labels)?;
        let tables = Tables::new(&tensors, labels.len());
        let log_priors = header.labels.iter().map(|label| label.log_prior).collect();
        let furniture = match header.furniture {
            Some(calibration) => Some(Furniture { weights: tables.furniture()?, calibration }),
            None => None,
        };
        let page = PageReader { calibration: header.passage_calibration, furniture };
        let Header { digest, name, version, settings, calibration, thresholds, .. } = header;
        let card = ModelCard {
            label_documents: header.labels.iter().map(|label| label.documents).collect(),
            sources: header.corpus.sources,
            furniture_examples: header.corpus.furniture,
            corpus_digest: header.corpus.digest,
            size_bytes: bytes.len() as u64,
            figures: header.figures,
            tuning: header.tuning,
        };
        let model = Model {
            reference: ModelReference { name, version, digest },
            labels,
            vocabulary: tables.vocabulary()?,
            weights: Weights::new(log_priors, tables.weights()?),
            calibration,
            thresholds,
            page,
            settings,
            card,
        };
        let whole = header.strata.map(|strata| WholeCounts::read(&tensors, strata)).transpose()?;
        Ok(ModelFile { model, counts: tables.counts()?, whole })
    }

    /// Returns the bytes of the file, and sets the model's digest and size to theirs.
    pub fn to_bytes(&mut self) -> Vec<u8> {
        self.model.reference.digest = NO_DIGEST.to_owned();
        let (bytes, digest) = container::to_bytes(&self.header(), self.tables());
        self.model.reference.digest = digest;
        self.model.card.size_bytes = bytes.len() as u64;
        bytes
    }

    /// Writes the model to `path`, whole or not at all: a crash leaves what was there before.
    ///
    /// The bytes are read back first, so that no file is written that this build would not load.
    pub fn write(&mut self, path: &Path) -> Result<(), ModelFileError> {
        let bytes = self.to_bytes();
        ModelFile::from_bytes(&bytes)
            .map_err(|reason| ModelFileError::Unusable { path: path.to_owned(), reason })?;
        container::write(path, &bytes)
    }

    fn header(&self) -> Header {
        let ModelFile { model, counts: _, whole } = self;
        let label_headers = model.labels.names().iter().zip(&model.card.label_documents);
        let labels = label_headers
            .zip(model.weights.log_priors())
            .map(|((name, &documents), &log_prior)| LabelHeader {
                name: name.clone(),
                documents,
                log_prior,
            })
            .collect();
        Header {
            format: FORMAT,
            digest: model.reference.digest.clone(),
            name: model.reference.name.clone(),
            version: model.reference.version.clone(),
            labels,
            neither: model.labels.neither().map(|label| model.labels.name(label).to_owned()),
            settings: model.settings.clone(),
            calibration: model.calibration.clone(),
            thresholds: model.thresholds,
            passage_calibration: model.page.calibration.clone(),
            furniture: model.page.furniture.as_ref().map(|furniture| furniture.calibration),
            corpus: CorpusHeader {
                digest: model.card.corpus_digest.clone(),
                sources: model.card.sources,
                furniture: model.card.furniture_examples,
            },
            figures: model.card.figures.clone(),
            tuning: model.card.tuning.clone(),
            strata: whole.as_ref().map(|whole| whole.strata.clone()),
        }
    }

    fn tables(&self) -> Vec<(&'static str, Table)> {
        let ModelFile { model, counts, whole } = self;
        let (names, ends) = model.vocabulary.parts();
        let (features, labels) = (model.vocabulary.len(), model.labels.len());
        let mut tables = vec![
            (NAMES, Table { dtype: Dtype::U8, shape: vec![names.len()], bytes: names.into() }),
            (ENDS, Table::of_u32(ends, vec![features])),
            (WEIGHTS, Table::of_f32(model.weights.rows(), vec![features, labels])),
            (SUMS, Table::of_integers(&counts.sums, vec![features, labels])),
            (DOCUMENTS, Table::of_u32(&counts.documents, vec![features])),
            (SOURCES, Table::of_u32(&counts.sources, vec![features])),
        ];
        if !counts.furniture_sums.is_empty() {
            let sums = Table::of_integers(&counts.furniture_sums, vec![features]);
            tables.push((FURNITURE_SUMS, sums));
        }
        if let Some(furniture) = &model.page.furniture {
            tables.push((FURNITURE, Table::of_f32(&furniture.weights, vec![features])));
        }
        tables.extend(whole.iter().flat_map(WholeCounts::tables));
        tables
    }
}

/// Tells whether `name` can be the name or the version of a model.
pub fn is_model_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte))
}

fn check_header(header: &Header, labels: &LabelSet) -> Result<(), UnusableModel> {
    let value = |what, is_possible: bool| {
        if is_possible { Ok(()) } else { Err(UnusableModel::Value { what }) }
    };
    let Header { calibration, thresholds, .. } = header;
    let sorted = header.labels.iter().map(|label| &label.name).eq(labels.names());
    value("order of labels", sorted)?;
    value("name or version", is_model_name(&header.name) && is_model_name(&header.version))?;
    value("`neither` label", header.neither.is_some() == labels.neither().is_some())?;
    value("prior", header.labels.iter().all(|label| label.log_prior <= 0.0))?;
    for calibration in [calibration, &header.passage_calibration] {
        let Calibration { slope, biases } = calibration;
        value("calibration slope", slope.is_finite())?;
        let is_finite = biases.iter().all(|bias| bias.is_finite());
        value("calibration bias", biases.len() == labels.len() && is_finite)?;
    }
    if let Some(FurnitureCalibration { slope, words, closed, bias }) = header.furniture {
        let is_finite = [slope, words, closed, bias].iter().all(|value| value.is_finite());
        value("calibration of furniture", is_finite)?;
    }
    let are_shares = |shares: &[f64]| shares.iter().all(|share| (0.0..=1.0).contains(share));
    value("threshold", are_shares(&[thresholds.known_share_min, thresholds.margin_min]))?;
    let risk = header.figures.iter().flat_map(|figures| &figures.risk);
    let mut shares = risk.map(|point| [point.margin, point.coverage, point.error]);
    value("risk", shares.all(|shares| are_shares(&shares)))
}

const NAMES: &str = "vocabulary.names";
const ENDS: &str = "vocabulary.ends";
const WEIGHTS: &str = "weights";
const FURNITURE: &str = "furniture";
const SUMS: &str = "counts.sums";
const FURNITURE_SUMS: &str = "counts.furniture";
const DOCUMENTS: &str = "counts.documents";
const SOURCES: &str = "counts.sources";

/// The tables of a file, whose shapes are checked as they are read.
struct Tables<'a> {
    tensors: &'a SafeTensors<'a>,
    features: usize,
    labels: usize,
}

impl<'a> Tables<'a> {
    fn new(tensors: &'a SafeTensors<'a>, labels: usize) -> Tables<'a> {
        Tables { tensors, features: container::length(tensors, ENDS), labels }
    }

    fn vocabulary(&self) -> Result<Vocabulary, UnusableModel> {
        let ends = container::u32s(self.tensors, ENDS, &[self.features])?;
        let length = ends.last().map_or(0, |&end| end as usize);
        let (_, names) = container::table(self.tensors, NAMES, &[Dtype::U8], &[length])?;
        let names = String::from_utf8(names.to_vec())
            .map_err(|_| UnusableModel::Value { what: "vocabulary's encoding" })?;
        Vocabulary::new(names, ends).map_err(UnusableModel::Vocabulary)
    }

    fn weights(&self) -> Result<Vec<f32>, UnusableModel> {
        self.f32s(WEIGHTS, &[self.features, self.labels])
    }

    fn furniture(&self) -> Result<Vec<f32>, UnusableModel> {
        self.f32s(FURNITURE, &[self.features])
    }

    fn f32s(&self, table: &'static str, shape: &[usize]) -> Result<Vec<f32>, UnusableModel> {
        let (_, bytes) = container::table(self.tensors, table, &[Dtype::F32], shape)?;
        let weights: Vec<f32> = words(bytes).map(f32::from_le_bytes).collect();
        let finite = weights.iter().all(|weight| weight.is_finite());
        if finite { Ok(weights) } else { Err(UnusableModel::Value { what: "weight" }) }
    }

    fn counts(&self) -> Result<ModelCounts, UnusableModel> {
        let Tables { tensors, features, labels } = *self;
        let furniture = |_| container::integers(tensors, FURNITURE_SUMS, &[features]);
        Ok(ModelCounts {
            sums: container::integers(tensors, SUMS, &[features, labels])?,
            furniture_sums: tensors.tensor(FURNITURE_SUMS).map_or(Ok(Vec::new()), furniture)?,
            documents: container::u32s(tensors, DOCUMENTS, &[features])?,
            sources: container::u32s(tensors, SOURCES, &[features])?,
        })
    }
}
