//! The command as a server in a process of its own.

use std::{
    io::{BufRead as _, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
};

use newsdesk::proto::{ClassifyResponse, classifier_service_client::ClassifierServiceClient};

use super::{GEOPOLITICS, document};

/// A server in a process of its own, which ends with the test.
pub struct Process {
    pub child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub url: String,
}

impl Process {
    pub fn start(args: &[&str]) -> Process {
        Process::start_logging_to(Stdio::null(), args)
    }

    pub fn start_logging_to(log: Stdio, args: &[&str]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_newsdesk"));
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let url = first.strip_prefix("listening on ").unwrap().to_owned();
        Process { child, lines, url }
    }

    pub fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    pub fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    pub async fn ask(&self) -> ClassifyResponse {
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
