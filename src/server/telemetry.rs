//! What is seen of every request from outside: its method, its code and its time.
//!
//! This is the outermost layer, so that it sees refused requests too. It knows nothing of documents.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use tokio::time::Instant;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

use super::{refusal::Refusal, status};

/// A method of this server, and the field that makes its messages long.
#[derive(Clone, Copy, Debug)]
struct Method {
    path: &'static str,
    field: &'static str,
}

/// The methods of this server. The last stands for all others: a path is the client's own text, which
/// neither logs nor metrics shall repeat.
const METHODS: [Method; 6] = [
    Method { path: "/newsdesk.v1.ClassifierService/Classify", field: "text" },
    Method { path: "/newsdesk.v1.ClassifierService/BatchClassify", field: "requests" },
    Method { path: "/newsdesk.v1.ClassifierService/StreamClassify", field: "request.text" },
    Method { path: "/newsdesk.v1.ModelService/ListModels", field: "" },
    Method { path: "/newsdesk.v1.ModelService/GetModel", field: "name" },
    Method { path: "other", field: "" },
];

/// Sees every request, and ends those that take too long.
#[derive(Clone, Copy, Debug)]
pub(super) struct TelemetryLayer {
    pub(super) request_time_max: Duration,
}

/// See [`TelemetryLayer`].
#[derive(Clone, Debug)]
pub(super) struct Telemetry<S> {
    inner: S,
    request_time_max: Duration,
}

impl<S> Layer<S> for TelemetryLayer {
    type Service = Telemetry<S>;

    fn layer(&self, inner: S) -> Telemetry<S> {
        Telemetry { inner, request_time_max: self.request_time_max }
    }
}

impl<S> Service<Request<Body>> for Telemetry<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let method = method(request.uri().path());
        let began = Instant::now();
        let answered = tokio::time::timeout(self.request_time_max, self.inner.call(request));
        Box::pin(async move {
            let response = match answered.await {
                Ok(response) => explain(response?, method),
                Err(_) => status::of(&Refusal::TooSlow, "").into_http(),
            };
            // A stream's answer begins here; its code, which comes at its end, is not known yet.
            let (code, micros) = (code(&response), began.elapsed().as_micros());
            tracing::debug!(method = method.path, ?code, micros, "request answered");
            Ok(response)
        })
    }
}

fn method(path: &str) -> Method {
    let known = METHODS.iter().find(|method| method.path == path);
    *known.unwrap_or(&METHODS[METHODS.len() - 1])
}

/// Returns the code of a response without messages; one with messages has none yet, and counts as OK.
fn code(response: &Response<Body>) -> Code {
    let header = response.headers().get(Status::GRPC_STATUS);
    header.map_or(Code::Ok, |value| Code::from_bytes(value.as_bytes()))
}

/// Returns the response in the words of the contract.
///
/// tonic says `OUT_OF_RANGE` of a message that is too long. Nothing else here has that code. That the
/// client is at fault, and that trying again is useless, is `INVALID_ARGUMENT`.
fn explain(response: Response<Body>, method: Method) -> Response<Body> {
    if code(&response) == Code::OutOfRange {
        return status::of(&Refusal::Message { field: method.field }, "").into_http();
    }
    response
}
