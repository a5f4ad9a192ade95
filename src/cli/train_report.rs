//! What `newsdesk train` tells of a model that it trained.

use newsdesk::train::{Betrayal, Leakage, Trained};

/// Tells what was learned, and what to expect of it.
pub(super) fn report(trained: &Trained, seconds: f64) {
    let model = &trained.file.model;
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
