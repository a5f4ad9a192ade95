//! A collector gets a span of each request, in the client's trace, and no word of a document.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{fs, net::TcpListener, process::Command};

use common::{GEOPOLITICS, authority::Authority, document, process::Process, raw};
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
    transport::{Certificate, Endpoint, Identity, Server, ServerTlsConfig, server::TcpIncoming},
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
        let (port, received) = Collector::serve(Server::builder());
        (format!("http://127.0.0.1:{port}"), received)
    }

    /// Starts one with TLS, which is of `authority` and takes nothing of others.
    fn start_with_tls(
        authority: &Authority,
    ) -> (String, mpsc::UnboundedReceiver<ExportTraceServiceRequest>) {
        let own = authority.sign(|_| {});
        let tls = ServerTlsConfig::new()
            .identity(Identity::from_pem(own.certificate, own.key))
            .client_ca_root(Certificate::from_pem(authority.pem()));
        let (port, received) = Collector::serve(Server::builder().tls_config(tls).unwrap());
        (format!("https://localhost:{port}"), received)
    }

    fn serve(mut server: Server) -> (u16, mpsc::UnboundedReceiver<ExportTraceServiceRequest>) {
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = incoming.local_addr().unwrap().port();
        let (sender, received) = mpsc::unbounded_channel();
        let service = TraceServiceServer::new(Collector(sender));
        tokio::spawn(server.add_service(service).serve_with_incoming(incoming));
        (port, received)
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

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_with_tls_gets_spans_if_both_are_known_to_one_another() {
    let (authority, directory) = (Authority::new(), tempfile::tempdir().unwrap());
    let (known, stranger) = (authority.sign(|_| {}), Authority::new());
    let foreign = stranger.sign(|_| {});
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for (ca, own, is_sent) in
        [(&authority, &known, true), (&stranger, &known, false), (&authority, &foreign, false)]
    {
        let (url, mut received) = Collector::start_with_tls(&authority);
        let files = [
            write("ca.pem", &ca.pem()),
            write("own.pem", &own.certificate),
            write("own.key", &own.key),
        ];
        let flags = ["--otlp-ca", "--otlp-client-cert", "--otlp-client-key"];
        let files = flags.iter().zip(&files).flat_map(|(flag, file)| [*flag, file.as_str()]);
        let args: Vec<&str> = ["--otlp-endpoint", &url].into_iter().chain(files).collect();
        let mut server = Process::start(&args);
        ask(&server, "told", None, document(GEOPOLITICS)).await;
        let requests = sent(&mut server, &mut received);
        assert_eq!(spans(&requests).len(), usize::from(is_sent));
    }
}

fn check_config(args: &[&str]) -> Option<i32> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_newsdesk"));
    command.args(["serve", "--check-config"]).args(args).output().unwrap().status.code()
}

#[test]
fn an_address_that_is_none_is_a_wrong_setting() {
    for wrong in ["", "localhost", "127.0.0.1:4317", "ftp://collector.example.org:4317"] {
        assert_eq!(check_config(&["--otlp-endpoint", wrong]), Some(2), "{wrong}");
    }
}

#[test]
fn files_of_tls_go_with_https_and_are_read_before_anything_is_served() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    fs::write(&file, Authority::new().pem()).unwrap();
    let (file, url) = (file.to_str().unwrap(), "https://collector.example.org:4317");
    for (args, expected) in [
        (&["--otlp-endpoint", url][..], 2),
        (&["--otlp-endpoint", "http://127.0.0.1:4317", "--otlp-ca", file], 2),
        (&["--otlp-endpoint", url, "--otlp-ca", file, "--otlp-client-cert", file], 2),
        (&["--otlp-endpoint", url, "--otlp-ca", "no.pem"], 1),
        (&["--otlp-endpoint", url, "--otlp-ca", file], 0),
    ] {
        assert_eq!(check_config(args), Some(expected), "{args:?}");
    }
}
