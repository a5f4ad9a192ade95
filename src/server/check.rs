//! Messages as questions that can be answered.
//!
//! What passes here is not checked again.

use super::{
    limits::{EVIDENCE_MAX, Limits, STREAM_ID_BYTES_MAX},
    refusal::Refusal,
    registry::{Models, Served},
};
use crate::{
    proto::{BatchClassifyRequest, ClassifyOptions, ClassifyRequest, Format},
    text::Document,
};

/// A request that can be answered.
pub(super) struct Question<'a> {
    pub(super) document: Document<'a>,
    pub(super) evidence_max: usize,
    pub(super) model: &'a Served,
}

/// Returns the question that `request` asks of one of `models`.
pub(super) fn question<'a>(
    request: &'a ClassifyRequest,
    models: &'a Models,
    limits: &Limits,
) -> Result<Question<'a>, Refusal> {
    let ClassifyRequest { text, title, format, model, options } = request;
    check_format(*format)?;
    check_bytes(title.len().saturating_add(text.len()), limits)?;
    let document = Document::with_title(title, text)?;
    let evidence_max = check_options(options.as_ref())?;
    Ok(Question { document, evidence_max, model: models.find(model)? })
}

/// Checks that a batch is neither empty nor too large.
pub(super) fn batch(request: &BatchClassifyRequest, limits: &Limits) -> Result<(), Refusal> {
    let requests = request.requests.len();
    let requests_max = limits.batch_documents_max;
    let is_possible = (1..=requests_max).contains(&requests);
    if is_possible { Ok(()) } else { Err(Refusal::Batch { requests, requests_max }) }
}

/// Checks the client's own name for a document.
pub(super) fn id(id: &str) -> Result<(), Refusal> {
    let bytes = id.len();
    if bytes <= STREAM_ID_BYTES_MAX { Ok(()) } else { Err(Refusal::Id { bytes }) }
}

fn check_bytes(bytes: usize, limits: &Limits) -> Result<(), Refusal> {
    let bytes_max = limits.document_bytes_max;
    if bytes <= bytes_max { Ok(()) } else { Err(Refusal::DocumentBytes { bytes, bytes_max }) }
}

fn check_format(value: i32) -> Result<(), Refusal> {
    match Format::try_from(value).map_err(|_| Refusal::Format { value })? {
        Format::Unspecified | Format::Plain => Ok(()),
    }
}

fn check_options(options: Option<&ClassifyOptions>) -> Result<usize, Refusal> {
    let Some(&ClassifyOptions { evidence_max }) = options else { return Ok(0) };
    if EVIDENCE_MAX < evidence_max {
        return Err(Refusal::Evidence { evidence_max });
    }
    Ok(evidence_max as usize)
}
