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
    model::{Model, ThresholdOverrides, Thresholds},
    proto::{BatchClassifyRequest, ClassifyOptions, ClassifyRequest, Format},
    text::Document,
};

/// A request that can be answered.
pub(super) struct Question<'a> {
    pub(super) document: Document<'a>,
    pub(super) evidence_max: usize,
    pub(super) thresholds: Thresholds,
    pub(super) model: &'a Arc<Model>,
}

/// Returns the question that `request` asks of one of `models`.
pub(super) fn question<'a>(
    request: &'a ClassifyRequest,
    models: &'a Models,
) -> Result<Question<'a>, Refusal> {
    let ClassifyRequest { text, title, format, model, options } = request;
    check_format(*format)?;
    let document = Document::with_title(title, text)?;
    let (evidence_max, overrides) = check_options(options.as_ref())?;
    let model = models.find(model)?;
    Ok(Question { document, evidence_max, thresholds: model.thresholds_with(&overrides)?, model })
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

fn check_format(value: i32) -> Result<(), Refusal> {
    match Format::try_from(value).map_err(|_| Refusal::Format { value })? {
        Format::Unspecified | Format::Plain => Ok(()),
    }
}

fn check_options(
    options: Option<&ClassifyOptions>,
) -> Result<(usize, ThresholdOverrides), Refusal> {
    let Some(&options) = options else { return Ok((0, ThresholdOverrides::default())) };
    let ClassifyOptions { evidence_max, max_error, margin_min, known_share_min, words_min } =
        options;
    if EVIDENCE_MAX < evidence_max {
        return Err(Refusal::Evidence { evidence_max });
    }
    let overrides = ThresholdOverrides { max_error, margin_min, known_share_min, words_min };
    Ok((evidence_max as usize, overrides))
}
