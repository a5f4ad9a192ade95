//! How long a connection may stay.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::{self, Instant},
};

use super::{
    super::{config::Config, phase::PhaseWatch, share::Share},
    clients::{Client, Holdings},
};

/// How long a client may take to close a connection that the server is done with. One that is stuck would
/// hold up the end for as long as that may take.
const LEAVE_TIME_MAX: Duration = Duration::from_millis(500);

/// How often to look whether the last request on a connection has ended, when the server closes.
const LEAVE_LOOK: Duration = Duration::from_millis(50);

/// For how long a client may leave a connection unused.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Patience {
    /// From its beginning to the first words of HTTP/2, with the TLS handshake if there is one.
    pub(in crate::server) handshake_max: Duration,
    /// Without an open request.
    pub(in crate::server) idle_max: Duration,
}

impl Patience {
    pub(in crate::server) fn of(config: &Config) -> Patience {
        Patience { handshake_max: config.handshake_time_max, idle_max: config.connection_idle_max }
    }
}

/// Why a connection comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It is cut off, whatever it is in the middle of.
    Cut,
    /// It is closed, since nothing is under way on it.
    Idle,
}

/// What a connection is used for, as long as it is there.
#[derive(Debug)]
pub(in crate::server) struct Tenure {
    /// Told when the client has begun to speak HTTP/2.
    began: Notify,
    /// Told when the connection is to be cut off.
    cut: Notify,
    requests: Mutex<Requests>,
    client: Arc<Client>,
    places: Holdings,
}

#[derive(Debug)]
struct Requests {
    open: usize,
    /// When there was none any more.
    quiet_since: Instant,
}

/// A request that is under way on a connection, until this is dropped.
#[derive(Debug)]
pub(in crate::server) struct OpenRequest(Arc<Tenure>);

impl Tenure {
    pub(super) fn new(client: Arc<Client>) -> Tenure {
        Tenure {
            began: Notify::new(),
            cut: Notify::new(),
            requests: Mutex::new(Requests { open: 0, quiet_since: Instant::now() }),
            client,
            places: Holdings::default(),
        }
    }

    /// Notes that the client has begun to speak HTTP/2.
    pub(super) fn begin(&self) {
        self.began.notify_one();
    }

    /// Cuts the connection off.
    pub(in crate::server) fn cut(&self) {
        self.cut.notify_one();
    }

    pub(in crate::server) fn open_request(self: &Arc<Self>) -> OpenRequest {
        self.requests().open += 1;
        OpenRequest(Arc::clone(self))
    }

    /// Returns how many places of `kind` requests on this connection hold.
    pub(in crate::server) fn places(&self, kind: usize) -> usize {
        self.places.of(kind)
    }

    /// Returns how many more of the `free` ones of `all` places of `kind` they may take: their connection's share of their
    /// client's share.
    pub(in crate::server) fn room(
        &self,
        kind: usize,
        free: usize,
        all: usize,
        share: Share,
    ) -> usize {
        let held = self.client.places.of(kind);
        let room = share.room(held, free, all);
        share.room(self.places.of(kind), room, held + room)
    }

    /// Notes that a place of `kind` was taken.
    pub(in crate::server) fn take_place(&self, kind: usize) {
        self.places.take(kind);
        self.client.places.take(kind);
    }

    /// Notes that a place of `kind` was given back.
    pub(in crate::server) fn give_back_place(&self, kind: usize) {
        self.places.give_back(kind);
        self.client.places.give_back(kind);
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the connection is to end: because the server closes and nothing is under way on it, because it is cut off, by itself or with all of its server's, or because
    /// `patience` with it is over.
    pub(super) async fn end(
        self: Arc<Self>,
        mut all_cut: watch::Receiver<()>,
        phase: PhaseWatch,
        patience: Patience,
    ) -> End {
        tokio::select! {
            _ = all_cut.changed() => End::Cut,
            () = self.cut.notified() => End::Cut,
            end = self.overstay(patience) => end,
            end = self.leave(phase) => end,
        }
    }

    /// Waits until the server closes, and then until nothing is under way.
    async fn leave(&self, phase: PhaseWatch) -> End {
        phase.closing().await;
        self.quiet_for(LEAVE_TIME_MAX, LEAVE_LOOK).await
    }

    async fn overstay(&self, patience: Patience) -> End {
        if time::timeout(patience.handshake_max, self.began.notified()).await.is_err() {
            return End::Cut;
        }
        self.quiet_for(patience.idle_max, patience.idle_max).await
    }

    /// Waits until there was no request for `idle_max` from now on, looking again at least as often as `look`.
    async fn quiet_for(&self, idle_max: Duration, look: Duration) -> End {
        let began = Instant::now();
        loop {
            let now = Instant::now();
            let until = match *self.requests() {
                Requests { open: 0, quiet_since } => quiet_since.max(began) + idle_max,
                Requests { open: _, quiet_since: _ } => now + look,
            };
            if until <= now {
                return End::Idle;
            }
            time::sleep_until(until).await;
        }
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        let mut requests = self.0.requests();
        requests.open -= 1;
        if requests.open == 0 {
            requests.quiet_since = Instant::now();
        }
    }
}
