//! Accepted sockets as connections that can be counted, refused and cut off.

mod socket;
mod tenure;
mod transport;

use std::{io, num::NonZeroUsize, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::server::TcpIncoming;

pub(super) use self::tenure::{OpenRequest, Patience, Tenure};
use self::{socket::Connection, transport::Transport};
use super::{phase::PhaseWatch, security::Security, watch::Counters};

/// How long to wait when the system has no socket to give. Without a pause, asking again would take
/// all of a core for as long as that lasts.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// All connections of a server. They are cut off when this is dropped.
pub(super) struct Connections {
    count: ConnectionCount,
    counters: Arc<Counters>,
    cut: watch::Sender<()>,
    patience: Patience,
}

/// How many connections are open, and how many there can be.
#[derive(Clone, Debug)]
pub(super) struct ConnectionCount {
    free: Arc<Semaphore>,
    max: usize,
}

impl ConnectionCount {
    /// Returns the number of connections that are open.
    pub(super) fn open(&self) -> usize {
        self.max - self.free.available_permits()
    }
}

impl Connections {
    pub(super) fn new(
        max: NonZeroUsize,
        patience: Patience,
        counters: Arc<Counters>,
    ) -> Connections {
        let max = max.get().min(Semaphore::MAX_PERMITS);
        let count = ConnectionCount { free: Arc::new(Semaphore::new(max)), max };
        Connections { count, counters, cut: watch::Sender::new(()), patience }
    }

    pub(super) fn count(&self) -> &ConnectionCount {
        &self.count
    }

    /// Returns the connections that are made to `listener`. Those beyond the limit are closed at once.
    pub(super) fn accept(
        &self,
        listener: TcpListener,
        phase: PhaseWatch,
        security: Option<Security>,
    ) -> impl Stream<Item = io::Result<Connection>> + use<> {
        let free = Arc::clone(&self.count.free);
        let counters = Arc::clone(&self.counters);
        let cut = self.cut.subscribe();
        let patience = self.patience;
        let streams = TcpIncoming::from(listener).with_nodelay(Some(true));
        streams.then(pause_after_error).filter_map(move |accepted| {
            let Ok(permit) = Arc::clone(&free).try_acquire_owned() else {
                counters.connection_refused();
                tracing::warn!("connection refused, too many are open");
                return None;
            };
            Some(accepted.map(|stream| {
                let stream = Transport::new(stream, security.as_ref(), &counters);
                Connection::new(stream, cut.clone(), phase.clone(), patience, permit)
            }))
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
