//! Clients that break the rules of HTTP/2 and gRPC are refused or cut off, and harm no others.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{net::SocketAddr, num::NonZeroUsize, time::Duration};

use common::{
    GEOPOLITICS, TestServer, config, decided, document, raw, tiny_model,
    wire::{
        CONTINUATION, DATA, HEADERS, PING, PREFACE, SETTINGS, Wire, frame, framed, head, whole,
    },
    within,
};
use h2::Reason;
use newsdesk::server::{Config, Registry};
use proptest::prelude::any;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Runtime,
};
use tonic::Code;

const SOON: Duration = Duration::from_millis(20);

async fn start(config: Config) -> TestServer {
    TestServer::start_with(Registry::new(tiny_model().into()), config).await
}

/// Sends `bytes`, over and over if `again`, until the server closes the connection.
async fn pour(address: SocketAddr, bytes: &[u8], again: &[u8]) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    let mut heard = Vec::new();
    let hear = from.read_to_end(&mut heard);
    let say = async {
        let mut said = to.write_all(bytes).await;
        while said.is_ok() && !again.is_empty() {
            said = to.write_all(again).await;
        }
        if again.is_empty() {
            let _ = to.shutdown().await;
        }
    };
    // Whether the server says good-bye or resets the connection is up to it.
    let _ = within(async { tokio::join!(hear, say) }).await;
}

/// Fails the test if the server does not serve a client that does nothing wrong.
async fn check_others(server: &TestServer, attack: &str) {
    let mut client = server.classifier().await;
    let response = within(client.classify(document(GEOPOLITICS))).await;
    assert_eq!(decided(response.unwrap().get_ref()), "geopolitics", "after {attack}");
}

#[tokio::test]
async fn a_message_that_never_comes_to_its_end_gives_its_place_back() {
    let requests_max = NonZeroUsize::MIN;
    let server = start(Config { request_time_max: SOON, requests_max, ..config() }).await;
    let mut wire = Wire::connect(server.address).await;
    let mut slow = wire.begin(raw::CLASSIFY, &[]).await;
    slow.message.send_data(vec![0].into(), false).unwrap();
    assert_eq!(slow.code().await, Code::DeadlineExceeded);
    check_others(&server, "a slow message").await;
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_is_gone_without_a_word_is_noticed() {
    let config = Config { keepalive_interval: SOON, keepalive_timeout: SOON, ..config() };
    let server = start(config).await;
    // It never answers the server's pings, and does not close the connection.
    let mut gone = TcpStream::connect(server.address).await.unwrap();
    gone.write_all(&[PREFACE, &whole(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
    let _ = within(gone.read_to_end(&mut Vec::new())).await;
    server.stop().await;
}

#[tokio::test]
async fn frames_that_break_the_rules_end_their_connection() {
    let server = TestServer::start().await;
    let settings = whole(SETTINGS, 0, 0, &[]);
    let begun = [PREFACE, &settings].concat();
    let after = |frames: &[Vec<u8>]| [begun.clone(), frames.concat()].concat();
    for (attack, bytes) in [
        ("HTTP/1.1", b"GET / HTTP/1.1\r\nhost: a\r\n\r\n".to_vec()),
        ("half a preface", PREFACE[..10].to_vec()),
        ("another preface", b"PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("no settings", [PREFACE, &whole(PING, 0, 0, &[0; 8])].concat()),
        ("settings of 5 bytes", after(&[whole(SETTINGS, 0, 0, &[0; 5])])),
        ("a ping of 7 bytes", after(&[whole(PING, 0, 0, &[0; 7])])),
        ("a frame that is too long", after(&[frame(1 << 20, DATA, 0, 1, &[0; 100])])),
        ("a frame that is cut short", after(&[frame(100, HEADERS, 4, 1, &[0; 3])])),
        ("data of no stream", after(&[whole(DATA, 0, 0, &[0; 10])])),
        ("data before headers", after(&[whole(DATA, 0, 1, &[0; 10])])),
        ("a continuation of nothing", after(&[whole(CONTINUATION, 4, 1, &[0x82])])),
        ("headers that are no HPACK", after(&[whole(HEADERS, 4, 1, &[0xff; 50])])),
        ("a stream of the server's own", after(&[whole(HEADERS, 4, 2, &[0x82])])),
        ("headers within headers", after(&[whole(HEADERS, 0, 1, &[0x82]), whole(DATA, 0, 1, &[])])),
    ] {
        pour(server.address, &bytes, &[]).await;
        check_others(&server, attack).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn floods_end_their_connection() {
    let server = TestServer::start().await;
    let begun = [PREFACE, &whole(SETTINGS, 0, 0, &[])].concat();
    // `x: v…`, as a header that is not to be indexed.
    let header = [&[0x00, 1, b'x', 100][..], &[b'v'; 100]].concat();
    let headers = [begun.clone(), whole(HEADERS, 0, 1, &header)].concat();
    let big = whole(CONTINUATION, 0, 1, &header.repeat(100));
    pour(server.address, &headers, &big).await;
    check_others(&server, "continuations").await;
    let empty = whole(CONTINUATION, 0, 1, &[]).repeat(100);
    pour(server.address, &headers, &empty).await;
    check_others(&server, "empty continuations").await;
    server.stop().await;
}

#[tokio::test]
async fn requests_that_are_given_up_in_great_numbers_end_their_connection() {
    let server = TestServer::start().await;
    let mut wire = Wire::connect(server.address).await;
    within(async {
        for _ in 0..100_000 {
            let Ok(mut requests) = wire.requests.clone().ready().await else { break };
            let request = head(raw::CLASSIFY, &[]).body(()).unwrap();
            let Ok((_, mut message)) = requests.send_request(request, false) else { break };
            message.send_reset(Reason::CANCEL);
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(wire.requests);
    let _ = within(&mut wire.connection).await;
    check_others(&server, "resets").await;
    server.stop().await;
}

#[tokio::test]
async fn messages_that_are_no_grpc_are_refused_and_the_connection_goes_on() {
    let server = TestServer::start().await;
    let mut wire = Wire::connect(server.address).await;
    let message = framed(&document(GEOPOLITICS));
    for (what, bytes, expected) in [
        (
            "a length beyond the message",
            [&[0, 0, 0, 0, 9][..], b"abc"].concat(),
            Code::InvalidArgument,
        ),
        ("half a length", vec![0, 0], Code::InvalidArgument),
        ("no message", Vec::new(), Code::InvalidArgument),
        ("an unknown flag", [&[7][..], &message[1..]].concat(), Code::InvalidArgument),
        (
            "compressed, and it is not said how",
            [&[1][..], &message[1..]].concat(),
            Code::InvalidArgument,
        ),
        ("a length of 4 GiB", vec![0, 0xff, 0xff, 0xff, 0xff], Code::ResourceExhausted),
    ] {
        let mut request = wire.begin(raw::CLASSIFY, &[]).await;
        request.message.send_data(bytes.into(), true).unwrap();
        assert_eq!(request.code().await, expected, "{what}");
    }
    for (content_type, expected) in [
        ("text/plain", 415),
        ("application/json", 415),
        ("application/grpc-web", 415),
        ("application/grpc+json", 415),
        ("", 415),
        ("application/grpc+proto", 200),
        ("Application/gRPC; x=y", 200),
    ] {
        let request = http::Request::builder()
            .method("POST")
            .uri(format!("http://a{}", raw::CLASSIFY))
            .header("content-type", content_type);
        let mut request = wire.send(request.body(()).unwrap()).await;
        let _ = request.message.send_data(message.clone(), true);
        let response = within(request.response).await.unwrap();
        assert_eq!(response.status(), expected, "{content_type}");
    }
    for (name, value, expected) in
        [("grpc-encoding", "brotli", Code::Unimplemented), ("grpc-timeout", "soon", Code::Ok)]
    {
        let request = wire.begin(raw::CLASSIFY, &[(name, value)]).await;
        assert_eq!(request.ask(&document(GEOPOLITICS)).await, expected, "{name}: {value}");
    }
    // RFC 9113, section 8.2.2: there is one value of `te` alone.
    let request = wire.begin(raw::CLASSIFY, &[("te", "deflate")]).await;
    assert_eq!(within(request.response).await.unwrap_err().reason(), Some(Reason::PROTOCOL_ERROR));
    check_others(&server, "messages").await;
    server.stop().await;
}

#[test]
fn no_bytes_whatever_harm_the_server() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(TestServer::start());
    let kinds = proptest::collection::vec(
        (0_u8..12, any::<u8>(), 0_u32..5, proptest::collection::vec(any::<u8>(), 0..40)),
        0..8,
    );
    proptest::proptest!(proptest::test_runner::Config::with_cases(128), |(frames in kinds)| {
        let mut bytes = [PREFACE, &whole(SETTINGS, 0, 0, &[])].concat();
        for (kind, flags, stream, payload) in frames {
            bytes.extend(whole(kind, flags, stream, &payload));
        }
        runtime.block_on(pour(server.address, &bytes, &[]));
    });
    runtime.block_on(async {
        check_others(&server, "noise").await;
        server.stop().await;
    });
}
