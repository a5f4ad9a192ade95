//! Every error has the code and the details that the contract promises, and harms nobody else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::{
    GEOPOLITICS, TestServer, blamed, config, decided, document, faulty_model, named_model,
    raw::{self, Held},
    with_evidence, with_options, within,
};
use newsdesk::{
    proto::{ClassifyOptions, ClassifyRequest, GetModelRequest},
    server::{Config, Registry},
    text::DOCUMENT_BYTES_MAX,
};
use proptest::prelude::{Strategy as _, any};
use tonic::Code;
use tonic_types::StatusExt as _;

#[tokio::test]
async fn a_request_at_fault_is_told_which_field() {
    let server = TestServer::start().await;
    let mut client = server.classifier().await;
    let format = |format| ClassifyRequest { format, ..document(GEOPOLITICS) };
    let title = "x".repeat(DOCUMENT_BYTES_MAX);
    let options = |options| with_options(GEOPOLITICS, options);
    let share = |max_error| ClassifyOptions { max_error: Some(max_error), ..Default::default() };
    let known = |share| ClassifyOptions { known_share_min: Some(share), ..Default::default() };
    let margin = |margin| ClassifyOptions { margin_min: Some(margin), ..Default::default() };
    let both = ClassifyOptions { max_error: Some(0.1), ..margin(0.5) };
    for (request, expected) in [
        (options(share(-0.1)), "InvalidArgument options.max_error"),
        (options(share(f64::NAN)), "InvalidArgument options.max_error"),
        (options(share(0.001)), "InvalidArgument options.max_error"),
        (options(margin(1.1)), "InvalidArgument options.margin_min"),
        (options(both), "InvalidArgument options.margin_min"),
        (options(known(f64::INFINITY)), "InvalidArgument options.known_share_min"),
        (document(""), "InvalidArgument text"),
        (document(" \n\t\u{a0}"), "InvalidArgument text"),
        (document("a".repeat(DOCUMENT_BYTES_MAX + 1)), "InvalidArgument text"),
        (ClassifyRequest { title, ..document("ab") }, "InvalidArgument text"),
        (format(3), "InvalidArgument format"),
        (format(-1), "InvalidArgument format"),
        (format(i32::MAX), "InvalidArgument format"),
        (with_evidence(GEOPOLITICS, 1001), "InvalidArgument options.evidence_max"),
        (with_evidence(GEOPOLITICS, u32::MAX), "InvalidArgument options.evidence_max"),
    ] {
        let status = client.classify(request).await.unwrap_err();
        assert_eq!(blamed(&status), expected);
        let described = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(described[0].description, status.message());
    }
    server.stop().await;
}

#[tokio::test]
async fn of_several_faults_the_first_field_is_told() {
    let server = TestServer::start().await;
    let mut client = server.classifier().await;
    let mut request = ClassifyRequest { model: "none".into(), ..with_evidence("", 1001) };
    request.format = 9;
    let mut faults = Vec::new();
    for repair in [
        |request: &mut ClassifyRequest| request.format = 1,
        |request: &mut ClassifyRequest| request.text = GEOPOLITICS.into(),
        |request: &mut ClassifyRequest| request.options = None,
        |request: &mut ClassifyRequest| request.model.clear(),
    ] {
        faults.push(blamed(&client.classify(request.clone()).await.unwrap_err()));
        repair(&mut request);
    }
    let expected = [
        "InvalidArgument format",
        "InvalidArgument text",
        "InvalidArgument options.evidence_max",
        "NotFound ",
    ];
    assert_eq!(faults, expected);
    assert!(client.classify(request).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn an_unknown_model_is_named_and_so_are_those_that_are_served() {
    let server = TestServer::start().await;
    server.registry.insert(named_model("alpha", "7"));
    let request = ClassifyRequest { model: "beta".into(), ..document(GEOPOLITICS) };
    let classified = server.classifier().await.classify(request).await.unwrap_err();
    let got = server.models().await.get_model(GetModelRequest { name: "beta".into() }).await;
    for status in [classified, got.unwrap_err()] {
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(status.message(), "no model `beta` is served; there is `tiny`, `alpha`");
        let resource = status.get_details_resource_info().unwrap();
        assert_eq!(resource.resource_name, "beta");
        assert_eq!(resource.resource_type, "newsdesk.v1.Model");
    }
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_a_models_name_is_not_repeated() {
    let server = TestServer::start().await;
    for index in 0..100 {
        server.registry.insert(named_model(&format!("model-{index:042}"), "1"));
    }
    let model = "private words ".repeat(100_000);
    let request = ClassifyRequest { model, ..document(GEOPOLITICS) };
    let status = server.classifier().await.classify(request).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(!status.message().contains("private"), "{}", status.message());
    assert!(status.message().ends_with("93 more"), "{}", status.message());
    assert!(status.message().len() + status.details().len() < 4096);
    server.stop().await;
}

#[tokio::test]
async fn without_a_model_the_service_is_unavailable_and_says_when_to_come_back() {
    let server = TestServer::start_with(Registry::empty(), config()).await;
    let mut client = server.classifier().await;
    let status = client.classify(document(GEOPOLITICS)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.get_details_retry_info().unwrap().retry_delay.is_some());
    let got = server.models().await.get_model(GetModelRequest { name: String::new() }).await;
    assert_eq!(got.unwrap_err().code(), Code::Unavailable);

    server.registry.insert(named_model("late", "1"));
    assert!(client.classify(document(GEOPOLITICS)).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn a_fault_of_the_server_is_internal_and_harms_that_request_alone() {
    let server = TestServer::start_with(Registry::new(faulty_model().into()), config()).await;
    let mut client = server.classifier().await;
    let long = "weather and sanctions ".repeat(10_000);
    for text in ["weather and sanctions", &long] {
        let status = client.classify(document(text)).await.unwrap_err();
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("weather"), "{}", status.message());
        let response = client.classify(document(GEOPOLITICS)).await.unwrap().into_inner();
        assert_eq!(decided(&response), "geopolitics");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_does_not_come_to_an_end_is_ended() {
    let config = Config { request_time_max: Duration::from_millis(20), ..config() };
    let server = TestServer::start_with(Registry::new(named_model("tiny", "1")), config).await;
    let held = Held::begin(server.channel().await).await;
    assert_eq!(within(held.give_up()).await.unwrap_err().code(), Code::DeadlineExceeded);
    server.stop().await;
}

#[tokio::test]
async fn invalid_utf8_is_an_error_of_that_request_alone() {
    let server = TestServer::start().await;
    let channel = server.channel().await;
    // Field 1, `text`, of two bytes that are no UTF-8; and the same within a batch and a stream.
    let text = vec![0x0a, 2, 0xff, 0xfe];
    let inner = [vec![0x0a, 4], text.clone()].concat();
    for (path, message) in [
        (raw::CLASSIFY, text.clone()),
        (raw::BATCH, inner.clone()),
        (raw::STREAM, [vec![0x12, 4], text.clone()].concat()),
        (raw::GET_MODEL, text),
    ] {
        let status = within(raw::send(channel.clone(), path, message)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "path={path}");
        assert_eq!(common::reason(&status), "MALFORMED_MESSAGE");
        assert!(status.message().contains("UTF-8"), "{}", status.message());
    }
    assert!(server.classifier().await.classify(document(GEOPOLITICS)).await.is_ok());
    server.stop().await;
}

#[test]
fn no_message_whatever_harms_the_server() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(TestServer::start());
    let channel = runtime.block_on(server.channel());
    let path =
        proptest::sample::select(vec![raw::CLASSIFY, raw::BATCH, raw::STREAM, raw::GET_MODEL]);
    let noise = proptest::collection::vec(any::<u8>(), 0..64);
    // Noise seldom gets past the first tag; a field's head in front of it gets it further.
    let heads = vec![vec![], vec![0x0a], vec![0x12], vec![0x18], vec![0x2a, 2, 8], vec![0x0a, 3]];
    let head = proptest::sample::select(heads);
    let message = (head, noise).prop_map(|(head, noise)| [head, noise].concat());
    proptest::proptest!(|(path in path, message in message)| {
        // Whatever the answer is, there is one.
        let _ = runtime.block_on(within(raw::send(channel.clone(), path, message)));
    });
    runtime.block_on(async {
        let response = server.classifier().await.classify(document(GEOPOLITICS)).await;
        assert_eq!(decided(&response.unwrap().into_inner()), "geopolitics");
        drop(channel);
        server.stop().await;
    });
}
