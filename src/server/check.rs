//! Messages as questions that can be answered.
//!
//! What passes here is not checked again.

use super::{
    limits::{EVIDENCE_MAX, Limits, STREAM_ID_BYTES_MAX},
    refusal::Refusal,
};
use crate::{
    model::{Model, PageAnswer, ThresholdOverrides},
    proto::{BatchClassifyRequest, ClassifyOptions, ClassifyRequest, Format},
    text::{Document, Markup, Passage, Reading},
};

/// A request that can be answered.
pub(super) struct Question<'a> {
    document: Document<'a>,
    /// The passages of the document, if it is to be read as a page.
    passages: Option<Vec<Passage>>,
    /// Whether each passage is to be answered.
    pub(super) wants_passages: bool,
    evidence_max: usize,
    overrides: ThresholdOverrides,
}

impl Question<'_> {
    /// Returns what `model` says, of a page also what it says of each passage.
    pub(super) fn answer(&self, model: &Model) -> Result<PageAnswer, Refusal> {
        let Question { document, passages, wants_passages: _, evidence_max, overrides } = self;
        let thresholds = model.thresholds_with(overrides)?;
        Ok(match passages {
            Some(passages) => {
                model.classify_page_by(&thresholds, document, passages, *evidence_max)
            }
            None => {
                let answer = model.classify_by(&thresholds, document, *evidence_max);
                PageAnswer { answer, passages: Vec::new(), sections: Vec::new() }
            }
        })
    }

    /// Returns the question without that for evidence, which takes time.
    pub(super) fn without_evidence(self) -> Self {
        Question { evidence_max: 0, ..self }
    }
}

/// Returns what a reader sees of the text of `request`.
pub(super) fn reading<'a>(
    request: &'a ClassifyRequest,
    limits: &Limits,
) -> Result<Reading<'a>, Refusal> {
    // What is too long is not read at all.
    let markup = markup(request.format)?;
    check_bytes(request.title.len().saturating_add(request.text.len()), limits)?;
    Document::check_bytes(&request.title, &request.text)?;
    Ok(Reading::new(&request.text, markup))
}

/// Returns the question of `request`, whose text reads as `reading`.
pub(super) fn question<'a>(
    request: &'a ClassifyRequest,
    reading: &'a Reading<'_>,
) -> Result<Question<'a>, Refusal> {
    let ClassifyRequest { text: _, title, format, model: _, options } = request;
    let document = Document::of_reading(title, reading)?;
    let options = options.unwrap_or_default();
    let evidence_max = check_evidence(options.evidence_max)?;
    let passages =
        if is_page(request, markup(*format)?) { Some(reading.passages()?) } else { None };
    let (wants_passages, overrides) = (options.passages, overrides(&options));
    Ok(Question { document, passages, wants_passages, evidence_max, overrides })
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

/// Tells whether a document is read as a page. HTML always is: much of it is furniture.
fn is_page(request: &ClassifyRequest, markup: Markup) -> bool {
    markup == Markup::Html || request.options.is_some_and(|options| options.passages)
}

pub(super) fn markup(format: i32) -> Result<Markup, Refusal> {
    match Format::try_from(format).map_err(|_| Refusal::Format { value: format })? {
        Format::Unspecified | Format::Plain => Ok(Markup::Plain),
        Format::Html => Ok(Markup::Html),
    }
}

fn overrides(options: &ClassifyOptions) -> ThresholdOverrides {
    let ClassifyOptions {
        evidence_max: _,
        max_error,
        margin_min,
        known_share_min,
        words_min,
        passages: _,
    } = *options;
    ThresholdOverrides { max_error, margin_min, known_share_min, words_min }
}

fn check_evidence(evidence_max: u32) -> Result<usize, Refusal> {
    if EVIDENCE_MAX < evidence_max {
        return Err(Refusal::Evidence { evidence_max });
    }
    Ok(evidence_max as usize)
}
