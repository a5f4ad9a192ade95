//! The pages that a monitoring system and a container runtime read: `/metrics`, `/healthz`, `/readyz`.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use prost::bytes::Bytes;
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time,
};

use super::Collector;
use crate::server::phase::{Phase, PhaseWatch};

/// The readers at once. There are one or two; the others are mistakes.
const READERS_MAX: usize = 16;

/// How long a reader may take in all, to ask and to read.
const READER_TIME_MAX: Duration = Duration::from_secs(10);

/// How long to wait when the system has no socket to give.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// The pages of a server.
#[derive(Clone, Debug)]
pub(in crate::server) struct Page {
    pub(in crate::server) collector: Collector,
    pub(in crate::server) phase: PhaseWatch,
}

impl Page {
    /// Answers the readers that come to `listener`, for ever. They are cut off when this is dropped.
    pub(in crate::server) async fn serve(self, listener: TcpListener) {
        let free = Arc::new(Semaphore::new(READERS_MAX));
        let mut readers = JoinSet::new();
        loop {
            while readers.try_join_next().is_some() {}
            let permit = Arc::clone(&free).acquire_owned().await;
            match listener.accept().await {
                Ok((stream, _)) => {
                    let page = self.clone();
                    readers.spawn(async move {
                        let _ = time::timeout(READER_TIME_MAX, page.answer_on(stream)).await;
                        drop(permit);
                    });
                }
                Err(error) => wait_after(&error).await,
            }
        }
    }

    async fn answer_on(self, stream: TcpStream) -> Result<(), hyper::Error> {
        let service = service_fn(|request: Request<Incoming>| {
            let response = self.response(request.uri().path());
            async move { Ok::<_, Infallible>(response) }
        });
        let mut connection = http1::Builder::new();
        connection.timer(TokioTimer::new()).keep_alive(false);
        connection.serve_connection(TokioIo::new(stream), service).await
    }

    fn response(&self, path: &str) -> Response<Full<Bytes>> {
        match path {
            "/metrics" => match self.collector.text() {
                Ok(text) => response(StatusCode::OK, OPEN_METRICS, text),
                Err(_) => response(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "cannot write\n"),
            },
            "/healthz" => response(StatusCode::OK, TEXT, "alive\n"),
            "/readyz" => self.readiness(),
            _ => {
                response(StatusCode::NOT_FOUND, TEXT, "there are /metrics, /healthz and /readyz\n")
            }
        }
    }

    /// Tells whether requests are welcome, and which models would answer them.
    fn readiness(&self) -> Response<Full<Bytes>> {
        let models = self.collector.registry.models();
        let is_staying = self.phase.clone().now() == Phase::Serving;
        let is_ready = is_staying && !models.is_empty();
        let names = models.current().map(|served| {
            let reference = &served.reference;
            json!({"name": reference.name, "version": reference.version, "digest": reference.digest})
        });
        let problems = self.collector.registry.problems().into_iter();
        let problems =
            problems.map(|(subject, reason)| json!({"subject": subject, "reason": reason}));
        let body = json!({
            "problems": problems.collect::<Vec<_>>(),
            "ready": is_ready,
            "stopping": !is_staying,
            "models": names.collect::<Vec<_>>(),
        });
        let code = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        response(code, JSON, format!("{body}\n"))
    }
}

async fn wait_after(error: &io::Error) {
    tracing::warn!(%error, "reader not accepted");
    time::sleep(ACCEPT_RETRY).await;
}

fn response(code: StatusCode, kind: HeaderValue, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
