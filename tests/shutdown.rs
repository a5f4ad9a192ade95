//! A server that is asked to stop finishes what is under way, within bounds.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::{
    GEOPOLITICS, TestServer, blamed, config, decided, document, raw::Held, tiny_model, wire::Wire,
    within,
};
use newsdesk::{
    proto::{
        BatchClassifyRequest, StreamClassifyRequest,
        classifier_service_client::ClassifierServiceClient,
    },
    server::{Config, Registry, Stopped},
};
use tokio::{io::AsyncReadExt as _, net::TcpStream, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

/// Starts a server that does not wait for what is under way.
async fn impatient() -> TestServer {
    let config = Config { drain_max: Duration::from_millis(20), ..config() };
    TestServer::start_with(Registry::new(tiny_model().into()), config).await
}

/// Begins a request that the server is known to have taken on.
async fn begin(server: &TestServer) -> Held {
    let channel = server.channel().await;
    let held = Held::begin(channel.clone()).await;
    // One connection's requests are taken on in their order.
    let mut client = ClassifierServiceClient::new(channel);
    client.classify(document(GEOPOLITICS)).await.unwrap();
    held
}

#[tokio::test]
async fn a_server_without_requests_stops_at_once() {
    let server = TestServer::start().await;
    let _idle = server.channel().await;
    server.stop().await;
}

#[tokio::test]
async fn a_request_under_way_is_finished_and_no_new_connection_is_taken() {
    let mut server = TestServer::start().await;
    let held = begin(&server).await;
    server.leave();
    server.closed().await;
    let response = within(held.finish(document(GEOPOLITICS))).await.unwrap();
    assert_eq!(decided(&response), "geopolitics");
    assert_eq!(server.stopped().await, Stopped::Drained);
}

#[tokio::test]
async fn a_batch_under_way_is_finished() {
    let mut server = TestServer::start().await;
    let requests = vec![document(GEOPOLITICS.repeat(500)); 64];
    let mut client = server.classifier().await;
    let batch = tokio::spawn(async move {
        client.batch_classify(BatchClassifyRequest { requests }).await.unwrap().into_inner()
    });
    let held = begin(&server).await;
    server.leave();
    server.closed().await;
    assert_eq!(within(batch).await.unwrap().outcomes.len(), 64);
    within(held.finish(document(GEOPOLITICS))).await.unwrap();
    assert_eq!(server.stopped().await, Stopped::Drained);
}

#[tokio::test]
async fn an_open_stream_is_told_to_go_elsewhere_after_what_it_sent_is_answered() {
    let mut server = TestServer::start().await;
    let (messages, receiver) = mpsc::channel(4);
    let mut client = server.classifier().await;
    for id in ["1", "2", "3"] {
        let request = Some(document(GEOPOLITICS));
        messages.send(StreamClassifyRequest { id: id.into(), request }).await.unwrap();
    }
    let answers = client.stream_classify(ReceiverStream::new(receiver)).await.unwrap();
    let mut answers = answers.into_inner();
    assert_eq!(within(answers.message()).await.unwrap().unwrap().id, "1");
    server.leave();
    server.closed().await;
    assert_eq!(within(answers.message()).await.unwrap().unwrap().id, "2");
    assert_eq!(within(answers.message()).await.unwrap().unwrap().id, "3");
    let status = within(answers.message()).await.unwrap_err();
    assert_eq!(blamed(&status), "Unavailable ");
    assert_eq!(server.stopped().await, Stopped::Drained);
}

#[tokio::test]
async fn a_stuck_client_is_cut_off_and_counted() {
    let mut server = impatient().await;
    let held = begin(&server).await;
    server.leave();
    assert_eq!(server.stopped().await, Stopped::Cut { connections: 1, requests: 1 });
    assert_ne!(within(held.give_up()).await.unwrap_err().code(), Code::Ok);
}

#[tokio::test]
async fn a_client_that_does_not_even_say_good_bye_does_not_hold_up_the_end() {
    let mut server = TestServer::start().await;
    // Its runtime stands still from now on, and so does its connection.
    let client = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let address = server.address;
    let wire = std::thread::spawn(move || {
        let wire = client.block_on(Wire::connect(address));
        (client, wire)
    });
    let (client, wire) = wire.join().unwrap();
    server.leave();
    let stopped = server.stopped().await;
    assert_eq!(stopped, Stopped::Drained);
    drop(wire);
    client.shutdown_background();
}

#[tokio::test]
async fn a_client_that_connects_and_says_nothing_does_not_hold_up_the_end() {
    let mut server = impatient().await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    // The server speaks first of all.
    silent.read_exact(&mut [0; 9]).await.unwrap();
    server.leave();
    server.closed().await;
    let stopped = server.stopped().await;
    assert!(matches!(stopped, Stopped::Drained | Stopped::Cut { requests: 0, .. }), "{stopped:?}");
    within(silent.read_to_end(&mut Vec::new())).await.unwrap();
}

#[tokio::test]
async fn all_connections_are_cut_off_when_the_server_is_dropped() {
    let server = TestServer::start().await;
    let held = begin(&server).await;
    server.abort().await;
    assert_ne!(within(held.give_up()).await.unwrap_err().code(), Code::Ok);
}
