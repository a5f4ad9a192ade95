//! `newsdesk eval`: a model and labelled documents as figures.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, bail, ensure};
use newsdesk::{
    corpus::{Corpus, Example, Rows},
    eval::{Metrics, Outcome},
    model::Model,
    text::Document,
};
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::terminal;

/// The rows that are measured at once, on all cores.
const ROWS_PER_BATCH: usize = 1024;

/// `newsdesk eval`, as typed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  newsdesk eval --model my.safetensors --corpus held-out.jsonl --json
  newsdesk eval --pages labelled-pages.jsonl")]
pub(super) struct EvalArgs {
    /// The model file [default: the built-in model]
    #[arg(long, value_name = "FILE", env = "NEWSDESK_MODEL")]
    model: Option<PathBuf>,
    /// Labelled documents that the model was not trained on, as `train` takes them
    #[arg(long, num_args = 1.., value_name = "PATH", env = "NEWSDESK_CORPUS")]
    #[arg(required_unless_present = "pages", conflicts_with = "pages")]
    corpus: Vec<PathBuf>,
    /// Pages with labelled passages: JSON lines with `text`, `label`, and `passages`, a list of `text` and
    /// `label` in which the label `boilerplate` is not scored
    #[arg(long, num_args = 1.., value_name = "PATH", env = "NEWSDESK_PAGES")]
    pages: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl EvalArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let model = super::model(self.model.as_ref())?;
        if !self.pages.is_empty() {
            return super::eval_pages::run(&model, &self.pages, self.json);
        }
        let corpus = Corpus::open(&self.corpus)?;
        let rows = corpus.rows();
        let bar = terminal::progress(&corpus, "measuring");
        let progress = rows.progress();
        let outcomes = terminal::while_reading(&bar, &progress, || outcomes(&model, rows))?;
        ensure!(!outcomes.is_empty(), "the corpus is empty: there is nothing to measure");
        let metrics = Metrics::of(&model.labels, &outcomes);
        let text =
            if self.json { json(&model, &metrics).to_string() } else { table(&model, &metrics) };
        writeln!(io::stdout(), "{}", text.trim_end())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn outcomes(model: &Arc<Model>, mut rows: Rows) -> anyhow::Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    loop {
        let batch: Vec<_> = rows.by_ref().take(ROWS_PER_BATCH).collect::<Result<_, _>>()?;
        if batch.is_empty() {
            return Ok(outcomes);
        }
        let measured: anyhow::Result<Vec<Outcome>> = batch
            .par_iter()
            .map(|row| {
                let example = row.parse()?;
                outcome(model, &example).with_context(|| row.location().to_string())
            })
            .collect();
        outcomes.extend(measured?);
    }
}

fn outcome(model: &Model, example: &Example) -> anyhow::Result<Outcome> {
    let Some(truth) = model.labels.find(&example.label) else {
        let known = model.labels.names().join(", ");
        bail!("the model has no label `{}`; it knows {known}", example.label);
    };
    let title = example.title.as_deref().unwrap_or_default();
    let answer = model.classify(&Document::with_title(title, &example.text)?, 0);
    Ok(Outcome::new(&answer, truth, model.labels.neither()))
}

fn json(model: &Model, metrics: &Metrics) -> Value {
    let names = model.labels.names();
    let per_label: Map<String, Value> = names
        .iter()
        .zip(&metrics.labels)
        .map(|(name, label)| {
            let figures = json!({
                "precision": label.precision,
                "recall": label.recall,
                "f1": label.f1,
                "support": label.support,
            });
            (name.clone(), figures)
        })
        .collect();
    let abstentions: Map<String, Value> = metrics
        .abstentions
        .iter()
        .map(|(reason, n)| (reason.name().to_owned(), json!(n)))
        .collect();
    json!({
        "documents": metrics.documents,
        "accuracy": metrics.accuracy,
        "macro_f1": metrics.macro_f1,
        "log_loss": metrics.log_loss,
        "ece": metrics.ece,
        "coverage": metrics.coverage,
        "decided_accuracy": metrics.decided_accuracy,
        "per_label": per_label,
        "labels": names,
        "confusion": metrics.confusion,
        "abstentions": abstentions,
        "model": super::answer::ModelJson::of(model),
    })
}

fn table(model: &Model, metrics: &Metrics) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let mut line = |text_line: String| writeln!(text, "{text_line}").expect("a string takes all");
    let names = model.labels.names();
    let width = names.iter().map(String::len).max().unwrap_or(0).max(12);
    let columns = |cells: Vec<String>| -> String {
        cells.into_iter().fold(String::new(), |line, cell| format!("{line} {cell:>width$}"))
    };
    line(format!("{} documents, model {}", metrics.documents, model.reference.name));
    line(String::new());
    line(format!(
        "{:>width$}{}",
        "",
        columns(["precision", "recall", "f1", "support"].map(String::from).to_vec())
    ));
    for (name, label) in names.iter().zip(&metrics.labels) {
        let shares = [label.precision, label.recall, label.f1].map(|share| format!("{share:.4}"));
        let mut cells = shares.to_vec();
        cells.push(label.support.to_string());
        line(format!("{name:>width$}{}", columns(cells)));
    }
    line(String::new());
    line("confusion (rows: truth, columns: answer)".to_owned());
    line(format!("{:>width$}{}", "", columns(names.to_vec())));
    for (name, row) in names.iter().zip(&metrics.confusion) {
        line(format!("{name:>width$}{}", columns(row.iter().map(u64::to_string).collect())));
    }
    line(String::new());
    let figures = [
        ("macro-F1", metrics.macro_f1),
        ("accuracy", metrics.accuracy),
        ("log loss", metrics.log_loss),
        ("calibration error", metrics.ece),
        ("coverage", metrics.coverage),
        ("decided accuracy", metrics.decided_accuracy),
    ];
    for (name, figure) in figures {
        line(format!("{name:<20} {figure:.4}"));
    }
    for (reason, n) in &metrics.abstentions {
        line(format!("{:<20} {n}", reason.name()));
    }
    text
}
