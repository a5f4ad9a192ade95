//! Accepted sockets as connections that can be counted, refused and cut off.

mod clients;
mod socket;
mod tenure;
mod transport;

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    num::NonZeroUsize,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::server::TcpIncoming;

pub(super) use self::tenure::{OpenRequest, Patience, Tenure};
use self::{
    clients::{Client, Clients},
    socket::Connection,
    transport::Transport,
};
use super::{phase::PhaseWatch, security::Security, share::Share, watch::Counters};

/// How long to wait when the system has no socket to give. Without a pause, asking again would take
/// all of a core for as long as that lasts.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// All connections of a server. They are cut off when this is dropped.
pub(super) struct Connections {
    count: ConnectionCount,
    counters: Arc<Counters>,
    cut: watch::Sender<()>,
    patience: Patience,
    clients: Clients,
    share: Share,
}

/// How many connections are open, and how many there can be.
#[derive(Clone, Debug)]
pub(super) struct ConnectionCount {
    free: Arc<Semaphore>,
    max: usize,
}

/// One of the connections that can be open, until this is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    client: Arc<Client>,
    _permit: OwnedSemaphorePermit,
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
        share: Share,
        patience: Patience,
        counters: Arc<Counters>,
    ) -> Connections {
        let max = max.get().min(Semaphore::MAX_PERMITS);
        let count = ConnectionCount { free: Arc::new(Semaphore::new(max)), max };
        let clients = Clients::default();
        Connections { count, counters, cut: watch::Sender::new(()), patience, clients, share }
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
        let count = self.count.clone();
        let counters = Arc::clone(&self.counters);
        let cut = self.cut.subscribe();
        let (patience, share, clients) = (self.patience, self.share, self.clients.clone());
        let streams = TcpIncoming::from(listener).with_nodelay(Some(true));
        streams.then(pause_after_error).filter_map(move |accepted| {
            let stream = match accepted {
                Ok(stream) => stream,
                Err(error) => return Some(Err(error)),
            };
            let Some(permit) = permit(&count, clients.at(address(&stream)), share) else {
                counters.connection_refused();
                tracing::warn!("connection refused, too many are open");
                return None;
            };
            let stream = Transport::new(stream, security.as_ref(), &counters);
            Some(Ok(Connection::new(stream, cut.clone(), phase.clone(), patience, permit)))
        })
    }
}

/// Returns where a client is. One that is gone already has no address any more, and needs none.
fn address(stream: &TcpStream) -> IpAddr {
    stream.peer_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), |address| address.ip())
}

/// Takes one of the connections for `client`, if there is one left for it.
fn permit(count: &ConnectionCount, client: Arc<Client>, share: Share) -> Option<Permit> {
    let open = client.connections.load(Ordering::Relaxed);
    if share.room(open, count.free.available_permits(), count.max) == 0 {
        return None;
    }
    let permit = Arc::clone(&count.free).try_acquire_owned().ok()?;
    client.connections.fetch_add(1, Ordering::Relaxed);
    Some(Permit { client, _permit: permit })
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.client.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn pause_after_error(accepted: io::Result<TcpStream>) -> io::Result<TcpStream> {
    if let Err(error) = &accepted {
        tracing::warn!(%error, "connection not accepted");
        tokio::time::sleep(ACCEPT_RETRY).await;
    }
    accepted
}
