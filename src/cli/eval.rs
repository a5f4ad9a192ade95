//! `newsdesk eval`: a model and labelled documents as figures.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail, ensure};
use newsdesk::{
    corpus::{Corpus, Example, Rows},
    eval::{Metrics, Mistake, Mistakes, Outcome, Report},
    model::{Model, ModelFile},
    text::Document,
};
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::{terminal, thresholds::ThresholdArgs};

/// The rows that are measured at once, on all cores.
const ROWS_PER_BATCH: usize = 1024;

/// `newsdesk eval`, as typed.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
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
    /// Write a page with curves, sources and mistakes, too. It contains the texts of the documents that
    /// the model is most wrong about, so it is as private as they are
    #[arg(long, value_name = "FILE", conflicts_with = "pages")]
    report: Option<PathBuf>,
    /// How many of the worst mistakes the page shows
    #[arg(long, default_value_t = 25, value_name = "N", requires = "report")]
    mistakes: usize,
    #[command(flatten)]
    thresholds: ThresholdArgs,
}

const EXAMPLES: &str = "Examples:
  newsdesk eval --model my.safetensors --corpus held-out.jsonl --json
  newsdesk eval --model my.safetensors --corpus held-out.jsonl --report report.html
  newsdesk eval --pages labelled-pages.jsonl";

/// What was measured.
struct Measured {
    outcomes: Vec<Outcome>,
    sources: Vec<Option<String>>,
    mistakes: Vec<Mistake>,
}

impl EvalArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        if !self.pages.is_empty() {
            let model = super::model(self.model.as_ref())?;
            return super::eval_pages::run(&model, &self.pages, self.json);
        }
        let mut file = super::model_file(self.model.as_deref())?;
        file.model.thresholds = file.model.thresholds_with(&self.thresholds.overrides())?;
        let model = &file.model;
        let corpus = Corpus::open(&self.corpus)?;
        self.check_report()?;
        let rows = corpus.rows();
        let bar = terminal::progress(&corpus, "measuring");
        let progress = rows.progress();
        let mistakes = Mistakes::new(if self.report.is_some() { self.mistakes } else { 0 });
        let measured = terminal::while_reading(&bar, &progress, || measure(model, rows, mistakes))?;
        ensure!(!measured.outcomes.is_empty(), "the corpus is empty: there is nothing to measure");
        let metrics = Metrics::of(&model.labels, &measured.outcomes);
        let text = if self.json {
            json(model, &measured, &metrics).to_string()
        } else {
            table(model, &metrics)
        };
        writeln!(io::stdout(), "{}", text.trim_end())?;
        self.write_report(&file, &measured)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Refuses a report that could not be written, or would replace what it is made from.
    fn check_report(&self) -> anyhow::Result<()> {
        let Some(path) = &self.report else { return Ok(()) };
        ensure!(!path.is_dir(), "--report {} is a folder; name a file in it", path.display());
        if let Ok(report) = fs::canonicalize(path) {
            let inputs = self.corpus.iter().chain(&self.model);
            let is_input = inputs.flat_map(fs::canonicalize).any(|input| report.starts_with(input));
            ensure!(!is_input, "--report {} would replace what is measured", path.display());
        }
        Ok(())
    }

    fn write_report(&self, file: &ModelFile, measured: &Measured) -> anyhow::Result<()> {
        let Some(path) = &self.report else { return Ok(()) };
        let names: Vec<String> = self.corpus.iter().map(|path| name(path)).collect();
        let report = Report {
            file,
            corpus: &names.join(", "),
            outcomes: &measured.outcomes,
            sources: &measured.sources,
            mistakes: &measured.mistakes,
        };
        fs::write(path, report.html())
            .with_context(|| format!("cannot write the report {}", path.display()))?;
        eprintln!("wrote {}; it contains texts of the corpus", path.display());
        Ok(())
    }
}

/// Returns the last part of a path.
fn name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.display().to_string())
}

fn measure(model: &Model, mut rows: Rows, mut mistakes: Mistakes) -> anyhow::Result<Measured> {
    let (mut outcomes, mut sources) = (Vec::new(), Vec::new());
    loop {
        let batch: Vec<_> = rows.by_ref().take(ROWS_PER_BATCH).collect::<Result<_, _>>()?;
        if batch.is_empty() {
            return Ok(Measured { outcomes, sources, mistakes: mistakes.worst() });
        }
        let measured: anyhow::Result<Vec<(Example, Outcome)>> = batch
            .par_iter()
            .map(|row| {
                let example = row.parse()?;
                let outcome = outcome(model, &example);
                Ok((example, outcome.with_context(|| row.location().to_string())?))
            })
            .collect();
        for (example, outcome) in measured? {
            sources.push(example.source.clone());
            mistakes.add(example, &outcome);
            outcomes.push(outcome);
        }
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

fn json(model: &Model, measured: &Measured, metrics: &Metrics) -> Value {
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
        "per_source": per_source(model, measured),
        "labels": names,
        "confusion": metrics.confusion,
        "abstentions": abstentions,
        "model": super::answer::ModelJson::of(model),
    })
}

/// Returns the figures of each source that the corpus names.
fn per_source(model: &Model, Measured { outcomes, sources, .. }: &Measured) -> Map<String, Value> {
    let by_source = Metrics::by_source(&model.labels, outcomes, sources).into_iter();
    let named = by_source.filter_map(|(source, metrics)| Some((source?.to_owned(), metrics)));
    named
        .map(|(source, metrics)| {
            let figures = json!({
                "documents": metrics.documents,
                "accuracy": metrics.accuracy,
                "log_loss": metrics.log_loss,
                "coverage": metrics.coverage,
                "decided_accuracy": metrics.decided_accuracy,
            });
            (source, figures)
        })
        .collect()
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
