//! Where do examples come from?
//!
//! Files, folders and standard input as a stream of [`Row`]s, and rows as [`Example`]s:
//!
//! ```text
//! paths ─▶ Corpus ─rows─▶ Row (raw bytes, and where they were) ─parse─▶ Example
//! ```
//!
//! Reading is the work of one thread and holds one row; parsing is the work of any thread. A bad row
//! is skipped or counted by the caller, trouble with a file ends the reading. No error and no `Debug`
//! here shows a document's text. This module knows nothing of features, and keeps no example.

mod error;
mod example;
mod json;
mod page;
mod table;
mod fasttext;
mod format;
mod row;
mod input;
mod lines;
mod stream;
mod folder;
mod rows;
mod digest;
mod split;

pub use digest::{CorpusDigest, CorpusDigestError};
pub use error::{BadRow, BadRowReason, CorpusError, LABEL_BYTES_MAX, Location, ROW_BYTES_MAX};
pub use example::Example;
pub use format::Format;
pub use input::BytesRead;
pub use json::{DocumentRow, parse_document};
pub use page::{BOILERPLATE, LabelledPassage, PageExample};
pub use row::Row;
pub use rows::Rows;
pub use split::{Folds, Unit, folds};

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// The path that stands for standard input.
const STDIN: &str = "-";

/// Where examples come from: files, folders, and at most once standard input (`-`).
///
/// A file holds JSON lines, CSV, TSV or fastText lines, as its name or else its first line says; a
/// folder holds a sub-folder of `.txt` files a label. Gzip and zstd are found by their first bytes.
#[derive(Debug)]
pub struct Corpus {
    paths: Vec<PathBuf>,
    format: Option<Format>,
    bytes_total: Option<u64>,
    stdin_is_free: Arc<AtomicBool>,
}

impl Corpus {
    /// Checks that all `paths` can be read, so that a misspelt one does not end an hour's reading.
    ///
    /// # Errors
    /// If there is no path, one cannot be opened, or `-` stands there twice.
    pub fn open(paths: &[PathBuf]) -> Result<Corpus, CorpusError> {
        Corpus::check(paths, None)
    }

    /// Does what [`Corpus::open`] does, for files that are in `format` whatever their names say.
    pub fn open_as(paths: &[PathBuf], format: Format) -> Result<Corpus, CorpusError> {
        Corpus::check(paths, Some(format))
    }

    fn check(paths: &[PathBuf], format: Option<Format>) -> Result<Corpus, CorpusError> {
        if paths.is_empty() {
            return Err(CorpusError::NoPath);
        }
        if 1 < paths.iter().filter(|path| is_stdin(path)).count() {
            return Err(CorpusError::StdinTwice);
        }
        let mut bytes_total = Some(0_u64);
        for path in paths {
            let bytes = bytes_readable(path)?;
            bytes_total = bytes_total.zip(bytes).map(|(total, bytes)| total.saturating_add(bytes));
        }
        let stdin_is_free = Arc::new(AtomicBool::new(true));
        Ok(Corpus { paths: paths.to_vec(), format, bytes_total, stdin_is_free })
    }

    /// Returns the sum of the files' sizes on disk, or nothing if one of them is a pipe.
    pub fn bytes_total(&self) -> Option<u64> {
        self.bytes_total
    }

    /// Returns all rows, path by path in the order given.
    ///
    /// Files can be read again and again, standard input only once: a second pass over it gives
    /// [`CorpusError::StdinTwice`] rather than no rows.
    pub fn rows(&self) -> Rows {
        Rows::new(self.paths.clone(), self.format, Arc::clone(&self.stdin_is_free))
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// Takes standard input, if nobody has yet.
fn take_stdin(stdin_is_free: &AtomicBool) -> Result<(), CorpusError> {
    if stdin_is_free.swap(false, Ordering::Relaxed) { Ok(()) } else { Err(CorpusError::StdinTwice) }
}

/// Returns the size of what `path` names, or nothing if it is a pipe.
fn bytes_readable(path: &Path) -> Result<Option<u64>, CorpusError> {
    if is_stdin(path) {
        return Ok(None);
    }
    let open_error = |source| CorpusError::Open { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(open_error)?;
    if metadata.is_dir() {
        return folder::bytes_total(path).map(Some);
    }
    if !metadata.is_file() {
        // A named pipe is not opened to try it: that would wait for its writer, and then lose it.
        return Ok(None);
    }
    File::open(path).map_err(open_error)?;
    Ok(Some(metadata.len()))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::{input::tests as compressed, *};

    const LINE: &str = r#"{"text":"a","label":"x","id":1}"#;

    /// Writes `content` to a file called `name`.
    fn file(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn texts(rows: Rows) -> Vec<String> {
        rows.map(|row| row.unwrap().parse().unwrap().text).collect()
    }

    #[test]
    fn reads_paths_of_all_kinds_one_after_the_other() {
        let folder = TempDir::new().unwrap();
        let doc = file(&folder, "folder/x/1.txt", "\u{feff}f\n");
        let paths = [
            file(&folder, "a.jsonl", LINE),
            file(&folder, "b.csv.gz", compressed::gzip(b"label,text\nx,b\n")),
            file(&folder, "c.tsv", compressed::zstd(b"label\ttext\nx\tc\n")),
            file(&folder, "d.txt", "__label__x d"),
            file(&folder, "e", "text,label\ne,x\n"),
            doc.parent().unwrap().parent().unwrap().to_owned(),
        ];
        let corpus = Corpus::open(&paths).unwrap();
        for _ in 0..2 {
            assert_eq!(texts(corpus.rows()), ["a", "b", "c", "d", "e", "f\n"]);
        }
    }

    #[test]
    fn a_file_in_a_folder_has_its_place_as_id_and_label() {
        let folder = TempDir::new().unwrap();
        let path = file(&folder, "x/1.txt", "a");
        file(&folder, "y/2.txt", b"b\xff");
        let mut rows = Corpus::open(&[folder.path().to_owned()]).unwrap().rows();
        let row = rows.next().unwrap().unwrap();
        assert_eq!((&*row.location().path, row.location().line), (path.as_path(), 1));
        let example = row.parse().unwrap();
        assert_eq!((example.id.as_deref(), example.label.as_str()), (Some("x/1.txt"), "x"));
        assert_eq!((example.title, example.source), (None, None));
        let bad = rows.next().unwrap().unwrap().parse().unwrap_err();
        assert_eq!(bad.reason, BadRowReason::Utf8 { offset: 1 });
        assert!(rows.next().is_none());
    }

    #[test]
    fn a_bad_row_is_named_and_the_next_one_read() {
        let folder = TempDir::new().unwrap();
        let path = file(&folder, "a.jsonl", format!("{LINE}\n\n{{\"text\":\"secret\"}}\n{LINE}"));
        let corpus = Corpus::open(std::slice::from_ref(&path)).unwrap();
        let rows: Vec<Row> = corpus.rows().collect::<Result<_, _>>().unwrap();
        let bad = rows[1].parse().unwrap_err();
        assert_eq!(bad.to_string(), format!("{}:3: `label` is missing", path.display()));
        assert!(rows[2].parse().is_ok());
        assert!(!format!("{rows:?}").contains("secret"));
    }

    #[test]
    fn all_paths_are_checked_before_the_first_is_read() {
        let folder = TempDir::new().unwrap();
        let there = file(&folder, "a.jsonl", LINE);
        let missing = folder.path().join("b.jsonl");
        let error = Corpus::open(&[there, missing.clone()]).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot open {}", missing.display()));
        let error = Corpus::open(&[folder.path().to_owned()]).unwrap_err();
        assert!(matches!(error, CorpusError::FolderEmpty { .. }));
        assert!(matches!(Corpus::open(&[]), Err(CorpusError::NoPath)));
    }

    #[test]
    fn standard_input_is_read_at_most_once() {
        let stdin = PathBuf::from(STDIN);
        let twice = Corpus::open(&[stdin.clone(), stdin.clone()]);
        assert!(matches!(twice, Err(CorpusError::StdinTwice)));
        let corpus = Corpus::open(&[stdin]).unwrap();
        assert_eq!(corpus.bytes_total(), None);
        take_stdin(&corpus.stdin_is_free).unwrap();
        let mut rows = corpus.rows();
        assert!(matches!(rows.next(), Some(Err(CorpusError::StdinTwice))));
        assert!(rows.next().is_none());
    }

    #[test]
    fn bytes_are_counted_as_they_are_on_disk() {
        let folder = TempDir::new().unwrap();
        let gzip = compressed::gzip(LINE.repeat(100).as_bytes());
        let paths = [
            file(&folder, "a.jsonl", LINE),
            file(&folder, "b.jsonl.gz", &gzip),
            file(&folder, "c/x/1.txt", "text").ancestors().nth(2).unwrap().to_owned(),
        ];
        let corpus = Corpus::open(&paths).unwrap();
        let bytes_total = (LINE.len() + gzip.len() + 4) as u64;
        assert_eq!(corpus.bytes_total(), Some(bytes_total));
        let mut rows = corpus.rows();
        let progress = rows.progress();
        assert_eq!(rows.bytes_read(), 0);
        assert_eq!(rows.by_ref().count(), 3);
        assert_eq!((rows.bytes_read(), progress.get()), (bytes_total, bytes_total));
    }

    #[test]
    fn an_error_names_the_file_and_ends_the_reading() {
        let folder = TempDir::new().unwrap();
        let mut gzip = compressed::gzip(LINE.as_bytes());
        gzip.truncate(gzip.len() - 1);
        let cut_off = file(&folder, "a.jsonl.gz", gzip);
        let whole = file(&folder, "b.jsonl", LINE);
        let mut rows = Corpus::open(&[cut_off.clone(), whole]).unwrap().rows();
        let error = rows.find_map(Result::err).unwrap();
        assert!(error.to_string().starts_with(&cut_off.display().to_string()), "{error}");
        assert!(rows.next().is_none());
    }

    #[test]
    fn documents_need_no_label_when_read_as_json_lines() {
        let folder = TempDir::new().unwrap();
        let path = file(&folder, "a", "{\"text\":\"b\",\"id\":7}\n{}");
        let corpus = Corpus::open_as(&[path], Format::Jsonl).unwrap();
        let rows: Vec<Row> = corpus.rows().collect::<Result<_, _>>().unwrap();
        assert_eq!(rows[0].parse_document().unwrap().id, 7);
        let bad = rows[1].parse_document().unwrap_err();
        assert!(bad.to_string().ends_with("a:2: `text` is missing"), "{bad}");
    }

    #[test]
    fn rows_may_be_parsed_on_other_threads() {
        fn is_send<T: Send + 'static>() {}
        is_send::<Row>();
        is_send::<Rows>();
    }
}
