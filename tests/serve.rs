//! The command serves what it is told to, and follows signals.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
};

use common::{GEOPOLITICS, document, folder::Folder, pages::get, raw::Held, tiny_model, within};
use newsdesk::proto::{ClassifyResponse, classifier_service_client::ClassifierServiceClient};
use tonic::transport::Endpoint;

/// A server in a process of its own, which ends with the test.
struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Process {
    fn start(args: &[&str]) -> Process {
        Process::start_logging_to(Stdio::null(), args)
    }

    fn start_logging_to(log: Stdio, args: &[&str]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_newsdesk"));
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let url = first.strip_prefix("listening on ").unwrap().to_owned();
        Process { child, lines, url }
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    async fn ask(&self) -> ClassifyResponse {
        let mut client = ClassifierServiceClient::connect(self.url.clone()).await.unwrap();
        client.classify(document(GEOPOLITICS)).await.unwrap().into_inner()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

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
