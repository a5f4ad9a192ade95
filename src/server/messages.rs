//! A client's stream as messages, until the client or the server ends it.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio_stream::Stream;
use tonic::{Code, Request, Status, Streaming};

use super::{phase::PhaseWatch, refusal::Refusal, status};
use crate::proto::StreamClassifyRequest;

/// A client's stream as messages.
///
/// A message is read from the connection when it is asked for and no sooner, which is what slows a
/// client down that does not take its answers. When the server closes, what has arrived is still
/// returned; then comes an `UNAVAILABLE`, so that no stream that idles holds up the end.
pub(super) struct Messages {
    /// The request, with its place among the requests under way.
    request: Request<Streaming<StreamClassifyRequest>>,
    closing: Pin<Box<dyn Future<Output = ()> + Send>>,
    ended: bool,
}

impl Messages {
    pub(super) fn new(
        request: Request<Streaming<StreamClassifyRequest>>,
        phase: PhaseWatch,
    ) -> Messages {
        Messages { request, closing: Box::pin(phase.closing()), ended: false }
    }
}

impl Stream for Messages {
    type Item = Result<StreamClassifyRequest, Status>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let messages = self.get_mut();
        if messages.ended {
            return Poll::Ready(None);
        }
        if let Poll::Ready(message) = Pin::new(messages.request.get_mut()).poll_next(context) {
            messages.ended = !matches!(message, Some(Ok(_)));
            return Poll::Ready(message.map(|message| message.map_err(explain)));
        }
        ready!(messages.closing.as_mut().poll(context));
        messages.ended = true;
        Poll::Ready(Some(Err(status::of(&Refusal::Stopping, ""))))
    }
}

/// Returns the status that tells best why a stream cannot be read on.
fn explain(status: Status) -> Status {
    // This is what tonic says of a message that is too long; see also `telemetry.rs`.
    if status.code() == Code::OutOfRange {
        return status::of(&Refusal::Message { field: "request.text" }, "");
    }
    status
}
