//! An answer that is written before it is asked for.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use prost::bytes::Bytes;
use tonic::{Status, body::Body};

use super::super::aside::Aside;

/// How much of an answer is handed over at once, in bytes: a frame of HTTP/2, as it is if nobody asks for longer ones.
/// The next piece is taken when the client has room for it, so that a request keeps its place until its client has
/// taken the answer, and one who takes it slowly is seen to take it.
const PIECE_BYTES: usize = 16 * 1024;

/// Stands in the extensions of an answer that can take long to write.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct LongAnswer;

/// An answer whose beginning has been written already.
struct Ahead {
    first: Option<Result<Frame<Bytes>, Status>>,
    rest: Body,
}

/// Has `response` written aside, if it is a [`LongAnswer`].
///
/// The network library writes an answer, which may be as long as many documents, on the thread that serves its
/// connection.
pub(super) async fn write_aside(response: Response<Body>, aside: &Aside) -> Response<Body> {
    if response.extensions().get::<LongAnswer>().is_none() {
        return response;
    }
    let (head, mut body) = response.into_parts();
    let written = aside.run(async move {
        let first = body.frame().await;
        Body::new(Ahead { first, rest: body })
    });
    // It fails if the server is gone, and then there is nobody to write to.
    Response::from_parts(head, written.await.unwrap_or_default())
}

impl Ahead {
    /// Returns the beginning of `data`, and keeps the rest.
    fn piece(&mut self, mut data: Bytes) -> Frame<Bytes> {
        let piece = data.split_to(PIECE_BYTES.min(data.len()));
        if !data.is_empty() {
            self.first = Some(Ok(Frame::data(data)));
        }
        Frame::data(piece)
    }
}

impl http_body::Body for Ahead {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(first) = self.first.take() else {
            return Pin::new(&mut self.rest).poll_frame(context);
        };
        Poll::Ready(Some(first.map(|frame| match frame.into_data() {
            Ok(data) => self.piece(data),
            Err(trailers) => trailers,
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.first.is_none() { self.rest.size_hint() } else { SizeHint::default() }
    }
}
