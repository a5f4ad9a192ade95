//! Counts add and subtract: what was learned can be continued, merged, and forgotten without a trace.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use newsdesk::model::{CountsFile, ModelFile};
use proptest::prelude::*;
use tempfile::TempDir;

/// Files in a folder of their own, and the command that works on them.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Desk {
        Desk { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn write(&self, name: &str, rows: &[String]) {
        fs::write(self.path(name), rows.join("\n")).unwrap();
    }

    fn run(&self, line: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_newsdesk"));
        command.args(line.split(' ')).current_dir(self.folder.path()).output().unwrap()
    }

    #[track_caller]
    fn done(&self, line: &str) {
        let output = self.run(line);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "newsdesk {line}: {told}");
    }

    #[track_caller]
    fn refused(&self, line: &str, expected: &str) {
        let output = self.run(line);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "newsdesk {line} was done");
        assert!(told.contains(expected), "newsdesk {line}: {told}");
    }
}

fn starter(every: usize, from: usize) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/starter.jsonl");
    let text = fs::read_to_string(path).unwrap();
    text.lines().skip(from).step_by(every).map(str::to_owned).collect()
}

/// Returns a desk with two parts of a corpus and the whole of it.
fn desk() -> Desk {
    let desk = Desk::new();
    let mut a = starter(8, 0);
    let mut b = starter(8, 4);
    for (number, line) in
        ["Share this article", "Log in", "Read more", "Advertisement"].iter().enumerate()
    {
        let row = |n| format!("{{\"label\": \"furniture\", \"text\": \"{line} {n}\"}}");
        a.extend([row(number), row(number + 1)]);
        b.push(row(number + 2));
    }
    desk.write("all.jsonl", &[a.clone(), b.clone()].concat());
    desk.write("a.jsonl", &a);
    desk.write("b.jsonl", &b);
    desk
}

#[test]
fn what_was_added_to_a_whole_model_can_be_forgotten_to_the_byte() {
    let desk = desk();
    desk.done("train --corpus a.jsonl --whole --output a.model");
    desk.done("train --base a.model --corpus b.jsonl --output both.model");
    assert!(desk.bytes("a.model") != desk.bytes("both.model"));
    desk.done("train --base both.model --forget b.jsonl --output again.model");
    assert!(desk.bytes("a.model") == desk.bytes("again.model"), "the files differ");
    // Forgotten from what was learned at once, too.
    desk.done("train --corpus all.jsonl --whole --folds 0 --output all.model");
    desk.done("train --corpus a.jsonl --whole --folds 0 --output first.model");
    desk.done("train --base all.model --forget b.jsonl --output first-again.model");
    assert!(desk.bytes("first.model") == desk.bytes("first-again.model"), "the files differ");
    // One in place of the other: what is forgotten comes first.
    desk.done("train --base first.model --forget a.jsonl --corpus b.jsonl --output b.model");
    desk.done("train --base b.model --forget b.jsonl --corpus a.jsonl --output first-again.model");
    assert!(desk.bytes("first.model") == desk.bytes("first-again.model"), "the files differ");
}

#[test]
fn counts_of_parts_merge_to_those_of_the_whole_in_any_order() {
    let desk = desk();
    for part in ["a", "b", "all"] {
        desk.done(&format!("train --corpus {part}.jsonl --counts-only --output {part}.counts"));
    }
    desk.done("merge a.counts b.counts --output ab.counts");
    desk.done("merge b.counts a.counts --output ba.counts");
    assert!(desk.bytes("ab.counts") == desk.bytes("all.counts"), "the files differ");
    assert!(desk.bytes("ba.counts") == desk.bytes("all.counts"), "the files differ");
    desk.done("train --base ab.counts --forget b.jsonl --counts-only --output less.counts");
    assert!(desk.bytes("less.counts") == desk.bytes("a.counts"), "the files differ");

    desk.done("train --base ab.counts --passes 0 --folds 0 --output merged.model");
    desk.done("train --corpus all.jsonl --passes 0 --folds 0 --output direct.model");
    assert!(desk.bytes("merged.model") == desk.bytes("direct.model"), "the files differ");
    desk.done("train --base a.counts --corpus b.jsonl --passes 0 --folds 0 --output on.model");
    assert!(desk.bytes("on.model") == desk.bytes("direct.model"), "the files differ");
}

#[test]
fn a_pruned_model_goes_on_with_its_own_features() {
    let desk = desk();
    desk.done("train --corpus a.jsonl --output a.model");
    desk.done("train --base a.model --corpus b.jsonl --output both.model");
    let [a, both] =
        ["a.model", "both.model"].map(|name| ModelFile::read(&desk.path(name)).unwrap());
    assert_eq!(a.model.vocabulary.parts(), both.model.vocabulary.parts());
    assert_eq!(a.model.calibration, both.model.calibration);
    let documents = |file: &ModelFile| file.model.card.label_documents.iter().sum::<u64>();
    let first = starter(8, 0).len() as u64;
    let second = starter(8, 4).len() as u64;
    assert_eq!((documents(&a), documents(&both)), (first, first + second));
    // Page furniture counts like the labels, and of it no document is weighed.
    assert_eq!([&a, &both].map(|file| file.model.card.furniture_examples), [8, 12]);
    let pairs = a.counts.furniture_sums.iter().zip(&both.counts.furniture_sums);
    assert!(pairs.clone().all(|(a, both)| a <= both) && pairs.clone().any(|(a, b)| a < b));
    assert_ne!(a.model.page.furniture, both.model.page.furniture);
    assert_ne!(a.counts.sums, both.counts.sums);
}

#[test]
fn what_cannot_be_forgotten_or_continued_is_refused_and_nothing_is_written() {
    let desk = desk();
    let sport = |text| format!("{{\"label\": \"sport\", \"text\": \"{text}\"}}");
    desk.write("other.jsonl", &["a match", "a goal"].map(sport));
    desk.done("train --corpus a.jsonl --output pruned.model");
    desk.done("train --corpus a.jsonl --whole --output whole.model");
    desk.done("train --corpus a.jsonl --counts-only --output a.counts");
    desk.done("train --corpus a.jsonl --ngram 1 --counts-only --output single.counts");
    fs::write(desk.path("out"), "the old one").unwrap();
    for (line, expected) in [
        ("train --base pruned.model --forget a.jsonl --output out", "pruned model"),
        ("train --corpus a.jsonl --whole --passes 8 --output out", "--passes 0"),
        ("train --base whole.model --passes 8 --output out", "--passes 0"),
        ("train --base whole.model --forget b.jsonl --output out", "never learned"),
        ("train --base a.counts --forget b.jsonl --counts-only --output out", "never learned"),
        ("train --base whole.model --corpus other.jsonl --output out", "knows the labels"),
        ("train --base pruned.model --corpus other.jsonl --output out", "labels"),
        ("train --base whole.model --corpus b.jsonl --ngram 1 --output out", "other features"),
        ("merge a.counts single.counts --output out", "single.counts with a.counts"),
        ("merge a.counts whole.model --output out", "it is a model, not counts"),
        ("classify --model a.counts --text x", "it is counts, not a model"),
        ("train --forget a.jsonl --output out", "--base"),
        ("train --output out", "--corpus"),
    ] {
        desk.refused(line, expected);
        assert_eq!(desk.bytes("out"), b"the old one", "newsdesk {line}");
    }
}

#[test]
fn a_counts_file_that_was_cut_short_or_altered_is_refused() {
    let desk = Desk::new();
    desk.write("a.jsonl", &starter(100, 0));
    desk.done("train --corpus a.jsonl --counts-only --output a.counts");
    let bytes = desk.bytes("a.counts");
    assert_eq!(CountsFile::from_bytes(&bytes).unwrap().to_bytes(), bytes);
    for at in (0..bytes.len()).step_by(211) {
        assert!(CountsFile::from_bytes(&bytes[..at]).is_err(), "cut at {at}");
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        assert!(CountsFile::from_bytes(&altered).is_err(), "altered at {at}");
    }
}

/// Rows of few words, so that they have many of them in common.
fn rows() -> impl Strategy<Value = Vec<String>> {
    let row = ("[ab]", "[xyz]?", "[a-d]( [a-d]){0,4}").prop_map(|(label, source, text)| {
        format!("{{\"label\": \"{label}\", \"source\": \"{source}\", \"text\": \"{text}\"}}")
    });
    prop::collection::vec(row, 1..12)
}

fn counts(rows: &[String]) -> CountsFile {
    let desk = Desk::new();
    desk.write("rows.jsonl", rows);
    let changes = changes(None, Some(&desk.path("rows.jsonl")), None);
    newsdesk::train::count(changes, &config()).unwrap().file
}

fn changes(
    base: Option<CountsFile>,
    learn: Option<&Path>,
    forget: Option<&Path>,
) -> newsdesk::train::Changes {
    let rows = |path: &Path| newsdesk::corpus::Corpus::open(&[path.to_owned()]).unwrap().rows();
    newsdesk::train::Changes {
        base: base.map(|file| newsdesk::model::BaseFile::Counts(Box::new(file))),
        learn: learn.map(rows),
        forget: forget.map(rows),
    }
}

fn config() -> newsdesk::train::Config {
    newsdesk::train::Config {
        name: "test".into(),
        version: None,
        neither: "other".into(),
        furniture: "furniture".into(),
        settings: newsdesk::train::default_settings(),
        folds: 0,
        max_error: 1.0,
        whole: false,
        skip_bad_rows: false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn merge_then_forget_gives_back_the_same_bytes(a in rows(), b in rows(), c in rows()) {
        let [counts_a, counts_b, counts_c] = [&a, &b, &c].map(|rows| counts(rows));
        let merge = |a: &CountsFile, b: &CountsFile| newsdesk::train::merge(a, b).unwrap();
        let all = merge(&merge(&counts_a, &counts_b), &counts_c);
        prop_assert_eq!(all.to_bytes(), merge(&counts_a, &merge(&counts_c, &counts_b)).to_bytes());
        prop_assert_eq!(all.to_bytes(), counts(&[a, b.clone(), c.clone()].concat()).to_bytes());

        let desk = Desk::new();
        desk.write("forget.jsonl", &[c, b].concat());
        let path = desk.path("forget.jsonl");
        let less = newsdesk::train::count(changes(Some(all), None, Some(&path)), &config()).unwrap();
        prop_assert_eq!(less.file.to_bytes(), counts_a.to_bytes());
    }
}
