//! A stream is answered in its order, as fast as its answers are taken, until one side ends it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use common::{
    GEOPOLITICS, PROMOTIONAL, TestServer, blamed, config, decided, document, faulty_model,
    named_model, status_of, tiny_model, with_evidence, within,
};
use newsdesk::{
    proto::{
        ClassifyRequest, StreamClassifyRequest, StreamClassifyResponse,
        classifier_service_client::ClassifierServiceClient, stream_classify_response::Outcome,
    },
    server::{Config, Registry},
};
use tokio::{
    runtime::Runtime,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Streaming, transport::Channel};

fn message(id: impl Into<String>, request: ClassifyRequest) -> StreamClassifyRequest {
    StreamClassifyRequest { id: id.into(), request: Some(request) }
}

/// Returns the id of an answer, and what was decided or blamed.
fn summary(response: &StreamClassifyResponse) -> (&str, String) {
    let outcome = match response.outcome.as_ref().unwrap() {
        Outcome::Response(response) => decided(response).to_owned(),
        Outcome::Error(error) => blamed(&status_of(error)),
    };
    (&response.id, outcome)
}

/// Opens a stream, and returns where its messages go and where its answers come from.
async fn open(
    mut client: ClassifierServiceClient<Channel>,
) -> (mpsc::Sender<StreamClassifyRequest>, Streaming<StreamClassifyResponse>) {
    let (sender, receiver) = mpsc::channel(1);
    let answers = client.stream_classify(ReceiverStream::new(receiver)).await.unwrap();
    (sender, answers.into_inner())
}

#[tokio::test]
async fn answers_come_in_order_with_the_ids_of_their_documents_and_faults_in_place() {
    let server = TestServer::start_with(Registry::new(faulty_model().into()), config()).await;
    let long = PROMOTIONAL.to_owned() + &" discount tickets".repeat(5_000);
    let messages = [
        message("a", document(GEOPOLITICS)),
        message("long", document(long)),
        message("", document(PROMOTIONAL)),
        StreamClassifyRequest { id: "empty".into(), request: None },
        message("a", document("\t")),
        message("fault", document("weather and sanctions")),
        message("model", ClassifyRequest { model: "none".into(), ..document(GEOPOLITICS) }),
        message("é", document(PROMOTIONAL)),
    ];
    let expected = [
        ("a", "geopolitics"),
        ("long", "promotional"),
        ("", "promotional"),
        ("empty", "InvalidArgument request"),
        ("a", "InvalidArgument request.text"),
        ("fault", "Internal "),
        ("model", "NotFound "),
        ("é", "promotional"),
    ];
    let mut client = server.classifier().await;
    let answers = client.stream_classify(tokio_stream::iter(messages)).await.unwrap();
    let mut answers = answers.into_inner();
    for (id, outcome) in expected {
        let answer = within(answers.message()).await.unwrap().unwrap();
        assert_eq!(summary(&answer), (id, outcome.to_owned()));
    }
    assert!(answers.message().await.unwrap().is_none());
    server.stop().await;
}

#[tokio::test]
async fn a_document_is_answered_before_the_next_is_sent() {
    let server = TestServer::start().await;
    let (messages, mut answers) = open(server.classifier().await).await;
    for id in ["1", "2", "3"] {
        messages.send(message(id, document(GEOPOLITICS))).await.unwrap();
        assert_eq!(within(answers.message()).await.unwrap().unwrap().id, id);
    }
    drop(messages);
    assert!(answers.message().await.unwrap().is_none());
    server.stop().await;
}

#[tokio::test]
async fn a_model_that_is_replaced_answers_no_more_in_open_streams() {
    let server = TestServer::start().await;
    let (messages, mut answers) = open(server.classifier().await).await;
    for version in ["1", "2"] {
        server.registry.insert(named_model("tiny", version));
        messages.send(message("", document(GEOPOLITICS))).await.unwrap();
        let answer = within(answers.message()).await.unwrap().unwrap();
        let Some(Outcome::Response(response)) = answer.outcome else { panic!("no response") };
        assert_eq!(response.model.unwrap().version, version);
    }
    drop(messages);
    drop(answers);
    server.stop().await;
}

/// Sends `count` documents as fast as they are taken, and counts those that were.
fn pour(
    messages: mpsc::Sender<StreamClassifyRequest>,
    count: usize,
) -> (Arc<AtomicUsize>, JoinHandle<()>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    // Each answer is some kilobytes, so that not many fit into the buffers on the way.
    let text = [GEOPOLITICS, PROMOTIONAL].concat().repeat(10);
    let task = tokio::spawn(async move {
        for id in 0..count {
            let message = message(id.to_string(), with_evidence(&text, 1000));
            messages.send(message).await.unwrap();
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    (sent, task)
}

/// Waits until the client of another stream has not sent any more for as long as it takes to answer
/// fifty requests, and returns how many documents it has sent.
async fn settled(server: &TestServer, sent: &AtomicUsize) -> usize {
    let mut client = server.classifier().await;
    let (mut before, mut quiet) = (0, 0);
    while quiet < 50 {
        client.classify(document(GEOPOLITICS)).await.unwrap();
        let now = sent.load(Ordering::SeqCst);
        quiet = if now == before { quiet + 1 } else { 0 };
        before = now;
    }
    before
}

/// Returns a client whose own buffers take few answers; by default, they take some megabytes.
async fn small_client(server: &TestServer) -> ClassifierServiceClient<Channel> {
    let endpoint = server.endpoint().initial_stream_window_size(64 * 1024);
    ClassifierServiceClient::new(endpoint.connect().await.unwrap())
}

const POURED: usize = 2000;

#[tokio::test]
async fn a_client_that_takes_no_answers_is_read_no_further() {
    let server = TestServer::start().await;
    let (messages, mut answers) = open(small_client(&server).await).await;
    let (sent, pouring) = pour(messages, POURED);
    let taken = within(settled(&server, &sent)).await;
    assert!(taken < POURED / 2, "{taken} documents were taken");
    // As soon as it takes them, it goes on.
    for id in 0..POURED {
        assert_eq!(within(answers.message()).await.unwrap().unwrap().id, id.to_string());
    }
    assert!(answers.message().await.unwrap().is_none());
    pouring.await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_stream_that_is_stuck_does_not_hold_up_its_own_connection() {
    let server = TestServer::start().await;
    let client = small_client(&server).await;
    let mut opened = Vec::new();
    for _ in 0..8 {
        let (messages, answers) = open(client.clone()).await;
        opened.push((pour(messages, POURED), answers));
    }
    for ((sent, _), _) in &opened {
        within(settled(&server, sent)).await;
    }
    let response = within(client.clone().classify(document(GEOPOLITICS))).await.unwrap();
    assert_eq!(decided(&response.into_inner()), "geopolitics");
    server.abort().await;
}

#[tokio::test]
async fn a_client_that_goes_away_gives_back_its_place() {
    let config = Config { streams_max: NonZeroUsize::MIN, ..config() };
    let server = TestServer::start_with(Registry::new(tiny_model().into()), config).await;
    let mut other = server.classifier().await;
    for round in 0..3 {
        let (answered, was_answered) = oneshot::channel();
        // The client has a runtime of its own, whose end is as if its process was killed.
        let client = Runtime::new().unwrap();
        let endpoint = server.endpoint();
        client.spawn(async move {
            let channel = endpoint.connect().await.unwrap();
            let (messages, mut answers) = open(ClassifierServiceClient::new(channel)).await;
            messages.send(message("", document(GEOPOLITICS))).await.unwrap();
            answered.send(answers.message().await.unwrap().is_some()).unwrap();
            std::future::pending::<()>().await;
        });
        assert!(within(was_answered).await.unwrap(), "round={round}");
        let refused = other.stream_classify(tokio_stream::empty()).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted, "round={round}");
        client.shutdown_background();
        within(async { while other.stream_classify(tokio_stream::empty()).await.is_err() {} })
            .await;
    }
    server.stop().await;
}
