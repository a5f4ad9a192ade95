//! What every request passes before a service sees it, and its answer after.
//!
//! ```text
//! request ─▶ method ─▶ trail ─▶ deadline ─▶ content type ─▶ token ─▶ place ─▶ service ─▶ Watched ─▶ answer
//! ```
//!
//! This knows nothing of documents. A layer of the network library's own stands outside of it, and would
//! see neither why a request was refused nor what became of its answer.

mod ahead;
mod deadline;
mod method;
mod places;
#[cfg(feature = "otel")]
mod span;
mod trail;
mod watched;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderMap, HeaderName, Request, Response, StatusCode, header::CONTENT_TYPE};
use tokio::time::{Instant, timeout_at};
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

use self::{ahead::write_aside, trail::Trail, watched::Watched};
use super::{
    aside::Aside, connection::Tenure, limits::MessageLimits, refusal::Refusal, security::Security,
    status, watch::Counters,
};

pub(super) use self::{
    ahead::LongAnswer,
    deadline::Deadline,
    method::{METHODS, Method},
    places::{Place, PlaceKind, Places},
};

/// The header that says how messages are compressed.
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");

/// See [`Front`].
#[derive(Clone, Debug)]
pub(super) struct FrontLayer {
    pub(super) places: Places,
    pub(super) counters: Arc<Counters>,
    pub(super) security: Option<Security>,
    pub(super) request_time_max: Duration,
    pub(super) messages: MessageLimits,
    pub(super) aside: Aside,
}

/// Takes on each request, or refuses it, and sees what becomes of it.
#[derive(Clone, Debug)]
pub(super) struct Front<S> {
    inner: S,
    settings: FrontLayer,
}

impl<S> Layer<S> for FrontLayer {
    type Service = Front<S>;

    fn layer(&self, inner: S) -> Front<S> {
        Front { inner, settings: self.clone() }
    }
}

impl<S> Service<Request<Body>> for Front<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let method = method::at(request.uri().path());
        let connection = request.extensions().get::<Arc<Tenure>>().cloned();
        let now = Instant::now();
        let deadline = Deadline::of(request.headers(), now, self.settings.request_time_max);
        let trail = Trail::of(request.headers());
        let counters = Arc::clone(&self.settings.counters);
        let mut watched = Watched::new(method, now, trail, counters, connection.as_ref());
        let bytes_max = self.settings.message_bytes_max(method);
        let aside = self.settings.aside.clone();
        let is_long = is_long_to_read(method, request.headers());
        let admitted = self.settings.admit(method, request.headers(), connection);
        let answered = admitted.map(|place| {
            watched.place.clone_from(&place);
            if method.place == Some(PlaceKind::Stream) {
                request.extensions_mut().insert(deadline);
            }
            place.map(|place| request.extensions_mut().insert(place));
            timeout_at(deadline.at, answer(self.inner.call(request), is_long, aside))
        });
        Box::pin(async move {
            let response = match answered {
                Ok(answered) => match answered.await {
                    Ok(Ok(response)) => explain(response?, method, bytes_max),
                    Ok(Err(refusal)) => refused(&refusal),
                    Err(_) => refused(&deadline.refusal()),
                },
                Err(refusal) => refused(&refusal),
            };
            Ok(watched.over(response))
        })
    }
}

impl FrontLayer {
    fn admit(
        &self,
        method: &Method,
        headers: &HeaderMap,
        connection: Option<Arc<Tenure>>,
    ) -> Result<Option<Place>, Refusal> {
        if !is_grpc(headers) {
            return Err(Refusal::ContentType);
        }
        if let Some((security, role)) = self.security.as_ref().zip(method.role) {
            let allowed = security.check(headers, role);
            allowed.inspect_err(|refusal| self.counters.refused(status::reason(refusal)))?;
        }
        let Some(kind) = method.place else { return Ok(None) };
        let place = self.places.take(kind, connection);
        place.map(Some).inspect_err(|_| self.counters.shed(kind))
    }

    fn message_bytes_max(&self, method: &Method) -> usize {
        match method.place {
            Some(PlaceKind::Request | PlaceKind::Stream) => self.messages.document,
            Some(PlaceKind::Batch) => self.messages.batch,
            None => self.messages.small,
        }
    }
}

/// Waits for a service's `answer`. What takes long to read or to write is read and written aside.
async fn answer<E: Send + 'static>(
    answer: impl Future<Output = Result<Response<Body>, E>> + Send + 'static,
    is_long: bool,
    aside: Aside,
) -> Result<Result<Response<Body>, E>, Refusal> {
    let answered =
        if is_long { aside.run(answer).await.map_err(|_| Refusal::Panic)? } else { answer.await };
    Ok(match answered {
        Ok(response) => Ok(write_aside(response, &aside).await),
        Err(error) => Err(error),
    })
}

/// Tells whether the message of a request can take long to read: a batch, or one that is to be unpacked.
fn is_long_to_read(method: &Method, headers: &HeaderMap) -> bool {
    let is_packed = headers.get(ENCODING).is_some_and(|encoding| encoding != "identity");
    method.place == Some(PlaceKind::Batch) || method.place.is_some() && is_packed
}

/// Tells whether a request is in protobuf, as gRPC over HTTP/2 has it.
fn is_grpc(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    ["application/grpc", "application/grpc+proto"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(essence))
}

/// Returns the response to a request that is refused. One who does not speak gRPC sees it by the code of HTTP.
fn refused(refusal: &Refusal) -> Response<Body> {
    let mut response = status::of(refusal, "").into_http();
    if *refusal == Refusal::ContentType {
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    response
}

/// Returns the code of a response without messages; that of one with messages comes after them.
fn code(response: &Response<Body>) -> Option<Code> {
    let header = response.headers().get(Status::GRPC_STATUS)?;
    Some(Code::from_bytes(header.as_bytes()))
}

/// Returns the response in the words of the contract.
fn explain(response: Response<Body>, method: &Method, bytes_max: usize) -> Response<Body> {
    let status = Status::from_header_map(response.headers());
    match status.and_then(|status| misread(&status, method.field, bytes_max)) {
        Some(refusal) => refused(&refusal),
        None => response,
    }
}

/// Returns why the network library could not read a message, if that is what `status` says.
///
/// It has one code for a plain message that is too long, another for a compressed one, and a third for one
/// that is no protobuf, which is the client's fault and not ours. None comes with details, which all of
/// ours have.
pub(super) fn misread(status: &Status, field: &'static str, bytes_max: usize) -> Option<Refusal> {
    if !status.details().is_empty() {
        None
    } else if matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted) {
        Some(Refusal::Message { field, bytes_max })
    } else if status.code() == Code::Internal {
        Some(Refusal::Malformed { what: status.message().to_owned() })
    } else {
        None
    }
}
