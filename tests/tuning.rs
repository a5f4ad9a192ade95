//! `train --tune`: a search that can be repeated, that tells what it did, and that refuses what cannot be.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path, process::Command, time::Duration};

use newsdesk::{
    corpus::{Corpus, Rows},
    model::ModelFile,
    train::{self, Config, QUESTIONS, Search, Trained, train_tuned},
};

/// Every sixteenth text of the starter corpus.
fn rows(directory: &Path) -> Rows {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/starter.jsonl");
    let text = fs::read_to_string(path).unwrap();
    let rows: Vec<&str> = text.lines().step_by(16).collect();
    let corpus = directory.join("corpus.jsonl");
    fs::write(&corpus, rows.join("\n")).unwrap();
    Corpus::open(&[corpus]).unwrap().rows()
}

fn config() -> Config {
    Config {
        name: "test".into(),
        version: None,
        neither: "other".into(),
        furniture: "furniture".into(),
        settings: train::default_settings(),
        folds: 3,
        max_error: 1.0,
        whole: false,
        skip_bad_rows: false,
    }
}

fn tuned(flags: &[&str], budget: Option<Duration>) -> Trained {
    let directory = tempfile::tempdir().unwrap();
    let questions = QUESTIONS.into_iter().filter(|question| flags.contains(&question.flag));
    let search = Search { questions: questions.collect(), budget, tell: &|_| {} };
    train_tuned(rows(directory.path()), &config(), &search).unwrap()
}

#[test]
fn a_search_can_be_repeated_on_any_number_of_threads() {
    let flags = ["smoothing", "estimator", "ngram"];
    let mut one = tuned(&flags, None);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let mut other = pool.install(|| tuned(&flags, None));
    assert!(one.file.to_bytes() == other.file.to_bytes(), "the files differ");
}

#[test]
fn the_model_has_the_settings_that_were_kept_and_measures_what_their_trial_did() {
    let trained = tuned(&["smoothing", "passes", "min-documents", "norm"], None);
    let model = &trained.file.model;
    let tuning = model.card.tuning.as_ref().unwrap();
    let kept: Vec<_> = tuning.trials.iter().filter(|trial| trial.is_kept).collect();
    assert_eq!(kept[0].change, "as given");
    assert!(1 < kept.len(), "nothing was found: {tuning:?}");
    assert!(kept.is_sorted_by(|a, b| b.loss() < a.loss()), "{tuning:?}");
    let figures = model.card.figures.as_ref().unwrap();
    assert!((figures.log_loss - kept.last().unwrap().log_loss).abs() < 1e-12, "{tuning:?}");
    assert_ne!(model.settings, config().settings);
    assert_eq!(model.settings.estimator, config().settings.estimator);
    assert!(tuning.is_complete);
}

#[test]
fn a_tuned_model_keeps_what_was_tried() {
    let mut trained = tuned(&["estimator"], None);
    let read = ModelFile::from_bytes(&trained.file.to_bytes()).unwrap();
    let tuning = read.model.card.tuning.unwrap();
    let changes: Vec<&str> = tuning.trials.iter().map(|trial| trial.change.as_str()).collect();
    assert_eq!(changes, ["as given", "--estimator multinomial", "--estimator complement"]);
    assert_eq!(tuning.method, "3 folds, whole sources held out");
}

#[test]
fn a_search_that_cannot_be_made_is_refused_and_the_old_file_stays() {
    let desk = tempfile::tempdir().unwrap();
    drop(rows(desk.path()));
    let row = |label, source| {
        format!("{{\"label\":\"{label}\",\"source\":\"{source}\",\"text\":\"a b c\"}}")
    };
    let few = [row("a", "x"), row("b", "x"), row("a", "y"), row("b", "y")];
    fs::write(desk.path().join("few.jsonl"), few.join("\n")).unwrap();
    fs::write(desk.path().join("out"), "the old one").unwrap();
    for (line, expected) in [
        ("--corpus corpus.jsonl --tune --time-budget 0s", "--time-budget"),
        ("--corpus corpus.jsonl --tune --time-budget soon", "60s"),
        ("--corpus corpus.jsonl --time-budget 60s", "--tune"),
        ("--corpus corpus.jsonl --tune --folds 1", "--folds"),
        ("--corpus corpus.jsonl --tune --base out", "--base"),
        ("--corpus corpus.jsonl --tune --smoothing 0", "smoothing"),
        ("--corpus corpus.jsonl --own-weight 0", "--estimator complement"),
        ("--corpus corpus.jsonl --estimator complement --own-weight 0.5", "--own-weight"),
        ("--corpus few.jsonl --tune", "2 sources"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_newsdesk"));
        command.arg("train").args(line.split(' ')).args(["--output", "out"]);
        let output = command.current_dir(desk.path()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{line}");
        assert!(told.contains(expected), "{line}: {told}");
        assert_eq!(fs::read(desk.path().join("out")).unwrap(), b"the old one", "{line}");
    }
}

#[test]
fn a_search_without_a_terminal_tells_each_trial() {
    let desk = tempfile::tempdir().unwrap();
    drop(rows(desk.path()));
    // All that is given is not asked for: what is left is the smoothing.
    let given = "--estimator multinomial --ngram 1 --chars 0 --min-documents 2 --min-sources 1 \
                 --max-features 9000 --source-balance 0 --passes 0 --tf log --norm length";
    let mut command = Command::new(env!("CARGO_BIN_EXE_newsdesk"));
    command.args(["train", "--corpus", "corpus.jsonl", "--tune", "--folds", "3"]);
    command.args(given.split_whitespace()).args(["--output", "out"]).current_dir(desk.path());
    let told = String::from_utf8(command.output().unwrap().stderr).unwrap();
    let trials: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("trial: ")).collect();
    assert!(trials[0].starts_with("as given "), "{told}");
    assert!(trials[1..].iter().all(|trial| trial.starts_with("--smoothing ")), "{told}");
    assert!(told.contains(&format!("\n{} trials, 3 folds", trials.len())), "{told}");
}
