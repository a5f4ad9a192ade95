//! Health follows the models and the server's end; it is asked for with the standard protocol.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{num::NonZeroUsize, time::Duration};

use common::{
    GEOPOLITICS, TestServer, config, document, named_model, raw::Held, tiny_model, within,
};
use newsdesk::server::{Config, Registry};
use tonic::{Code, Status, Streaming, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_client::HealthClient,
};

const SERVICES: [&str; 4] =
    ["", "newsdesk.v1.ClassifierService", "newsdesk.v1.ModelService", "grpc.health.v1.Health"];

async fn check(client: &mut HealthClient<Channel>, service: &str) -> Result<ServingStatus, Status> {
    let response = client.check(HealthCheckRequest { service: service.into() }).await?;
    Ok(response.into_inner().status())
}

async fn watch(server: &TestServer, service: &str) -> Streaming<HealthCheckResponse> {
    let request = HealthCheckRequest { service: service.into() };
    server.health().await.watch(request).await.unwrap().into_inner()
}

async fn next(watched: &mut Streaming<HealthCheckResponse>) -> Option<ServingStatus> {
    within(watched.message()).await.unwrap().map(|response| response.status())
}

#[tokio::test]
async fn the_server_and_each_service_are_serving() {
    let server = TestServer::start().await;
    for service in SERVICES {
        let status = check(&mut server.health().await, service).await.unwrap();
        assert_eq!(status, ServingStatus::Serving, "service={service:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_unknown_service_is_not_found_and_a_watch_waits_for_it() {
    let server = TestServer::start().await;
    let status = check(&mut server.health().await, "newsdesk.v1.None").await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let mut watched = watch(&server, "newsdesk.v1.None").await;
    assert_eq!(next(&mut watched).await, Some(ServingStatus::ServiceUnknown));
    server.stop().await;
}

#[tokio::test]
async fn health_follows_the_models() {
    let server = TestServer::start_with(Registry::empty(), config()).await;
    let mut client = server.health().await;
    let mut watched = watch(&server, "").await;
    assert_eq!(check(&mut client, "").await.unwrap(), ServingStatus::NotServing);
    assert_eq!(next(&mut watched).await, Some(ServingStatus::NotServing));
    server.registry.insert(named_model("tiny", "1"));
    assert_eq!(check(&mut client, "").await.unwrap(), ServingStatus::Serving);
    assert_eq!(next(&mut watched).await, Some(ServingStatus::Serving));
    // Another model is no news for a watch.
    server.registry.insert(named_model("tiny", "2"));
    server.registry.remove("tiny");
    assert_eq!(next(&mut watched).await, Some(ServingStatus::NotServing));
    assert_eq!(check(&mut client, "").await.unwrap(), ServingStatus::NotServing);
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_leaves_says_so_and_goes_on_for_as_long_as_its_notice() {
    let config = Config { notice: Duration::from_hours(1), ..config() };
    let registry = Registry::new(tiny_model().into());
    let mut server = TestServer::start_with(registry, config).await;
    let mut watched = watch(&server, "").await;
    assert_eq!(next(&mut watched).await, Some(ServingStatus::Serving));
    server.leave();
    assert_eq!(next(&mut watched).await, Some(ServingStatus::NotServing));
    let mut client = server.health().await;
    for service in SERVICES {
        let status = check(&mut client, service).await.unwrap();
        assert_eq!(status, ServingStatus::NotServing, "service={service:?}");
    }
    // On a new connection, too.
    assert!(server.classifier().await.classify(document(GEOPOLITICS)).await.is_ok());
    server.abort().await;
}

#[tokio::test]
async fn a_watch_is_told_of_the_end_and_does_not_hold_it_up() {
    let mut server = TestServer::start().await;
    let mut watched = watch(&server, "newsdesk.v1.ModelService").await;
    assert_eq!(next(&mut watched).await, Some(ServingStatus::Serving));
    server.leave();
    assert_eq!(next(&mut watched).await, Some(ServingStatus::NotServing));
    assert_eq!(next(&mut watched).await, None);
    assert_eq!(server.stopped().await, newsdesk::server::Stopped::Drained);
}

#[tokio::test]
async fn a_full_server_is_healthy() {
    let config = Config { requests_max: NonZeroUsize::MIN, ..config() };
    let server = TestServer::start_with(Registry::new(tiny_model().into()), config).await;
    let held = Held::begin(server.channel().await).await;
    let mut classifier = server.classifier().await;
    within(async { while classifier.classify(document(GEOPOLITICS)).await.is_ok() {} }).await;
    let status = check(&mut server.health().await, "").await.unwrap();
    assert_eq!(status, ServingStatus::Serving);
    held.finish(document(GEOPOLITICS)).await.unwrap();
    server.stop().await;
}
