//! A folder with a sub-folder a label as a list of files, in sorted order.
//!
//! Only `.txt` files directly in a sub-folder are taken, and nothing whose name begins with a dot:
//! those are the notes that systems and tools leave behind.

use std::{
    fs, mem,
    path::{Path, PathBuf},
    sync::Arc,
    vec,
};

use super::{CorpusError, format::extension};

/// A document in a folder.
#[derive(Debug)]
pub(super) struct TextFile {
    pub(super) path: PathBuf,
    /// The name of the sub-folder.
    pub(super) label: Arc<str>,
    /// The path from the folder on, with `/` on every system.
    pub(super) id: String,
}

/// The documents of a folder. Holds the names of one sub-folder at a time.
#[derive(Debug)]
pub(super) struct TextFiles {
    labels: vec::IntoIter<PathBuf>,
    label: Arc<str>,
    files: vec::IntoIter<PathBuf>,
}

impl TextFiles {
    /// Lists the sub-folders of `folder`.
    pub(super) fn open(folder: &Path) -> Result<TextFiles, CorpusError> {
        let labels = sorted(folder, Path::is_dir)?.into_iter();
        Ok(TextFiles { labels, label: Arc::from(""), files: Vec::new().into_iter() })
    }

    fn next_file(&mut self) -> Result<Option<TextFile>, CorpusError> {
        loop {
            if let Some(path) = self.files.next() {
                let id = format!("{}/{}", self.label, file_name(&path)?);
                return Ok(Some(TextFile { path, label: Arc::clone(&self.label), id }));
            }
            let Some(label) = self.labels.next() else { return Ok(None) };
            self.files = sorted(&label, is_text)?.into_iter();
            self.label = Arc::from(file_name(&label)?);
        }
    }
}

impl Iterator for TextFiles {
    type Item = Result<TextFile, CorpusError>;

    fn next(&mut self) -> Option<Result<TextFile, CorpusError>> {
        let file = self.next_file().transpose();
        if let Some(Err(_)) = file {
            mem::take(&mut self.labels);
            mem::take(&mut self.files);
        }
        file
    }
}

/// Returns the size of all documents in `folder` together.
///
/// # Errors
/// If there is none, or the folder or one of its sub-folders cannot be listed.
pub(super) fn bytes_total(folder: &Path) -> Result<u64, CorpusError> {
    let (mut files, mut bytes) = (0_u64, 0_u64);
    for file in TextFiles::open(folder)? {
        let path = file?.path;
        let metadata = fs::metadata(&path).map_err(|source| CorpusError::Open { path, source })?;
        files += 1;
        bytes = bytes.saturating_add(metadata.len());
    }
    if files == 0 {
        return Err(CorpusError::FolderEmpty { path: folder.to_owned() });
    }
    Ok(bytes)
}

fn sorted(folder: &Path, is_wanted: fn(&Path) -> bool) -> Result<Vec<PathBuf>, CorpusError> {
    let open_error = |source| CorpusError::Open { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(open_error)? {
        let entry = entry.map_err(open_error)?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let path = entry.path();
        if !is_hidden && is_wanted(&path) {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

fn is_text(path: &Path) -> bool {
    extension(path).as_deref() == Some("txt") && path.is_file()
}

fn file_name(path: &Path) -> Result<&str, CorpusError> {
    path.file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(|| CorpusError::FolderName { path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn folder(files: &[&str]) -> TempDir {
        let folder = TempDir::new().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "a text").unwrap();
        }
        folder
    }

    #[test]
    fn the_files_come_sorted_by_label_and_name() {
        let folder = folder(&[
            "b/2.txt",
            "b/1.TXT",
            "a/z.txt.gz",
            "a/y.md",
            "a/.x.txt",
            "a/deep/w.txt",
            "v.txt",
            ".git/u.txt",
            "empty/t",
        ]);
        let files: Vec<TextFile> =
            TextFiles::open(folder.path()).unwrap().collect::<Result<_, _>>().unwrap();
        let ids: Vec<&str> = files.iter().map(|file| file.id.as_str()).collect();
        assert_eq!(ids, ["a/z.txt.gz", "b/1.TXT", "b/2.txt"]);
        assert_eq!(&*files[0].label, "a");
        assert_eq!(bytes_total(folder.path()).unwrap(), 18);
    }

    #[test]
    fn a_folder_without_examples_is_refused() {
        let folder = folder(&["a.jsonl", "b/c.csv"]);
        let error = bytes_total(folder.path()).unwrap_err();
        assert!(matches!(error, CorpusError::FolderEmpty { path } if path == folder.path()));
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_not_utf8_is_refused() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

        let folder = folder(&["a/b.txt"]);
        let label = folder.path().join(OsStr::from_bytes(b"\xff"));
        fs::create_dir(&label).unwrap();
        fs::write(label.join("c.txt"), "a text").unwrap();
        let error = bytes_total(folder.path()).unwrap_err();
        assert!(matches!(error, CorpusError::FolderName { path } if path == label));
    }
}
