//! What becomes of a request, up to the last byte of its answer.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::Response;
use http_body::{Frame, SizeHint};
use prost::bytes::Bytes;
use tokio::time::Instant;
use tonic::{Code, Status, body::Body};

use super::{
    super::connection::{OpenRequest, Tenure},
    code,
    method::Method,
    places::Place,
};

/// The answer to a request, on its way to the client. When this is dropped, the request is over.
pub(super) struct Watched {
    body: Body,
    pub(super) place: Option<Place>,
    method: &'static Method,
    began: Instant,
    /// The code of the answer; of one that nobody waited for to its end, `CANCELLED`.
    code: Code,
    _open: Option<OpenRequest>,
}

impl Watched {
    pub(super) fn new(
        method: &'static Method,
        began: Instant,
        connection: Option<&Arc<Tenure>>,
    ) -> Watched {
        let open = connection.map(Tenure::open_request);
        Watched {
            body: Body::empty(),
            place: None,
            method,
            began,
            code: Code::Cancelled,
            _open: open,
        }
    }

    /// Watches over `response` from now on.
    pub(super) fn over(mut self, response: Response<Body>) -> Response<Body> {
        self.code = code(&response).unwrap_or(self.code);
        self.given();
        response.map(|body| {
            self.body = body;
            Body::new(self)
        })
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
        self.given();
        if let Some(trailers) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.trailers_ref())
            && let Some(code) = trailers.get(Status::GRPC_STATUS)
        {
            self.code = Code::from_bytes(code.as_bytes());
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
        let micros = self.began.elapsed().as_micros();
        tracing::debug!(method = self.method.path, code = ?self.code, micros, "request answered");
    }
}
