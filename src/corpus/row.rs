//! The raw bytes of a row as an [`Example`].

use std::{fmt, sync::Arc};

use super::{
    BadRow, BadRowReason, DocumentRow, Example, Location, PageExample,
    example::{Fields, utf8},
    fasttext, json, page, parse_document,
    table::Columns,
};

/// The raw bytes of an example, and where they were.
///
/// Rows are cheap to make and may be parsed on another thread.
#[derive(Clone)]
pub struct Row {
    location: Location,
    bytes: Vec<u8>,
    layout: Layout,
}

/// What the bytes of a row are.
#[derive(Clone, Debug)]
pub(super) enum Layout {
    /// A JSON object.
    Json,
    /// A line with `__label__`.
    FastText,
    /// A record of a CSV or TSV file.
    Table(Arc<Columns>),
    /// A record of a CSV or TSV file, and all that follows: its quote is never closed.
    QuoteOpen,
    /// A text, in a file of its own.
    Text { label: Arc<str>, id: String },
}

/// Shows the size only: documents are private, and `Debug` ends up in logs.
impl fmt::Debug for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Row")
            .field("location", &self.location)
            .field("bytes", &self.bytes.len())
            .field("layout", &self.layout)
            .finish()
    }
}

impl Row {
    pub(super) fn new(location: Location, bytes: Vec<u8>, layout: Layout) -> Row {
        Row { location, bytes, layout }
    }

    /// Returns where the row begins.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Returns the length of the row in bytes.
    #[expect(clippy::len_without_is_empty, reason = "a row is never empty")]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Decodes and checks the row.
    pub fn parse(&self) -> Result<Example, BadRow> {
        self.fields().and_then(Fields::example).map_err(|reason| self.bad(reason))
    }

    /// Decodes and checks a JSON row that needs no label.
    ///
    /// Rows of other formats are refused; [`Corpus::open_as`](super::Corpus::open_as) reads all files
    /// as JSON lines.
    pub fn parse_document(&self) -> Result<DocumentRow<'_>, BadRow> {
        parse_document(&self.bytes).map_err(|reason| self.bad(reason))
    }

    /// Decodes and checks a JSON row that is a page with labelled passages.
    pub fn parse_page(&self) -> Result<PageExample, BadRow> {
        page::parse(&self.bytes).map_err(|reason| self.bad(reason))
    }

    fn fields(&self) -> Result<Fields<'_>, BadRowReason> {
        let row = utf8(&self.bytes)?;
        match &self.layout {
            Layout::Json => json::fields(row),
            Layout::FastText => fasttext::fields(row),
            Layout::Table(columns) => columns.fields(row),
            Layout::QuoteOpen => Err(BadRowReason::QuoteOpen),
            Layout::Text { label, id } => Ok(Fields {
                id: Some(id.into()),
                text: Some(row.into()),
                label: Some((&**label).into()),
                ..Fields::default()
            }),
        }
    }

    fn bad(&self, reason: BadRowReason) -> BadRow {
        BadRow { location: self.location.clone(), reason }
    }
}
