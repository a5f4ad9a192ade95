//! The name or the first line of a file as its [`Format`].

use std::path::Path;

use super::{fasttext::LABEL_MARK, table};

/// How a file's rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON object a line, with `text`, `label`, and optionally `id`, `title` and `source`.
    Jsonl,
    /// Columns divided by commas, named in a header; quoted fields may have line ends in them.
    Csv,
    /// Columns divided by tabs, otherwise like CSV.
    Tsv,
    /// `__label__name`, and the text after it.
    FastText,
}

impl Format {
    /// Returns the format that `path` has by its extension, before any `.gz` or `.zst`.
    pub(super) fn of_path(path: &Path) -> Option<Format> {
        match extension(path)?.as_str() {
            "jsonl" | "ndjson" | "json" => Some(Format::Jsonl),
            "csv" => Some(Format::Csv),
            "tsv" => Some(Format::Tsv),
            "txt" | "ft" => Some(Format::FastText),
            _ => None,
        }
    }

    /// Returns the format of a file that begins with `line`.
    ///
    /// One of the needed columns is enough for a header: what is said about the other is then clearer
    /// than that the format is unknown.
    pub(super) fn of_line(line: &[u8]) -> Option<Format> {
        let line = line.trim_ascii_start();
        if line.starts_with(b"{") {
            return Some(Format::Jsonl);
        }
        if line.starts_with(LABEL_MARK.as_bytes()) {
            return Some(Format::FastText);
        }
        [Format::Tsv, Format::Csv].into_iter().find(|format| {
            format.delimiter().is_some_and(|delimiter| table::is_header(line, delimiter))
        })
    }

    /// Returns the byte between two columns, if there are columns.
    pub(super) fn delimiter(self) -> Option<u8> {
        match self {
            Format::Csv => Some(b','),
            Format::Tsv => Some(b'\t'),
            Format::Jsonl | Format::FastText => None,
        }
    }
}

/// Returns the extension of `path` in lower case, before any `.gz` or `.zst`.
pub(super) fn extension(path: &Path) -> Option<String> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    if extension == "gz" || extension == "zst" {
        return self::extension(Path::new(path.file_stem()?));
    }
    Some(extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_before_that_of_the_compression_counts() {
        let check = |path: &str, expected| assert_eq!(Format::of_path(path.as_ref()), expected);
        check("a.jsonl", Some(Format::Jsonl));
        check("a.ndjson.zst", Some(Format::Jsonl));
        check("dir.csv/a.JSON.gz", Some(Format::Jsonl));
        check("a.csv.gz", Some(Format::Csv));
        check("a.TSV", Some(Format::Tsv));
        check("a.train.txt", Some(Format::FastText));
        check("a.ft", Some(Format::FastText));
        for unknown in ["-", "a", "a.gz", "a.parquet", ".csv"] {
            check(unknown, None);
        }
    }

    #[test]
    fn the_first_line_tells_what_the_name_does_not() {
        let check = |line: &str, expected| assert_eq!(Format::of_line(line.as_bytes()), expected);
        check(" {", Some(Format::Jsonl));
        check("__label__a b", Some(Format::FastText));
        check("id,\"text\",label", Some(Format::Csv));
        check("id\ttext\tlabel\r\n", Some(Format::Tsv));
        check("id,text", Some(Format::Csv));
        for unknown in ["[", "a text, and a label", "title;body", "\u{0}"] {
            check(unknown, None);
        }
    }
}
