//! Figures, curves and mistakes as one page that needs nothing else.
//!
//! maud writes the page and escapes what documents say; plotters draws the charts as SVG, whose colours
//! a style sheet then turns into those of the reader's theme. The page loads nothing and runs no script.

mod charts;
mod marks;
mod page;
mod palette;
mod tables;

use super::{Metrics, Mistake, Outcome};
use crate::model::ModelFile;

/// What stands for the source of documents that have none.
const NO_SOURCE: &str = "(no source)";

/// What the page shows.
#[derive(Debug)]
pub struct Report<'a> {
    /// The model.
    pub file: &'a ModelFile,
    /// What it was measured on, for the heading.
    pub corpus: &'a str,
    /// The outcome of each document.
    pub outcomes: &'a [Outcome],
    /// The source of each document, if it is known.
    pub sources: &'a [Option<String>],
    /// The documents to show that the model was most wrong about. Their texts are in the page.
    pub mistakes: &'a [Mistake],
}

impl Report<'_> {
    /// Returns the page, as HTML.
    pub fn html(&self) -> String {
        page::page(self).into_string()
    }

    /// Returns the figures of each source, the one with the most wrong answers first.
    fn by_source(&self) -> Vec<(&str, Metrics)> {
        let labels = &self.file.model.labels;
        let mut sources = Metrics::by_source(labels, self.outcomes, self.sources);
        sources.sort_by_key(|(_, metrics)| std::cmp::Reverse(wrong(metrics)));
        sources
            .into_iter()
            .map(|(source, metrics)| (source.unwrap_or(NO_SOURCE), metrics))
            .collect()
    }
}

/// Returns the number of documents that were labelled wrong.
fn wrong(metrics: &Metrics) -> u64 {
    let right: u64 = metrics.confusion.iter().enumerate().map(|(label, row)| row[label]).sum();
    metrics.documents - right
}
