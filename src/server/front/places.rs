//! How many requests there are at once.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use slab::Slab;
use tokio::time::{self, Instant};

use super::super::{config::Config, connection::Tenure, refusal::Refusal, share::Share};

/// How often to look for clients that do not take their answers, at most and at least.
const LOOK_INTERVALS: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(1)];

/// What a place is taken for. Each kind has its own, so that neither batches nor streams can keep single
/// documents out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum PlaceKind {
    Request,
    Batch,
    Stream,
}

impl PlaceKind {
    pub(in crate::server) const ALL: [PlaceKind; 3] =
        [PlaceKind::Request, PlaceKind::Batch, PlaceKind::Stream];

    pub(in crate::server) fn name(self) -> &'static str {
        match self {
            PlaceKind::Request => "requests",
            PlaceKind::Batch => "batches",
            PlaceKind::Stream => "streams",
        }
    }
}

/// The places of a server.
///
/// A request gets one at once, or is refused at once. It is refused before its message is read, so a
/// refused one costs neither memory nor time. Waiting instead would hide from clients and load balancers
/// that there is too much to do.
#[derive(Clone, Debug)]
pub(in crate::server) struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// By [`PlaceKind`].
    max: [usize; 3],
    share: Share,
    taken: Mutex<Taken>,
    began: Instant,
}

#[derive(Debug, Default)]
struct Taken {
    /// By [`PlaceKind`].
    counts: [usize; 3],
    places: Slab<Weak<Held>>,
}

/// A place that is taken, from the first byte of a request to the last of its answer.
///
/// It stands in the extensions of the request, with the work that is done on it, and with the answer: it
/// is free again when all of them have let go.
#[derive(Clone)]
pub(in crate::server) struct Place(Arc<Held>);

struct Held {
    kind: PlaceKind,
    key: usize,
    places: Arc<Shared>,
    connection: Option<Arc<Tenure>>,
    /// When the client was last given a part of the answer, or [`NOT_YET`].
    given_ms: AtomicU64,
}

const NOT_YET: u64 = u64::MAX;

impl Places {
    pub(in crate::server) fn new(config: &Config) -> Places {
        let max = [config.requests_max, config.batches_max, config.streams_max].map(usize::from);
        let share = Share::new(config.client_percent_max);
        Places(Arc::new(Shared { max, share, taken: Mutex::default(), began: Instant::now() }))
    }

    /// Takes a place for a request on `connection`.
    pub(super) fn take(
        &self,
        kind: PlaceKind,
        connection: Option<Arc<Tenure>>,
    ) -> Result<Place, Refusal> {
        let mut taken = self.0.lock();
        let max = self.0.max[kind as usize];
        let free = max.saturating_sub(taken.counts[kind as usize]);
        if free == 0 {
            return Err(Refusal::Overloaded { kind, max });
        }
        if let Some(connection) = &connection {
            if connection.room(kind as usize, free, max, self.0.share) == 0 {
                let held = connection.places(kind as usize);
                return Err(Refusal::Share { kind, held });
            }
            connection.take_place(kind as usize);
        }
        taken.counts[kind as usize] += 1;
        let entry = taken.places.vacant_entry();
        let held = Arc::new(Held {
            kind,
            key: entry.key(),
            places: Arc::clone(&self.0),
            connection,
            given_ms: AtomicU64::new(NOT_YET),
        });
        entry.insert(Arc::downgrade(&held));
        Ok(Place(held))
    }

    pub(in crate::server) fn max(&self, kind: PlaceKind) -> usize {
        self.0.max[kind as usize]
    }

    /// Returns the number of places of each kind that are taken.
    pub(in crate::server) fn taken(&self) -> [usize; 3] {
        self.0.lock().counts
    }

    /// Cuts off, for ever, connections whose clients take none of an answer for `answer_max`, which holds
    /// its place, and all its memory. A stream may say nothing for `stream_idle_max` before that.
    ///
    /// Nothing else would: such a client still answers pings, and what is written to it waits in its
    /// window, where no timer of the request's own is looked at.
    pub(in crate::server) async fn cut_off_the_stuck(
        self,
        answer_max: Duration,
        stream_idle_max: Duration,
    ) {
        let mut looks = time::interval(answer_max.clamp(LOOK_INTERVALS[0], LOOK_INTERVALS[1]));
        loop {
            looks.tick().await;
            for held in self.all() {
                let patience = match held.kind {
                    PlaceKind::Request | PlaceKind::Batch => answer_max,
                    PlaceKind::Stream => answer_max.saturating_add(stream_idle_max),
                };
                let since = held.given_ms.load(Ordering::Relaxed);
                let waits = u128::from(self.0.now_ms().saturating_sub(since));
                if patience.as_millis() < waits
                    && let Some(connection) = &held.connection
                {
                    tracing::warn!(kind = ?held.kind, "connection cut off, its client takes no answer");
                    connection.cut();
                }
            }
        }
    }

    /// Returns all places that are taken. They are let go of outside of the lock, which that needs.
    fn all(&self) -> Vec<Arc<Held>> {
        self.0.lock().places.iter().filter_map(|(_, held)| held.upgrade()).collect()
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(NOT_YET)
    }
}

impl Place {
    /// Notes that the client was given a part of the answer, or is about to be.
    pub(super) fn given(&self) {
        self.0.given_ms.store(self.0.places.now_ms(), Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        if let Some(connection) = &self.connection {
            connection.give_back_place(self.kind as usize);
        }
        taken.counts[self.kind as usize] -= 1;
        taken.places.remove(self.key);
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Place").field(&self.0.kind).finish()
    }
}

impl fmt::Display for PlaceKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
