//! Files as documents, and as lines.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read as _},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use anyhow::{Context as _, bail, ensure};
use newsdesk::{
    corpus::ROW_BYTES_MAX,
    text::{DOCUMENT_BYTES_MAX, Markup},
};

/// What is read of a file at once; lines that are there already are answered together.
const BUFFER_BYTES: usize = 1 << 20;

/// The most lines that are answered together.
const LINES_MAX: usize = 4096;

/// How many batches of lines are read ahead: the next one is there when one was answered.
const BATCHES_WAITING: usize = 1;

/// A file, opened.
type Input = BufReader<Box<dyn io::Read + Send>>;

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

pub(super) fn open(path: &Path) -> anyhow::Result<Input> {
    let source: Box<dyn io::Read + Send> = if is_stdin(path) {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot open {}", path.display()))?)
    };
    Ok(BufReader::with_capacity(BUFFER_BYTES, source))
}

/// Reads a whole file as one document, and no more than a document may have.
pub(super) fn read_document(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let limit = DOCUMENT_BYTES_MAX as u64 + 1;
    open(path)?.take(limit).read_to_end(&mut bytes).with_context(|| path.display().to_string())?;
    if DOCUMENT_BYTES_MAX < bytes.len() {
        bail!("{} is longer than {DOCUMENT_BYTES_MAX} bytes; classify it in parts", path.display());
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        anyhow::anyhow!("{}: byte {at} is not UTF-8; convert the file", path.display())
    })
}

/// Returns the markup of a file's text, by the file's name or else by how the text begins.
pub(super) fn markup(path: &Path, text: &str) -> Markup {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let is_html = ["html", "htm", "xhtml"].iter().any(|html| extension.eq_ignore_ascii_case(html));
    if is_html { Markup::Html } else { Markup::guess(text) }
}

/// Returns the bytes of all files together, or nothing if one of them is no file.
pub(super) fn bytes_total(paths: &[PathBuf]) -> Option<u64> {
    let bytes = |path: &PathBuf| {
        let metadata = fs::metadata(path).ok().filter(|_| !is_stdin(path))?;
        metadata.is_file().then_some(metadata.len())
    };
    paths.iter().map(bytes).sum()
}

/// Returns the lines of a file in batches, which a thread reads ahead of whoever takes them.
///
/// The thread is not waited for: it may be in the middle of a read that never ends.
pub(super) fn batches(mut input: Input) -> mpsc::IntoIter<anyhow::Result<Vec<Vec<u8>>>> {
    let (sender, receiver) = mpsc::sync_channel(BATCHES_WAITING);
    thread::spawn(move || {
        loop {
            let lines = read_lines(&mut input);
            let is_last = lines.as_ref().map_or(true, Vec::is_empty);
            if sender.send(lines).is_err() || is_last {
                break;
            }
        }
    });
    receiver.into_iter()
}

/// Reads the next lines: at least one, and whatever else is there without waiting; none at the end.
///
/// So a pipe is worked off in large batches, and whoever sends a line and waits gets its answer.
fn read_lines(reader: &mut BufReader<impl io::Read>) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut lines = Vec::new();
    while lines.is_empty() || (lines.len() < LINES_MAX && reader.buffer().contains(&b'\n')) {
        let mut line = Vec::new();
        let limit = ROW_BYTES_MAX as u64 + 1;
        if reader.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        ensure!(line.len() <= ROW_BYTES_MAX, "a line is longer than {ROW_BYTES_MAX} bytes");
        lines.push(line);
    }
    Ok(lines)
}
