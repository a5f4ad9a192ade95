//! A socket that comes to an end when its connection does.
//!
//! tonic runs connections on tasks of its own, which nobody else can end.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
    task::JoinHandle,
};
use tonic::transport::server::Connected;

use super::{
    super::phase::PhaseWatch,
    Permit,
    tenure::{End, Patience, Tenure},
    transport::Transport,
};

/// The bytes that each HTTP/2 client says first (RFC 9113, section 3.4).
const PREFACE_BYTES: usize = 24;

/// How often a connection is read before others have their turn. A client that sends without a pause (a flood of
/// pings, say) would otherwise keep a thread to itself for some ten thousand frames.
const READS_PER_TURN: u8 = 4;

/// A connection to a client.
pub(in crate::server) struct Connection {
    stream: Transport,
    tenure: Arc<Tenure>,
    /// Waits on a task of its own: polled at each reading and writing, it would cost each request.
    end: JoinHandle<End>,
    ended: Option<End>,
    preface_bytes_left: usize,
    reads_this_turn: u8,
    _permit: Permit,
}

impl Connection {
    pub(super) fn new(
        stream: Transport,
        all_cut: watch::Receiver<()>,
        phase: PhaseWatch,
        patience: Patience,
        permit: Permit,
    ) -> Connection {
        let tenure = Arc::new(Tenure::new(Arc::clone(&permit.client)));
        let end = tokio::spawn(Arc::clone(&tenure).end(all_cut, phase, patience));
        let preface_bytes_left = PREFACE_BYTES;
        Connection {
            stream,
            tenure,
            end,
            ended: None,
            preface_bytes_left,
            reads_this_turn: 0,
            _permit: permit,
        }
    }

    /// Returns why the connection has ended, if it has; has the task woken when it does.
    fn ended(&mut self, context: &mut Context<'_>) -> Option<End> {
        if self.ended.is_none()
            && let Poll::Ready(end) = Pin::new(&mut self.end).poll(context)
        {
            self.ended = Some(end.unwrap_or(End::Cut));
        }
        self.ended
    }

    /// Returns the stream to write to, unless the connection is cut off.
    fn writable(&mut self, context: &mut Context<'_>) -> io::Result<Pin<&mut Transport>> {
        match self.ended(context) {
            Some(End::Cut) => Err(io::ErrorKind::ConnectionAborted.into()),
            // What is closed because it is idle still says good-bye.
            Some(End::Idle) | None => Ok(Pin::new(&mut self.stream)),
        }
    }

    /// Tells whether it is the turn of others, and has the task woken when they have had it.
    fn is_turn_over(&mut self, context: &Context<'_>) -> bool {
        if self.reads_this_turn < READS_PER_TURN {
            self.reads_this_turn += 1;
            return false;
        }
        self.reads_this_turn = 0;
        context.waker().wake_by_ref();
        true
    }

    fn count_preface(&mut self, bytes: usize) {
        if 0 < self.preface_bytes_left {
            self.preface_bytes_left = self.preface_bytes_left.saturating_sub(bytes);
            if self.preface_bytes_left == 0 {
                self.tenure.begin();
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.end.abort();
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.ended(context) {
            Some(End::Cut) => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            Some(End::Idle) => return Poll::Ready(Ok(())),
            None => {}
        }
        if self.is_turn_over(context) {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_pending() {
            self.reads_this_turn = 0;
        }
        self.count_preface(buffer.filled().len() - before);
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writable(context)?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writable(context)?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writable(context)?.poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writable(context)?.poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Connected for Connection {
    type ConnectInfo = Arc<Tenure>;

    fn connect_info(&self) -> Arc<Tenure> {
        Arc::clone(&self.tenure)
    }
}
