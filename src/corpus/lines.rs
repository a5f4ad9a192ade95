//! Bytes as lines of a bounded length, with their numbers.

use std::{
    io::{self, BufRead, Read},
    path::Path,
    sync::Arc,
};

use super::{CorpusError, Location, ROW_BYTES_MAX};

/// The lines of a file, read into the caller's buffer.
pub(super) struct Lines {
    input: Box<dyn BufRead + Send>,
    path: Arc<Path>,
    /// The number of lines read, and so of the last one.
    read: u64,
    /// The line at which the row begins.
    row_line: u64,
}

impl Lines {
    /// Starts before the first line of `input`, which is at `path`.
    pub(super) fn new(input: Box<dyn BufRead + Send>, path: Arc<Path>) -> Lines {
        Lines { input, path, read: 0, row_line: 0 }
    }

    /// Reads the next line that is not blank into `row`, with its end; false if there is none.
    pub(super) fn start_row(&mut self, row: &mut Vec<u8>) -> Result<bool, CorpusError> {
        loop {
            row.clear();
            self.row_line = self.read + 1;
            if self.append(row)?.is_empty() {
                return Ok(false);
            }
            if !row.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    /// Appends the next line to `row`, and returns it: nothing at the end of the file.
    pub(super) fn append<'a>(&mut self, row: &'a mut Vec<u8>) -> Result<&'a [u8], CorpusError> {
        let start = row.len();
        // One byte more than the row may have tells a row at the limit from a longer one.
        let bytes_max = (ROW_BYTES_MAX + 1).saturating_sub(start);
        self.input
            .by_ref()
            .take(bytes_max as u64)
            .read_until(b'\n', row)
            .map_err(|source| read_error(&self.path, self.read, source))?;
        if ROW_BYTES_MAX < row.len() {
            return Err(CorpusError::RowTooLong { location: self.location() });
        }
        if start < row.len() {
            self.read += 1;
        }
        Ok(&row[start..])
    }

    /// Returns where the row begins.
    pub(super) fn location(&self) -> Location {
        Location { path: Arc::clone(&self.path), line: self.row_line }
    }
}

/// Says that `path` could not be read after `line`.
pub(super) fn read_error(path: &Arc<Path>, line: u64, source: io::Error) -> CorpusError {
    CorpusError::Read { location: Location { path: Arc::clone(path), line }, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: impl Read + Send + 'static) -> Lines {
        Lines::new(Box::new(io::BufReader::new(input)), Path::new("a").into())
    }

    #[test]
    fn blank_lines_are_skipped_and_counted() {
        let mut lines = lines(io::Cursor::new("\n \r\na\r\n\nb"));
        let mut row = Vec::new();
        assert!(lines.start_row(&mut row).unwrap());
        assert_eq!((row.as_slice(), lines.location().line), (&b"a\r\n"[..], 3));
        assert!(lines.start_row(&mut row).unwrap());
        assert_eq!((row.as_slice(), lines.location().line), (&b"b"[..], 5));
        assert!(!lines.start_row(&mut row).unwrap());
    }

    #[test]
    fn accepts_the_longest_row_and_refuses_one_byte_more() {
        let row_of = |bytes: usize| {
            let input = io::repeat(b'a').take(bytes as u64 - 1).chain(&b"\nb"[..]);
            lines(io::Cursor::new("\n").chain(input)).start_row(&mut Vec::new())
        };
        assert!(row_of(ROW_BYTES_MAX).unwrap());
        let error = row_of(ROW_BYTES_MAX + 1).unwrap_err();
        assert!(error.to_string().starts_with("a:2: this row is longer"), "{error}");
    }

    #[test]
    fn the_limit_holds_for_all_lines_of_a_row_together() {
        let mut lines = lines(io::repeat(b'a').take(7).chain(io::repeat(b'\n')));
        let mut row = Vec::new();
        lines.start_row(&mut row).unwrap();
        row.resize(ROW_BYTES_MAX - 1, b'a');
        assert_eq!(lines.append(&mut row).unwrap(), b"\n");
        let error = lines.append(&mut row).unwrap_err();
        assert!(matches!(error, CorpusError::RowTooLong { location } if location.line == 1));
    }
}
