//! The figures add up to what was done, and requests can be found again.

#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking; counts are whole"
)]

mod common;

use std::{num::NonZeroUsize, sync::Arc};

use common::{
    GEOPOLITICS, PROMOTIONAL, TestServer, config, document, faulty_model,
    pages::{Figures, get, pages},
    raw::{self, Held},
    tiny_model, within,
};
use newsdesk::{
    proto::BatchClassifyRequest,
    server::{Config, Registry},
};
use tokio::{io::AsyncReadExt as _, net::TcpStream};
use tonic::{Code, Request};

#[tokio::test]
async fn figures_add_up_to_what_was_done() {
    let (address, extras) = pages().await;
    let registry = Registry::new(tiny_model().into());
    let one = NonZeroUsize::MIN;
    let config = Config { requests_max: one, ..config() };
    let server = TestServer::start_with_extras(registry, config, extras).await;
    let mut client = server.classifier().await;
    client.classify(document(GEOPOLITICS)).await.unwrap();
    assert!(client.classify(document(" ")).await.is_err());
    let requests =
        vec![document(GEOPOLITICS), document(PROMOTIONAL), document("zebra zebra"), document("")];
    client.batch_classify(BatchClassifyRequest { requests }).await.unwrap();
    assert!(raw::send(server.channel().await, "/no.Service/Method", Vec::new()).await.is_err());
    let held = Held::begin(server.channel().await).await;
    let shed = within(async {
        let mut n_served = 0;
        while client.classify(document("weather recipe football")).await.is_ok() {
            n_served += 1;
        }
        n_served
    });
    let n_served = f64::from(shed.await);

    let figures = Figures::read(address).await;
    let check = |sample: &str, expected: f64| {
        assert_eq!(figures.get(sample), expected, "{sample}\n{}", figures.text());
    };
    let classify = r#"method="/newsdesk.v1.ClassifierService/Classify""#;
    check(&format!("newsdesk_requests_total{{{classify},code=\"OK\"}}"), 1.0 + n_served);
    check(&format!("newsdesk_requests_total{{{classify},code=\"INVALID_ARGUMENT\"}}"), 1.0);
    check(&format!("newsdesk_requests_total{{{classify},code=\"RESOURCE_EXHAUSTED\"}}"), 1.0);
    check(r#"newsdesk_requests_total{method="other",code="UNIMPLEMENTED"}"#, 1.0);
    check(&format!("newsdesk_request_duration_seconds_count{{{classify}}}"), 3.0 + n_served);
    check(r#"newsdesk_shed_total{kind="requests"}"#, 1.0);
    check(r#"newsdesk_in_flight{kind="requests"}"#, 1.0);
    check(r#"newsdesk_in_flight_max{kind="requests"}"#, 1.0);
    let decided = |outcome| {
        format!("newsdesk_decisions_total{{model=\"tiny\",version=\"1\",outcome=\"{outcome}\"}}")
    };
    check(&decided("geopolitics"), 2.0);
    check(&decided("promotional"), 1.0);
    check(&decided("FEW_KNOWN_WORDS"), 1.0);
    check(&decided("NEITHER"), n_served);
    check(&decided("other"), 0.0);
    let tiny = r#"{model="tiny",version="1"}"#;
    let words = |text: &str| text.split_whitespace().count() as f64;
    let all_words = 2.0 * words(GEOPOLITICS) + words(PROMOTIONAL) + 2.0 + 3.0 * n_served;
    check(&format!("newsdesk_words_total{tiny}"), all_words);
    // ambassador, sanctions, ceasefire; register, discount, tickets, fair.
    let known = 2.0 * 3.0 + 4.0 + 3.0 * n_served;
    check(&format!("newsdesk_words_unknown_total{tiny}"), all_words - known);
    check(&format!("newsdesk_probability_count{tiny}"), 4.0 + n_served);
    assert!(figures.text().contains(&format!("digest=\"{}\"", "d1".repeat(32))));
    held.finish(document(GEOPOLITICS)).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_fault_is_counted_as_one() {
    let (address, extras) = pages().await;
    let registry = Registry::new(faulty_model().into());
    let server = TestServer::start_with_extras(registry, config(), extras).await;
    let status = server.classifier().await.classify(document("the weather")).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    let figures = Figures::read(address).await;
    let sample = r#"newsdesk_requests_total{method="/newsdesk.v1.ClassifierService/Classify",code="INTERNAL"}"#;
    assert_eq!(figures.get(sample), 1.0, "{}", figures.text());
    server.stop().await;
}

#[tokio::test]
async fn readiness_follows_the_models_and_the_phase_and_health_does_not() {
    let (address, extras) = pages().await;
    let config = Config { notice: std::time::Duration::from_mins(5), ..config() };
    let mut server = TestServer::start_with_extras(Registry::empty(), config, extras).await;
    let ready = |path| async move { get(address, path).await };
    assert_eq!(ready("/healthz").await.0, 200);
    let (code, body) = ready("/readyz").await;
    assert_eq!(
        (code, body.trim()),
        (503, r#"{"models":[],"problems":[],"ready":false,"stopping":false}"#)
    );
    server.registry.insert(Arc::new(tiny_model()));
    let (code, body) = ready("/readyz").await;
    assert_eq!(code, 200);
    assert!(body.contains(r#""name":"tiny""#) && body.contains(&"d1".repeat(32)), "{body}");
    server.leave();
    within(async { while ready("/readyz").await.0 != 503 {} }).await;
    assert!(ready("/readyz").await.1.contains(r#""stopping":true"#));
    assert_eq!(ready("/healthz").await.0, 200);
    assert_eq!(ready("/").await.0, 404);
    server.abort().await;
}

#[tokio::test]
async fn a_reader_that_says_nothing_harms_no_other() {
    let (address, extras) = pages().await;
    let registry = Registry::new(tiny_model().into());
    let server = TestServer::start_with_extras(registry, config(), extras).await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    assert_eq!(get(address, "/readyz").await.0, 200);
    server.stop().await;
    // It goes with the server.
    let _ = within(silent.read_to_end(&mut Vec::new())).await;
}

#[tokio::test]
async fn an_answer_bears_the_name_of_its_request() {
    let server = TestServer::start().await;
    let mut client = server.classifier().await;
    let ask = |id: Option<&'static str>| {
        let mut request = Request::new(document(GEOPOLITICS));
        if let Some(id) = id {
            request.metadata_mut().insert("x-request-id", id.parse().unwrap());
        }
        request
    };
    let named = client.classify(ask(Some("order-66"))).await.unwrap();
    assert_eq!(named.metadata().get("x-request-id").unwrap(), "order-66");
    let mut ids = Vec::new();
    for id in [None, None, Some("not an id")] {
        let response = client.classify(ask(id)).await.unwrap();
        ids.push(response.metadata().get("x-request-id").unwrap().to_str().unwrap().to_owned());
    }
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[2] != "not an id", "{ids:?}");
    let mut refused = ask(Some("order-67"));
    refused.get_mut().text.clear();
    let status = client.classify(refused).await.unwrap_err();
    assert_eq!(status.metadata().get("x-request-id").unwrap(), "order-67");
    server.stop().await;
}
