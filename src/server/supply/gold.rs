//! Whether a new version of a model is as good as the one that it would replace.

use std::path::PathBuf;

use rayon::prelude::{IntoParallelRefIterator as _, ParallelIterator as _};

use crate::{
    corpus::{BadRow, Corpus, CorpusError, Example},
    eval::{Metrics, Outcome},
    model::Model,
    text::Document,
};

/// The most documents of a gold set. They are kept in memory, and each new version labels them all.
pub(super) const GOLD_DOCUMENTS_MAX: usize = 20_000;

/// Labelled documents that a new version is tried on before it takes the place of another.
#[derive(Debug)]
pub struct Gold {
    examples: Vec<Example>,
    loss_max: f64,
}

/// Why some documents are no gold set.
#[derive(Debug, thiserror::Error)]
pub enum GoldError {
    /// The documents cannot be read.
    #[error("cannot read the gold set")]
    Corpus(#[from] CorpusError),
    /// A row is no labelled document.
    #[error("the gold set has a row that cannot be used")]
    Row(#[from] BadRow),
    /// There are none, or too many.
    #[error(
        "the gold set has {documents} documents or more, 1 to {GOLD_DOCUMENTS_MAX} are possible"
    )]
    Size {
        /// The number of documents that were read.
        documents: usize,
    },
}

impl Gold {
    /// Reads labelled documents, as for training. A version may lose at most `loss_max` of macro-F1 on
    /// them against the version that it replaces.
    pub fn read(paths: &[PathBuf], loss_max: f64) -> Result<Gold, GoldError> {
        let rows = Corpus::open(paths)?.rows().take(GOLD_DOCUMENTS_MAX + 1);
        let examples: Result<Vec<Example>, GoldError> = rows.map(|row| Ok(row?.parse()?)).collect();
        let examples = examples?;
        if !(1..=GOLD_DOCUMENTS_MAX).contains(&examples.len()) {
            return Err(GoldError::Size { documents: examples.len() });
        }
        Ok(Gold { examples, loss_max })
    }

    /// Tells why `new` shall not replace `served`, if so.
    pub(super) fn objection(&self, new: &Model, served: &Model) -> Option<String> {
        let new_f1 = match self.macro_f1(new) {
            Ok(f1) => f1,
            Err(label) => {
                return Some(format!("it has no label `{label}`, which the gold set has"));
            }
        };
        let served_f1 = self.macro_f1(served).unwrap_or(0.0);
        let is_worse = new_f1 < served_f1 - self.loss_max;
        let (loss_max, documents) = (self.loss_max, self.examples.len());
        is_worse.then(|| {
            format!(
                "its macro-F1 on the {documents} documents of the gold set is {new_f1:.4}, that of \
                 the served version {served_f1:.4}; it may lose {loss_max} at most"
            )
        })
    }

    /// Returns the macro-F1 of `model`, or a label that it does not have.
    fn macro_f1<'a>(&'a self, model: &Model) -> Result<f64, &'a str> {
        let outcome = |example: &'a Example| -> Result<Option<Outcome>, &'a str> {
            let truth = model.labels.find(&example.label).ok_or(example.label.as_str())?;
            let title = example.title.as_deref().unwrap_or_default();
            // What is too long to be classified is so for every model.
            let document = Document::with_title(title, &example.text).ok();
            let answer = document.map(|document| model.classify(&document, 0));
            Ok(answer.map(|answer| Outcome::new(&answer, truth, model.labels.neither())))
        };
        let outcomes: Result<Vec<Option<Outcome>>, &str> =
            self.examples.par_iter().map(outcome).collect();
        let outcomes: Vec<Outcome> = outcomes?.into_iter().flatten().collect();
        Ok(Metrics::of(&model.labels, &outcomes).macro_f1)
    }
}
