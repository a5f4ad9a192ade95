//! A client's stream as messages, until the client or the server ends it.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{self, Instant, Sleep};
use tokio_stream::Stream;
use tonic::{Request, Status, Streaming};

use super::{
    front::{Deadline, misread},
    limits::MessageLimits,
    phase::PhaseWatch,
    refusal::Refusal,
    status,
};
use crate::proto::StreamClassifyRequest;

/// How long a stream may go on.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamTimes {
    /// Without a document.
    pub(super) idle_max: Duration,
    /// In all. Connections have an age, and a stream would keep its own beyond it.
    pub(super) age_max: Duration,
}

/// A client's stream as messages.
///
/// A message is read from the connection when it is asked for and no sooner, which is what slows a
/// client down that does not take its answers. When the stream is to end, what has arrived is still
/// returned; then comes the refusal that says why, so that no stream that idles holds up the end.
pub(super) struct Messages {
    /// The request, with its place among the requests under way.
    request: Request<Streaming<StreamClassifyRequest>>,
    end: Pin<Box<dyn Future<Output = Refusal> + Send>>,
    idle: Pin<Box<Sleep>>,
    idle_max: Duration,
    bytes_max: usize,
    ended: bool,
}

impl Messages {
    pub(super) fn new(
        request: Request<Streaming<StreamClassifyRequest>>,
        phase: PhaseWatch,
        times: StreamTimes,
        deadline: Option<Deadline>,
        messages: MessageLimits,
    ) -> Messages {
        Messages {
            request,
            end: Box::pin(end(
                phase,
                times.age_max,
                deadline.filter(|deadline| deadline.is_clients()),
            )),
            idle: Box::pin(time::sleep(times.idle_max)),
            idle_max: times.idle_max,
            bytes_max: messages.document,
            ended: false,
        }
    }
}

/// Waits until the stream is to end, and returns why.
async fn end(phase: PhaseWatch, age_max: Duration, deadline: Option<Deadline>) -> Refusal {
    let age_end = Instant::now() + age_max;
    let deadline_at = deadline.map_or(age_end, |deadline| deadline.at);
    tokio::select! {
        () = phase.closing() => Refusal::Stopping,
        () = time::sleep_until(deadline_at), if deadline.is_some() => Refusal::Deadline,
        () = time::sleep_until(age_end) => Refusal::StreamAge,
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
            messages.idle.as_mut().reset(Instant::now() + messages.idle_max);
            let bytes_max = messages.bytes_max;
            return Poll::Ready(message.map(|m| m.map_err(|status| explain(status, bytes_max))));
        }
        let refusal = match messages.end.as_mut().poll(context) {
            Poll::Ready(refusal) => refusal,
            Poll::Pending if messages.idle.as_mut().poll(context).is_ready() => Refusal::StreamIdle,
            Poll::Pending => return Poll::Pending,
        };
        messages.ended = true;
        Poll::Ready(Some(Err(status::of(&refusal, ""))))
    }
}

/// Returns the status that tells best why a stream cannot be read on.
fn explain(status: Status, bytes_max: usize) -> Status {
    match misread(&status, "request.text", bytes_max) {
        Some(refusal) => status::of(&refusal, ""),
        None => status,
    }
}
