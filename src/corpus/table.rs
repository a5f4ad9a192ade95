//! A CSV or TSV record as the fields of an example, and where a record ends.

use csv::{ReaderBuilder, StringRecord, Terminator};

use super::{BadRowReason, CorpusError, Location, example::Fields};

/// The longest column name that an error shows.
///
/// A file without a header begins with a document, which must not be shown. Names are short.
const COLUMN_NAME_BYTES_MAX: usize = 32;

/// The most column names that an error shows, so that it stays readable.
const COLUMN_NAMES_MAX: usize = 16;

/// Which column holds which field.
#[derive(Debug)]
pub(super) struct Columns {
    delimiter: u8,
    count: usize,
    text: usize,
    label: usize,
    id: Option<usize>,
    title: Option<usize>,
    source: Option<usize>,
}

impl Columns {
    /// Finds the columns in the `header` at `location`.
    pub(super) fn new(
        header: &[u8],
        delimiter: u8,
        location: &Location,
    ) -> Result<Columns, CorpusError> {
        let header = str::from_utf8(header).map_err(|error| CorpusError::HeaderUtf8 {
            location: location.clone(),
            offset: error.valid_up_to(),
        })?;
        let names = record(header, delimiter);
        let find = |name| find(&names, name, location);
        let need = |name| {
            find(name)?.ok_or_else(|| CorpusError::HeaderColumn {
                location: location.clone(),
                missing: name,
                found: shown(&names),
            })
        };
        Ok(Columns {
            delimiter,
            count: names.len(),
            text: need("text")?,
            label: need("label")?,
            id: find("id")?,
            title: find("title")?,
            source: find("source")?,
        })
    }

    /// Returns the fields of `row`.
    pub(super) fn fields(&self, row: &str) -> Result<Fields<'static>, BadRowReason> {
        let record = record(row, self.delimiter);
        if record.len() != self.count {
            return Err(BadRowReason::Columns { found: record.len(), expected: self.count });
        }
        let field = |column: usize| record.get(column).map(|field| field.to_owned().into());
        Ok(Fields {
            id: self.id.and_then(field),
            title: self.title.and_then(field),
            text: field(self.text),
            label: field(self.label),
            source: self.source.and_then(field),
        })
    }

    /// Returns the byte between two columns.
    pub(super) fn delimiter(&self) -> u8 {
        self.delimiter
    }
}

/// Tells whether `line` names a column that is needed.
pub(super) fn is_header(line: &[u8], delimiter: u8) -> bool {
    let Ok(line) = str::from_utf8(line) else { return false };
    record(line.trim_end(), delimiter).iter().any(|name| matches!(name.trim(), "text" | "label"))
}

/// Finds the end of a record, line by line.
///
/// The csv crate would find it too, but sets no limit to a record, and its line numbers count the
/// blank lines before a record to it. Its states are kept here for quotes only; a test compares.
#[derive(Debug)]
pub(super) struct Quotes {
    delimiter: u8,
    state: QuoteState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum QuoteState {
    FieldStart,
    Unquoted,
    Quoted,
    /// After a quote in a quoted field: it closes the field, unless another one follows.
    QuotedQuote,
}

impl Quotes {
    /// Starts before a record.
    pub(super) fn new(delimiter: u8) -> Quotes {
        Quotes { delimiter, state: QuoteState::FieldStart }
    }

    /// Passes over a line, and tells whether the record goes on after it.
    pub(super) fn open_after(&mut self, line: &[u8]) -> bool {
        if !line.contains(&b'"') {
            // Most lines: nothing in them can open or close a quote.
            return self.state == QuoteState::Quoted;
        }
        for &byte in line {
            self.state = match (self.state, byte) {
                (QuoteState::Quoted, b'"') => QuoteState::QuotedQuote,
                (QuoteState::Quoted, _)
                | (QuoteState::FieldStart | QuoteState::QuotedQuote, b'"') => QuoteState::Quoted,
                (_, byte) if byte == self.delimiter => QuoteState::FieldStart,
                _ => QuoteState::Unquoted,
            };
        }
        self.state == QuoteState::Quoted
    }
}

/// Returns the fields of one record.
fn record(row: &str, delimiter: u8) -> StringRecord {
    let mut record = StringRecord::new();
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .terminator(Terminator::Any(b'\n'))
        .from_reader(row.as_bytes())
        .read_record(&mut record)
        .expect("a string in memory can be read and is UTF-8, and any number of fields is taken");
    record
}

fn find(
    names: &StringRecord,
    column: &'static str,
    location: &Location,
) -> Result<Option<usize>, CorpusError> {
    let mut found = (0..names.len()).filter(|&place| names[place].trim() == column);
    match (found.next(), found.next()) {
        (place, None) => Ok(place),
        (_, Some(_)) => Err(CorpusError::HeaderTwice { location: location.clone(), column }),
    }
}

fn shown(names: &StringRecord) -> String {
    let mut shown: Vec<String> = names.iter().take(COLUMN_NAMES_MAX).map(shown_name).collect();
    if COLUMN_NAMES_MAX < names.len() {
        shown.push(format!("{} more", names.len() - COLUMN_NAMES_MAX));
    }
    shown.join(", ")
}

fn shown_name(name: &str) -> String {
    let name = name.trim();
    if COLUMN_NAME_BYTES_MAX < name.len() {
        format!("one whose name has {} bytes", name.len())
    } else {
        format!("`{}`", name.escape_debug())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::{Strategy, any, proptest};

    use super::*;

    fn columns(header: &str) -> Result<Columns, CorpusError> {
        Columns::new(header.as_bytes(), b',', &Location { path: Path::new("a").into(), line: 1 })
    }

    #[test]
    fn finds_the_columns_wherever_they_are() {
        let columns = columns("x, label ,\"text\",id,title,source").unwrap();
        let row = columns.fields("1,a,\"\"\"b\"\",\nc\",7,T,").unwrap().example().unwrap();
        assert_eq!(row.text, "\"b\",\nc");
        assert_eq!((row.label.as_str(), row.id.as_deref()), ("a", Some("7")));
        assert_eq!((row.title.as_deref(), row.source), (Some("T"), None));
    }

    #[test]
    fn a_row_has_as_many_columns_as_the_header() {
        let columns = columns("text,label").unwrap();
        for (row, found) in [("a", 1), ("a,b,c", 3)] {
            let expected = BadRowReason::Columns { found, expected: 2 };
            assert_eq!(columns.fields(row).err(), Some(expected), "row={row}");
        }
    }

    #[test]
    fn a_header_without_a_needed_column_is_named_but_documents_are_not() {
        let document = "A private document, as the first line of a file that has no header.";
        let error = columns(&format!("\"{document}\",label")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a:1: the header has no column `text`; it needs `text` and `label`, and has one whose \
             name has 67 bytes, `label`"
        );
        let error = columns(&format!("text{}", ",x".repeat(20))).unwrap_err().to_string();
        assert!(error.contains("no column `label`") && error.ends_with("`x`, 5 more"), "{error}");
    }

    #[test]
    fn a_header_with_a_column_twice_is_refused() {
        let error = columns("text,label,text").unwrap_err();
        assert_eq!(error.to_string(), "a:1: the header has two columns `text`; rename one of them");
    }

    #[test]
    fn a_header_that_is_not_utf8_is_refused() {
        let location = Location { path: Path::new("a").into(), line: 1 };
        let error = Columns::new(b"\xff\xfet", b',', &location).unwrap_err();
        assert!(matches!(error, CorpusError::HeaderUtf8 { offset: 0, .. }));
    }

    #[test]
    fn a_quote_in_the_middle_of_a_field_opens_nothing() {
        assert!(!Quotes::new(b',').open_after(b"a \"b, c\n"));
        assert!(Quotes::new(b',').open_after(b"a, b,\"c\n"));
    }

    proptest! {
        #[test]
        fn records_end_where_the_csv_crate_ends_them(
            text in proptest::collection::vec(any::<u8>().prop_map(|byte| {
                char::from(b"ab\",\"\n"[usize::from(byte) % 6])
            }), 0..40)
        ) {
            let text: String = text.into_iter().collect();
            let mut reader = ReaderBuilder::new();
            let expected: Vec<StringRecord> = reader
                .has_headers(false)
                .flexible(true)
                .terminator(Terminator::Any(b'\n'))
                .from_reader(text.as_bytes())
                .records()
                .map(Result::unwrap)
                .collect();

            let mut got = Vec::new();
            let (mut row, mut quotes) = (String::new(), Quotes::new(b','));
            for line in text.split_inclusive('\n') {
                row.push_str(line);
                if !quotes.open_after(line.as_bytes()) {
                    got.push(row.trim_end_matches('\n').to_owned());
                    (row, quotes) = (String::new(), Quotes::new(b','));
                }
            }
            got.push(row); // nothing, or a quote that is never closed
            got.retain(|row| !row.is_empty());
            let got: Vec<StringRecord> = got.iter().map(|row| record(row, b',')).collect();
            assert_eq!(got, expected, "text={text:?}");
        }
    }
}
