//! How fast a text becomes tokens, features, scores and an answer, by size.
//!
//! `cargo bench --bench pipeline` measures one core. Each measurement goes through a thousand different
//! documents: one text again and again stays in the caches and the branch predictor, and is answered
//! two to four times as fast as any real stream of texts.

#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

mod texts;

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use newsdesk::{
    features::{VectorScratch, extract},
    label::LabelId,
    model::Model,
    text::{self, Document, Field, for_each_token},
};

/// What is measured: how many of something a document has.
type Stage = fn(&Model, &mut VectorScratch, &Document<'_>) -> usize;

const STAGES: [(&str, Stage); 5] = [
    ("tokens", tokens),
    ("features", features),
    ("scores", scores),
    ("classify", classify),
    ("passages", passages),
];

/// The sizes that are measured, in bytes: a teaser, a brief, an article, a report, the largest document.
const SIZES: [usize; 5] = [230, 1_000, 5_000, 50_000, 1_000_000];

/// How many bytes of documents of each size are checked.
const CHECKED_BYTES: usize = 2_000_000;

fn tokens(_: &Model, _: &mut VectorScratch, document: &Document<'_>) -> usize {
    let mut count = 0;
    for_each_token(document.field(Field::Text), |token| {
        count += usize::from(!token.normal.as_bytes().is_empty());
    });
    count
}

fn features(model: &Model, _: &mut VectorScratch, document: &Document<'_>) -> usize {
    let mut count = 0;
    extract(document, &model.settings.features, |feature| {
        count += usize::from(black_box(feature.key).0 != 0);
    });
    count
}

fn scores(model: &Model, scratch: &mut VectorScratch, document: &Document<'_>) -> usize {
    let vector = scratch.count(document, &model.settings.features, &model.vocabulary);
    model.weights.scores(vector, model.settings.values).len()
}

fn classify(model: &Model, _: &mut VectorScratch, document: &Document<'_>) -> usize {
    model.classify(document, 0).best[0].index()
}

fn passages(model: &Model, _: &mut VectorScratch, document: &Document<'_>) -> usize {
    model.classify_page(document, &text::passages(document.field(Field::Text)), 0).passages.len()
}

fn pipeline(criterion: &mut Criterion) {
    let model = newsdesk::default_model();
    let pool = texts::pool();
    for size in SIZES {
        let documents = texts::documents(&pool, size);
        for document in &documents[..CHECKED_BYTES.div_ceil(size).min(documents.len())] {
            check(&model, document);
        }
        let mut group = criterion.benchmark_group(format!("{size} B"));
        group.throughput(Throughput::Bytes(size as u64));
        for (name, stage) in STAGES {
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                let mut scratch = VectorScratch::default();
                let mut rotation = documents.iter().cycle();
                bencher.iter(|| {
                    let document = Document::new(rotation.next().unwrap()).unwrap();
                    stage(&model, &mut scratch, black_box(&document))
                });
            });
        }
        group.finish();
    }
}

/// Holds the stages against one another.
fn check(model: &Model, document: &str) {
    let found = text::passages(document).len();
    let document = Document::new(document).unwrap();
    let mut scratch = VectorScratch::default();
    let tokens = tokens(model, &mut scratch, &document);
    let features = features(model, &mut scratch, &document);
    assert_eq!(
        features,
        2 * tokens - 1,
        "each token is a feature, and each with the one before it"
    );
    let vector = scratch.count(&document, &model.settings.features, &model.vocabulary);
    assert_eq!(vector.occurrences as usize, features);
    let answer = model.classify(&document, usize::MAX);
    let [best, second] = answer.best.map(LabelId::index);
    let log_priors = model.weights.log_priors();
    let evidence: f64 = answer.evidence.iter().map(|evidence| evidence.log_odds).sum();
    let log_odds = log_priors[best] - log_priors[second] + evidence;
    let difference = answer.scores[best] - answer.scores[second];
    assert!((log_odds - difference).abs() < 1e-3, "log_odds={log_odds} difference={difference}");
    assert_eq!(passages(model, &mut scratch, &document), found, "each passage has an answer");
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = pipeline
}
criterion_main!(benches);
