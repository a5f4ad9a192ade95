//! What `newsdesk train` tells of a model that it trained.

use newsdesk::{
    model::{Trial, Tuning},
    train::{Betrayal, Leakage, Trained},
};

/// Returns a trial as a line.
pub(super) fn trial(trial: &Trial) -> String {
    let Trial { change, log_loss, macro_f1, accuracy, is_kept } = trial;
    let kept = if *is_kept { "  kept" } else { "" };
    format!("{change:<26} {log_loss:>8.4}  {macro_f1:>8.4}  {accuracy:>8.4}{kept}")
}

/// Returns what was tried, and what was kept.
pub(super) fn table(tuning: &Tuning) -> String {
    let Tuning { method, trials, is_complete } = tuning;
    let mut lines = vec![format!("{:<26} log loss  macro-F1  accuracy", "tried")];
    lines.extend(trials.iter().map(trial));
    let n = trials.len();
    lines.push(format!(
        "{n} trials, {method}; a change is kept if √(log loss · (1 − accuracy)) falls by one percent"
    ));
    if !is_complete {
        lines.push("the time was up before all was tried".into());
    }
    lines.join("\n") + "\n"
}

/// Tells what was learned, and what to expect of it.
pub(super) fn report(trained: &Trained, seconds: f64) {
    let model = &trained.file.model;
    if let Some(tuning) = &model.card.tuning {
        eprint!("{}", table(tuning));
    }
    let documents: u64 = model.card.label_documents.iter().sum();
    eprintln!("learned from {documents} documents in {seconds:.2} s:");
    for (name, n) in model.labels.names().iter().zip(&model.card.label_documents) {
        let role =
            if model.labels.find(name) == model.labels.neither() { "  (neither)" } else { "" };
        eprintln!("  {name:<24} {n:>8}{role}");
    }
    if model.card.furniture_examples != 0 {
        let (name, n) = ("page furniture", model.card.furniture_examples);
        let told =
            if model.page.furniture.is_some() { "" } else { "  (learned, but not calibrated)" };
        eprintln!("  {name:<24} {n:>8}{told}");
    }
    let (kept, counted) = (model.vocabulary.len(), trained.features_counted);
    eprintln!("features: {kept} of {counted} kept; sources: {}", model.card.sources);
    match &model.card.figures {
        Some(figures) => eprintln!(
            "to expect ({}): macro-F1 {:.3}, accuracy {:.3}, log loss {:.3}, calibration error {:.3}",
            figures.method, figures.macro_f1, figures.accuracy, figures.log_loss, figures.ece
        ),
        None => eprintln!("nothing was held out, so what to expect was not measured"),
    }
    if let Some(metrics) = &trained.metrics {
        let (coverage, wrong) =
            (100.0 * metrics.coverage, 100.0 * (1.0 - metrics.decided_accuracy));
        eprintln!("decides {coverage:.1} % of those, {wrong:.1} % of them wrong (see --max-error)");
    }
    report_leakage(&trained.leakage);
    if let Some(first) = &trained.first_bad_row {
        eprintln!("skipped {} bad rows, the first: {first}", trained.bad_rows);
    }
}

/// Tells what makes the figures look better than they are.
fn report_leakage(leakage: &Leakage) {
    let Leakage { betraying, worst, copies, copies_across_folds, copies_across_labels } = leakage;
    if *betraying != 0 {
        eprintln!("leakage: {betraying} features tell one source from all others, such as");
    }
    for Betrayal { feature, source, documents, source_documents } in worst {
        eprintln!("  {feature:<24} in {documents} of {source_documents} documents of {source}");
    }
    if *copies != 0 {
        eprintln!(
            "leakage: {copies} documents are copies of others, {copies_across_folds} of them in other \
             folds, {copies_across_labels} with other labels"
        );
    }
}
