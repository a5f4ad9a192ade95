//! A socket, with TLS or without.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{Accept, server::TlsStream};

use super::super::{security::Security, watch::Counters};

/// A socket, with TLS or without.
///
/// The handshake is a part of the first reading or writing, so that it takes place on the connection's own
/// task, and holds up no other.
pub(super) enum Transport {
    Plain(TcpStream),
    Handshake(Box<Accept<TcpStream>>, Arc<Counters>),
    Tls(Box<TlsStream<TcpStream>>),
    Failed,
}

/// What can be read and written.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Transport {
    pub(super) fn new(
        stream: TcpStream,
        security: Option<&Security>,
        counters: &Arc<Counters>,
    ) -> Transport {
        match security.and_then(Security::tls) {
            Some(tls) => {
                let accept = Box::new(tls.acceptor().accept(stream));
                Transport::Handshake(accept, Arc::clone(counters))
            }
            None => Transport::Plain(stream),
        }
    }

    /// Returns the stream to read and write, when the handshake is over.
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Pin<&mut dyn Stream>>> {
        if let Transport::Handshake(accept, counters) = self {
            let shaken = ready!(Pin::new(accept.as_mut()).poll(context));
            if let Err(error) = &shaken {
                counters.handshake_failed();
                tracing::debug!(%error, "TLS handshake failed; does the client write https://?");
            }
            *self = shaken.map_or(Transport::Failed, |stream| Transport::Tls(Box::new(stream)));
        }
        Poll::Ready(match self {
            Transport::Plain(stream) => Ok(Pin::new(stream)),
            Transport::Tls(stream) => Ok(Pin::new(stream.as_mut())),
            Transport::Handshake(..) | Transport::Failed => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_open(context))?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(context))?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_open(context))?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_open(context))?.poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(context))?.poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
