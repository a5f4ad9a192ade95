//! A collector gets a span of each request, in the client's trace, and no word of a document.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{net::TcpListener, process::Command};

use common::{GEOPOLITICS, document, process::Process, raw};
use newsdesk::proto::{ClassifyRequest, classifier_service_client::ClassifierServiceClient};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, status::StatusCode},
};
use tokio::sync::mpsc;
use tonic::{
    Request, Response, Status,
    transport::{Endpoint, Server, server::TcpIncoming},
};

/// A trace that its client records, and one that it does not.
const RECORDED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNRECORDED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// Keeps what it is sent.
struct Collector(mpsc::UnboundedSender<ExportTraceServiceRequest>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.send(request.into_inner()).unwrap();
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    /// Starts a collector; what it is sent comes out at the other end.
    fn start() -> (String, mpsc::UnboundedReceiver<ExportTraceServiceRequest>) {
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let url = format!("http://{}", incoming.local_addr().unwrap());
        let (sender, received) = mpsc::unbounded_channel();
        let service = TraceServiceServer::new(Collector(sender));
        tokio::spawn(Server::builder().add_service(service).serve_with_incoming(incoming));
        (url, received)
    }
}

/// Stops the server, and returns what the collector was sent until it ended.
fn sent(
    server: &mut Process,
    received: &mut mpsc::UnboundedReceiver<ExportTraceServiceRequest>,
) -> Vec<ExportTraceServiceRequest> {
    server.signal("-TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    std::iter::from_fn(|| received.try_recv().ok()).collect()
}

fn spans(requests: &[ExportTraceServiceRequest]) -> Vec<&Span> {
    let resources = requests.iter().flat_map(|request| &request.resource_spans);
    resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| &scope.spans).collect()
}

fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    let Some(Value::StringValue(text)) = found.value.clone()?.value else { return None };
    Some(text)
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap())
        .collect()
}

async fn ask(server: &Process, id: &str, traceparent: Option<&str>, message: ClassifyRequest) {
    let mut client = ClassifierServiceClient::connect(server.url.clone()).await.unwrap();
    let mut request = Request::new(message);
    request.metadata_mut().insert("x-request-id", id.parse().unwrap());
    if let Some(traceparent) = traceparent {
        request.metadata_mut().insert("traceparent", traceparent.parse().unwrap());
    }
    let _ = client.classify(request).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_a_span_of_its_clients_trace_and_what_is_left_is_sent_at_the_end() {
    let (url, mut received) = Collector::start();
    let mut server = Process::start(&["--otlp-endpoint", &url]);
    ask(&server, "recorded", Some(RECORDED), document(GEOPOLITICS)).await;
    ask(&server, "unrecorded", Some(UNRECORDED), document(GEOPOLITICS)).await;
    ask(&server, "alone", None, document("")).await;
    let requests = sent(&mut server, &mut received);
    assert!(!format!("{requests:?}").contains("sanctions"));
    let resource = requests[0].resource_spans[0].resource.clone().unwrap();
    assert_eq!(attribute(&resource.attributes, "service.name").unwrap(), "newsdesk");
    let mut spans = spans(&requests);
    spans.sort_by_key(|span| attribute(&span.attributes, "newsdesk.request_id"));
    let [alone, recorded] = spans[..] else { panic!("{spans:?}") };

    assert_eq!(recorded.trace_id, bytes(&RECORDED[3..35]));
    assert_eq!(recorded.parent_span_id, bytes(&RECORDED[36..52]));
    assert_eq!((&*alone.parent_span_id, alone.trace_id.len()), (&[][..], 16));
    for (span, id, code) in [(recorded, "recorded", "OK"), (alone, "alone", "INVALID_ARGUMENT")] {
        let of = |key| attribute(&span.attributes, key).unwrap();
        assert_eq!(span.name, "newsdesk.v1.ClassifierService/Classify");
        assert_eq!(of("rpc.method"), span.name);
        assert_eq!(of("rpc.system.name"), "grpc");
        assert_eq!(of("rpc.response.status_code"), code);
        assert_eq!(of("newsdesk.request_id"), id);
        assert_eq!(span.attributes.len(), 4, "{span:?}");
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_no_method_has_is_an_error_and_stays_untold() {
    let (url, mut received) = Collector::start();
    let mut server = Process::start(&["--otlp-endpoint", &url]);
    let channel = Endpoint::from_shared(server.url.clone()).unwrap().connect().await.unwrap();
    assert!(raw::send(channel, "/sanctions.B/C", Vec::new()).await.is_err());
    let requests = sent(&mut server, &mut received);
    assert!(!format!("{requests:?}").contains("sanctions"));
    let [span] = spans(&requests)[..] else { panic!("{requests:?}") };
    let of = |key| attribute(&span.attributes, key).unwrap();
    assert_eq!((&*span.name, &*of("rpc.method")), ("grpc", "_OTHER"));
    assert_eq!(of("rpc.response.status_code"), "UNIMPLEMENTED");
    assert_eq!(of("error.type"), "UNIMPLEMENTED");
    assert_eq!(span.status.clone().unwrap().code(), StatusCode::Error);
}

#[tokio::test]
async fn a_collector_that_is_gone_or_silent_holds_up_neither_requests_nor_the_end() {
    // Nobody listens at a port that was given back; who connects to the other hears nothing.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for address in [gone, silent.local_addr().unwrap()] {
        let mut server = Process::start(&["--otlp-endpoint", &format!("http://{address}")]);
        assert_eq!(server.ask().await.model.unwrap().name, "default");
        server.signal("-TERM");
        assert_eq!(server.child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn an_address_that_is_none_is_a_wrong_setting() {
    for wrong in ["", "localhost", "127.0.0.1:4317", "https://collector.example.org:4317"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_newsdesk"));
        let output = command.args(["serve", "--check-config", "--otlp-endpoint", wrong]).output();
        assert_eq!(output.unwrap().status.code(), Some(2), "{wrong}");
    }
}
