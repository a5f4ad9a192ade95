//! No log line, no figure and no error repeats a word of a document.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    io,
    sync::{Arc, Mutex},
};

use common::{
    TestServer, config, document, faulty_model,
    pages::{Figures, get, pages},
    raw,
};
use newsdesk::{
    proto::{BatchClassifyRequest, ClassifyRequest, StreamClassifyRequest},
    server::Registry,
};
use tracing_subscriber::fmt::MakeWriter;

/// A word that occurs in every document of the test, and nowhere else.
const SECRET: &str = "quokkas";

/// The place of a request in a trace.
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Log;

    fn make_writer(&self) -> Log {
        self.clone()
    }
}

#[tokio::test]
async fn no_log_line_repeats_a_document_at_any_level() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone());
    subscriber.init();

    let (pages, extras) = pages().await;
    let registry = Registry::new(faulty_model().into());
    let server = TestServer::start_with_extras(registry, config(), extras).await;
    let mut client = server.classifier().await;
    let good = document(format!("{SECRET} and sanctions"));
    let requests = vec![
        good.clone(),
        ClassifyRequest { title: SECRET.into(), ..good.clone() },
        ClassifyRequest { format: 9, ..good.clone() },
        ClassifyRequest { model: format!("{SECRET} {SECRET}"), ..good.clone() },
        // The model fails on this one.
        document(format!("{SECRET} weather")),
    ];
    let mut errors = Vec::new();
    for request in &requests {
        errors.extend(client.classify(request.clone()).await.err());
    }
    assert_eq!(errors.len(), 3);
    let mut traced = tonic::Request::new(good.clone());
    traced.metadata_mut().insert("traceparent", PARENT.parse().unwrap());
    traced.metadata_mut().insert("x-request-id", "order-66".parse().unwrap());
    client.classify(traced).await.unwrap();
    client.batch_classify(BatchClassifyRequest { requests: requests.clone() }).await.unwrap();
    let messages = requests
        .into_iter()
        .map(|request| StreamClassifyRequest { id: SECRET.into(), request: Some(request) });
    let messages: Vec<_> = messages.collect();
    let answers = client.stream_classify(tokio_stream::iter(messages)).await.unwrap();
    let mut answers = answers.into_inner();
    while answers.message().await.unwrap().is_some() {}
    let invalid = [&[0x0a, 9], SECRET.as_bytes(), &[0xff, 0xff]].concat();
    errors.extend(raw::send(server.channel().await, raw::CLASSIFY, invalid).await.err());
    let figures = Figures::read(pages).await;
    let readiness = get(pages, "/readyz").await.1;
    server.stop().await;

    assert!(!format!("{errors:?}").contains(SECRET), "{errors:?}");
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("request answered") && log.contains("request failed with a panic"));
    let traced = log.lines().find(|line| line.contains("order-66")).unwrap();
    assert!(traced.contains("4bf92f3577b34da6a3ce929d0e0e4736"), "{traced}");
    assert!(traced.contains("00f067aa0ba902b7") && traced.contains("code=Ok"), "{traced}");
    let leak = log.lines().find(|line| line.contains(SECRET));
    assert_eq!(leak, None);
    assert!(!figures.text().contains(SECRET) && !readiness.contains(SECRET));
    // Where the figures do tell of these requests.
    assert!(figures.get(r#"newsdesk_words_total{model="tiny",version="1"}"#) > 0.0);
}
