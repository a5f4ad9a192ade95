//! What becomes of a request, up to the last byte of its answer.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::Response;
use http_body::{Frame, SizeHint};
use prost::bytes::Bytes;
use tokio::time::Instant;
use tonic::{Code, Status, body::Body};

use super::{
    super::{
        connection::{OpenRequest, Tenure},
        watch::Counters,
    },
    code,
    method::Method,
    places::Place,
    trail::{REQUEST_ID, Trail},
};

#[cfg(feature = "otel")]
use super::span::RequestSpan;

/// The answer to a request, on its way to the client. When this is dropped, the request is over.
pub(super) struct Watched {
    body: Body,
    pub(super) place: Option<Place>,
    method: &'static Method,
    began: Instant,
    trail: Trail,
    counters: Arc<Counters>,
    /// The code of the answer; of one that nobody waited for to its end, `CANCELLED`.
    code: Code,
    #[cfg(feature = "otel")]
    span: RequestSpan,
    _open: Option<OpenRequest>,
}

impl Watched {
    pub(super) fn new(
        method: &'static Method,
        began: Instant,
        trail: Trail,
        counters: Arc<Counters>,
        connection: Option<&Arc<Tenure>>,
    ) -> Watched {
        let open = connection.map(Tenure::open_request);
        Watched {
            body: Body::empty(),
            place: None,
            method,
            began,
            #[cfg(feature = "otel")]
            span: RequestSpan::begin(method, &trail),
            trail,
            counters,
            code: Code::Cancelled,
            _open: open,
        }
    }

    /// Watches over `response` from now on.
    pub(super) fn over(mut self, mut response: Response<Body>) -> Response<Body> {
        response.headers_mut().insert(REQUEST_ID, self.trail.request_id.clone());
        self.code = code(&response).unwrap_or(self.code);
        self.given();
        response.map(|body| {
            self.body = body;
            Body::new(self)
        })
    }

    /// Notes a part of the answer, which is about to go out. The trailers are the last; nothing waits for them.
    fn note(&mut self, frame: &Frame<Bytes>) {
        if let Some(data) = frame.data_ref() {
            self.given();
            self.counters.sent(self.method, data.len());
        } else if let Some(code) = frame.trailers_ref().and_then(|all| all.get(Status::GRPC_STATUS))
        {
            self.code = Code::from_bytes(code.as_bytes());
            // Its place is free before the client can know, and ask again.
            self.place = None;
        }
    }

    /// Logs what became of the request.
    fn log(&self, time: Duration) {
        let (method, code, micros) = (self.method.path, self.code, time.as_micros());
        let (request_id, (trace_id, span_id)) = (self.trail.request_id(), self.trail.trace());
        if is_fault(code) {
            tracing::error!(method, ?code, micros, request_id, trace_id, span_id, "request failed");
        } else {
            tracing::debug!(
                method,
                ?code,
                micros,
                request_id,
                trace_id,
                span_id,
                "request answered"
            );
        }
    }

    fn given(&self) {
        if let Some(place) = &self.place {
            place.given();
        }
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            self.note(frame);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let time = self.began.elapsed();
        self.counters.answered(self.method, self.code, time);
        #[cfg(feature = "otel")]
        self.span.end(self.code);
        if is_fault(self.code) || tracing::enabled!(tracing::Level::DEBUG) {
            self.log(time);
        }
    }
}

/// Tells whether a request that ended with `code` failed for a fault of ours.
fn is_fault(code: Code) -> bool {
    matches!(code, Code::Internal | Code::Unknown | Code::DataLoss)
}
