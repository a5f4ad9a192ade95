//! How a server is set up.

use std::{num::NonZeroUsize, time::Duration};

/// The requests that are served at once, for each core.
///
/// An ordinary document takes well under a millisecond, so a queue of this length is worked off in
/// some ten milliseconds; a client that has to wait longer had better ask another server.
pub const REQUESTS_PER_CORE: NonZeroUsize = NonZeroUsize::new(64).expect("it is not 0");

/// The connections that are open at once: below the 1,024 files that Linux lets a process have open
/// if nobody raises it, and far more than the services that ask, which need one each.
pub const CONNECTIONS_MAX: NonZeroUsize = NonZeroUsize::new(800).expect("it is not 0");

/// The requests of one connection that are open at once. The usual number of other servers.
pub const CONNECTION_STREAMS_MAX: u32 = 100;

/// How long a connection is used. A client connects anew then, and so finds servers that were started
/// in the meantime.
pub const CONNECTION_AGE_MAX: Duration = Duration::from_hours(1);

/// How often a connection is asked whether its client is still there. The usual load balancers drop
/// an idle connection after a minute or more.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);

/// How long a client may take to answer that.
pub const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request may take, from its first byte to its answer. The largest batch takes about a
/// second, so this is for clients that send slowly; they would keep their place for good otherwise.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// How long the requests under way may take to end when the server stops. Container runtimes kill a
/// process ten seconds or more after they asked it to stop.
pub const DRAIN_MAX: Duration = Duration::from_secs(8);

/// How a server is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The classification requests that are served at once; more are refused. An open
    /// `StreamClassify` is one request, for as long as it is open. What clients send is kept in
    /// memory, so that this times [`MESSAGE_BYTES_MAX`](super::MESSAGE_BYTES_MAX) is the most that
    /// they can use up.
    pub requests_max: NonZeroUsize,
    /// The connections that are open at once; more are closed as soon as they are made.
    pub connections_max: NonZeroUsize,
    /// The requests of one connection that are open at once; a client waits before it opens more.
    pub connection_streams_max: u32,
    /// How long a connection is used. Requests under way on it are finished.
    pub connection_age_max: Duration,
    /// How often a connection is asked whether its client is still there.
    pub keepalive_interval: Duration,
    /// How long a client may take to answer that.
    pub keepalive_timeout: Duration,
    /// How long a request may take, from its first byte to its answer. A stream may take longer.
    pub request_time_max: Duration,
    /// How long the server goes on as before when it stops, but for its health, so that load balancers
    /// see it and send requests elsewhere. Zero is right where nobody looks.
    pub notice: Duration,
    /// How long the requests under way may take to end after that. What is left then is cut off.
    pub drain_max: Duration,
}

impl Config {
    /// Returns the configuration that suits most servers, on a machine with `cores`.
    pub fn for_cores(cores: NonZeroUsize) -> Config {
        Config {
            requests_max: cores.saturating_mul(REQUESTS_PER_CORE),
            connections_max: CONNECTIONS_MAX,
            connection_streams_max: CONNECTION_STREAMS_MAX,
            connection_age_max: CONNECTION_AGE_MAX,
            keepalive_interval: KEEPALIVE_INTERVAL,
            keepalive_timeout: KEEPALIVE_TIMEOUT,
            request_time_max: REQUEST_TIME_MAX,
            notice: Duration::ZERO,
            drain_max: DRAIN_MAX,
        }
    }
}
