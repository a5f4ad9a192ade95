//! One file, or standard input, as rows.

use std::{io::BufRead, mem, path::Path, sync::Arc};

use super::{
    CorpusError, Format, Row,
    lines::Lines,
    row::Layout,
    table::{Columns, Quotes},
};

/// The rows of a file.
pub(super) struct Stream {
    lines: Lines,
    layout: Layout,
    /// The row that is being read; used again for the next, so that it grows rarely.
    row: Vec<u8>,
    /// Whether `row` was read to find the format, and not yet given.
    row_is_next: bool,
}

impl Stream {
    /// Reads the first line of `input`, to find out its format unless it is known, and any header.
    ///
    /// A file without a line has no rows, and is in no wrong format either.
    pub(super) fn new(
        input: Box<dyn BufRead + Send>,
        path: Arc<Path>,
        format: Option<Format>,
    ) -> Result<Stream, CorpusError> {
        let mut lines = Lines::new(input, path);
        let mut row = Vec::new();
        if !lines.start_row(&mut row)? {
            return Ok(Stream { lines, layout: Layout::Json, row, row_is_next: false });
        }
        let format = format
            .or_else(|| Format::of_line(&row))
            .ok_or_else(|| CorpusError::Format { location: lines.location() })?;
        let Some(delimiter) = format.delimiter() else {
            let is_json = format == Format::Jsonl;
            let layout = if is_json { Layout::Json } else { Layout::FastText };
            return Ok(Stream { lines, layout, row, row_is_next: true });
        };
        finish_record(&mut lines, &mut row, delimiter)?;
        let columns = Columns::new(trim_line_end(&row), delimiter, &lines.location())?;
        Ok(Stream { lines, layout: Layout::Table(Arc::new(columns)), row, row_is_next: false })
    }

    /// Returns the next row, or nothing at the end.
    pub(super) fn next_row(&mut self) -> Result<Option<Row>, CorpusError> {
        let was_read = mem::take(&mut self.row_is_next);
        if !was_read && !self.lines.start_row(&mut self.row)? {
            return Ok(None);
        }
        let mut layout = self.layout.clone();
        if let Layout::Table(columns) = &self.layout
            && !finish_record(&mut self.lines, &mut self.row, columns.delimiter())?
        {
            layout = Layout::QuoteOpen;
        }
        Ok(Some(Row::new(self.lines.location(), trim_line_end(&self.row).to_vec(), layout)))
    }
}

/// Appends lines to a record until its quotes are closed; false if the file ends before.
fn finish_record(lines: &mut Lines, row: &mut Vec<u8>, delimiter: u8) -> Result<bool, CorpusError> {
    let mut quotes = Quotes::new(delimiter);
    let mut is_open = quotes.open_after(row);
    while is_open {
        let line = lines.append(row)?;
        if line.is_empty() {
            return Ok(false);
        }
        is_open = quotes.open_after(line);
    }
    Ok(true)
}

fn trim_line_end(row: &[u8]) -> &[u8] {
    let row = row.strip_suffix(b"\n").unwrap_or(row);
    row.strip_suffix(b"\r").unwrap_or(row)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::corpus::{
        BytesRead,
        input::{self, tests as compressed},
        lines::read_error,
    };

    /// Reads `raw` as standard input, into `line label text`, or `line reason`.
    fn read(raw: &[u8], format: Option<Format>) -> Result<Vec<String>, CorpusError> {
        let path: Arc<Path> = Path::new("-").into();
        let input = input::decoded(Cursor::new(raw.to_vec()), &BytesRead::default())
            .map_err(|source| read_error(&path, 0, source))?;
        let mut stream = Stream::new(input, path, format)?;
        let mut shown = Vec::new();
        while let Some(row) = stream.next_row()? {
            shown.push(match row.parse() {
                Ok(example) => {
                    format!("{} {} {}", row.location().line, example.label, example.text)
                }
                Err(bad) => format!("{} {}", bad.location.line, bad.reason),
            });
        }
        Ok(shown)
    }

    #[track_caller]
    fn check(plain: &str, expected: &[&str]) {
        let plain = plain.as_bytes();
        for raw in [plain.to_vec(), compressed::gzip(plain), compressed::zstd(plain)] {
            assert_eq!(read(&raw, None).unwrap(), expected);
        }
    }

    #[test]
    fn json_lines_on_standard_input() {
        check(
            "\u{feff}\n{\"text\":\"a\",\"label\":\"x\"}\r\n\r\n{\"text\":\"b\",\"label\":\"y\"}",
            &["2 x a", "4 y b"],
        );
    }

    #[test]
    fn fasttext_lines_on_standard_input() {
        check("\n__label__x a b\r\n__label__y c\n", &["2 x a b", "3 y c"]);
    }

    #[test]
    fn csv_with_quoted_lines_on_standard_input_keeps_its_line_numbers() {
        check(
            "\u{feff}label,text\r\n\r\nx,\"a\r\n\r\nb\"\r\ny,c\r\nz\r\nx,\"d\"\r\n",
            &[
                "3 x a\r\n\r\nb",
                "6 y c",
                "7 the row has 1 columns, the header 2; is a quote missing around a text?",
                "8 x d",
            ],
        );
    }

    #[test]
    fn tsv_on_standard_input() {
        check("text\tlabel\na, \"b\"\tx\n", &["2 x a, \"b\""]);
    }

    #[test]
    fn nothing_on_standard_input_is_no_rows() {
        check("", &[]);
        check("\n \n", &[]);
        check("text,label\n", &[]);
    }

    #[test]
    fn a_quote_that_is_never_closed_is_a_bad_row() {
        check(
            "text,label\na,x\n\"b,y\nc,z\n",
            &["2 x a", "3 a quote that begins in this row is never closed"],
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_are_named_by_their_place_in_the_row() {
        let reason = "2 byte 1 of the row is not UTF-8; write the file as UTF-8";
        let csv = read(b"text,label\na\xff,x\nb,y\n", None).unwrap();
        assert_eq!(csv, [reason, "3 y b"]);
        let fasttext = read(b"\n_\xff", Some(Format::FastText)).unwrap();
        assert_eq!(fasttext, [reason]);
    }

    #[test]
    fn an_unknown_format_is_refused_by_line_and_without_quoting_it() {
        let error = read(b"\n\na secret text\n", None).unwrap_err().to_string();
        assert!(error.starts_with("standard input:3: cannot tell the format"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn a_header_may_span_lines_and_errors_name_its_first() {
        let rows = read(b"text,\"x\ny\",label\na,,b\n", Some(Format::Csv)).unwrap();
        assert_eq!(rows, ["3 b a"]);
        let error = read(b"\ntext,\"x\ny\"\n", None).unwrap_err().to_string();
        assert!(error.starts_with("standard input:2: the header has no column `label`"), "{error}");
    }

    #[test]
    fn corrupt_and_cut_off_compression_ends_the_reading() {
        let plain = "{\"text\":\"a\",\"label\":\"x\"}\n".repeat(1000);
        for compress in [compressed::gzip, compressed::zstd] {
            let mut raw = compress(plain.as_bytes());
            raw.truncate(raw.len() - 3);
            let error = read(&raw, None).unwrap_err();
            assert!(matches!(error, CorpusError::Read { .. }), "{error:?}");
        }
        let mut raw = compressed::gzip(plain.as_bytes());
        let checksum = raw.len() - 8;
        raw[checksum] ^= 1;
        let error = read(&raw, None).unwrap_err();
        assert!(error.to_string().starts_with("standard input:1000: cannot read on"), "{error}");
    }
}
