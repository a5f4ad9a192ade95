//! Accepted sockets as connections that can be counted, refused and cut off.

use std::{
    io,
    num::NonZeroUsize,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::server::{Connected, TcpConnectInfo, TcpIncoming};

/// How long to wait when the system has no socket to give. Without a pause, asking again would take
/// all of a core for as long as that lasts.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// All connections of a server. They are cut off when this is dropped.
pub(super) struct Connections {
    free: Arc<Semaphore>,
    max: usize,
    cut: watch::Sender<()>,
}

/// A connection to a client.
pub(super) struct Connection {
    stream: TcpStream,
    /// Ends when the connection is to be cut off. tonic runs connections on tasks of its own, which
    /// nobody else can end.
    cut: Pin<Box<dyn Future<Output = ()> + Send>>,
    is_cut: bool,
    _permit: OwnedSemaphorePermit,
}

impl Connections {
    pub(super) fn new(max: NonZeroUsize) -> Connections {
        let max = max.get().min(Semaphore::MAX_PERMITS);
        Connections { free: Arc::new(Semaphore::new(max)), max, cut: watch::Sender::new(()) }
    }

    /// Returns the number of connections that are open.
    pub(super) fn open(&self) -> usize {
        self.max - self.free.available_permits()
    }

    /// Returns the connections that are made to `listener`. Those beyond the limit are closed at once.
    pub(super) fn accept(
        &self,
        listener: TcpListener,
    ) -> impl Stream<Item = io::Result<Connection>> + use<> {
        let free = Arc::clone(&self.free);
        let cut = self.cut.subscribe();
        let streams = TcpIncoming::from(listener).with_nodelay(Some(true));
        streams.then(pause_after_error).filter_map(move |accepted| {
            let Ok(permit) = Arc::clone(&free).try_acquire_owned() else {
                tracing::warn!("connection refused, too many are open");
                return None;
            };
            Some(accepted.map(|stream| Connection::new(stream, cut.clone(), permit)))
        })
    }
}

async fn pause_after_error(accepted: io::Result<TcpStream>) -> io::Result<TcpStream> {
    if let Err(error) = &accepted {
        tracing::warn!(%error, "connection not accepted");
        tokio::time::sleep(ACCEPT_RETRY).await;
    }
    accepted
}

impl Connection {
    fn new(
        stream: TcpStream,
        mut cut: watch::Receiver<()>,
        permit: OwnedSemaphorePermit,
    ) -> Connection {
        let cut = Box::pin(async move {
            let _ = cut.changed().await;
        });
        Connection { stream, cut, is_cut: false, _permit: permit }
    }

    /// Returns the stream, unless the connection is cut off; has the task woken when it is.
    fn stream(&mut self, context: &mut Context<'_>) -> io::Result<Pin<&mut TcpStream>> {
        self.is_cut = self.is_cut || self.cut.as_mut().poll(context).is_ready();
        if self.is_cut {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(Pin::new(&mut self.stream))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream(context)?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream(context)?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream(context)?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream(context)?.poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream(context)?.poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}
