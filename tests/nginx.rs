//! newsdesk behind nginx, as `deploy/nginx/newsdesk.conf` has it. Where nginx is not installed, this is skipped.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use common::{
    GEOPOLITICS, TestServer, blamed, decided, document,
    pages::{Figures, pages},
    tiny_model, within,
};
use hyper_util::rt::TokioIo;
use newsdesk::{
    proto::{
        BatchClassifyRequest, ClassifyRequest, ReloadModelsRequest, StreamClassifyRequest,
        admin_service_client::AdminServiceClient,
        classifier_service_client::ClassifierServiceClient,
    },
    server::Registry,
};
use tempfile::TempDir;
use tokio::net::UnixStream;
use tonic::{
    Code,
    transport::{Channel, Endpoint},
};

/// An nginx with a folder of its own, which listens on a socket in it.
struct Nginx {
    folder: TempDir,
    program: PathBuf,
}

impl Nginx {
    /// Starts an nginx before `servers`.
    fn start(program: PathBuf, servers: [&TestServer; 2]) -> Nginx {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let mut site = include_str!("../deploy/nginx/newsdesk.conf").to_owned();
        for (port, server) in ["127.0.0.1:50051", "127.0.0.1:50052"].iter().zip(servers) {
            assert!(site.contains(port), "{port}");
            site = site.replace(port, &server.address.to_string());
        }
        let listen = "listen 127.0.0.1:8443 http2;";
        assert!(site.contains(listen));
        site = site.replace(listen, &format!("listen unix:{path}/socket http2;"));
        fs::write(folder.path().join("newsdesk.conf"), site).unwrap();
        let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {path}/{name};"));
        let main = format!(
            "pid {path}/pid; error_log {path}/error.log; worker_processes 1; user root;\n\
             events {{}}\nhttp {{ access_log off; {} include {path}/newsdesk.conf; }}\n",
            folders.concat()
        );
        fs::write(folder.path().join("nginx.conf"), main).unwrap();
        let nginx = Nginx { folder, program };
        // It comes back when it listens.
        let output = nginx.run(&[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        nginx
    }

    fn run(&self, args: &[&str]) -> Output {
        let log = self.folder.path().join("error.log");
        let main = self.folder.path().join("nginx.conf");
        Command::new(&self.program)
            .arg("-e")
            .arg(log)
            .arg("-c")
            .arg(main)
            .args(args)
            .output()
            .unwrap()
    }

    async fn channel(&self) -> Channel {
        let socket = self.folder.path().join("socket");
        let connector = tower::service_fn(move |_| {
            let socket = socket.clone();
            async move { UnixStream::connect(socket).await.map(TokioIo::new) }
        });
        let endpoint = Endpoint::from_static("http://newsdesk");
        within(endpoint.connect_with_connector(connector)).await.unwrap()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.run(&["-s", "stop"]);
    }
}

fn installed() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::env::var_os("PATH").iter().flat_map(|path| std::env::split_paths(path)).collect();
    // Not everybody has it in the path.
    folders.push("/usr/sbin".into());
    folders.iter().map(|folder| folder.join("nginx")).find(|path| Path::is_file(path))
}

async fn newsdesk() -> (TestServer, std::net::SocketAddr) {
    let (pages, extras) = pages().await;
    let registry = Registry::new(tiny_model().into());
    (TestServer::start_with_extras(registry, common::config(), extras).await, pages)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_nginx_everything_is_answered_and_one_newsdesk_may_go() {
    let Some(program) = installed() else {
        eprintln!("SKIPPED: nginx is not installed");
        return;
    };
    let ((first, first_pages), (second, second_pages)) = (newsdesk().await, newsdesk().await);
    let nginx = Nginx::start(program, [&first, &second]);
    let channel = nginx.channel().await;
    let mut client = ClassifierServiceClient::new(channel.clone());

    let response = within(client.classify(document(GEOPOLITICS))).await.unwrap();
    assert!(response.metadata().contains_key("x-request-id"));
    assert_eq!(decided(response.get_ref()), "geopolitics");
    // A refusal comes with its details.
    let status = within(client.classify(document(" "))).await.unwrap_err();
    assert_eq!(blamed(&status), "InvalidArgument text");

    let long = document(format!("{GEOPOLITICS} ").repeat(100));
    let requests: Vec<ClassifyRequest> = vec![long; 256];
    let batch = within(client.batch_classify(BatchClassifyRequest { requests })).await.unwrap();
    assert_eq!(batch.into_inner().outcomes.len(), 256);

    let messages = ["1", "2", "3"]
        .map(|id| StreamClassifyRequest { id: id.into(), request: Some(document(GEOPOLITICS)) });
    let answers = within(client.stream_classify(tokio_stream::iter(messages))).await.unwrap();
    let mut answers = answers.into_inner();
    for id in ["1", "2", "3"] {
        assert_eq!(within(answers.message()).await.unwrap().unwrap().id, id);
    }
    assert!(within(answers.message()).await.unwrap().is_none());

    let mut admin = AdminServiceClient::new(channel);
    let status = within(admin.reload_models(ReloadModelsRequest {})).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);

    for _ in 0..50 {
        within(client.classify(document(GEOPOLITICS))).await.unwrap();
    }
    for pages in [first_pages, second_pages] {
        let served =
            "newsdesk_decisions_total{model=\"tiny\",version=\"1\",outcome=\"geopolitics\"}";
        assert!(
            20.0 < Figures::read(pages).await.get(served),
            "{}",
            Figures::read(pages).await.text()
        );
    }
    first.stop().await;
    for _ in 0..50 {
        within(client.classify(document(GEOPOLITICS))).await.unwrap();
    }
    second.stop().await;
    let status = within(client.classify(document(GEOPOLITICS))).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unavailable, "no newsdesk can be reached")
    );
}
