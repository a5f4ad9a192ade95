//! A batch has an outcome for each document, in their order, whatever becomes of the others.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{
    GEOPOLITICS, PROMOTIONAL, TestServer, blamed, config, decided, document, faulty_model,
    named_model, status_of,
};
use newsdesk::{
    proto::{BatchClassifyRequest, ClassifyOutcome, ClassifyRequest, classify_outcome::Outcome},
    server::Registry,
};

/// Returns what was decided for each document, or what was blamed.
async fn outcomes(server: &TestServer, requests: Vec<ClassifyRequest>) -> Vec<String> {
    let mut client = server.classifier().await;
    let response = client.batch_classify(BatchClassifyRequest { requests }).await.unwrap();
    response.into_inner().outcomes.iter().map(summary).collect()
}

fn summary(outcome: &ClassifyOutcome) -> String {
    match outcome.outcome.as_ref().unwrap() {
        Outcome::Response(response) => decided(response).to_owned(),
        Outcome::Error(error) => blamed(&status_of(error)),
    }
}

#[tokio::test]
async fn a_bad_document_does_not_spoil_the_others() {
    let server = TestServer::start().await;
    let requests = vec![
        document(GEOPOLITICS),
        ClassifyRequest { format: 99, ..document(GEOPOLITICS) },
        document(PROMOTIONAL),
        document(" \n"),
        ClassifyRequest { model: "none".into(), ..document(GEOPOLITICS) },
        document(GEOPOLITICS),
    ];
    let expected = [
        "geopolitics",
        "InvalidArgument requests[1].format",
        "promotional",
        "InvalidArgument requests[3].text",
        "NotFound ",
        "geopolitics",
    ];
    assert_eq!(outcomes(&server, requests).await, expected);
    server.stop().await;
}

#[tokio::test]
async fn outcomes_stand_in_the_order_of_the_requests() {
    let server = TestServer::start().await;
    let (texts, labels) = ([GEOPOLITICS, PROMOTIONAL], ["geopolitics", "promotional"]);
    // The first documents are the longest, and come last if the order is that of the work.
    let long = |index: usize| texts[index % 3 / 2].repeat(200 / (index + 1) + 1);
    let found = outcomes(&server, (0..64).map(|index| document(long(index))).collect()).await;
    assert_eq!(found, (0..64).map(|index| labels[index % 3 / 2]).collect::<Vec<_>>());
    server.stop().await;
}

#[tokio::test]
async fn a_fault_on_one_document_does_not_spoil_the_others() {
    let server = TestServer::start_with(Registry::new(faulty_model().into()), config()).await;
    let requests = vec![document(GEOPOLITICS), document("weather and sanctions")];
    assert_eq!(outcomes(&server, requests).await, ["geopolitics", "Internal "]);
    server.stop().await;
}

#[tokio::test]
async fn each_document_can_ask_another_model() {
    let server = TestServer::start().await;
    server.registry.insert(named_model("alpha", "7"));
    let ask = |model: &str| ClassifyRequest { model: model.into(), ..document(GEOPOLITICS) };
    let requests = vec![ask("alpha"), ask(""), ask("alpha")];
    let mut client = server.classifier().await;
    let response = client.batch_classify(BatchClassifyRequest { requests }).await.unwrap();
    let names = response.into_inner().outcomes.into_iter().map(|outcome| {
        let Some(Outcome::Response(response)) = outcome.outcome else { panic!("no response") };
        response.model.unwrap().name
    });
    assert_eq!(names.collect::<Vec<_>>(), ["alpha", "tiny", "alpha"]);
    server.stop().await;
}
