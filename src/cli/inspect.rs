//! `newsdesk inspect`: a model file as something to read.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use newsdesk::{
    eval::strongest_features,
    model::{Figures, ModelFile, RiskPoint, Thresholds},
};
use serde_json::json;

use super::train_report;

/// The shares of wrong answers that the table of risks shows.
const RISKS_SHOWN: [f64; 5] = [0.005, 0.01, 0.02, 0.03, 0.05];

/// `newsdesk inspect`, as typed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  newsdesk inspect
  newsdesk inspect my.safetensors --features 30")]
pub(super) struct InspectArgs {
    /// The model file [default: the built-in model]
    file: Option<PathBuf>,
    /// How many of the strongest features of each label to show
    #[arg(long, default_value_t = 12, value_name = "N")]
    features: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl InspectArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let file = super::model_file(self.file.as_deref())?;
        let text =
            if self.json { json_text(&file, self.features) } else { text(&file, self.features)? };
        writeln!(io::stdout(), "{}", text.trim_end())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn text(file: &ModelFile, n_features: usize) -> anyhow::Result<String> {
    let model = &file.model;
    let mut text = String::new();
    let reference = &model.reference;
    writeln!(text, "model      {} {}", reference.name, reference.version)?;
    writeln!(text, "digest     {}", reference.digest)?;
    writeln!(
        text,
        "size       {} bytes, {} features",
        model.card.size_bytes,
        model.vocabulary.len()
    )?;
    writeln!(
        text,
        "corpus     {} sources, {} examples of page furniture, digest {}",
        model.card.sources, model.card.furniture_examples, model.card.corpus_digest
    )?;
    writeln!(text, "settings   {}", serde_json::to_string(&model.settings)?)?;
    let Thresholds { words_min, known_share_min, margin_min } = model.thresholds;
    writeln!(
        text,
        "decides    from {words_min} words, {} of them known, and a lead of {margin_min:.4} on",
        percent(known_share_min)
    )?;
    match &model.card.figures {
        Some(figures) => text.push_str(&measured(figures)?),
        None => writeln!(text, "measured   nothing")?,
    }
    if let Some(tuning) = &model.card.tuning {
        write!(text, "\n{}", train_report::table(tuning))?;
    }
    for label in model.labels.ids() {
        let role = if Some(label) == model.labels.neither() { ", answered as NEITHER" } else { "" };
        let documents = model.card.label_documents[label.index()];
        writeln!(text, "\n{} ({documents} documents{role})", model.labels.name(label))?;
        for (feature, log_odds) in strongest_features(file, label, n_features) {
            writeln!(text, "  {log_odds:>7.2}  {}", model.vocabulary.name(feature))?;
        }
    }
    Ok(text)
}

/// Shows what was measured on documents held out of training.
fn measured(figures: &Figures) -> anyhow::Result<String> {
    let mut text = String::new();
    writeln!(
        text,
        "measured   {} documents, {}: macro-F1 {:.4}, accuracy {:.4}, log loss {:.4}, calibration error {:.4}",
        figures.documents,
        figures.method,
        figures.macro_f1,
        figures.accuracy,
        figures.log_loss,
        figures.ece
    )?;
    writeln!(text, "\nrisk         coverage  margin")?;
    for max_error in RISKS_SHOWN {
        let fits = |point: &&RiskPoint| point.error <= max_error;
        match figures.risk.iter().rev().find(fits) {
            Some(point) => writeln!(
                text,
                "{:>6}       {:>8}  {:.4}",
                percent(max_error),
                percent(point.coverage),
                point.margin
            )?,
            None => writeln!(text, "{:>6}       at no margin", percent(max_error))?,
        }
    }
    writeln!(text, "\nprobability  right     documents")?;
    for bin in &figures.reliability {
        let (probability, accuracy) = (percent(bin.probability), percent(bin.accuracy));
        writeln!(text, "{probability:>8}     {accuracy:>8}  {:>9}", bin.documents)?;
    }
    Ok(text)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn json_text(file: &ModelFile, n_features: usize) -> String {
    let model = &file.model;
    let labels: Vec<_> = model
        .labels
        .ids()
        .map(|label| {
            let strongest: Vec<_> = strongest_features(file, label, n_features)
                .into_iter()
                .map(|(feature, log_odds)| json!({"feature": model.vocabulary.name(feature), "log_odds": log_odds}))
                .collect();
            json!({
                "label": model.labels.name(label),
                "neither": Some(label) == model.labels.neither(),
                "documents": model.card.label_documents[label.index()],
                "strongest": strongest,
            })
        })
        .collect();
    json!({
        "model": super::answer::ModelJson::of(model),
        "size_bytes": model.card.size_bytes,
        "features": model.vocabulary.len(),
        "corpus": {
            "sources": model.card.sources,
            "furniture": model.card.furniture_examples,
            "digest": model.card.corpus_digest,
        },
        "settings": model.settings,
        "calibration": model.calibration,
        "thresholds": model.thresholds,
        "figures": model.card.figures,
        "tuning": model.card.tuning,
        "labels": labels,
    })
    .to_string()
}
