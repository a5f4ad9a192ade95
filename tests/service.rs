//! The service answers what the contract promises, through a real connection.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{collections::BTreeMap, sync::Arc};

use common::{
    GEOPOLITICS, PROMOTIONAL, TestServer, decided, document, named_model, tiny_model,
    with_evidence, with_options,
};
use newsdesk::{
    model::Model,
    proto::{
        ClassifyOptions, ClassifyRequest, ClassifyResponse, Format, GetModelRequest,
        ListModelsRequest, ModelThresholds, span,
    },
    text::Document,
};

async fn classify(request: ClassifyRequest) -> ClassifyResponse {
    let server = TestServer::start().await;
    let response = server.classifier().await.classify(request).await.unwrap().into_inner();
    server.stop().await;
    response
}

#[tokio::test]
async fn labels_a_document_and_says_how_sure_it_is_and_which_model_spoke() {
    let response = classify(document(GEOPOLITICS)).await;
    assert_eq!(decided(&response), "geopolitics");
    let expected = tiny_model().classify(&Document::new(GEOPOLITICS).unwrap(), 0);
    let labels: Vec<&str> = response.labels.iter().map(|label| label.label.as_str()).collect();
    assert_eq!(labels, ["geopolitics", "other", "promotional"]);
    for (index, label) in response.labels.iter().enumerate() {
        assert_eq!(label.probability.to_bits(), expected.probabilities[index].to_bits());
        assert_eq!(label.score.to_bits(), expected.scores[index].to_bits());
    }
    let model = response.model.unwrap();
    assert_eq!((model.name, model.version, model.digest.len()), ("tiny".into(), "1".into(), 64));
    assert!(response.evidence.is_empty());
}

#[tokio::test]
async fn the_title_counts() {
    let text = "It will be held in March";
    assert_eq!(decided(&classify(document(text)).await), "ABSTENTION_REASON_FEW_KNOWN_WORDS");
    let title = "Discount tickets for the trade fair".into();
    let format = Format::Plain.into();
    let response = classify(ClassifyRequest { title, format, ..document(text) }).await;
    assert_eq!(decided(&response), "promotional");
}

#[tokio::test]
async fn a_long_document_is_labelled_like_a_short_one() {
    let text = PROMOTIONAL.repeat(10_000);
    let expected = tiny_model().classify(&Document::new(&text).unwrap(), 0).scores;
    let response = classify(document(text)).await;
    let scores: Vec<f64> = response.labels.iter().map(|label| label.score).collect();
    assert_eq!(scores, expected);
}

#[tokio::test]
async fn a_request_can_say_when_the_model_abstains() {
    let server = TestServer::start().await;
    let mut client = server.classifier().await;
    let sure = ClassifyOptions { max_error: Some(0.01), ..Default::default() };
    let any = ClassifyOptions { margin_min: Some(0.0), ..Default::default() };
    let short = ClassifyOptions { words_min: Some(1), ..Default::default() };
    let known = ClassifyOptions { known_share_min: Some(0.5), ..Default::default() };
    for (text, options, expected) in [
        ("The ambassador and the fair: a treaty", sure, "ABSTENTION_REASON_LOW_MARGIN"),
        ("The ambassador and the fair: a treaty", any, "geopolitics"),
        ("The weather spoils the football recipe, no fair", sure, "ABSTENTION_REASON_LOW_MARGIN"),
        ("Sanctions", short, "geopolitics"),
        (GEOPOLITICS, known, "ABSTENTION_REASON_FEW_KNOWN_WORDS"),
    ] {
        let response = client.classify(with_options(text, options)).await.unwrap().into_inner();
        assert_eq!(decided(&response), expected, "text={text:?} {options:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn abstains_with_a_reason_where_there_is_no_label() {
    let server = TestServer::start().await;
    let mut client = server.classifier().await;
    for (text, reason) in [
        ("The weather spoils the football recipe", "NEITHER"),
        ("Санкции против Ирана обсуждают в Женеве", "FEW_KNOWN_WORDS"),
        ("制裁についての会談", "FEW_KNOWN_WORDS"),
        ("42", "TOO_SHORT"),
        ("1,700 + 3.5% = 12", "TOO_SHORT"),
        ("!?", "TOO_SHORT"),
        ("Sanctions", "TOO_SHORT"),
        ("Sanctions on tickets", "LOW_MARGIN"),
    ] {
        let response = client.classify(document(text)).await.unwrap().into_inner();
        assert_eq!(decided(&response), format!("ABSTENTION_REASON_{reason}"), "text={text:?}");
        let sum: f64 = response.labels.iter().map(|label| label.probability).sum();
        assert!((sum - 1.0).abs() < 1e-9, "text={text:?} sum={sum}");
    }
    server.stop().await;
}

#[tokio::test]
async fn evidence_names_the_words_where_they_stand() {
    let title = "Sanctions: “no tickets”";
    let text = "É: the treaty, the Trade  fair and the sanctions.";
    let response = classify(ClassifyRequest { title: title.into(), ..with_evidence(text, 1000) });
    let mut found = BTreeMap::new();
    for evidence in response.await.evidence {
        let words = evidence.spans.iter().map(|span| {
            let field = match span.field() {
                span::Field::Title => title,
                span::Field::Text => text,
                span::Field::Unspecified => panic!("a span has a field"),
            };
            &field[span.start_byte as usize..span.end_byte as usize]
        });
        found.insert(evidence.feature, words.collect::<Vec<_>>().join("|"));
    }
    let expected = [
        ("fair", "fair"),
        ("sanctions", "Sanctions|sanctions"),
        ("tickets", "tickets"),
        ("trade fair", "Trade  fair"),
        ("treaty", "treaty"),
    ];
    assert_eq!(found, expected.map(|(feature, words)| (feature.into(), words.into())).into());
}

#[tokio::test]
async fn prior_and_evidence_add_up_to_the_difference_of_the_scores() {
    let text = format!("{GEOPOLITICS}. {PROMOTIONAL}. The weather is a treaty");
    let response = classify(with_evidence(&text, 1000)).await;
    let first = response.evidence.first().unwrap();
    let model = tiny_model();
    let difference = |values: &[f64]| {
        let of = |label: &str| values[model.labels.find(label).unwrap().index()];
        of(&first.for_label) - of(&first.against_label)
    };
    let scores: Vec<f64> = response.labels.iter().map(|label| label.score).collect();
    let sum: f64 = response.evidence.iter().map(|evidence| evidence.log_odds).sum();
    let expected = difference(&scores) - difference(model.weights.log_priors());
    assert!((sum - expected).abs() < 1e-9, "sum={sum} expected={expected}");

    let mut probabilities: Vec<f64> =
        response.labels.iter().map(|label| label.probability).collect();
    let best_first = difference(&probabilities);
    probabilities.sort_by(f64::total_cmp);
    assert_eq!(best_first.to_bits(), (probabilities[2] - probabilities[1]).to_bits());
    let strengths = response.evidence.iter().map(|evidence| evidence.log_odds.abs());
    assert!(strengths.is_sorted_by(|stronger, weaker| stronger >= weaker));
}

#[tokio::test]
async fn no_more_evidence_is_given_than_asked_for() {
    let all = classify(with_evidence(GEOPOLITICS, 1000)).await.evidence;
    let two = classify(with_evidence(GEOPOLITICS, 2)).await.evidence;
    assert_eq!(all.len(), 3);
    assert_eq!(two, all[..2]);
}

#[tokio::test]
async fn lists_the_models_with_the_default_model_first() {
    let server = TestServer::start().await;
    server.registry.insert(named_model("alpha", "7"));
    let listed = server.models().await.list_models(ListModelsRequest {}).await.unwrap();
    let models = listed.into_inner().models;
    let names: Vec<String> =
        models.into_iter().map(|model| model.reference.unwrap().name).collect();
    assert_eq!(names, ["tiny", "alpha"]);
    server.stop().await;
}

#[tokio::test]
async fn describes_a_model_in_every_field() {
    let server = TestServer::start().await;
    let mut client = server.models().await;
    let by_default = client.get_model(GetModelRequest { name: String::new() }).await.unwrap();
    let by_name = client.get_model(GetModelRequest { name: "tiny".into() }).await.unwrap();
    let model = by_name.into_inner().model.unwrap();
    assert_eq!(by_default.into_inner().model.unwrap(), model);

    assert_eq!(model.reference.unwrap().digest, "d1".repeat(32));
    let labels = model.labels.iter().map(|label| (label.label.as_str(), label.neither));
    let expected = [("geopolitics", false), ("other", true), ("promotional", false)];
    assert_eq!(labels.collect::<Vec<_>>(), expected);
    assert_eq!(model.labels.iter().map(|label| label.documents).collect::<Vec<_>>(), [42, 20, 38]);
    assert!((model.labels[0].prior - 0.42).abs() < 1e-12);
    let settings = model.settings.unwrap().values;
    for (name, value) in [
        ("estimator", "multinomial"),
        ("features.ngram", "2"),
        ("features.shapes", "true"),
        ("prior", "empirical"),
        ("selection.features_max", "100"),
        ("smoothing", "0.5"),
        ("values.norm", "length"),
    ] {
        assert_eq!(settings.get(name).map(String::as_str), Some(value), "name={name}");
    }
    assert_eq!((model.features, model.size_bytes), (12, 1234));
    let corpus = model.corpus.unwrap();
    assert_eq!((corpus.documents, corpus.sources), (100, 7));
    assert_eq!(corpus.digest, "c0".repeat(32));
    let figures = model.figures.unwrap();
    assert_eq!((figures.method.as_str(), figures.documents), ("5 folds", 100));
    let measured = [figures.accuracy, figures.macro_f1, figures.log_loss];
    assert_eq!(measured.map(f64::to_bits), [0.9, 0.8, 0.3].map(f64::to_bits));
    assert_eq!(figures.expected_calibration_error.to_bits(), 0.02f64.to_bits());
    let bins = figures.reliability.iter().map(|bin| (bin.documents, bin.probability, bin.accuracy));
    assert_eq!(bins.collect::<Vec<_>>(), [(100, 0.875, 0.9)]);
    let risk = figures.risk.iter().map(|point| (point.margin, point.coverage, point.error));
    assert_eq!(risk.collect::<Vec<_>>(), [(0.9, 0.5, 0.01), (0.0, 1.0, 0.1)]);
    let ModelThresholds { words_min, known_share_min, margin_min } = model.thresholds.unwrap();
    assert_eq!((words_min, known_share_min, margin_min), (2, 0.2, 0.1));
    server.stop().await;
}

#[tokio::test]
async fn a_request_is_answered_by_the_model_that_it_names() {
    let server = TestServer::start().await;
    server.registry.insert(named_model("alpha", "7"));
    let mut client = server.classifier().await;
    for (asked, name) in [("", "tiny"), ("tiny", "tiny"), ("alpha", "alpha")] {
        let request = ClassifyRequest { model: asked.into(), ..document(GEOPOLITICS) };
        let response = client.classify(request).await.unwrap().into_inner();
        assert_eq!(response.model.unwrap().name, name, "asked={asked:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_model_that_is_replaced_answers_no_more() {
    let server = TestServer::start().await;
    let mut client = server.classifier().await;
    let mut version = async || {
        let response = client.classify(document(GEOPOLITICS)).await.unwrap().into_inner();
        response.model.unwrap().version
    };
    assert_eq!(version().await, "1");
    let replaced: Option<Arc<Model>> = server.registry.insert(named_model("tiny", "2"));
    assert_eq!(replaced.unwrap().reference.version, "1");
    assert_eq!(version().await, "2");
    assert!(server.registry.remove("tiny").is_some());
    assert!(server.registry.remove("tiny").is_none());
    server.registry.insert(named_model("alpha", "3"));
    assert_eq!(version().await, "3");
    server.stop().await;
}
