//! An answer as JSON, whoever gave it.

use std::borrow::Cow;

use newsdesk::{
    label::LabelId,
    model::{Answer, Decision, Evidence, Model, PageAnswer},
    text::{Field, Reading, Span},
};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// The answer to a document. Its words are the model's own where that is at hand.
#[derive(Clone, Debug, Serialize)]
pub(super) struct AnswerJson<'a> {
    pub(super) id: Value,
    pub(super) label: Option<Cow<'a, str>>,
    pub(super) abstained: Option<Cow<'a, str>>,
    pub(super) probabilities: Column<'a>,
    pub(super) scores: Column<'a>,
    pub(super) evidence: Vec<EvidenceJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) passages: Option<Vec<PassageJson<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sections: Option<Vec<SectionJson<'a>>>,
    pub(super) model: ModelJson<'a>,
}

/// A number for each label, in the order of their names.
#[derive(Clone, Debug)]
pub(super) struct Column<'a>(pub(super) Vec<(Cow<'a, str>, f64)>);

impl Column<'_> {
    /// Returns the names of the labels.
    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(label, _)| label.as_ref())
    }
}

impl Serialize for Column<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(label, value)| (label, value)))
    }
}

/// One feature's share.
#[derive(Clone, Debug, Serialize)]
pub(super) struct EvidenceJson<'a> {
    pub(super) feature: Cow<'a, str>,
    pub(super) log_odds: f64,
    #[serde(rename = "for")]
    pub(super) for_label: Cow<'a, str>,
    #[serde(rename = "against")]
    pub(super) against_label: Cow<'a, str>,
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
pub(super) struct PassageJson<'a> {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) label: Option<Cow<'a, str>>,
    pub(super) abstained: Option<Cow<'a, str>>,
    /// The probability of what was decided.
    pub(super) probability: f64,
    pub(super) section: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) evidence: Vec<EvidenceJson<'a>>,
}

/// A section: what its passages are, how many they are, and whether it is what the page is about.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SectionJson<'a> {
    pub(super) label: Option<Cow<'a, str>>,
    pub(super) abstained: Option<Cow<'a, str>>,
    pub(super) passages: usize,
    pub(super) main: bool,
}

/// The model that gave an answer.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ModelJson<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) version: Cow<'a, str>,
    pub(super) digest: Cow<'a, str>,
}

impl<'a> ModelJson<'a> {
    pub(super) fn of(model: &'a Model) -> ModelJson<'a> {
        let reference = &model.reference;
        ModelJson {
            name: reference.name.as_str().into(),
            version: reference.version.as_str().into(),
            digest: reference.digest.as_str().into(),
        }
    }
}

impl<'a> AnswerJson<'a> {
    /// Returns what `model` says of a document without regard to its passages.
    pub(super) fn of_document(
        model: &'a Model,
        answer: &Answer,
        reading: &Reading<'_>,
    ) -> AnswerJson<'a> {
        let (label, abstained) = decision(model, answer.decision);
        let column = |values: &[f64]| {
            let names = model.labels.names().iter().map(|name| name.as_str().into());
            Column(names.zip(values.iter().copied()).collect())
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
    pub(super) fn without_passages(self) -> AnswerJson<'a> {
        AnswerJson { passages: None, sections: None, ..self }
    }

    /// Returns what `model` says of a page.
    pub(super) fn of_page(
        model: &'a Model,
        page: &PageAnswer,
        reading: &Reading<'_>,
    ) -> AnswerJson<'a> {
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

fn decision(model: &Model, decision: Decision) -> (Option<Cow<'_, str>>, Option<Cow<'_, str>>) {
    match decision {
        Decision::Label(label) => (Some(model.labels.name(label).into()), None),
        Decision::Abstain(reason) => (None, Some(reason.name().into())),
    }
}

fn evidence<'a>(
    model: &'a Model,
    [best, second]: [LabelId; 2],
    found: &[Evidence],
    reading: &Reading<'_>,
) -> Vec<EvidenceJson<'a>> {
    found
        .iter()
        .map(|evidence| EvidenceJson {
            feature: model.vocabulary.name(evidence.feature).into(),
            log_odds: evidence.log_odds,
            for_label: model.labels.name(best).into(),
            against_label: model.labels.name(second).into(),
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
