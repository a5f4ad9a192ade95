//! A model whose answers nobody gets: they are compared with those that are given, and counted.

use std::{
    iter,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use super::super::{
    check,
    refusal::Refusal,
    registry::Served,
    watch::{outcome, outcome_names},
    work,
};
use crate::{
    model::{Decision, ModelReference},
    proto::ClassifyRequest,
    text::Reading,
};

/// The documents that may wait for the shadow model. It works when there is time, and passes over what
/// is too much.
const WAITING_MAX: usize = 64;

/// Which model is the shadow of which, and how much it sees.
#[derive(Clone, Debug, PartialEq)]
pub struct ShadowPlan {
    /// The name of the model, whose current version gives the answers.
    pub name: String,
    /// The version that is compared with it. It does not become the current one by itself.
    pub version: String,
    /// The share of the documents that it sees, 0 to 1.
    pub share: f64,
}

/// A shadow model beside the current version.
#[derive(Debug)]
pub(in crate::server) struct Shadow {
    pub(in crate::server) current: Arc<Served>,
    pub(in crate::server) served: Arc<Served>,
    share: f64,
    seen: AtomicU64,
    waiting: AtomicUsize,
    skipped: AtomicU64,
    /// A row for each outcome of the current version, a column for each of the shadow's.
    pairs: Box<[AtomicU64]>,
}

/// Two answers to a document, and how many documents had them.
pub(in crate::server) struct Pair<'a> {
    pub(in crate::server) current: &'a str,
    pub(in crate::server) shadow: &'a str,
    pub(in crate::server) documents: u64,
}

impl ShadowPlan {
    pub(in crate::server) fn is_of(&self, reference: &ModelReference) -> bool {
        self.name == reference.name && self.version == reference.version
    }
}

impl Shadow {
    pub(in crate::server) fn new(current: Arc<Served>, served: Arc<Served>, share: f64) -> Shadow {
        let rows = outcome_names(&current.labels).count();
        let columns = outcome_names(&served.labels).count();
        Shadow {
            current,
            served,
            share,
            seen: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            skipped: AtomicU64::new(0),
            pairs: iter::repeat_with(AtomicU64::default).take(rows * columns).collect(),
        }
    }

    /// Tells whether it is the shadow of `served`.
    pub(in crate::server) fn is_of(&self, served: &Served) -> bool {
        std::ptr::eq(Arc::as_ptr(&self.current), served)
    }

    /// Has the shadow model label the document of `request` some time, if it is its turn to be compared.
    pub(in crate::server) fn consider(
        self: &Arc<Self>,
        request: &ClassifyRequest,
        given: Decision,
    ) {
        if !self.is_due() {
            return;
        }
        if WAITING_MAX <= self.waiting.fetch_add(1, Ordering::Relaxed) {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.skipped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let (shadow, request) = (Arc::clone(self), request.clone());
        work::POOL.spawn(move || {
            // It cannot answer, say, a stated risk that it has no curve for.
            if work::guarded(|| shadow.compare(&request, given)).is_err() {
                shadow.skipped.fetch_add(1, Ordering::Relaxed);
            }
            shadow.waiting.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// Tells for each `1 / share`-th document that it is due, evenly.
    fn is_due(&self) -> bool {
        let before = self.seen.fetch_add(1, Ordering::Relaxed) as f64;
        (before * self.share).floor() < ((before + 1.0) * self.share).floor()
    }

    /// Asks the shadow as the client asked, but for evidence, and counts the two answers.
    fn compare(&self, request: &ClassifyRequest, given: Decision) -> Result<(), Refusal> {
        let reading = Reading::new(&request.text, check::markup(request.format)?);
        let question = check::question(request, &reading)?.without_evidence();
        let answer = question.answer(&self.served)?.answer;
        let row = outcome(given, self.current.labels.len());
        let column = outcome(answer.decision, self.served.labels.len());
        let columns = outcome_names(&self.served.labels).count();
        self.pairs[row * columns + column].fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    pub(in crate::server) fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Returns each pair of answers that occurred.
    pub(in crate::server) fn pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        let rows = outcome_names(&self.current.labels);
        let named = rows.flat_map(|current| {
            outcome_names(&self.served.labels).map(move |shadow| (current, shadow))
        });
        named.zip(&self.pairs).filter_map(|((current, shadow), documents)| {
            let documents = documents.load(Ordering::Relaxed);
            (0 < documents).then_some(Pair { current, shadow, documents })
        })
    }
}
