//! What can be wrong with a file, which ends the reading, and with a row, which does not.
//!
//! No message quotes a document: texts are private, and messages end up in logs.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::STDIN;
use crate::text::DOCUMENT_BYTES_MAX;

/// The longest row, in bytes as it stands in the file.
///
/// JSON may write a byte of text as six (`\u0001`), so the longest document fits, with room for
/// fields that are ignored. What is longer is most likely no corpus at all, or a CSV file with a
/// quote that was never closed, and would otherwise fill the memory before anything else fails.
pub const ROW_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The longest label, in bytes.
///
/// A label stands in every answer and in logs; what is longer is most likely a text in the wrong
/// column.
pub const LABEL_BYTES_MAX: usize = 128;

/// The path and line where a row begins; the first line is 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file, or `-` for standard input.
    pub path: Arc<Path>,
    /// The line, counted after decompression.
    pub line: u64,
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if super::is_stdin(&self.path) {
            write!(formatter, "standard input:{}", self.line)
        } else {
            write!(formatter, "{}:{}", self.path.display(), self.line)
        }
    }
}

/// Why a corpus could not be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// No path was given.
    #[error(
        "no path to read examples from; name a file, a folder, or `{STDIN}` for standard input"
    )]
    NoPath,
    /// Standard input was asked for more than once.
    #[error("standard input can be read once only; write it to a file to read it again")]
    StdinTwice,
    /// A file or folder could not be opened.
    #[error("cannot open {path}")]
    Open {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be read, or not decompressed.
    #[error("{location}: cannot read on after this line; is the file whole?")]
    Read {
        /// The last line that could be read, or 0 if there is none.
        location: Location,
        /// What the system, or the decompressor, said.
        source: io::Error,
    },
    /// A row is longer than [`ROW_BYTES_MAX`].
    #[error(
        "{location}: this row is longer than {ROW_BYTES_MAX} bytes; is a line end missing, or a \
         quote never closed?"
    )]
    RowTooLong {
        /// The row.
        location: Location,
    },
    /// The header of a CSV or TSV file does not name the columns that are needed.
    #[error(
        "{location}: the header has no column `{missing}`; it needs `text` and `label`, and has \
         {found}"
    )]
    HeaderColumn {
        /// The header.
        location: Location,
        /// The column that is needed.
        missing: &'static str,
        /// The columns that there are, shortened where they do not look like names.
        found: String,
    },
    /// The header of a CSV or TSV file names a column twice.
    #[error("{location}: the header has two columns `{column}`; rename one of them")]
    HeaderTwice {
        /// The header.
        location: Location,
        /// The column.
        column: &'static str,
    },
    /// The header of a CSV or TSV file is not text.
    #[error("{location}: the header is not UTF-8 at byte {offset}; write the file as UTF-8")]
    HeaderUtf8 {
        /// The header.
        location: Location,
        /// The place of the first wrong byte in the header.
        offset: usize,
    },
    /// Neither the name of a file nor its first line tells its format.
    #[error(
        "{location}: cannot tell the format: the line is no JSON object, does not begin with \
         `__label__`, and is no CSV or TSV header with the columns `text` and `label`; name the \
         file .jsonl, .csv, .tsv or .ft to say what it is"
    )]
    Format {
        /// The first line that is not blank.
        location: Location,
    },
    /// A folder holds no examples.
    #[error(
        "folder {path} has no sub-folder with .txt files; it needs a sub-folder a label, named after \
         the label, with a .txt file a document"
    )]
    FolderEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The name of a sub-folder cannot be a label, or the name of a file not an id.
    #[error("the name of {path} is not UTF-8; rename it")]
    FolderName {
        /// The sub-folder or file.
        path: PathBuf,
    },
}

/// Why a row is not an example, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{location}: {reason}")]
pub struct BadRow {
    /// The row.
    pub location: Location,
    /// What is wrong with it.
    pub reason: BadRowReason,
}

/// Why a row is not an example.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRowReason {
    /// The row is not text.
    #[error("byte {offset} of the row is not UTF-8; write the file as UTF-8")]
    Utf8 {
        /// The place of the first wrong byte in the row.
        offset: usize,
    },
    /// The line is not a JSON object.
    #[error("the line is not a JSON object but {found}; write one object a line")]
    NotAnObject {
        /// What it begins like.
        found: &'static str,
    },
    /// The line begins like a JSON object, but is none.
    #[error("bad JSON at byte {column}: {reason}")]
    Json {
        /// The byte at which it goes wrong, counted from 1.
        column: usize,
        /// What `serde_json` says.
        reason: String,
    },
    /// A field that is needed is not there.
    #[error("`{field}` is missing")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field is of another kind than text.
    #[error("`{field}` is {found}, not a string")]
    NotAString {
        /// The field.
        field: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A field is not the list that it should be.
    #[error("`{field}` is {found} where a list of objects with `text` and `label` is needed")]
    NotAList {
        /// The field.
        field: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// The format of a page is not known.
    #[error("`format` is neither `plain` nor `html`")]
    PageFormat,
    /// A field that is needed is empty, or white space only.
    #[error("`{field}` is blank")]
    Blank {
        /// The field.
        field: &'static str,
    },
    /// Title and text are longer than a document may be.
    #[error(
        "`title` and `text` have {bytes} bytes, at most {DOCUMENT_BYTES_MAX} are possible; split the \
         document"
    )]
    TextTooLong {
        /// The bytes of title and text.
        bytes: usize,
    },
    /// The label is too long to be a name.
    #[error(
        "`label` has {bytes} bytes, at most {LABEL_BYTES_MAX} are possible; is the label in the \
         right field?"
    )]
    LabelTooLong {
        /// The bytes of the label.
        bytes: usize,
    },
    /// The label has a line end, a tab or the like in it.
    #[error("`label` has a control character; is the label in the right field?")]
    LabelControl,
    /// A CSV or TSV row has more or fewer columns than the header.
    #[error(
        "the row has {found} columns, the header {expected}; is a quote missing around a text?"
    )]
    Columns {
        /// The columns of the row.
        found: usize,
        /// The columns of the header.
        expected: usize,
    },
    /// A quote in a CSV or TSV row is still open at the end of the file.
    #[error("a quote that begins in this row is never closed")]
    QuoteOpen,
    /// A fastText line does not begin with its label.
    #[error("the line does not begin with `__label__`")]
    LabelMark,
    /// A fastText line has several labels.
    #[error(
        "the line has {labels} labels, one is possible; keep the best, or write a line a label"
    )]
    Labels {
        /// The number of labels.
        labels: usize,
    },
}
