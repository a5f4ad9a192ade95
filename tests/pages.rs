//! Pages: passages over gRPC and on the command line, HTML, and our own pages with labelled passages.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{fs, path::Path, process::Command};

use common::{TestServer, document};
use newsdesk::{
    default_model,
    model::{AbstentionReason, Decision},
    proto::{ClassifyOptions, ClassifyRequest, Format, decision::Outcome},
    text::{Document, Markup, PASSAGES_MAX, Reading},
};
use proptest::prelude::*;
use serde_json::Value;
use tonic::Code;

const PAGE: &str = "The ambassador said that sanctions follow if the ceasefire ends.\n\nThe treaty and \
                    the ceasefire hold, said the ambassador.\n\nRegister now\n\nDiscount tickets for the \
                    trade fair: register for the fair!";

fn page(text: &str, format: Format) -> ClassifyRequest {
    let options = ClassifyOptions { passages: true, evidence_max: 3, ..ClassifyOptions::default() };
    ClassifyRequest { format: format.into(), options: Some(options), ..document(text) }
}

#[tokio::test]
async fn passages_are_answered_in_order_with_their_bytes_and_sections() {
    let server = TestServer::start().await;
    let response =
        server.classifier().await.classify(page(PAGE, Format::Plain)).await.unwrap().into_inner();
    let texts = response.passages.iter().map(|p| &PAGE[p.start_byte as usize..p.end_byte as usize]);
    assert_eq!(texts.collect::<Vec<_>>(), PAGE.split("\n\n").collect::<Vec<_>>());
    let labels: Vec<Option<Outcome>> =
        response.passages.iter().map(|p| p.decision.clone().unwrap().outcome).collect();
    let label = |name: &str| Some(Outcome::Label(name.into()));
    let [geopolitics, promotional] = [label("geopolitics"), label("promotional")];
    assert_eq!(
        labels,
        [geopolitics.clone(), geopolitics.clone(), promotional.clone(), promotional]
    );
    let sections: Vec<u32> = response.passages.iter().map(|passage| passage.section).collect();
    assert_eq!(sections, [0, 0, 1, 1]);
    assert_eq!(response.sections.iter().map(|s| s.main).collect::<Vec<_>>(), [true, false]);
    assert_eq!(response.decision.unwrap().outcome, geopolitics);
    for passage in &response.passages {
        let sum: f64 = passage.labels.iter().map(|label| label.probability).sum();
        assert!((sum + passage.furniture_probability - 1.0).abs() < 1e-9);
    }
    server.stop().await;
}

#[tokio::test]
async fn html_is_read_as_a_page_and_its_spans_are_those_of_the_source() {
    let server = TestServer::start().await;
    let html = "<script>treaty()</script><p>The <b>ambassador</b> &amp; the treaty.</p>";
    let response =
        server.classifier().await.classify(page(html, Format::Html)).await.unwrap().into_inner();
    let spans: Vec<&str> = response
        .passages
        .iter()
        .map(|p| &html[p.start_byte as usize..p.end_byte as usize])
        .collect();
    assert_eq!(spans, ["The <b>ambassador</b> &amp; the treaty."]);
    let word = &response.evidence[0].spans[0];
    let seen = &html[word.start_byte as usize..word.end_byte as usize];
    assert!(["ambassador", "treaty"].contains(&seen), "{seen}");
    server.stop().await;
}

#[tokio::test]
async fn more_passages_than_the_limit_are_refused_by_field_and_markup_alone_is_an_abstention() {
    let server = TestServer::start().await;
    let text = "treaty\n\n".repeat(PASSAGES_MAX + 1);
    let status = server.classifier().await.classify(page(&text, Format::Plain)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let empty = page("<div><img src='a.png'></div>", Format::Html);
    let response = server.classifier().await.classify(empty).await.unwrap().into_inner();
    let Some(Outcome::Abstention(abstention)) = response.decision.unwrap().outcome else {
        panic!("markup alone has a label")
    };
    assert_eq!(abstention.reason().as_str_name(), "ABSTENTION_REASON_NO_TEXT");
    server.stop().await;
}

/// Our own pages, as real sites look: a floor for the built-in model, which was not fitted on them.
#[test]
fn the_built_in_model_reads_our_own_pages() {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pages.jsonl");
    let output = Command::new(env!("CARGO_BIN_EXE_newsdesk"))
        .args(["eval", "--json", "--pages", pages.to_str().unwrap()])
        .output()
        .unwrap();
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(figures["pages"], 25);
    for (name, floor) in [
        ("page_accuracy", 0.9),
        ("passage_accuracy", 0.9),
        ("passage_macro_f1", 0.87),
        ("boundary_f1", 0.96),
    ] {
        let value = figures[name].as_f64().unwrap();
        assert!(floor <= value, "{name}: {value}");
    }
}

#[test]
fn the_command_answers_passages_and_cleans_a_page() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("page.html");
    let html = "<h1>Envoys sign a ceasefire in Geneva</h1><p>The foreign ministers of both countries signed \
                the ceasefire treaty on Monday, and troops withdrew from the border.</p><p>The United Nations \
                Security Council welcomed the agreement; sanctions stay in force.</p>";
    fs::write(&path, html).unwrap();
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_newsdesk")).args(args).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let path = path.to_str().unwrap();
    let answer: Value = serde_json::from_str(&run(&["classify", "--json", path])).unwrap();
    assert_eq!(answer["label"], "geopolitics");
    let passages = answer["passages"].as_array().unwrap();
    assert_eq!(passages.len(), 3);
    for key in ["start", "end", "label", "abstained", "probability", "section"] {
        assert!(passages[0].get(key).is_some(), "{key}");
    }
    assert!(run(&["clean", path]).starts_with("Envoys sign a ceasefire in Geneva\n\nThe foreign"));
    let report = directory.path().join("report.html");
    run(&["classify", "--json", path, "--html-report", report.to_str().unwrap()]);
    let report = fs::read_to_string(report).unwrap();
    assert!(report.contains("class=\"passage c0\"") && report.contains("withdrew"));
}

/// Markup as it comes: tags, broken tags, references, text.
fn markup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zA-Z .,]{1,20}",
        "\\PC{1,6}",
        prop::sample::select(vec![
            "<p>",
            "</p>",
            "<div hidden>",
            "</div>",
            "<script>",
            "</script>",
            "<br>",
            "<h2>",
            "</h2>",
            "<li>",
            "<!--",
            "-->",
            "<style",
            "<a href=\"x",
            "&amp;",
            "&#8217;",
            "&nbsp",
            "&bogus;",
            "\r\n\r\n",
            "<pre>",
            "</body>",
            "<td>",
            "\u{a0}",
            "\0",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn passages_lie_in_order_disjoint_on_character_boundaries(text in markup(), html in any::<bool>()) {
        let markup = if html { Markup::Html } else { Markup::Plain };
        let reading = Reading::new(&text, markup);
        let (mut end, mut source_end) = (0, 0);
        for passage in reading.passages().unwrap() {
            prop_assert!(end <= passage.span.start && passage.span.start < passage.span.end);
            let seen = reading.text().get(passage.span.range());
            prop_assert!(seen.is_some_and(|seen| seen.trim() == seen));
            let source = reading.source_span(passage.span);
            prop_assert!(source_end <= source.start && text.get(source.range()).is_some());
            (end, source_end) = (passage.span.end, source.end);
        }
    }

    #[test]
    fn any_page_has_an_answer_whose_evidence_sums_to_its_scores(text in markup()) {
        let reading = Reading::html(&text);
        let Ok(document) = Document::of_reading("", &reading) else { return Ok(()) };
        let model = default_model();
        let page = model.classify_page(&document, &reading.passages().unwrap(), usize::MAX);
        let log_priors = model.weights.log_priors();
        for passage in &page.passages {
            let [best, second] = passage.best.map(newsdesk::label::LabelId::index);
            let sum: f64 = passage.evidence.iter().map(|evidence| evidence.log_odds).sum();
            let difference = passage.scores[best] - passage.scores[second];
            prop_assert!((log_priors[best] - log_priors[second] + sum - difference).abs() < 1e-6);
            let sum: f64 = passage.probabilities.iter().sum::<f64>() + passage.furniture;
            prop_assert!((sum - 1.0).abs() < 1e-9);
        }
        if document.is_blank() {
            prop_assert_eq!(page.answer.decision, Decision::Abstain(AbstentionReason::NoText));
        }
    }
}
