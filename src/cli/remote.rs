//! A server's answers in place of a model's.

use anyhow::Context as _;
use newsdesk::{
    model::ThresholdOverrides,
    proto::{
        AbstentionReason, ClassifyOptions, ClassifyRequest, ClassifyResponse, Evidence, Format,
        classifier_service_client::ClassifierServiceClient, decision::Outcome, span::Field,
    },
};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;
use tonic::transport::Channel;

/// A connection to a server, for callers that wait.
pub(super) struct Remote {
    runtime: Runtime,
    client: ClassifierServiceClient<Channel>,
}

impl Remote {
    pub(super) fn connect(url: &str) -> anyhow::Result<Remote> {
        let runtime = Runtime::new().context("cannot start a runtime")?;
        let client =
            runtime.block_on(ClassifierServiceClient::connect(url.to_owned())).with_context(
                || format!("cannot reach a server at {url}; is `newsdesk serve` running?"),
            )?;
        Ok(Remote { runtime, client })
    }

    pub(super) fn classify(
        &self,
        title: &str,
        text: &str,
        evidence_max: u32,
        overrides: ThresholdOverrides,
    ) -> anyhow::Result<ClassifyResponse> {
        let ThresholdOverrides { max_error, margin_min, known_share_min, words_min } = overrides;
        let request = ClassifyRequest {
            text: text.to_owned(),
            title: title.to_owned(),
            format: Format::Plain.into(),
            model: String::new(),
            options: Some(ClassifyOptions {
                evidence_max,
                max_error,
                margin_min,
                known_share_min,
                words_min,
            }),
        };
        let answer = self.runtime.block_on(self.client.clone().classify(request));
        match answer {
            Ok(response) => Ok(response.into_inner()),
            Err(status) => anyhow::bail!("{:?}: {}", status.code(), status.message()),
        }
    }
}

/// Returns a response as JSON, as a model's own answer is written.
pub(super) fn response_json(response: &ClassifyResponse) -> Map<String, Value> {
    let outcome = response.decision.as_ref().and_then(|decision| decision.outcome.as_ref());
    let (label, abstained) = match outcome {
        Some(Outcome::Label(label)) => (json!(label), Value::Null),
        Some(Outcome::Abstention(abstention)) => {
            let name = abstention.reason().as_str_name();
            (Value::Null, json!(name.strip_prefix("ABSTENTION_REASON_").unwrap_or(name)))
        }
        None => (Value::Null, json!(AbstentionReason::Unspecified.as_str_name())),
    };
    let labels = response.labels.iter();
    let probabilities: Map<String, Value> =
        labels.clone().map(|label| (label.label.clone(), json!(label.probability))).collect();
    let scores: Map<String, Value> =
        labels.map(|label| (label.label.clone(), json!(label.score))).collect();
    let model = response.model.clone().unwrap_or_default();
    let mut object = Map::new();
    object.insert("id".into(), Value::Null);
    object.insert("label".into(), label);
    object.insert("abstained".into(), abstained);
    object.insert("probabilities".into(), Value::Object(probabilities));
    object.insert("scores".into(), Value::Object(scores));
    object.insert("evidence".into(), response.evidence.iter().map(evidence_json).collect());
    object.insert(
        "model".into(),
        json!({"name": model.name, "version": model.version, "digest": model.digest}),
    );
    object
}

fn evidence_json(evidence: &Evidence) -> Value {
    let spans = evidence.spans.iter().map(|span| {
        let field = if span.field() == Field::Title { "title" } else { "text" };
        json!({"field": field, "start": span.start_byte, "end": span.end_byte})
    });
    json!({
        "feature": evidence.feature,
        "log_odds": evidence.log_odds,
        "for": evidence.for_label,
        "against": evidence.against_label,
        "spans": spans.collect::<Vec<_>>(),
    })
}
