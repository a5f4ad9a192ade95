//! Figures by label and by source.

use maud::{Markup, html};

use super::{page::percent, palette::variable, wrong};
use crate::{
    eval::Metrics,
    label::{LabelId, LabelSet},
};

/// The most labels of a confusion matrix that can still be read.
const MATRIX_LABELS_MAX: usize = 24;

/// How many pairs of labels are shown where a matrix would be too large.
const PAIRS_SHOWN: usize = 30;

/// Shows which labels were answered for which, and the figures of each label.
pub(super) fn answers(labels: &LabelSet, metrics: &Metrics) -> Markup {
    html! {
        div.side {
            div.card {
                h3 { "Confusion" }
                @if labels.len() <= MATRIX_LABELS_MAX { (matrix(labels, metrics)) }
                @else { (pairs(labels, metrics)) }
            }
            div.card { h3 { "Labels" } (per_label(labels, metrics)) }
        }
    }
}

fn matrix(labels: &LabelSet, metrics: &Metrics) -> Markup {
    html! {
        div.scroll {
            table.matrix {
                thead {
                    tr {
                        th.corner { "truth ↓ answer →" }
                        @for name in labels.names() { th { (name) } }
                    }
                }
                tbody {
                    @for ((truth, name), row) in labels.names().iter().enumerate().zip(&metrics.confusion) {
                        @let all: u64 = row.iter().sum();
                        tr {
                            th { (name) }
                            @for (answer, &n) in row.iter().enumerate() {
                                td.right[truth == answer].wrong[truth != answer && n != 0]
                                    style=(format!("--share:{:.4}", n as f64 / all.max(1) as f64)) { (n) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Shows the pairs of labels that are most often taken for one another.
fn pairs(labels: &LabelSet, metrics: &Metrics) -> Markup {
    html! {
        div.scroll {
            table {
                thead { tr { th { "truth" } th { "answer" } th { "documents" } } }
                tbody {
                    @for (n, truth, answer) in wrong_pairs(labels, metrics).into_iter().take(PAIRS_SHOWN) {
                        tr { th { (labels.name(truth)) } td { (labels.name(answer)) } td { (n) } }
                    }
                }
            }
        }
    }
}

/// Returns how often a label was answered for another, the most frequent pair first.
fn wrong_pairs(labels: &LabelSet, metrics: &Metrics) -> Vec<(u64, LabelId, LabelId)> {
    let cells = labels
        .ids()
        .zip(&metrics.confusion)
        .flat_map(|(truth, row)| labels.ids().zip(row).map(move |(answer, &n)| (n, truth, answer)));
    let mut wrong: Vec<_> = cells.filter(|&(n, truth, answer)| n != 0 && truth != answer).collect();
    wrong.sort_by_key(|&(n, ..)| std::cmp::Reverse(n));
    wrong
}

fn per_label(labels: &LabelSet, metrics: &Metrics) -> Markup {
    html! {
        div.scroll {
            table {
                thead {
                    tr { th { "label" } th { "precision" } th { "recall" } th { "F1" } th { "documents" } }
                }
                tbody {
                    @for (label, figures) in labels.ids().zip(&metrics.labels) {
                        tr {
                            th {
                                span.chip style=(format!("background:{}", variable(label.index()))) {}
                                (labels.name(label))
                                @if Some(label) == labels.neither() { span.dim { " (neither)" } }
                            }
                            @for share in [figures.precision, figures.recall, figures.f1] {
                                td.share style=(format!("--share:{share:.4}")) { (percent(share)) }
                            }
                            td { (figures.support) }
                        }
                    }
                }
            }
        }
    }
}

/// Shows the figures of each source.
pub(super) fn sources(labels: &LabelSet, sources: &[(&str, Metrics)]) -> Markup {
    html! {
        div.card.scroll {
            table {
                thead {
                    tr {
                        th { "source" } th { "documents" } th { "wrong" } th { "accuracy" } th { "log loss" }
                        th { "coverage" } th { "decided accuracy" } th.left { "labels" } th.left { "most often wrong" }
                    }
                }
                tbody {
                    @for (source, metrics) in sources {
                        tr {
                            th { (source) }
                            td { (metrics.documents) }
                            td { (wrong(metrics)) }
                            td.share style=(format!("--share:{:.4}", metrics.accuracy)) { (percent(metrics.accuracy)) }
                            td { (format!("{:.3}", metrics.log_loss)) }
                            td { (percent(metrics.coverage)) }
                            td { (percent(metrics.decided_accuracy)) }
                            td.left { (composition(labels, metrics)) }
                            td.left { (worst_pair(labels, metrics)) }
                        }
                    }
                }
            }
        }
    }
}

/// Shows how many documents of each label there are, as one bar.
fn composition(labels: &LabelSet, metrics: &Metrics) -> Markup {
    let parts = labels.ids().zip(&metrics.labels).filter(|(_, figures)| figures.support != 0);
    html! {
        div.composition {
            @for (label, figures) in parts {
                span title=(format!("{} {}", figures.support, labels.name(label)))
                    style=(format!("flex:{};background:{}", figures.support, variable(label.index()))) {}
            }
        }
    }
}

fn worst_pair(labels: &LabelSet, metrics: &Metrics) -> Markup {
    html! {
        @if let Some(&(n, truth, answer)) = wrong_pairs(labels, metrics).first() {
            (labels.name(truth)) span.dim { " → " } (labels.name(answer)) span.dim { " " (n) "×" }
        }
    }
}
