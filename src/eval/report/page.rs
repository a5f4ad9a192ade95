//! The page, from top to bottom.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    Report, charts,
    marks::{Piece, pieces},
    palette::{SERIES, style, variable},
    tables,
};
use crate::{
    eval::{Metrics, Mistake, precision_recall, reliability, risk_coverage, strongest_features},
    model::Evidence,
    text::{Document, Field},
};

const STYLE: &str = include_str!("style.css");

/// Nothing on the page may load or run anything, whatever the documents on it say.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// How many features are shown for each label.
const FEATURES_SHOWN: usize = 15;

/// How many features are shown, and marked, for each mistake.
const EVIDENCE_SHOWN: usize = 12;

/// The bytes of a mistake's text that are shown.
const TEXT_BYTES_SHOWN: usize = 1200;

pub(super) fn page(report: &Report<'_>) -> Markup {
    let model = &report.file.model;
    let metrics = Metrics::of(&model.labels, report.outcomes);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (model.reference.name) " on " (report.corpus) " · newsdesk" }
                style { (PreEscaped(style())) (PreEscaped(STYLE)) }
            }
            body {
                (heading(report))
                main {
                    (figures(&metrics))
                    (section("Answers and truth", &tables::answers(&model.labels, &metrics)))
                    (section("Curves", &curves(report, &metrics)))
                    (section("Sources", &tables::sources(&model.labels, &report.by_source())))
                    (section("What the model learned", &features(report)))
                    (section("The worst mistakes", &mistakes(report)))
                }
            }
        }
    }
}

fn section(title: &str, content: &Markup) -> Markup {
    html! { section { h2 { (title) } (content) } }
}

fn heading(report: &Report<'_>) -> Markup {
    let reference = &report.file.model.reference;
    html! {
        header {
            h1 { (reference.name) " " span.dim { (reference.version) } }
            p {
                "measured on " b { (report.corpus) } span.dim { " · model " code { (reference.digest) } }
            }
        }
    }
}

/// Shows the figures as tiles.
fn figures(metrics: &Metrics) -> Markup {
    let tiles = [
        ("macro-F1", format!("{:.4}", metrics.macro_f1), "mean over the labels"),
        ("accuracy", percent(metrics.accuracy), "labelled right"),
        ("log loss", format!("{:.4}", metrics.log_loss), "nats, 0 is best"),
        ("calibration error", format!("{:.4}", metrics.ece), "0 is best"),
        ("coverage", percent(metrics.coverage), "decided"),
        ("decided accuracy", percent(metrics.decided_accuracy), "right, of those decided"),
    ];
    html! {
        div.tiles {
            div.tile { div.name { "documents" } div.value { (metrics.documents) } div.dim { (abstentions(metrics)) } }
            @for (name, value, note) in tiles {
                div.tile { div.name { (name) } div.value { (value) } div.dim { (note) } }
            }
        }
    }
}

/// Tells how often the model abstained, and why.
fn abstentions(metrics: &Metrics) -> String {
    let happened = metrics.abstentions.iter().filter(|(_, n)| *n != 0);
    let told: Vec<String> = happened.map(|(reason, n)| format!("{n} {}", reason.name())).collect();
    if told.is_empty() { "no abstentions".into() } else { told.join(", ") }
}

fn curves(report: &Report<'_>, metrics: &Metrics) -> Markup {
    let at = (metrics.coverage, 1.0 - metrics.decided_accuracy);
    let risk: Vec<(f64, f64)> =
        risk_coverage(report.outcomes).iter().map(|point| (point.coverage, point.error)).collect();
    let risk = charts::risk_coverage(&risk, at);
    let bins = charts::reliability(&reliability(report.outcomes));
    html! {
        div.charts {
            (precision_recall_figure(report))
            figure {
                h3 { "Risk and coverage" }
                (PreEscaped(risk))
                figcaption {
                    "How many answers are wrong if only the surest are given, by the lead of the likeliest \
                     label over the second. " span.chip style=(chip(2)) {}
                    "the model as it is: " (percent(at.0)) " decided, " (percent(at.1)) " of them wrong."
                }
            }
            figure {
                h3 { "Reliability" }
                (PreEscaped(bins))
                figcaption {
                    "Of the documents whose likeliest label has a probability of 0.8, eight in ten should be \
                     right: the grey line. Bars are 95 % intervals."
                }
            }
        }
    }
}

/// Shows a curve a label; of more labels than colours, those with the lowest average precision.
fn precision_recall_figure(report: &Report<'_>) -> Markup {
    let labels = &report.file.model.labels;
    let measured = labels.ids().map(|label| (label, precision_recall(report.outcomes, label)));
    let mut curves: Vec<_> = measured.filter(|(_, curve)| !curve.points.is_empty()).collect();
    let all = curves.len();
    if SERIES.len() < all {
        curves.sort_by(|a, b| a.1.average_precision.total_cmp(&b.1.average_precision));
        curves.truncate(SERIES.len());
    }
    let points: Vec<&[(f64, f64)]> = curves.iter().map(|(_, c)| c.points.as_slice()).collect();
    html! {
        figure {
            h3 { "Precision and recall" }
            (PreEscaped(charts::precision_recall(&points)))
            figcaption {
                @for (series, (label, curve)) in curves.iter().enumerate() {
                    span.key {
                        span.chip style=(chip(series)) {} (labels.name(*label))
                        " " span.dim { (format!("{:.4}", curve.average_precision)) }
                    }
                }
                "with average precision"
                @if curves.len() < all { "; the weakest " (curves.len()) " of " (all) " labels" }
                "."
            }
        }
    }
}

fn chip(series: usize) -> String {
    format!("background:{}", variable(series))
}

/// Shows the strongest features of each label.
fn features(report: &Report<'_>) -> Markup {
    let model = &report.file.model;
    let labels = model
        .labels
        .ids()
        .map(|label| (label, strongest_features(report.file, label, FEATURES_SHOWN)));
    html! {
        div.columns {
            @for (label, features) in labels {
                @let most = features.iter().map(|feature| feature.1).fold(0.0, f64::max);
                div.card {
                    h3 { span.chip style=(chip(label.index())) {} (model.labels.name(label)) }
                    @for (feature, log_odds) in features {
                        div.feature {
                            code { (model.vocabulary.name(feature)) }
                            span.bar style=(format!("--share:{:.3}", log_odds / most)) {}
                            span.number { (format!("{log_odds:+.2}")) }
                        }
                    }
                }
            }
        }
        p.dim {
            "Log-odds for the label against the best other one, of the features that say most for how often \
             they occur."
        }
    }
}

fn mistakes(report: &Report<'_>) -> Markup {
    html! {
        @if report.mistakes.is_empty() { p { "There are none." } } @else {
            p.dim {
                "The true label's probability was lowest here. Labels of the corpus can be wrong too: look at \
                 both. " mark.for { "Green" } " speaks for the true label, " mark.against { "red" }
                " for the answer."
            }
        }
        @for mistake in report.mistakes { (self::mistake(report, mistake)) }
    }
}

fn mistake(report: &Report<'_>, Mistake { example, outcome }: &Mistake) -> Markup {
    let model = &report.file.model;
    let title = example.title.as_deref().unwrap_or_default();
    let document = Document::with_title(title, &example.text);
    let evidence = document.map_or(Vec::new(), |document| {
        model.evidence(&document, [outcome.truth, outcome.answer], EVIDENCE_SHOWN)
    });
    let answer_probability = outcome.probabilities[outcome.answer.index()];
    html! {
        article.card {
            div.verdict {
                b { (model.labels.name(outcome.truth)) } " " (percent(outcome.truth_probability()))
                span.dim { " was answered " }
                b.wrong { (model.labels.name(outcome.answer)) } " " (percent(answer_probability))
                @if let Some(reason) = outcome.abstained { span.dim { " · " (reason.name()) } }
                span.where { (example.source.as_deref().unwrap_or_default()) " " (example.id.as_deref().unwrap_or_default()) }
            }
            div.split {
                div.text dir="auto" {
                    @if !title.is_empty() { h4 { (marked(title, Field::Title, &evidence)) } }
                    (marked(&example.text, Field::Text, &evidence))
                }
                div { (evidence_table(report, &evidence)) }
            }
        }
    }
}

fn evidence_table(report: &Report<'_>, evidence: &[Evidence]) -> Markup {
    let most = evidence.first().map_or(1.0, |strongest| strongest.log_odds.abs());
    html! {
        @for Evidence { feature, log_odds, .. } in evidence {
            div.feature.against[*log_odds < 0.0] {
                code { (report.file.model.vocabulary.name(*feature)) }
                span.bar style=(format!("--share:{:.3}", log_odds.abs() / most)) {}
                span.number { (format!("{log_odds:+.3}")) }
            }
        }
        @if evidence.is_empty() { span.dim { "The model knows no word of it." } }
    }
}

fn marked(text: &str, field: Field, evidence: &[Evidence]) -> Markup {
    let (pieces, left) = pieces(text, field, evidence, TEXT_BYTES_SHOWN);
    html! {
        @for Piece { text, log_odds } in pieces {
            @if log_odds == 0.0 { (text) }
            @else if 0.0 < log_odds { mark.for { (text) } }
            @else { mark.against { (text) } }
        }
        @if left != 0 { span.dim { " … and " (left) " bytes more" } }
    }
}

/// Returns a share as a percentage with one digit after the point.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}
