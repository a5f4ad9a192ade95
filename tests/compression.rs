//! Messages may be compressed, and are no longer than others for that.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{GEOPOLITICS, TestServer, blamed, config, decided, document, reason, tiny_model};
use newsdesk::{
    proto::{BatchClassifyRequest, ClassifyRequest},
    server::{Config, Registry},
    text::DOCUMENT_BYTES_MAX,
};
use tonic::codec::CompressionEncoding::{Gzip, Zstd};

async fn start(compress_answers: bool) -> TestServer {
    let config = Config { compress_answers, ..config() };
    TestServer::start_with(Registry::new(tiny_model().into()), config).await
}

#[tokio::test]
async fn documents_and_answers_may_be_compressed() {
    for compress_answers in [false, true] {
        let server = start(compress_answers).await;
        for encoding in [Gzip, Zstd] {
            let client = server.classifier().await;
            let mut client = client.send_compressed(encoding).accept_compressed(encoding);
            let response = client.classify(document(GEOPOLITICS)).await.unwrap();
            let name = response.metadata().get("grpc-encoding").map(|name| name.to_str().unwrap());
            let expected = if encoding == Gzip { "gzip" } else { "zstd" };
            assert_eq!(name, compress_answers.then_some(expected));
            assert_eq!(decided(response.get_ref()), "geopolitics");
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn what_is_too_long_when_it_is_decompressed_is_refused() {
    let server = start(false).await;
    for encoding in [Gzip, Zstd] {
        let client = server.classifier().await;
        let mut client = client.send_compressed(encoding);
        // Blanks compress to next to nothing.
        let blank = |bytes| document("c".to_owned() + &" ".repeat(bytes - 1));
        assert!(client.classify(blank(DOCUMENT_BYTES_MAX)).await.is_ok());
        let status = client.classify(blank(DOCUMENT_BYTES_MAX + 1)).await.unwrap_err();
        assert_eq!(blamed(&status), "InvalidArgument text");
        let status = client.classify(blank(64 * DOCUMENT_BYTES_MAX)).await.unwrap_err();
        assert_eq!(blamed(&status), "ResourceExhausted text");
        assert_eq!(reason(&status), "MESSAGE_TOO_LONG");
        let requests: Vec<ClassifyRequest> = vec![blank(DOCUMENT_BYTES_MAX); 64];
        let status = client.batch_classify(BatchClassifyRequest { requests }).await.unwrap_err();
        assert_eq!(blamed(&status), "ResourceExhausted requests");
    }
    server.stop().await;
}
