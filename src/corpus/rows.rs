//! Paths as rows.

use std::{
    fmt,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    vec,
};

use super::{
    BytesRead, CorpusError, Format, Location, ROW_BYTES_MAX, Row, folder::TextFiles, input,
    is_stdin, lines::read_error, row::Layout, stream::Stream, take_stdin,
};

/// All rows of a corpus, path by path. Ends after the first error.
pub struct Rows {
    paths: vec::IntoIter<PathBuf>,
    format: Option<Format>,
    stdin_is_free: Arc<AtomicBool>,
    bytes_read: BytesRead,
    source: Option<Source>,
}

/// What is being read.
enum Source {
    Stream(Box<Stream>),
    Folder(TextFiles),
}

impl fmt::Debug for Rows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths = self.paths.as_slice();
        formatter.debug_struct("Rows").field("paths_to_come", &paths).finish_non_exhaustive()
    }
}

impl Rows {
    pub(super) fn new(
        paths: Vec<PathBuf>,
        format: Option<Format>,
        stdin_is_free: Arc<AtomicBool>,
    ) -> Rows {
        let paths = paths.into_iter();
        Rows { paths, format, stdin_is_free, bytes_read: BytesRead::default(), source: None }
    }

    /// Returns the bytes read so far, as they are on disk; to compare with
    /// [`Corpus::bytes_total`](super::Corpus::bytes_total).
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.get()
    }

    /// Returns the counter behind [`Rows::bytes_read`], for a thread that shows the progress.
    pub fn progress(&self) -> BytesRead {
        self.bytes_read.clone()
    }

    fn next_row(&mut self) -> Result<Option<Row>, CorpusError> {
        loop {
            let row = match &mut self.source {
                Some(Source::Stream(stream)) => stream.next_row()?,
                Some(Source::Folder(files)) => next_text(files, &self.bytes_read)?,
                None => None,
            };
            if row.is_some() {
                return Ok(row);
            }
            let Some(path) = self.paths.next() else { return Ok(None) };
            self.source = Some(self.open(path)?);
        }
    }

    fn open(&self, path: PathBuf) -> Result<Source, CorpusError> {
        if path.is_dir() {
            return TextFiles::open(&path).map(Source::Folder);
        }
        let format = self.format.or_else(|| Format::of_path(&path));
        let input = if is_stdin(&path) {
            take_stdin(&self.stdin_is_free)?;
            input::decoded(io::stdin(), &self.bytes_read)
        } else {
            input::open(&path, &self.bytes_read)
        };
        let path: Arc<Path> = path.into();
        let input = input.map_err(|source| read_error(&path, 0, source))?;
        Stream::new(input, path, format).map(|stream| Source::Stream(Box::new(stream)))
    }
}

impl Iterator for Rows {
    type Item = Result<Row, CorpusError>;

    fn next(&mut self) -> Option<Result<Row, CorpusError>> {
        let row = self.next_row().transpose();
        if let Some(Err(_)) = row {
            self.paths = Vec::new().into_iter();
            self.source = None;
        }
        row
    }
}

fn next_text(files: &mut TextFiles, bytes_read: &BytesRead) -> Result<Option<Row>, CorpusError> {
    let Some(file) = files.next().transpose()? else { return Ok(None) };
    let path: Arc<Path> = file.path.into();
    let mut bytes = Vec::new();
    input::open(&path, bytes_read)
        .and_then(|text| text.take(ROW_BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
        .map_err(|source| read_error(&path, 0, source))?;
    let location = Location { path, line: 1 };
    if ROW_BYTES_MAX < bytes.len() {
        return Err(CorpusError::RowTooLong { location });
    }
    Ok(Some(Row::new(location, bytes, Layout::Text { label: file.label, id: file.id })))
}
