//! A server that answers `Classify` and does nothing for it: what gRPC itself costs.
//!
//! It takes and gives the messages that newsdesk does, with the same settings of the runtime and of
//! HTTP/2, and prints the line that `newsdesk serve` prints.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

use newsdesk::{
    proto::{
        BatchClassifyRequest, BatchClassifyResponse, ClassifyRequest, ClassifyResponse, Decision,
        LabelScore, ModelReference, StreamClassifyRequest, StreamClassifyResponse,
        classifier_service_server::{ClassifierService, ClassifierServiceServer},
        decision,
    },
    server::CONNECTION_STREAMS_MAX,
};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Server, server::TcpIncoming},
};

struct Echo;

#[tonic::async_trait]
impl ClassifierService for Echo {
    async fn classify(
        &self,
        request: Request<ClassifyRequest>,
    ) -> Result<Response<ClassifyResponse>, Status> {
        assert!(!request.get_ref().text.is_empty());
        Ok(Response::new(response()))
    }

    async fn batch_classify(
        &self,
        _: Request<BatchClassifyRequest>,
    ) -> Result<Response<BatchClassifyResponse>, Status> {
        Err(Status::unimplemented("only Classify is measured"))
    }

    type StreamClassifyStream = tokio_stream::Empty<Result<StreamClassifyResponse, Status>>;

    async fn stream_classify(
        &self,
        _: Request<Streaming<StreamClassifyRequest>>,
    ) -> Result<Response<Self::StreamClassifyStream>, Status> {
        Err(Status::unimplemented("only Classify is measured"))
    }
}

/// Returns a response as long as newsdesk's.
fn response() -> ClassifyResponse {
    let labels = ["geopolitics", "other", "promotional"];
    let labels =
        labels.map(|label| LabelScore { label: label.into(), probability: 0.3, score: -3.5 });
    let outcome = decision::Outcome::Label("geopolitics".into());
    let model =
        ModelReference { name: "default".into(), version: "1".into(), digest: "0".repeat(64) };
    ClassifyResponse {
        decision: Some(Decision { outcome: Some(outcome) }),
        labels: labels.into(),
        model: Some(model),
        ..ClassifyResponse::default()
    }
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let incoming =
            TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap().with_nodelay(Some(true));
        println!("listening on http://{}", incoming.local_addr().unwrap());
        Server::builder()
            .initial_stream_window_size(128 * 1024)
            .initial_connection_window_size(128 * 1024 * CONNECTION_STREAMS_MAX)
            .max_concurrent_streams(CONNECTION_STREAMS_MAX)
            .add_service(ClassifierServiceServer::new(Echo))
            .serve_with_incoming(incoming)
            .await
            .unwrap();
    });
}
