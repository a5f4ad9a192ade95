//! Messages as questions that can be answered.
//!
//! What passes here is not checked again.

use std::sync::Arc;

use super::{
    limits::{BATCH_DOCUMENTS_MAX, EVIDENCE_MAX, STREAM_ID_BYTES_MAX},
    refusal::Refusal,
    registry::Models,
};
use crate::{
    model::Model,
    proto::{BatchClassifyRequest, ClassifyOptions, ClassifyRequest, Format},
    text::{Document, Markup, Passage, Reading},
};

/// A request that can be answered.
pub(super) struct Question<'a> {
    pub(super) document: Document<'a>,
    /// The passages of the document, if it is to be read as a page.
    pub(super) passages: Option<Vec<Passage>>,
    /// Whether each passage is to be answered.
    pub(super) wants_passages: bool,
    pub(super) evidence_max: usize,
    pub(super) model: &'a Arc<Model>,
}

/// Returns what a reader sees of the text of `request`.
pub(super) fn reading(request: &ClassifyRequest) -> Result<Reading<'_>, Refusal> {
    // What is too long is not read at all.
    let markup = markup(request.format)?;
    Document::check_bytes(&request.title, &request.text)?;
    Ok(Reading::new(&request.text, markup))
}

/// Returns the question that `request`, whose text reads as `reading`, asks of one of `models`.
pub(super) fn question<'a>(
    request: &'a ClassifyRequest,
    reading: &'a Reading<'_>,
    models: &'a Models,
) -> Result<Question<'a>, Refusal> {
    let ClassifyRequest { text: _, title, format, model, options } = request;
    let document = Document::of_reading(title, reading)?;
    let ClassifyOptions { evidence_max, passages: wants_passages } = options.unwrap_or_default();
    let evidence_max = check_evidence(evidence_max)?;
    let is_page = wants_passages || markup(*format)? == Markup::Html;
    let passages = if is_page { Some(reading.passages()?) } else { None };
    let model = models.find(model)?;
    Ok(Question { document, passages, wants_passages, evidence_max, model })
}

/// Checks that a batch is neither empty nor too large.
pub(super) fn batch(request: &BatchClassifyRequest) -> Result<(), Refusal> {
    let requests = request.requests.len();
    let is_possible = (1..=BATCH_DOCUMENTS_MAX).contains(&requests);
    if is_possible { Ok(()) } else { Err(Refusal::Batch { requests }) }
}

/// Checks the client's own name for a document.
pub(super) fn id(id: &str) -> Result<(), Refusal> {
    let bytes = id.len();
    if bytes <= STREAM_ID_BYTES_MAX { Ok(()) } else { Err(Refusal::Id { bytes }) }
}

fn markup(format: i32) -> Result<Markup, Refusal> {
    match Format::try_from(format).map_err(|_| Refusal::Format { value: format })? {
        Format::Unspecified | Format::Plain => Ok(Markup::Plain),
        Format::Html => Ok(Markup::Html),
    }
}

fn check_evidence(evidence_max: u32) -> Result<usize, Refusal> {
    if EVIDENCE_MAX < evidence_max {
        return Err(Refusal::Evidence { evidence_max });
    }
    Ok(evidence_max as usize)
}
