//! An answer as JSON, whoever gave it.

use newsdesk::{
    label::LabelId,
    model::{Answer, Decision, Evidence, Model, PageAnswer},
    text::{Field, Reading, Span},
};
use serde::Serialize;
use serde_json::{Map, Value};

/// The answer to a document.
#[derive(Clone, Debug, Serialize)]
pub(super) struct AnswerJson {
    pub(super) id: Value,
    pub(super) label: Option<String>,
    pub(super) abstained: Option<String>,
    pub(super) probabilities: Map<String, Value>,
    pub(super) scores: Map<String, Value>,
    pub(super) evidence: Vec<EvidenceJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) passages: Option<Vec<PassageJson>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sections: Option<Vec<SectionJson>>,
    pub(super) model: ModelJson,
}

/// One feature's share.
#[derive(Clone, Debug, Serialize)]
pub(super) struct EvidenceJson {
    pub(super) feature: String,
    pub(super) log_odds: f64,
    #[serde(rename = "for")]
    pub(super) for_label: String,
    #[serde(rename = "against")]
    pub(super) against_label: String,
    pub(super) spans: Vec<SpanJson>,
}

/// A run of bytes of a field.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct SpanJson {
    pub(super) field: &'static str,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// A passage: its bytes, and its label or why it has none.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PassageJson {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) label: Option<String>,
    pub(super) abstained: Option<String>,
    /// The probability of what was decided.
    pub(super) probability: f64,
    pub(super) section: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) evidence: Vec<EvidenceJson>,
}

/// A section: what its passages are, how many they are, and whether it is what the page is about.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SectionJson {
    pub(super) label: Option<String>,
    pub(super) abstained: Option<String>,
    pub(super) passages: usize,
    pub(super) main: bool,
}

/// The model that gave an answer.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ModelJson {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) digest: String,
}

impl ModelJson {
    pub(super) fn of(model: &Model) -> ModelJson {
        let reference = &model.reference;
        ModelJson {
            name: reference.name.clone(),
            version: reference.version.clone(),
            digest: reference.digest.clone(),
        }
    }
}

impl AnswerJson {
    /// Returns what `model` says of a document without regard to its passages.
    pub(super) fn of_document(model: &Model, answer: &Answer, reading: &Reading<'_>) -> AnswerJson {
        let (label, abstained) = decision(model, answer.decision);
        let column = |values: &[f64]| -> Map<String, Value> {
            let names = model.labels.names().iter().cloned();
            names.zip(values.iter().map(|&value| value.into())).collect()
        };
        AnswerJson {
            id: Value::Null,
            label,
            abstained,
            probabilities: column(&answer.probabilities),
            scores: column(&answer.scores),
            evidence: evidence(model, answer.best, &answer.evidence, reading),
            passages: None,
            sections: None,
            model: ModelJson::of(model),
        }
    }

    /// Returns the answer without what it says of passages.
    pub(super) fn without_passages(self) -> AnswerJson {
        AnswerJson { passages: None, sections: None, ..self }
    }

    /// Returns what `model` says of a page.
    pub(super) fn of_page(model: &Model, page: &PageAnswer, reading: &Reading<'_>) -> AnswerJson {
        let passages = page.passages.iter().map(|passage| {
            let (label, abstained) = decision(model, passage.decision);
            let Span { start, end } = reading.source_span(passage.span);
            PassageJson {
                start,
                end,
                label,
                abstained,
                probability: passage.probability(model.labels.neither()),
                section: passage.section,
                evidence: evidence(model, passage.best, &passage.evidence, reading),
            }
        });
        let sections = page.sections.iter().map(|section| {
            let (label, abstained) = decision(model, section.decision);
            SectionJson { label, abstained, passages: section.passages, main: section.is_main }
        });
        AnswerJson {
            passages: Some(passages.collect()),
            sections: Some(sections.collect()),
            ..AnswerJson::of_document(model, &page.answer, reading)
        }
    }
}

fn decision(model: &Model, decision: Decision) -> (Option<String>, Option<String>) {
    match decision {
        Decision::Label(label) => (Some(model.labels.name(label).to_owned()), None),
        Decision::Abstain(reason) => (None, Some(reason.name().to_owned())),
    }
}

fn evidence(
    model: &Model,
    [best, second]: [LabelId; 2],
    found: &[Evidence],
    reading: &Reading<'_>,
) -> Vec<EvidenceJson> {
    found
        .iter()
        .map(|evidence| EvidenceJson {
            feature: model.vocabulary.name(evidence.feature).to_owned(),
            log_odds: evidence.log_odds,
            for_label: model.labels.name(best).to_owned(),
            against_label: model.labels.name(second).to_owned(),
            spans: evidence
                .places
                .iter()
                .map(|place| span(place.field, place.span, reading))
                .collect(),
        })
        .collect()
}

fn span(field: Field, span: Span, reading: &Reading<'_>) -> SpanJson {
    match field {
        Field::Title => SpanJson { field: "title", start: span.start, end: span.end },
        Field::Text => {
            let Span { start, end } = reading.source_span(span);
            SpanJson { field: "text", start, end }
        }
    }
}
