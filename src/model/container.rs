//! A JSON header and tables as bytes, and back: what a model file and a counts file have in common.
//!
//! The format is safetensors, which any language can open. The metadata hold one entry, `newsdesk`: the
//! header, and in it the digest: SHA-256 of the file, in which the 64 digits of the digest itself stand as
//! zeros.

use std::{
    borrow::Cow,
    collections::HashMap,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use safetensors::{Dtype, SafeTensorError, SafeTensors, View};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{features::VocabularyError, label::LabelSetError};

/// The version of the format that this build writes, and the only one that it reads.
pub const FORMAT: u32 = 3;

/// The largest file that is read, in bytes. A model of ten million features is smaller.
pub const MODEL_BYTES_MAX: u64 = 1024 * 1024 * 1024;

const METADATA_KEY: &str = "newsdesk";

/// What stands in the place of the digest while it is computed.
pub(super) const NO_DIGEST: &str =
    "0000000000000000000000000000000000000000000000000000000000000000";

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
    /// The file is a model, where counts are asked for.
    #[error("it is a model, not counts; make counts of its corpus with `train --counts-only`")]
    NotCounts,
    /// The file is counts, where a model is asked for.
    #[error("it is counts, not a model; make a model of them with `train --base`")]
    NotModel,
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

/// Returns the bytes of a file, and their digest. The `header` must hold [`NO_DIGEST`], once.
pub(super) fn to_bytes(
    header: &impl Serialize,
    tables: Vec<(&'static str, Table)>,
) -> (Vec<u8>, String) {
    let header = serde_json::to_string(header).expect("the header has string keys");
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), header)]);
    let mut bytes = safetensors::serialize(tables, Some(metadata))
        .expect("tables have the shapes that they are written with");
    let digest = hex(&Sha256::digest(&bytes));
    let at = find(&bytes, NO_DIGEST.as_bytes()).expect("the header holds the digest");
    bytes[at..at + digest.len()].copy_from_slice(digest.as_bytes());
    (bytes, digest)
}

/// Returns the header and the tables of a file whose digest fits.
pub(super) fn from_bytes(
    bytes: &[u8],
) -> Result<(serde_json::Value, SafeTensors<'_>), UnusableModel> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(UnusableModel::NotSafetensors)?;
    let entries = metadata.metadata().as_ref().ok_or(UnusableModel::Foreign)?;
    let json = entries.get(METADATA_KEY).ok_or(UnusableModel::Foreign)?;
    // The format comes first: a newer one may have other fields.
    let header: serde_json::Value = serde_json::from_str(json).map_err(UnusableModel::Metadata)?;
    let found = header.get("format").and_then(serde_json::Value::as_u64).unwrap_or(0);
    if found != u64::from(FORMAT) {
        return Err(UnusableModel::Format { found });
    }
    let digest = header.get("digest").and_then(serde_json::Value::as_str).unwrap_or_default();
    if digest_of(bytes, digest).as_deref() != Some(digest) {
        return Err(UnusableModel::Digest);
    }
    let tensors = SafeTensors::deserialize(bytes).map_err(UnusableModel::NotSafetensors)?;
    Ok((header, tensors))
}

/// Reads a file, if it is not too large.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, ModelFileError> {
    let unreadable = |source| ModelFileError::Read { path: path.to_owned(), source };
    let bytes = fs::metadata(path).map_err(unreadable)?.len();
    if MODEL_BYTES_MAX < bytes {
        let reason = UnusableModel::TooLarge { bytes };
        return Err(ModelFileError::Unusable { path: path.to_owned(), reason });
    }
    fs::read(path).map_err(unreadable)
}

/// Writes a file, whole or not at all: a crash leaves what was there before.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), ModelFileError> {
    write_atomically(path, bytes)
        .map_err(|source| ModelFileError::Write { path: path.to_owned(), source })
}

/// Returns a table of the given type and shape.
pub(super) fn table<'a>(
    tensors: &'a SafeTensors<'a>,
    name: &'static str,
    dtypes: &[Dtype],
    shape: &[usize],
) -> Result<(Dtype, &'a [u8]), UnusableModel> {
    let expected =
        || UnusableModel::Table { table: name, expected: format!("{dtypes:?} {shape:?}") };
    let tensor = tensors.tensor(name).map_err(|_| expected())?;
    let fits = tensor.shape() == shape && dtypes.contains(&tensor.dtype());
    if fits { Ok((tensor.dtype(), tensor.data())) } else { Err(expected()) }
}

/// Returns a table of whole numbers of 32 bits.
pub(super) fn u32s(
    tensors: &SafeTensors<'_>,
    name: &'static str,
    shape: &[usize],
) -> Result<Vec<u32>, UnusableModel> {
    let (_, bytes) = table(tensors, name, &[Dtype::U32], shape)?;
    Ok(words(bytes).map(u32::from_le_bytes).collect())
}

/// Returns a table of whole numbers, of 32 or 64 bits.
pub(super) fn integers(
    tensors: &SafeTensors<'_>,
    name: &'static str,
    shape: &[usize],
) -> Result<Vec<u64>, UnusableModel> {
    let (dtype, bytes) = table(tensors, name, &[Dtype::U32, Dtype::U64], shape)?;
    if dtype == Dtype::U64 {
        return Ok(words(bytes).map(u64::from_le_bytes).collect());
    }
    Ok(words(bytes).map(|word| u64::from(u32::from_le_bytes(word))).collect())
}

/// Returns the length of the first axis of a table; 0 if there is none.
pub(super) fn length(tensors: &SafeTensors<'_>, name: &str) -> usize {
    let table = tensors.tensor(name).ok();
    table.and_then(|table| table.shape().first().copied()).unwrap_or_default()
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

/// Returns the words of `N` bytes that `bytes` consist of.
pub(super) fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.chunks_exact(N).map(|word| word.try_into().expect("chunks have N bytes"))
}

/// A table on its way to a file.
pub(super) struct Table {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    pub(super) bytes: Vec<u8>,
}

impl Table {
    pub(super) fn of_f32(values: &[f32], shape: Vec<usize>) -> Table {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Table { dtype: Dtype::F32, shape, bytes }
    }

    pub(super) fn of_u32(values: &[u32], shape: Vec<usize>) -> Table {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Table { dtype: Dtype::U32, shape, bytes }
    }

    /// Takes 32 bits a number if all fit, which halves the file.
    pub(super) fn of_integers(values: &[u64], shape: Vec<usize>) -> Table {
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
