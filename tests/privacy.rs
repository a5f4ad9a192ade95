//! No log line and no error repeats a word of a document.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    io,
    sync::{Arc, Mutex},
};

use common::{TestServer, config, document, faulty_model, raw};
use newsdesk::{
    proto::{BatchClassifyRequest, ClassifyRequest, StreamClassifyRequest},
    server::Registry,
};
use tracing_subscriber::fmt::MakeWriter;

/// A word that occurs in every document of the test, and nowhere else.
const SECRET: &str = "quokkas";

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

    let server = TestServer::start_with(Registry::new(faulty_model().into()), config()).await;
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
    server.stop().await;

    assert!(!format!("{errors:?}").contains(SECRET), "{errors:?}");
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("request answered") && log.contains("request failed with a panic"));
    let leak = log.lines().find(|line| line.contains(SECRET));
    assert_eq!(leak, None);
}
