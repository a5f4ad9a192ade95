//! How a server is set up.

use std::{num::NonZeroUsize, time::Duration};

use crate::text::DOCUMENT_BYTES_MAX;

/// The longest message with one document, in bytes. What other gRPC servers take if they are told
/// nothing; a document that is too long is told so, with its field, if its message is not.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most documents of a batch. With more, the answer of the first is held up for no gain: beyond
/// some hundred documents the costs of a request are negligible.
pub const BATCH_DOCUMENTS_MAX: usize = 256;

/// The most bytes of a batch's documents together: 64 KiB for each, ten times an article.
pub const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The requests that are served at once, for each core.
///
/// An ordinary document takes well under a millisecond, so a queue of this length is worked off in
/// some ten milliseconds; a client that has to wait longer had better ask another server.
pub const REQUESTS_PER_CORE: NonZeroUsize = NonZeroUsize::new(64).expect("it is not 0");

/// The batches that are served at once, for each core. A batch keeps all cores busy by itself; some wait,
/// so that there is always one to go on with, and the longest wait stays at some seconds.
pub const BATCHES_PER_CORE: NonZeroUsize = NonZeroUsize::new(4).expect("it is not 0");

/// The streams that are open at once, for each core. Most of them wait for their client most of the time,
/// but all of them can be at work.
pub const STREAMS_PER_CORE: NonZeroUsize = NonZeroUsize::new(64).expect("it is not 0");

/// The most that one client takes of the places and connections, in percent. With nearly all of them, one that is
/// alone can have all that the server does; the rest is for those who come and hold nothing yet.
pub const CLIENT_PERCENT_MAX: u8 = 90;

/// The longest headers of a request, in bytes: what tracing systems and tokens add takes some thousand.
pub const HEADER_BYTES_MAX: u32 = 16 * 1024;

/// The connections that are open at once: below the 1,024 files that Linux lets a process have open
/// if nobody raises it, and far more than the services that ask, which need one each.
pub const CONNECTIONS_MAX: NonZeroUsize = NonZeroUsize::new(800).expect("it is not 0");

/// The requests of one connection that are open at once. The usual number of other servers.
pub const CONNECTION_STREAMS_MAX: u32 = 100;

/// How long a connection is used. A client connects anew then, and so finds servers that were started
/// in the meantime.
pub const CONNECTION_AGE_MAX: Duration = Duration::from_hours(1);

/// How long a connection may be without a request. What clients that were scaled down leave behind.
pub const CONNECTION_IDLE_MAX: Duration = Duration::from_mins(15);

/// How long a client that has connected may take to say its first words. Those that say nothing would
/// take all connections.
pub const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);

/// How often a connection is asked whether its client is still there. The usual load balancers drop
/// an idle connection after a minute or more.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);

/// How long a client may take to answer that.
pub const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request may take, from its first byte to its answer. The largest batch takes about a
/// second, so this is for clients that send slowly; they would keep their place for good otherwise.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// How long a client may take none of its answer. It is cut off then: its answer takes up memory.
pub const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// How long a stream may be without a document. An idle one keeps its place from others, and costs a
/// client that has something to say again one round trip.
pub const STREAM_IDLE_MAX: Duration = Duration::from_mins(5);

/// How long the requests under way may take to end when the server stops. Container runtimes kill a
/// process ten seconds or more after they asked it to stop.
pub const DRAIN_MAX: Duration = Duration::from_secs(8);

/// How a server is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The longest document that is classified, in bytes of title and text together; at most
    /// [`DOCUMENT_BYTES_MAX`].
    pub document_bytes_max: usize,
    /// The longest message with one document, in bytes.
    pub message_bytes_max: usize,
    /// The most documents of a batch.
    pub batch_documents_max: usize,
    /// The most bytes of a batch's documents together.
    pub batch_bytes_max: usize,
    /// The `Classify` requests that are served at once; more are refused. What clients send is kept in
    /// memory: this times `message_bytes_max`, with the streams', and the batches times
    /// `batch_bytes_max`, is the most that they can use up.
    pub requests_max: NonZeroUsize,
    /// The `BatchClassify` requests that are served at once; more are refused.
    pub batches_max: NonZeroUsize,
    /// The `StreamClassify` requests that are open at once; more are refused.
    pub streams_max: NonZeroUsize,
    /// The most that one client takes of the places, in percent, 1 to 100: an address, and of what it can have each
    /// of its connections. The rest is for those who hold none. An address takes no larger share of the connections, either.
    pub client_percent_max: u8,
    /// The longest headers of a request, in bytes.
    pub header_bytes_max: u32,
    /// The connections that are open at once; more are closed as soon as they are made.
    pub connections_max: NonZeroUsize,
    /// The requests of one connection that are open at once; a client waits before it opens more.
    pub connection_streams_max: u32,
    /// How long a connection is used. Requests under way on it are finished; a stream ends after it.
    pub connection_age_max: Duration,
    /// How long a connection may be without a request.
    pub connection_idle_max: Duration,
    /// How long a client may take from connecting to its first words, with the TLS handshake.
    pub handshake_time_max: Duration,
    /// How often a connection is asked whether its client is still there.
    pub keepalive_interval: Duration,
    /// How long a client may take to answer that.
    pub keepalive_timeout: Duration,
    /// How long a request may take, from its first byte to its answer. A stream may take longer.
    pub request_time_max: Duration,
    /// How long a client may take none of its answer before it is cut off.
    pub answer_time_max: Duration,
    /// How long a stream may be without a document.
    pub stream_idle_max: Duration,
    /// Whether `grpc.health.v1` is answered.
    pub health: bool,
    /// Whether the contract is told to those who ask for it.
    pub reflection: bool,
    /// Whether answers are compressed for clients that can read that. Most are some hundred bytes long,
    /// and not worth it.
    pub compress_answers: bool,
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
            document_bytes_max: DOCUMENT_BYTES_MAX,
            message_bytes_max: MESSAGE_BYTES_MAX,
            batch_documents_max: BATCH_DOCUMENTS_MAX,
            batch_bytes_max: BATCH_BYTES_MAX,
            requests_max: cores.saturating_mul(REQUESTS_PER_CORE),
            batches_max: cores.saturating_mul(BATCHES_PER_CORE),
            streams_max: cores.saturating_mul(STREAMS_PER_CORE),
            client_percent_max: CLIENT_PERCENT_MAX,
            header_bytes_max: HEADER_BYTES_MAX,
            connections_max: CONNECTIONS_MAX,
            connection_streams_max: CONNECTION_STREAMS_MAX,
            connection_age_max: CONNECTION_AGE_MAX,
            connection_idle_max: CONNECTION_IDLE_MAX,
            handshake_time_max: HANDSHAKE_TIME_MAX,
            keepalive_interval: KEEPALIVE_INTERVAL,
            keepalive_timeout: KEEPALIVE_TIMEOUT,
            request_time_max: REQUEST_TIME_MAX,
            answer_time_max: ANSWER_TIME_MAX,
            stream_idle_max: STREAM_IDLE_MAX,
            health: true,
            reflection: true,
            compress_answers: false,
            notice: Duration::ZERO,
            drain_max: DRAIN_MAX,
        }
    }
}
