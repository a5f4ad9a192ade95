//! Whole counts as a file of their own: what one machine counted, to be merged with others.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{
    container::{self, FORMAT, ModelFileError, NO_DIGEST, UnusableModel},
    file::ModelFile,
    whole::{StratumDocuments, WholeCounts},
};
use crate::features::{FeatureSettings, ValueSettings};

/// Whole counts, and how they were counted.
#[derive(Clone, Debug, PartialEq)]
pub struct CountsFile {
    /// Which things in a text were counted.
    pub features: FeatureSettings,
    /// How much each was counted.
    pub values: ValueSettings,
    /// A digest of the documents that does not depend on their order.
    pub corpus_digest: String,
    /// The counts.
    pub whole: WholeCounts,
}

/// A file that training can go on from.
#[derive(Clone, Debug)]
pub enum BaseFile {
    /// A model.
    Model(Box<ModelFile>),
    /// Counts alone.
    Counts(Box<CountsFile>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: u32,
    digest: String,
    kind: Kind,
    features: FeatureSettings,
    values: ValueSettings,
    corpus: String,
    strata: Vec<StratumDocuments>,
}

/// What tells a counts file from a model file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Counts,
}

impl CountsFile {
    /// Reads a counts file.
    pub fn read(path: &Path) -> Result<CountsFile, ModelFileError> {
        let bytes = container::read(path)?;
        CountsFile::from_bytes(&bytes)
            .map_err(|reason| ModelFileError::Unusable { path: path.to_owned(), reason })
    }

    /// Reads counts from the bytes of a file.
    pub fn from_bytes(bytes: &[u8]) -> Result<CountsFile, UnusableModel> {
        let (header, tensors) = container::from_bytes(bytes)?;
        if header.get("kind").is_none() {
            return Err(UnusableModel::NotCounts);
        }
        let header: Header = serde_json::from_value(header).map_err(UnusableModel::Metadata)?;
        let Header { format: _, digest: _, kind: _, features, values, corpus, strata } = header;
        let whole = WholeCounts::read(&tensors, strata)?;
        Ok(CountsFile { features, values, corpus_digest: corpus, whole })
    }

    /// Returns the bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let header = Header {
            format: FORMAT,
            digest: NO_DIGEST.to_owned(),
            kind: Kind::Counts,
            features: self.features.clone(),
            values: self.values,
            corpus: self.corpus_digest.clone(),
            strata: self.whole.strata.clone(),
        };
        container::to_bytes(&header, self.whole.tables()).0
    }

    /// Writes the counts to `path`, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), ModelFileError> {
        container::write(path, &self.to_bytes())
    }
}

impl BaseFile {
    /// Reads a model file or a counts file.
    pub fn read(path: &Path) -> Result<BaseFile, ModelFileError> {
        let bytes = container::read(path)?;
        BaseFile::from_bytes(&bytes)
            .map_err(|reason| ModelFileError::Unusable { path: path.to_owned(), reason })
    }

    fn from_bytes(bytes: &[u8]) -> Result<BaseFile, UnusableModel> {
        let (header, _) = container::from_bytes(bytes)?;
        Ok(match header.get("kind") {
            Some(_) => BaseFile::Counts(Box::new(CountsFile::from_bytes(bytes)?)),
            None => BaseFile::Model(Box::new(ModelFile::from_bytes(bytes)?)),
        })
    }
}
