//! Every limit of the service is met at its value, and refused beyond it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::num::NonZeroUsize;

use common::{
    GEOPOLITICS, TestServer, blamed, config, decided, document,
    raw::{self, Held},
    reason, status_of, tiny_model,
    wire::{OnWire, Wire},
    with_evidence, within,
};
use h2::client::Builder;
use newsdesk::{
    proto::{
        BatchClassifyRequest, ClassifyRequest, StreamClassifyRequest, StreamClassifyResponse,
        classify_outcome, stream_classify_response::Outcome,
    },
    server::{
        BATCH_BYTES_MAX, BATCH_DOCUMENTS_MAX, Config, EVIDENCE_MAX, MESSAGE_BYTES_MAX, Registry,
        STREAM_ID_BYTES_MAX,
    },
    text::DOCUMENT_BYTES_MAX,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

const TEN: NonZeroUsize = NonZeroUsize::new(10).unwrap();

async fn start(config: Config) -> TestServer {
    TestServer::start_with(Registry::new(tiny_model().into()), config).await
}

async fn batch(server: &TestServer, requests: Vec<ClassifyRequest>) -> Result<usize, Status> {
    let mut client = server.classifier().await;
    let response = client.batch_classify(BatchClassifyRequest { requests }).await?;
    let outcomes = response.into_inner().outcomes.into_iter();
    Ok(outcomes
        .filter(|outcome| matches!(outcome.outcome, Some(classify_outcome::Outcome::Response(_))))
        .count())
}

#[tokio::test]
async fn a_document_has_at_most_a_mebibyte() {
    let server = TestServer::start().await;
    let mut client = server.classifier().await;
    let request = |text_bytes| ClassifyRequest {
        title: "ab".into(),
        ..document("c".to_owned() + &" ".repeat(text_bytes - 1))
    };
    assert!(client.classify(request(DOCUMENT_BYTES_MAX - 2)).await.is_ok());
    let status = client.classify(request(DOCUMENT_BYTES_MAX - 1)).await.unwrap_err();
    assert_eq!(blamed(&status), "InvalidArgument text");
    server.stop().await;
}

#[tokio::test]
async fn a_batch_has_1_to_256_documents() {
    let server = TestServer::start().await;
    assert_eq!(BATCH_DOCUMENTS_MAX, 256);
    assert_eq!(batch(&server, vec![document(GEOPOLITICS); 256]).await.unwrap(), 256);
    assert_eq!(batch(&server, vec![document(GEOPOLITICS)]).await.unwrap(), 1);
    for requests in [0, 257] {
        let status = batch(&server, vec![document(GEOPOLITICS); requests]).await.unwrap_err();
        assert_eq!(blamed(&status), "InvalidArgument requests");
        assert!(status.message().contains(&format!("{requests} documents")), "{status:?}");
        assert!(status.message().contains("1 to 256"), "{status:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_batch_has_at_most_16_mebibytes() {
    let server = TestServer::start().await;
    let full = document("c".to_owned() + &" ".repeat(DOCUMENT_BYTES_MAX - 1));
    assert_eq!(batch(&server, vec![full.clone(); 16]).await.unwrap(), 16);
    let status = batch(&server, vec![full; 17]).await.unwrap_err();
    assert_eq!(blamed(&status), "ResourceExhausted requests");
    server.stop().await;
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused_with_the_field_that_makes_it_so() {
    let server = TestServer::start().await;
    let channel = server.channel().await;
    for (path, bytes_max, expected) in [
        (raw::CLASSIFY, MESSAGE_BYTES_MAX, "ResourceExhausted text"),
        (raw::BATCH, BATCH_BYTES_MAX + 256 * 256, "ResourceExhausted requests"),
        (raw::STREAM, MESSAGE_BYTES_MAX, "ResourceExhausted request.text"),
        (raw::GET_MODEL, 16 * 1024, "ResourceExhausted name"),
    ] {
        // Field 15, which nobody knows, of as many bytes as fill the message; so it is read, and it
        // is another fault that is found.
        let message = |bytes: usize| {
            let mut message = vec![0x7a];
            prost::encoding::encode_varint((bytes - 5) as u64, &mut message);
            message.resize(bytes, 0);
            message
        };
        let fits = within(raw::send(channel.clone(), path, message(bytes_max))).await;
        let too_long = within(raw::send(channel.clone(), path, message(bytes_max + 1))).await;
        assert_ne!(fits.err().map(|status| status.message().contains("bytes")), Some(true));
        let status = too_long.unwrap_err();
        assert_eq!(blamed(&status), expected);
        assert_eq!(reason(&status), "MESSAGE_TOO_LONG");
        assert!(status.message().contains(&bytes_max.to_string()), "{status:?}");
        // It would be too long the next time, too.
        assert!(status.get_details_retry_info().is_none());
    }
    server.stop().await;
}

#[tokio::test]
async fn a_server_can_be_told_to_take_less() {
    let config = Config {
        document_bytes_max: 100,
        message_bytes_max: 1000,
        batch_documents_max: 2,
        batch_bytes_max: 300,
        ..config()
    };
    let server = start(config).await;
    let mut client = server.classifier().await;
    let bytes = |n| document("c".repeat(n));
    assert!(client.classify(bytes(100)).await.is_ok());
    let status = client.classify(bytes(101)).await.unwrap_err();
    assert_eq!(blamed(&status), "InvalidArgument text");
    assert_eq!(
        status.message(),
        "the document has 101 bytes, at most 100 are possible; send it in parts"
    );
    assert_eq!(reason(&status), "DOCUMENT_TOO_LONG");
    assert_eq!(blamed(&client.classify(bytes(1000)).await.unwrap_err()), "ResourceExhausted text");
    assert_eq!(batch(&server, vec![bytes(100); 2]).await.unwrap(), 2);
    assert_eq!(
        blamed(&batch(&server, vec![bytes(1); 3]).await.unwrap_err()),
        "InvalidArgument requests"
    );
    let too_long = batch(&server, vec![bytes(500); 2]).await.unwrap_err();
    assert_eq!(blamed(&too_long), "ResourceExhausted requests");
    server.stop().await;
}

#[tokio::test]
async fn evidence_is_given_for_at_most_1000_features() {
    let server = TestServer::start().await;
    let mut client = server.classifier().await;
    assert_eq!(EVIDENCE_MAX, 1000);
    assert!(client.classify(with_evidence(GEOPOLITICS, 1000)).await.is_ok());
    let status = client.classify(with_evidence(GEOPOLITICS, 1001)).await.unwrap_err();
    assert_eq!(blamed(&status), "InvalidArgument options.evidence_max");
    server.stop().await;
}

#[tokio::test]
async fn an_id_has_at_most_256_bytes() {
    let server = TestServer::start().await;
    let mut client = server.classifier().await;
    assert_eq!(STREAM_ID_BYTES_MAX, 256);
    // The 256th byte of the longer ids is in the middle of a character.
    let fits = "a".to_owned() + &"é".repeat(127) + "b";
    let too_long = "a".to_owned() + &"é".repeat(128);
    let request = Some(document(GEOPOLITICS));
    let messages = [fits.clone(), too_long.clone()]
        .map(|id| StreamClassifyRequest { id, request: request.clone() });
    let answers = client.stream_classify(tokio_stream::iter(messages)).await.unwrap();
    let mut answers = answers.into_inner();
    let first: StreamClassifyResponse = answers.message().await.unwrap().unwrap();
    assert_eq!(first.id, fits);
    assert!(matches!(first.outcome, Some(Outcome::Response(_))));
    let second = answers.message().await.unwrap().unwrap();
    // What is too long is not repeated whole.
    assert_eq!(second.id, too_long[..255]);
    let Some(Outcome::Error(error)) = second.outcome else { panic!("no error") };
    assert_eq!(blamed(&status_of(&error)), "InvalidArgument id");
    server.stop().await;
}

#[track_caller]
fn check_shed(status: &Status, message: &str) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert!(status.message().starts_with(message), "{status:?}");
    assert_eq!(reason(status), "OVERLOADED");
    assert!(status.get_details_retry_info().unwrap().retry_delay.is_some());
}

#[tokio::test]
async fn one_request_too_many_is_refused_at_once_and_told_when_to_come_back() {
    let requests_max = NonZeroUsize::new(2).unwrap();
    let server = start(Config { requests_max, client_percent_max: 100, ..config() }).await;
    let channel = server.channel().await;
    let held = [Held::begin(channel.clone()).await, Held::begin(server.channel().await).await];
    let mut client = server.classifier().await;
    let refused = within(async {
        loop {
            // The server has not seen both requests yet when this one is served.
            if let Err(status) = client.classify(document(GEOPOLITICS)).await {
                break status;
            }
        }
    });
    check_shed(&refused.await, "2 requests are being served");
    // Batches and streams have places of their own.
    assert_eq!(batch(&server, vec![document(GEOPOLITICS)]).await.unwrap(), 1);
    assert!(raw::send(channel, raw::STREAM, Vec::new()).await.is_ok());
    for held in held {
        let response = within(held.finish(document(GEOPOLITICS))).await.unwrap();
        assert_eq!(decided(&response), "geopolitics");
        within(async { while client.classify(document(GEOPOLITICS)).await.is_err() {} }).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn one_batch_or_stream_too_many_is_refused_and_keeps_no_document_out() {
    let one = NonZeroUsize::MIN;
    let server = start(Config { batches_max: one, streams_max: one, ..config() }).await;
    let mut client = server.classifier().await;
    for (path, message) in
        [(raw::BATCH, "1 batches are being served"), (raw::STREAM, "1 streams are being served")]
    {
        let mut wire = Wire::connect(server.address).await;
        let held = wire.begin(path, &[]).await;
        // Requests on one connection are seen one after the other.
        assert_eq!(wire.begin(path, &[]).await.code().await, Code::ResourceExhausted);
        let refused = raw::send(server.channel().await, path, Vec::new()).await;
        check_shed(&refused.unwrap_err(), message);
        assert!(client.classify(document(GEOPOLITICS)).await.is_ok());
        held.reset();
        within(async { while is_shed(&server, path).await {} }).await;
    }
    server.stop().await;
}

async fn is_shed(server: &TestServer, path: &'static str) -> bool {
    let answer = raw::send(server.channel().await, path, Vec::new()).await;
    answer.is_err_and(|status| status.code() == Code::ResourceExhausted)
}

/// Begins `n` requests on `wire`, and fails the test unless one more is refused.
async fn hold(wire: &mut Wire, n: usize) -> Vec<OnWire> {
    let mut held = Vec::new();
    for _ in 0..n {
        held.push(wire.begin(raw::CLASSIFY, &[]).await);
    }
    let one_more = wire.begin(raw::CLASSIFY, &[]).await;
    assert_eq!(one_more.code().await, Code::ResourceExhausted, "after {n}");
    held
}

#[tokio::test]
async fn a_connection_takes_its_share_of_the_places_that_are_its_addresss_share() {
    let config = Config { requests_max: TEN, client_percent_max: 80, ..config() };
    let server = start(config).await;
    let mut held = Vec::new();
    let mut wires = Vec::new();
    // An address takes 8 of 10, and its first connection 80 % of these.
    for n in [6, 1, 1, 0] {
        let mut wire = Wire::connect(server.address).await;
        held.extend(hold(&mut wire, n).await);
        wires.push(wire);
    }
    let status = server.classifier().await.classify(document(GEOPOLITICS)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::ResourceExhausted, "CLIENT_SHARE".into()));
    assert!(status.get_details_retry_info().unwrap().retry_delay.is_some());
    for request in held {
        assert_eq!(request.ask(&document(GEOPOLITICS)).await, Code::Ok);
    }
    server.stop().await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn places_and_connections_are_left_for_another_address() {
    let config = Config { requests_max: TEN, connections_max: TEN, ..config() };
    let server = start(Config { client_percent_max: 50, ..config }).await;
    // An address takes 5 of 10 places, each of its connections half of what is left of these, and one place at least.
    let (mut wires, mut held) = (Vec::new(), Vec::new());
    for n in [2, 1, 1, 1, 0] {
        let mut wire = Wire::connect(server.address).await;
        held.extend(hold(&mut wire, n).await);
        wires.push(wire);
    }
    // It depends on how far the client got which code it gives this.
    let sixth = server.endpoint().connect_lazy();
    assert!(within(raw::send(sixth, raw::GET_MODEL, Vec::new())).await.is_err());
    let other = "127.0.0.2:0".parse().unwrap();
    let mut other = Wire::connect_from(other, server.address, &Builder::new()).await;
    let request = other.begin(raw::CLASSIFY, &[]).await;
    assert_eq!(request.ask(&document(GEOPOLITICS)).await, Code::Ok);
    drop((wires, held));
    server.stop().await;
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_the_others_go_on() {
    let server = start(Config { connections_max: NonZeroUsize::MIN, ..config() }).await;
    let mut first = server.classifier().await;
    assert!(first.classify(document(GEOPOLITICS)).await.is_ok());
    let second = server.endpoint().connect_lazy();
    // It depends on how far the client got which code it gives this.
    assert!(within(raw::send(second, raw::GET_MODEL, Vec::new())).await.is_err());
    assert!(first.classify(document(GEOPOLITICS)).await.is_ok());
    drop(first);
    within(async {
        while raw::send(server.endpoint().connect_lazy(), raw::GET_MODEL, Vec::new()).await.is_err()
        {
        }
    })
    .await;
    server.stop().await;
}
