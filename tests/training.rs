//! Training: the same corpus gives the same bytes, and bad corpora are refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::PathBuf};

use newsdesk::{
    corpus::Corpus,
    features::{Norm, TermFrequency},
    model::{Estimator, ModelFile, Prior},
    text::Document,
    train::{Config, TrainError, Trained, default_settings, train},
};

fn config() -> Config {
    Config {
        name: "test".into(),
        version: None,
        neither: "other".into(),
        furniture: "furniture".into(),
        settings: default_settings(),
        folds: 3,
        max_error: 1.0,
        whole: false,
        skip_bad_rows: false,
    }
}

fn try_train(rows: &[String], config: &Config) -> Result<Trained, TrainError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("corpus.jsonl");
    fs::write(&path, rows.join("\n")).unwrap();
    train(Corpus::open(&[path]).unwrap().rows(), config)
}

fn starter() -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("models/starter.jsonl");
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

fn row(label: &str, text: &str) -> String {
    format!("{{\"label\": \"{label}\", \"text\": \"{text}\"}}")
}

#[test]
fn one_corpus_gives_one_file_in_any_order_and_on_any_number_of_threads() {
    let mut rows: Vec<String> = starter().into_iter().step_by(4).collect();
    let one = try_train(&rows, &config()).unwrap().file.to_bytes();
    rows.reverse();
    rows.rotate_left(37);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let other = pool.install(|| try_train(&rows, &config())).unwrap().file.to_bytes();
    assert!(one == other, "the files differ");
}

#[test]
fn scores_are_those_of_scikit_learn() {
    // scikit-learn 1.9.1: CountVectorizer(token_pattern=r"\w+", ngram_range=(1, 2)),
    // MultinomialNB(alpha=1.0), joint log likelihood of "peace fair talks peace".
    let mut config = config();
    config.folds = 0;
    let settings = &mut config.settings;
    settings.estimator = Estimator::Multinomial;
    settings.smoothing = 1.0;
    settings.prior = Prior::Empirical;
    settings.values.tf = TermFrequency::Count;
    settings.values.norm = Norm::None;
    settings.weighing.passes = 0;
    settings.weighing.source_balance = 0.0;
    settings.selection.documents_min = 1;
    let rows = [
        row("fair", "visit the fair"),
        row("fair", "the fair opens today"),
        row("war", "peace talks fail"),
        row("war", "the war talks go on"),
        row("war", "troops fail the peace"),
    ];
    let trained = try_train(&rows, &config).unwrap();
    let model = &trained.file.model;
    let answer = model.classify(&Document::new("peace fair talks peace").unwrap(), 0);
    for (got, expected) in answer.scores.iter().zip(SKLEARN) {
        assert!((got - expected).abs() < 1e-5, "got={:?}", answer.scores);
    }
}

const SKLEARN: [f64; 2] = [-14.261_350_093_782_94, -12.529_554_343_718_042];

#[test]
fn what_does_not_make_a_model_is_refused() {
    let refused = |rows: &[String]| try_train(rows, &config()).unwrap_err().to_string();
    assert!(refused(&[]).contains("the corpus is empty"), "{}", refused(&[]));
    let one_label = [row("a", "x y"), row("a", "y z")];
    assert!(refused(&one_label).contains("one label only, `a`"));
    let one_document = [row("a", "x y"), row("a", "y z"), row("b", "x")];
    assert!(refused(&one_document).contains("label `b` has one document only"));
    let rare = [row("a", "x"), row("a", "y"), row("b", "z"), row("b", "w")];
    assert!(refused(&rare).contains("--min-documents"));
}

#[test]
fn thresholds_are_chosen_on_held_out_documents_for_a_stated_risk() {
    let decided = |max_error| {
        let trained = try_train(&starter(), &Config { max_error, ..config() }).unwrap();
        let metrics = trained.metrics.unwrap();
        (metrics.coverage, 1.0 - metrics.decided_accuracy, trained.file.model.thresholds)
    };
    let (all, _, open) = decided(1.0);
    let (some, error, strict) = decided(0.05);
    assert!(error <= 0.05 && some < all, "coverage={some} error={error}");
    assert!(open.margin_min == 0.0 && 0.0 < strict.margin_min, "{open:?} {strict:?}");
    assert!(open.words_min <= strict.words_min, "{open:?} {strict:?}");

    let impossible = try_train(&starter(), &Config { max_error: 0.0001, ..config() });
    assert!(impossible.is_ok_and(|trained| trained.metrics.unwrap().coverage < some));
    let unmeasured = Config { max_error: 0.05, folds: 0, ..config() };
    let refused = try_train(&starter(), &unmeasured).unwrap_err().to_string();
    assert!(refused.contains("--folds"), "{refused}");
}

#[test]
fn what_a_corpus_gives_away_is_reported() {
    let mut rows = Vec::new();
    for source in 0..4 {
        for number in 0..12 {
            let (label, words) = [("war", "troops cross"), ("fair", "visit stands")][number % 2];
            let habit = if source == 0 { "via wire desk" } else { "" };
            let text = format!("{words} {habit} w{number} x{number} y{number} z{source}");
            let row = format!(
                "{{\"label\": \"{label}\", \"source\": \"s{source}\", \"text\": \"{text}\"}}"
            );
            rows.push(row);
        }
    }
    // The same text from another source, and once under another label.
    let copy = rows[40].replace("s3", "s1");
    rows.push(copy.replace("\"war\"", "\"fair\""));
    rows.push(copy);
    let mut config = config();
    config.settings.selection.sources_min = 1;
    let leakage = try_train(&rows, &config).unwrap().leakage;
    let habits: Vec<(&str, &str, u64, u64)> = leakage
        .worst
        .iter()
        .filter(|betrayal| betrayal.feature == "via wire")
        .map(|b| (b.feature.as_str(), b.source.as_str(), b.documents, b.source_documents))
        .collect();
    assert_eq!(habits, [("via wire", "s0", 12, 12)], "{leakage:?}");
    assert_eq!((leakage.copies, leakage.copies_across_labels), (2, 1), "{leakage:?}");
    assert_eq!(leakage.copies_across_folds, 2, "{leakage:?}");
}

#[test]
fn a_bad_row_ends_the_training_unless_it_is_skipped() {
    let mut rows = starter();
    rows.insert(10, "{\"text\": \"no label\"}".into());
    rows.insert(20, "{".into());
    let error = try_train(&rows, &config()).unwrap_err().to_string();
    assert!(error.contains("corpus.jsonl:11: `label` is missing"), "{error}");
    let skipping = Config { skip_bad_rows: true, ..config() };
    let trained = try_train(&rows, &skipping).unwrap();
    assert_eq!(trained.bad_rows, 2);
    assert_eq!(trained.first_bad_row.unwrap().location.line, 11);
}

#[test]
fn a_file_that_is_written_is_the_file_that_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    let mut trained = try_train(&starter(), &config()).unwrap();
    trained.file.write(&path).unwrap();
    let mut read = ModelFile::read(&path).unwrap();
    assert_eq!(read.model.reference, trained.file.model.reference);
    assert!(read.to_bytes() == fs::read(&path).unwrap());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "a temporary file was left");
}

#[test]
fn the_built_in_model_can_be_read_and_knows_its_labels() {
    let model = newsdesk::default_model();
    assert_eq!(model.labels.names(), ["geopolitics", "other", "promotional"]);
    assert_eq!(model.labels.neither(), model.labels.find("other"));
}
