//! `newsdesk inspect`: a model file as something to read.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use newsdesk::{
    features::FeatureId,
    label::LabelId,
    model::{Model, ModelFile},
};
use serde_json::json;

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
        "corpus     {} sources, digest {}",
        model.card.sources, model.card.corpus_digest
    )?;
    writeln!(text, "settings   {}", serde_json::to_string(&model.settings)?)?;
    writeln!(text, "thresholds {}", serde_json::to_string(&model.thresholds)?)?;
    match &model.card.figures {
        Some(figures) => writeln!(
            text,
            "measured   {} documents, {}: macro-F1 {:.4}, accuracy {:.4}, log loss {:.4}, calibration error {:.4}",
            figures.documents,
            figures.method,
            figures.macro_f1,
            figures.accuracy,
            figures.log_loss,
            figures.ece
        )?,
        None => writeln!(text, "measured   nothing")?,
    }
    for label in model.labels.ids() {
        let role = if Some(label) == model.labels.neither() { ", answered as NEITHER" } else { "" };
        let documents = model.card.label_documents[label.index()];
        writeln!(text, "\n{} ({documents} documents{role})", model.labels.name(label))?;
        for (feature, log_odds) in strongest(file, label, n_features) {
            writeln!(text, "  {log_odds:>7.2}  {}", model.vocabulary.name(feature))?;
        }
    }
    Ok(text)
}

fn json_text(file: &ModelFile, n_features: usize) -> String {
    let model = &file.model;
    let labels: Vec<_> = model
        .labels
        .ids()
        .map(|label| {
            let strongest: Vec<_> = strongest(file, label, n_features)
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
        "corpus": {"sources": model.card.sources, "digest": model.card.corpus_digest},
        "settings": model.settings,
        "calibration": model.calibration,
        "thresholds": model.thresholds,
        "figures": model.card.figures,
        "labels": labels,
    })
    .to_string()
}

/// Returns the features that speak most for `label` against the best other one, weighed by the root of
/// how many documents they occur in: a strong feature that is never seen tells nobody anything.
fn strongest(file: &ModelFile, label: LabelId, n: usize) -> Vec<(FeatureId, f64)> {
    let ModelFile { model, counts } = file;
    let mut found: Vec<(f64, FeatureId, f64)> = model
        .vocabulary
        .ids()
        .map(|feature| {
            let log_odds = log_odds(model, feature, label);
            let documents = f64::from(counts.documents[feature.index()]);
            (log_odds * documents.sqrt(), feature, log_odds)
        })
        .collect();
    found.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    found.into_iter().take(n).map(|(_, feature, log_odds)| (feature, log_odds)).collect()
}

fn log_odds(model: &Model, feature: FeatureId, label: LabelId) -> f64 {
    let row = model.weights.row(feature);
    let rivals = row.iter().enumerate().filter(|&(other, _)| other != label.index());
    let best = rivals.map(|(_, &weight)| weight).fold(f32::NEG_INFINITY, f32::max);
    f64::from(row[label.index()] - best)
}
