//! The server, from its first connection to its last.

use std::{io, pin::pin, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::watch, task::JoinSet, time};
use tonic::transport::Server;

use super::{
    aside::AsideRuntime,
    config::Config,
    connection::{Connections, Patience},
    front::{FrontLayer, Places},
    limits::Limits,
    phase::{Phase, PhaseWatch},
    registry::Registry,
    routes::{ShortCutLayer, routes},
    security::Security,
    share::Share,
    supply::Keeper,
    watch::{Collector, Counters, Page},
};

/// How many bytes of a stream a client may send before they are read.
const STREAM_WINDOW_BYTES: u32 = 128 * 1024;

/// How many messages that were begun and given up at once a connection may leave behind. Giving up in
/// great numbers is how servers are attacked (CVE-2023-44487); this is what h2 itself suggests.
const PENDING_RESETS_MAX: usize = 20;

/// The most that a window can be, by RFC 9113.
const WINDOW_BYTES_MAX: u32 = (1 << 31) - 1;

/// How a server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Stopped {
    /// All requests under way were finished.
    Drained,
    /// The time for that ran out, and what was left was cut off.
    Cut {
        /// The connections that were cut off.
        connections: usize,
        /// The classification requests that were cut off.
        requests: usize,
    },
}

/// Why a server could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The contract could not be prepared for reflection.
    #[error("cannot describe the services")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The system gave no threads.
    #[error("cannot start threads")]
    Threads(#[source] io::Error),
    /// The network failed.
    #[error("cannot serve")]
    Transport(#[from] tonic::transport::Error),
}

/// What a server can have beside its listener.
#[derive(Debug, Default)]
pub struct Extras {
    /// Where `/metrics`, `/healthz` and `/readyz` are read, over HTTP.
    pub pages: Option<TcpListener>,
    /// Who keeps the models of the registry up to date, and how often.
    pub keeper: Option<(Keeper, Duration)>,
    /// Whether the keeper takes orders from clients, by `newsdesk.v1.AdminService`.
    pub admin: bool,
    /// Who may speak with the server, and how often the files that say so are read.
    pub security: Option<(Security, Duration)>,
}

/// Answers the requests that come to `listener` with the models of `registry`, until `shutdown` ends.
///
/// See [`serve_with`].
pub async fn serve(
    listener: TcpListener,
    registry: Registry,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> Result<Stopped, ServeError> {
    serve_with(listener, registry, config, Extras::default(), shutdown).await
}

/// Answers the requests that come to `listener` with the models of `registry`, until `shutdown` ends.
///
/// The server says then that it is about to stop, goes on for `config.notice`, takes no new connections
/// or requests any more, finishes those under way, and returns; after `config.drain_max` it cuts off
/// what is left. Dropping the future cuts everything off at once.
pub async fn serve_with(
    listener: TcpListener,
    registry: Registry,
    config: Config,
    extras: Extras,
    shutdown: impl Future<Output = ()>,
) -> Result<Stopped, ServeError> {
    let counters = Arc::new(Counters::new());
    let places = Places::new(&config);
    let patience = Patience::of(&config);
    let share = Share::new(config.client_percent_max);
    let connections =
        Connections::new(config.connections_max, share, patience, Arc::clone(&counters));
    let (phase, phase_watch) = PhaseWatch::channel();
    let security = extras.security.as_ref().map(|(security, _)| security.clone());
    let aside = AsideRuntime::start().map_err(ServeError::Threads)?;
    let front = FrontLayer {
        places: places.clone(),
        counters: Arc::clone(&counters),
        security: security.clone(),
        request_time_max: config.request_time_max,
        messages: Limits::of(&config).messages,
        aside: aside.aside(),
    };
    let admin = extras.keeper.as_ref().filter(|_| extras.admin).map(|(keeper, _)| keeper.clone());
    let all = routes(&registry, &config, &phase_watch, admin)?;
    let short_cut = ShortCutLayer::new(&registry, &config, &phase_watch);
    let router = http2(&config).layer(front).layer(short_cut).add_routes(all);
    let mut tasks = JoinSet::new();
    let stuck = places.clone().cut_off_the_stuck(config.answer_time_max, config.stream_idle_max);
    tasks.spawn(stuck);
    if let Some((security, interval)) = extras.security {
        tasks.spawn(security.keep(interval, registry.clone()));
    }
    if let Some((keeper, interval)) = extras.keeper {
        tasks.spawn(keeper.keep(interval));
    }
    if let Some(listener) = extras.pages {
        let connections = connections.count().clone();
        let collector = Collector { counters, places: places.clone(), connections, registry };
        tasks.spawn(Page { collector, phase: phase_watch.clone() }.serve(listener));
    }
    let incoming = connections.accept(listener, phase_watch.clone(), security);
    let mut server = pin!(router.serve_with_incoming_shutdown(incoming, phase_watch.closing()));
    tokio::select! {
        ended = &mut server => return ended.map(|()| Stopped::Drained).map_err(ServeError::from),
        () = leave(shutdown, &phase, config.notice) => {}
    }
    match time::timeout(config.drain_max, server).await {
        Ok(ended) => ended.map(|()| drained()).map_err(ServeError::from),
        Err(_) => Ok(cut(&connections, &places)),
    }
}

/// Waits for `shutdown`, and goes through the phases that follow.
async fn leave(shutdown: impl Future<Output = ()>, phase: &watch::Sender<Phase>, notice: Duration) {
    shutdown.await;
    tracing::info!(notice_ms = notice.as_millis(), "server leaving");
    phase.send_replace(Phase::Leaving);
    time::sleep(notice).await;
    tracing::info!("server closing");
    phase.send_replace(Phase::Closing);
}

fn drained() -> Stopped {
    tracing::info!("server stopped");
    Stopped::Drained
}

/// Counts what is left, which is cut off as soon as `connections` are dropped.
fn cut(connections: &Connections, places: &Places) -> Stopped {
    let (connections, requests) =
        (connections.count().open(), places.taken().iter().sum::<usize>());
    tracing::warn!(connections, requests, "server stopped before all requests were finished");
    Stopped::Cut { connections, requests }
}

fn http2(config: &Config) -> Server {
    // Streams that are not read share no window: each can be full without holding up the others.
    let connection_window_bytes = STREAM_WINDOW_BYTES.saturating_mul(config.connection_streams_max);
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(connection_window_bytes.min(WINDOW_BYTES_MAX))
        .max_concurrent_streams(config.connection_streams_max)
        .max_connection_age(config.connection_age_max)
        .http2_keepalive_interval(Some(config.keepalive_interval))
        .http2_keepalive_timeout(Some(config.keepalive_timeout))
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS_MAX))
        // Headers of as many bytes are refused; it has to be fewer.
        .http2_max_header_list_size(config.header_bytes_max.saturating_add(1))
}
