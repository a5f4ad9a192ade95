//! Connections, streams and requests that are too old, idle or stuck come to an end, and others go on.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{num::NonZeroUsize, time::Duration};

use common::{
    GEOPOLITICS, TestServer, config, document, raw, reason, tiny_model,
    wire::{Wire, framed, trailers},
    with_options, within,
};
use newsdesk::{
    proto::{ClassifyOptions, StreamClassifyRequest},
    server::{Config, Registry},
};
use prost::Message as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

const SOON: Duration = Duration::from_millis(20);

async fn start(config: Config) -> TestServer {
    TestServer::start_with(Registry::new(tiny_model().into()), config).await
}

#[tokio::test]
async fn a_client_that_connects_and_says_nothing_is_cut_off() {
    let server = start(Config { handshake_time_max: SOON, ..config() }).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut begins = TcpStream::connect(server.address).await.unwrap();
    begins.write_all(b"PRI * HTTP/2.0").await.unwrap();
    for stream in [&mut silent, &mut begins] {
        // What the server says first is read; then comes the end, or an error.
        let _ = within(stream.read_to_end(&mut Vec::new())).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_connection_without_requests_is_closed_and_one_with_a_request_is_not() {
    let server = start(Config { connection_idle_max: SOON, ..config() }).await;
    let mut busy = Wire::connect(server.address).await;
    let under_way = busy.begin(raw::CLASSIFY, &[]).await;
    let mut idle = Wire::connect(server.address).await;
    let code = idle.begin(raw::CLASSIFY, &[]).await.ask(&document(GEOPOLITICS)).await;
    assert_eq!(code, Code::Ok);
    within(idle.connection).await.unwrap().unwrap();
    assert_eq!(under_way.ask(&document(GEOPOLITICS)).await, Code::Ok);
    within(busy.connection).await.unwrap().unwrap();
    server.stop().await;
}

#[tokio::test]
async fn an_old_connection_finishes_its_requests_and_takes_no_new_ones() {
    let server = start(Config { connection_age_max: SOON, ..config() }).await;
    let mut wire = Wire::connect(server.address).await;
    let under_way = wire.begin(raw::CLASSIFY, &[]).await;
    within(async {
        while wire.requests.clone().ready().await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(under_way.ask(&document(GEOPOLITICS)).await, Code::Ok);
    within(wire.connection).await.unwrap().unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_takes_no_answer_is_cut_off_and_its_place_is_free_again() {
    let one = NonZeroUsize::MIN;
    let server = start(Config { requests_max: one, answer_time_max: SOON, ..config() }).await;
    let mut no_window = h2::client::Builder::new();
    no_window.initial_window_size(0);
    let mut stuck = Wire::connect_as(server.address, &no_window).await;
    let mut request = stuck.begin(raw::CLASSIFY, &[]).await;
    request.message.send_data(framed(&document(GEOPOLITICS)), true).unwrap();
    let mut answer = within(request.response).await.unwrap().into_body();
    assert!(within(answer.data()).await.is_none_or(|data| data.is_err()));
    let _ = within(stuck.connection).await;
    let mut client = server.classifier().await;
    within(async { while client.classify(document(GEOPOLITICS)).await.is_err() {} }).await;
    server.stop().await;
}

#[tokio::test]
async fn a_long_answer_keeps_its_place_until_its_client_has_taken_it() {
    let server = start(Config { requests_max: NonZeroUsize::MIN, ..config() }).await;
    let mut slow = Wire::connect(server.address).await;
    let mut request = slow.begin(raw::CLASSIFY, &[]).await;
    // The answer is longer than the 64 KiB that a client takes without a word.
    let options = ClassifyOptions { passages: true, ..ClassifyOptions::default() };
    let page = with_options(&format!("{GEOPOLITICS}.\n\n").repeat(2000), options);
    request.message.reserve_capacity(page.encoded_len());
    request.message.send_data(framed(&page), true).unwrap();
    let answer = within(request.response).await.unwrap().into_body();
    let mut other = server.classifier().await;
    let refused = other.classify(document(GEOPOLITICS)).await.unwrap_err();
    assert_eq!(reason(&refused), "OVERLOADED");
    let last = within(trailers(answer)).await.unwrap().unwrap();
    assert_eq!(last.get("grpc-status").unwrap(), "0");
    within(async { while other.classify(document(GEOPOLITICS)).await.is_err() {} }).await;
    server.stop().await;
}

#[tokio::test]
async fn a_stream_without_documents_ends_and_gives_back_its_place() {
    let one = NonZeroUsize::MIN;
    let server = start(Config { streams_max: one, stream_idle_max: SOON, ..config() }).await;
    for _ in 0..2 {
        let mut client = server.classifier().await;
        let (messages, receiver) = mpsc::channel(1);
        let request = Some(document(GEOPOLITICS));
        messages.send(StreamClassifyRequest { id: "1".into(), request }).await.unwrap();
        let opened = within(client.stream_classify(ReceiverStream::new(receiver))).await;
        let mut answers = opened.unwrap().into_inner();
        assert_eq!(within(answers.message()).await.unwrap().unwrap().id, "1");
        let status = within(answers.message()).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "STREAM_IDLE"));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_stream_ends_with_the_age_of_its_connection() {
    let server = start(Config { connection_age_max: SOON, ..config() }).await;
    let (_messages, receiver) = mpsc::channel(1);
    let mut client = server.classifier().await;
    let answers = client.stream_classify(ReceiverStream::new(receiver)).await.unwrap();
    let status = within(answers.into_inner().message()).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "STREAM_AGE"));
    server.stop().await;
}

#[tokio::test]
async fn requests_beyond_a_connections_streams_wait_for_those_before() {
    let server = start(Config { connection_streams_max: 1, ..config() }).await;
    let mut wire = Wire::connect(server.address).await;
    let first = wire.begin(raw::CLASSIFY, &[]).await;
    // The settings of the server come before its first answer.
    assert_eq!(first.ask(&document(GEOPOLITICS)).await, Code::Ok);
    assert_eq!(wire.requests.current_max_send_streams(), 1);
    let second = wire.begin(raw::CLASSIFY, &[]).await;
    let third = wire.begin(raw::CLASSIFY, &[]).await;
    let third = tokio::spawn(async { third.ask(&document(GEOPOLITICS)).await });
    assert!(server.classifier().await.classify(document(GEOPOLITICS)).await.is_ok());
    assert!(!third.is_finished());
    assert_eq!(second.ask(&document(GEOPOLITICS)).await, Code::Ok);
    assert_eq!(within(third).await.unwrap(), Code::Ok);
    server.stop().await;
}

#[tokio::test]
async fn headers_have_at_most_the_bytes_that_are_set() {
    let server = start(Config { header_bytes_max: 1024, ..config() }).await;
    let mut wire = Wire::connect(server.address).await;
    // RFC 9113, section 10.5.1: each header counts with its name, its value, and 32 bytes.
    let known =
        [(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", raw::CLASSIFY)];
    let more = [("te", "trailers"), ("content-type", "application/grpc"), ("x", "")];
    let bytes: usize =
        known.iter().chain(&more).map(|(name, value)| name.len() + value.len() + 32).sum();
    for (bytes, fits) in [(1024 - bytes, true), (1025 - bytes, false)] {
        let value = "v".repeat(bytes);
        let mut request = wire.begin(raw::CLASSIFY, &[("x", &value)]).await;
        let _ = request.message.send_data(framed(&document(GEOPOLITICS)), true);
        let answered = within(request.response).await;
        let is_ok = answered.is_ok_and(|response| response.status() == 200);
        assert_eq!(is_ok, fits, "value of {bytes} bytes");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_clients_deadline_is_kept_to() {
    let server = TestServer::start().await;
    let mut wire = Wire::connect(server.address).await;
    for path in [raw::CLASSIFY, raw::BATCH, raw::STREAM] {
        let request = wire.begin(path, &[("grpc-timeout", "20m")]).await;
        assert_eq!(request.code().await, Code::DeadlineExceeded, "path={path}");
    }
    let in_time = wire.begin(raw::CLASSIFY, &[("grpc-timeout", "60S")]).await;
    assert_eq!(in_time.ask(&document(GEOPOLITICS)).await, Code::Ok);
    server.stop().await;
}
