//! Models as bytes, and back.
//!
//! A model file is in the safetensors format, which any language can open. Its metadata hold one entry,
//! `newsdesk`: a JSON object with everything that is not a table of numbers. Among it is the digest:
//! SHA-256 of the file, in which the 64 digits of the digest itself stand as zeros. A file that fails
//! any check gives an error that names the fault, and no model.

use std::{
    borrow::Cow,
    collections::HashMap,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use safetensors::{Dtype, SafeTensorError, SafeTensors, View};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    Calibration, Figures, Furniture, FurnitureCalibration, Model, ModelCard, ModelReference,
    PageReader, Settings, Thresholds, Weights,
};
use crate::{
    features::{Vocabulary, VocabularyError},
    label::{LabelSet, LabelSetError},
};

/// The version of the format that this build writes, and the only one that it reads.
pub const FORMAT: u32 = 2;

/// The largest model file that is read, in bytes. A model of ten million features is smaller.
pub const MODEL_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// The longest name or version of a model, in bytes. They go into every answer.
pub const NAME_BYTES_MAX: usize = 48;

const METADATA_KEY: &str = "newsdesk";
const NO_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A model, and the counts that it was estimated from, so that training can go on.
#[derive(Clone, Debug)]
pub struct ModelFile {
    /// The model.
    pub model: Model,
    /// What it was estimated from.
    pub counts: ModelCounts,
}

/// The counts that a model was estimated from, for the features that it kept.
///
/// Tables have a row a feature and a column a label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelCounts {
    /// The sums of the features' values, in steps: they add and subtract exactly.
    pub sums: Vec<u64>,
    /// The same with each document times its weight in training, as the estimator took them. Empty if
    /// all documents weighed the same.
    pub weighted_sums: Vec<u64>,
    /// The number of documents that each feature occurs in.
    pub documents: Vec<u32>,
    /// The number of sources that each feature occurs in.
    pub sources: Vec<u32>,
    /// Whether no feature was left out, so that documents can be forgotten without a trace.
    pub whole: bool,
}

/// Why a model file could not be read or written. Each message is completed by the path.
#[derive(Debug, thiserror::Error)]
pub enum ModelFileError {
    /// The file could not be opened or read.
    #[error("cannot read model file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file could not be written. A file that was there before is untouched.
    #[error("cannot write model file {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be a model.
    #[error("{path} is not a usable model: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: UnusableModel,
    },
}

/// Why some bytes are not a model.
#[derive(Debug, thiserror::Error)]
pub enum UnusableModel {
    /// The bytes are too many.
    #[error("it has {bytes} bytes, at most {MODEL_BYTES_MAX} are possible")]
    TooLarge {
        /// The number of bytes.
        bytes: u64,
    },
    /// The bytes are no safetensors, or not all of them.
    #[error("it is not a safetensors file, or was cut short ({0})")]
    NotSafetensors(SafeTensorError),
    /// The bytes are safetensors, but not ours.
    #[error("it is a safetensors file of another program: its metadata have no `newsdesk` entry")]
    Foreign,
    /// The model was written by another version of the format.
    #[error(
        "it has format {found}, this build reads format {FORMAT}; train it again with this build"
    )]
    Format {
        /// The format of the bytes.
        found: u64,
    },
    /// The metadata cannot be read.
    #[error("its metadata cannot be read: {0}")]
    Metadata(serde_json::Error),
    /// The bytes were altered.
    #[error("its digest does not fit its content; it was altered or damaged, fetch it again")]
    Digest,
    /// A table is missing or has another shape.
    #[error("its table `{table}` is missing or has another type or shape than {expected}")]
    Table {
        /// The table.
        table: &'static str,
        /// What it should be.
        expected: String,
    },
    /// A number is impossible.
    #[error("its {what} is impossible")]
    Value {
        /// What the number is.
        what: &'static str,
    },
    /// The features cannot be used.
    #[error("its vocabulary is damaged: {0}")]
    Vocabulary(VocabularyError),
    /// The labels cannot be used.
    #[error("its labels are damaged: {0}")]
    Labels(LabelSetError),
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
    whole: bool,
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
}

impl ModelFile {
    /// Reads a model file.
    pub fn read(path: &Path) -> Result<ModelFile, ModelFileError> {
        let unreadable = |source| ModelFileError::Read { path: path.to_owned(), source };
        let unusable = |reason| ModelFileError::Unusable { path: path.to_owned(), reason };
        let bytes = fs::metadata(path).map_err(unreadable)?.len();
        if MODEL_BYTES_MAX < bytes {
            return Err(unusable(UnusableModel::TooLarge { bytes }));
        }
        ModelFile::from_bytes(&fs::read(path).map_err(unreadable)?).map_err(unusable)
    }

    /// Reads a model from the bytes of a file.
    pub fn from_bytes(bytes: &[u8]) -> Result<ModelFile, UnusableModel> {
        let (header, tensors) = read_header(bytes)?;
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
            corpus_digest: header.corpus.digest,
            size_bytes: bytes.len() as u64,
            figures: header.figures,
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
        Ok(ModelFile { model, counts: tables.counts(header.whole)? })
    }

    /// Returns the bytes of the file, and sets the model's digest and size to theirs.
    pub fn to_bytes(&mut self) -> Vec<u8> {
        self.model.reference.digest = NO_DIGEST.to_owned();
        let header = serde_json::to_string(&self.header()).expect("the header has string keys");
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), header)]);
        let mut bytes = safetensors::serialize(self.tables(), Some(metadata))
            .expect("tables have the shapes that they are written with");
        let digest = hex(&Sha256::digest(&bytes));
        let at = find(&bytes, NO_DIGEST.as_bytes()).expect("the header holds the digest");
        bytes[at..at + digest.len()].copy_from_slice(digest.as_bytes());
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
        write_atomically(path, &bytes)
            .map_err(|source| ModelFileError::Write { path: path.to_owned(), source })
    }

    fn header(&self) -> Header {
        let ModelFile { model, counts } = self;
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
            },
            figures: model.card.figures.clone(),
            whole: counts.whole,
        }
    }

    fn tables(&self) -> Vec<(&'static str, Table)> {
        let ModelFile { model, counts } = self;
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
        if !counts.weighted_sums.is_empty() {
            let weighted = Table::of_integers(&counts.weighted_sums, vec![features, labels]);
            tables.push((WEIGHTED_SUMS, weighted));
        }
        if let Some(furniture) = &model.page.furniture {
            tables.push((FURNITURE, Table::of_f32(&furniture.weights, vec![features])));
        }
        tables
    }
}

fn read_header(bytes: &[u8]) -> Result<(Header, SafeTensors<'_>), UnusableModel> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(UnusableModel::NotSafetensors)?;
    let entries = metadata.metadata().as_ref().ok_or(UnusableModel::Foreign)?;
    let json = entries.get(METADATA_KEY).ok_or(UnusableModel::Foreign)?;
    // The format comes first: a newer one may have other fields.
    let any: serde_json::Value = serde_json::from_str(json).map_err(UnusableModel::Metadata)?;
    let found = any.get("format").and_then(serde_json::Value::as_u64).unwrap_or(0);
    if found != u64::from(FORMAT) {
        return Err(UnusableModel::Format { found });
    }
    let header: Header = serde_json::from_value(any).map_err(UnusableModel::Metadata)?;
    if digest_of(bytes, &header.digest) != Some(header.digest.clone()) {
        return Err(UnusableModel::Digest);
    }
    let tensors = SafeTensors::deserialize(bytes).map_err(UnusableModel::NotSafetensors)?;
    Ok((header, tensors))
}

/// Returns the digest of `bytes` in which the digits of `digest` count as zeros.
fn digest_of(bytes: &[u8], digest: &str) -> Option<String> {
    if digest.len() != NO_DIGEST.len() {
        return None;
    }
    let at = find(bytes, digest.as_bytes())?;
    let mut hasher = Sha256::new();
    hasher.update(&bytes[..at]);
    hasher.update(NO_DIGEST);
    hasher.update(&bytes[at + digest.len()..]);
    Some(hex(&hasher.finalize()))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes what is written to it");
        hex
    })
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
const WEIGHTED_SUMS: &str = "counts.weighted_sums";
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
        let ends = tensors.tensor(ENDS).ok();
        let features = ends.and_then(|ends| ends.shape().first().copied()).unwrap_or_default();
        Tables { tensors, features, labels }
    }

    fn bytes(
        &self,
        table: &'static str,
        dtypes: &[Dtype],
        shape: &[usize],
    ) -> Result<(Dtype, &'a [u8]), UnusableModel> {
        let expected = || UnusableModel::Table { table, expected: format!("{dtypes:?} {shape:?}") };
        let tensor = self.tensors.tensor(table).map_err(|_| expected())?;
        let fits = tensor.shape() == shape && dtypes.contains(&tensor.dtype());
        if fits { Ok((tensor.dtype(), tensor.data())) } else { Err(expected()) }
    }

    fn vocabulary(&self) -> Result<Vocabulary, UnusableModel> {
        let ends = self.u32s(ENDS)?;
        let length = ends.last().map_or(0, |&end| end as usize);
        let (_, names) = self.bytes(NAMES, &[Dtype::U8], &[length])?;
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
        let (_, bytes) = self.bytes(table, &[Dtype::F32], shape)?;
        let weights: Vec<f32> = words(bytes).map(f32::from_le_bytes).collect();
        let finite = weights.iter().all(|weight| weight.is_finite());
        if finite { Ok(weights) } else { Err(UnusableModel::Value { what: "weight" }) }
    }

    fn counts(&self, whole: bool) -> Result<ModelCounts, UnusableModel> {
        let weighted = self.tensors.tensor(WEIGHTED_SUMS).is_ok();
        Ok(ModelCounts {
            sums: self.integers(SUMS)?,
            weighted_sums: if weighted { self.integers(WEIGHTED_SUMS)? } else { Vec::new() },
            documents: self.u32s(DOCUMENTS)?,
            sources: self.u32s(SOURCES)?,
            whole,
        })
    }

    fn u32s(&self, table: &'static str) -> Result<Vec<u32>, UnusableModel> {
        let (_, bytes) = self.bytes(table, &[Dtype::U32], &[self.features])?;
        Ok(words(bytes).map(u32::from_le_bytes).collect())
    }

    fn integers(&self, table: &'static str) -> Result<Vec<u64>, UnusableModel> {
        let shape = [self.features, self.labels];
        let (dtype, bytes) = self.bytes(table, &[Dtype::U32, Dtype::U64], &shape)?;
        if dtype == Dtype::U64 {
            return Ok(words(bytes).map(u64::from_le_bytes).collect());
        }
        Ok(words(bytes).map(|word| u64::from(u32::from_le_bytes(word))).collect())
    }
}

/// Returns the words of `N` bytes that `bytes` consist of.
fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.chunks_exact(N).map(|word| word.try_into().expect("chunks have N bytes"))
}

/// A table on its way to a file.
struct Table {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Table {
    fn of_f32(values: &[f32], shape: Vec<usize>) -> Table {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Table { dtype: Dtype::F32, shape, bytes }
    }

    fn of_u32(values: &[u32], shape: Vec<usize>) -> Table {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Table { dtype: Dtype::U32, shape, bytes }
    }

    /// Takes 32 bits a number if all fit, which halves the file.
    fn of_integers(values: &[u64], shape: Vec<usize>) -> Table {
        match values.iter().map(|&value| u32::try_from(value)).collect::<Result<Vec<_>, _>>() {
            Ok(narrow) => Table::of_u32(&narrow, shape),
            Err(_) => {
                let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                Table { dtype: Dtype::U64, shape, bytes }
            }
        }
    }
}

impl View for Table {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Writes `bytes` to a temporary file beside `path`, makes it durable, and renames it.
fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A link's target is replaced, not the link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if path.exists() && !path.is_file() {
        return Err(io::Error::other("it exists and is not a regular file"));
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = parent.unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".newsdesk-")
        .permissions(permissions())
        .tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    fs::File::open(directory)?.sync_all()
}

/// Returns the permissions of an ordinary new file; the process's mask still applies.
fn permissions() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    fs::Permissions::from_mode(0o666)
}
