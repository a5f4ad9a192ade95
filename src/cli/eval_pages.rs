//! `newsdesk eval --pages`: a model and pages with labelled passages as figures.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use newsdesk::{
    corpus::{Corpus, Format, PageExample, Row},
    eval::{PageMetrics, PageOutcome},
    model::Model,
    text::{Document, Reading},
};
use rayon::prelude::*;
use serde_json::{Map, Value, json};

pub(super) fn run(model: &Model, paths: &[PathBuf], as_json: bool) -> anyhow::Result<ExitCode> {
    let corpus = Corpus::open_as(paths, Format::Jsonl)?;
    let rows: Vec<Row> = corpus.rows().collect::<Result<_, _>>()?;
    ensure!(!rows.is_empty(), "there are no pages: there is nothing to measure");
    let outcomes: Vec<PageOutcome> =
        rows.par_iter().map(|row| outcome(model, row)).collect::<anyhow::Result<_>>()?;
    let metrics = PageMetrics::of(&outcomes);
    let shown = if as_json { json(model, &metrics).to_string() } else { table(model, &metrics) };
    writeln!(io::stdout(), "{}", shown.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

fn outcome(model: &Model, row: &Row) -> anyhow::Result<PageOutcome> {
    let example = row.parse_page()?;
    measure(model, &example).with_context(|| row.location().to_string())
}

fn measure(model: &Model, example: &PageExample) -> anyhow::Result<PageOutcome> {
    let reading = Reading::new(&example.text, example.markup);
    let document = Document::of_reading("", &reading)?;
    let answer = model.classify_page(&document, &reading.passages()?, 0);
    Ok(PageOutcome::new(&model.labels, &answer, example, reading.text())?)
}

fn figures(metrics: &PageMetrics) -> [(&'static str, f64); 5] {
    [
        ("page_accuracy", metrics.page_accuracy),
        ("passage_accuracy", metrics.passage_accuracy),
        ("passage_macro_f1", metrics.passage_macro_f1),
        ("pages_all_right", metrics.pages_all_right),
        ("boundary_f1", metrics.boundary_f1),
    ]
}

fn json(model: &Model, metrics: &PageMetrics) -> Value {
    let mut object = Map::new();
    object.insert("pages".into(), json!(metrics.pages));
    object.insert("passages".into(), json!(metrics.passages));
    for (name, value) in figures(metrics) {
        object.insert(name.into(), json!(value));
    }
    let confusion = metrics
        .confusion
        .iter()
        .map(|((truth, answer), n)| json!({"label": truth, "answer": answer, "passages": n}));
    object.insert("confusion".into(), confusion.collect());
    object.insert("model".into(), json!(super::answer::ModelJson::of(model)));
    Value::Object(object)
}

fn table(model: &Model, metrics: &PageMetrics) -> String {
    use std::fmt::Write as _;
    let PageMetrics { pages, passages, confusion, .. } = metrics;
    let mut text =
        format!("{pages} pages, {passages} passages, model {}\n\n", model.reference.name);
    for (name, value) in figures(metrics) {
        writeln!(text, "{:<20} {value:>8.4}", name.replace('_', " ")).expect("a string takes all");
    }
    text.push_str("\nmistakes (label, answer, passages)\n");
    for ((truth, answer), n) in confusion.iter().filter(|((truth, answer), _)| truth != answer) {
        writeln!(text, " {truth:<16} {answer:<16} {n:>8}").expect("a string takes all");
    }
    text
}
