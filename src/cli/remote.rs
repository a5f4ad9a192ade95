//! A server's answers in place of a model's.

use std::{borrow::Cow, error::Error as _};

use anyhow::Context as _;
use newsdesk::{
    model::ThresholdOverrides,
    proto::{
        ClassifyOptions, ClassifyRequest, ClassifyResponse, Decision, Evidence, Format, LabelScore,
        Passage, Section, Span, classifier_service_client::ClassifierServiceClient,
        decision::Outcome, span::Field,
    },
    text::Markup,
};
use serde_json::Value;
use tokio::runtime::Runtime;
use tonic::{
    Request,
    metadata::AsciiMetadataValue,
    transport::{Channel, Endpoint},
};

use super::{
    answer::{AnswerJson, Column, EvidenceJson, ModelJson, PassageJson, SectionJson, SpanJson},
    classify::Question,
};

/// A connection to a server, for callers that wait.
pub(super) struct Remote {
    runtime: Runtime,
    client: ClassifierServiceClient<Channel>,
    authorization: Option<AsciiMetadataValue>,
    /// What to try if the two do not understand one another.
    remedy: &'static str,
}

impl Remote {
    pub(super) fn connect(
        endpoint: &Endpoint,
        authorization: Option<AsciiMetadataValue>,
    ) -> anyhow::Result<Remote> {
        let runtime = Runtime::new().context("cannot start a runtime")?;
        let remedy = remedy(endpoint);
        let channel = runtime.block_on(endpoint.connect()).with_context(|| {
            format!(
                "cannot reach a server at {}; is `newsdesk serve` running there? {remedy}",
                endpoint.uri()
            )
        })?;
        Ok(Remote { runtime, client: ClassifierServiceClient::new(channel), authorization, remedy })
    }

    pub(super) fn classify(
        &self,
        question: &Question<'_>,
        overrides: ThresholdOverrides,
    ) -> anyhow::Result<AnswerJson<'static>> {
        let ThresholdOverrides { max_error, margin_min, known_share_min, words_min } = overrides;
        let Question { title, text, markup, passages, evidence_max } = *question;
        let format = match markup {
            Markup::Plain => Format::Plain,
            Markup::Html => Format::Html,
        };
        let mut request = Request::new(ClassifyRequest {
            text: text.to_owned(),
            title: title.to_owned(),
            format: format.into(),
            model: String::new(),
            options: Some(ClassifyOptions {
                evidence_max,
                max_error,
                margin_min,
                known_share_min,
                words_min,
                passages,
            }),
        });
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        let answer = self.runtime.block_on(self.client.clone().classify(request));
        match answer {
            Ok(response) => Ok(json(response.into_inner(), passages)),
            // What the server says has no cause here.
            Err(status) if status.source().is_some() => {
                anyhow::bail!("the connection broke ({}); {}", status.message(), self.remedy)
            }
            Err(status) => anyhow::bail!("{:?}: {}", status.code(), status.message()),
        }
    }
}

/// Returns what to try if a client and a server do not understand one another, which is mostly since one speaks TLS
/// and the other does not.
fn remedy(endpoint: &Endpoint) -> &'static str {
    if endpoint.uri().scheme_str() == Some("https") {
        "if the server speaks no TLS, write http://, without --ca and --client-cert"
    } else {
        "if the server speaks TLS, write https:// and --ca FILE"
    }
}

/// Returns a response as JSON, as a model's own answer is written.
fn json(response: ClassifyResponse, with_passages: bool) -> AnswerJson<'static> {
    let (label, abstained) = decision(response.decision);
    let model = response.model.unwrap_or_default();
    let passages = || response.passages.into_iter().map(passage).collect();
    let sections = || response.sections.into_iter().map(section).collect();
    AnswerJson {
        id: Value::Null,
        label,
        abstained,
        probabilities: column(&response.labels, |label| label.probability),
        scores: column(&response.labels, |label| label.score),
        evidence: response.evidence.into_iter().map(evidence).collect(),
        passages: with_passages.then(passages),
        sections: with_passages.then(sections),
        model: ModelJson {
            name: model.name.into(),
            version: model.version.into(),
            digest: model.digest.into(),
        },
    }
}

fn column(labels: &[LabelScore], value: impl Fn(&LabelScore) -> f64) -> Column<'static> {
    Column(labels.iter().map(|label| (label.label.clone().into(), value(label))).collect())
}

fn decision(decision: Option<Decision>) -> (Option<Cow<'static, str>>, Option<Cow<'static, str>>) {
    match decision.and_then(|decision| decision.outcome) {
        Some(Outcome::Label(label)) => (Some(label.into()), None),
        Some(Outcome::Abstention(abstention)) => {
            let name = abstention.reason().as_str_name();
            (None, Some(name.strip_prefix("ABSTENTION_REASON_").unwrap_or(name).into()))
        }
        None => (None, Some("UNSPECIFIED".into())),
    }
}

fn passage(passage: Passage) -> PassageJson<'static> {
    let (label, abstained) = decision(passage.decision);
    let likeliest = || passage.labels.iter().map(|label| label.probability).fold(0.0, f64::max);
    let probability = match (&label, abstained.as_deref()) {
        (Some(name), _) => {
            passage.labels.iter().find(|label| label.label == *name).map(|label| label.probability)
        }
        (None, Some("FURNITURE")) => Some(passage.furniture_probability),
        (None, _) => None,
    };
    PassageJson {
        start: passage.start_byte,
        end: passage.end_byte,
        label,
        abstained,
        probability: probability.unwrap_or_else(likeliest),
        section: passage.section as usize,
        evidence: passage.evidence.into_iter().map(evidence).collect(),
    }
}

fn section(section: Section) -> SectionJson<'static> {
    let (label, abstained) = decision(section.decision);
    SectionJson { label, abstained, passages: section.passages as usize, main: section.main }
}

fn evidence(evidence: Evidence) -> EvidenceJson<'static> {
    let Evidence { feature, log_odds, for_label, against_label, spans } = evidence;
    let spans = spans.iter().map(span).collect();
    EvidenceJson {
        feature: feature.into(),
        log_odds,
        for_label: for_label.into(),
        against_label: against_label.into(),
        spans,
    }
}

fn span(span: &Span) -> SpanJson {
    let field = if span.field() == Field::Title { "title" } else { "text" };
    SpanJson { field, start: span.start_byte, end: span.end_byte }
}
