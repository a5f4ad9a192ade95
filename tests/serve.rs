//! The command serves what it is told to, and follows signals.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs::File;

use common::{
    GEOPOLITICS, document, folder::Folder, pages::get, process::Process, raw::Held, tiny_model,
    within,
};
use newsdesk::proto::classifier_service_client::ClassifierServiceClient;
use tonic::transport::Endpoint;

#[tokio::test]
async fn a_hangup_signal_has_new_models_found() {
    let folder = Folder::new();
    folder.put("news", "1", tiny_model());
    let root = folder.root();
    let args = ["--models", root.to_str().unwrap(), "--models-poll-seconds", "3600"];
    let mut process = Process::start(&args);
    assert!(process.line().starts_with("model news 1 "));
    folder.put("news", "2", tiny_model());
    process.signal("-HUP");
    within(async { while process.ask().await.model.unwrap().version != "2" {} }).await;
    process.signal("-TERM");
    assert_eq!(process.child.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_server_whose_log_can_not_be_written_serves_on() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut process = Process::start_logging_to(full.into(), &["--log", "debug"]);
    assert_eq!(process.ask().await.model.unwrap().name, "default");
    process.signal("-TERM");
    assert_eq!(process.child.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn the_exit_code_tells_that_requests_were_cut_off() {
    let mut process = Process::start(&["--drain-seconds", "0.02"]);
    let channel = Endpoint::from_shared(process.url.clone()).unwrap().connect().await.unwrap();
    let held = Held::begin(channel.clone()).await;
    // One connection's requests are taken on in their order.
    ClassifierServiceClient::new(channel).classify(document(GEOPOLITICS)).await.unwrap();
    process.signal("-TERM");
    assert_eq!(process.child.wait().unwrap().code(), Some(3));
    assert!(within(held.give_up()).await.is_err());
}

#[tokio::test]
async fn figures_are_served_where_it_says() {
    let mut process = Process::start(&["--metrics-listen", "127.0.0.1:0"]);
    assert!(process.line().starts_with("model default 1 "));
    let line = process.line();
    let address =
        line.strip_prefix("figures on http://").unwrap().strip_suffix("/metrics").unwrap();
    assert_eq!(get(address.parse().unwrap(), "/readyz").await.0, 200);
}
