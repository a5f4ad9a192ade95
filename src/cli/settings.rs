//! The settings of `serve`, as typed → what the library is told.
//!
//! Each stands here once: as a flag, as the variable `NEWSDESK_…` of its name, and as the key of its name
//! in a configuration file.

use std::{
    fmt, io::IsTerminal as _, net::SocketAddr, num::NonZeroUsize, path::PathBuf, str::FromStr,
    thread, time::Duration,
};

use anyhow::Context as _;
use clap::{ArgAction, ValueEnum, builder::RangedU64ValueParser};
use newsdesk::{
    model::is_model_name,
    server::{
        ANSWER_TIME_MAX, BATCH_BYTES_MAX, BATCH_DOCUMENTS_MAX, BATCHES_PER_CORE,
        CLIENT_PERCENT_MAX, CONNECTION_AGE_MAX, CONNECTION_IDLE_MAX, CONNECTION_STREAMS_MAX,
        CONNECTIONS_MAX, Config, DRAIN_MAX, Gold, HANDSHAKE_TIME_MAX, HEADER_BYTES_MAX,
        KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT, Keeper, MESSAGE_BYTES_MAX, REQUEST_TIME_MAX,
        REQUESTS_PER_CORE, STREAM_IDLE_MAX, STREAMS_PER_CORE, Security, ShadowPlan, Supply,
        TlsFiles, Tokens,
    },
    text::DOCUMENT_BYTES_MAX,
};
use tracing_subscriber::EnvFilter;

/// The settings of `serve`.
#[derive(clap::Args, Debug)]
pub(super) struct Settings {
    /// A TOML file of settings; flags and variables are stronger
    #[arg(long, value_name = "FILE", env = "NEWSDESK_CONFIG")]
    config: Option<PathBuf>,
    /// The address to listen on; port 0 takes a free one
    #[arg(long, env = "NEWSDESK_LISTEN", default_value = "127.0.0.1:50051")]
    pub(super) listen: SocketAddr,
    /// The address where /metrics, /healthz and /readyz are read over HTTP, such as 127.0.0.1:9464
    #[arg(long, env = "NEWSDESK_METRICS_LISTEN", value_name = "ADDRESS")]
    pub(super) metrics_listen: Option<SocketAddr>,
    #[cfg(feature = "otel")]
    #[command(flatten)]
    collector: super::spans::CollectorSettings,
    #[command(flatten)]
    models: ModelSettings,
    #[command(flatten)]
    access: AccessSettings,
    #[command(flatten)]
    limits: LimitSettings,
    /// What to log, as `info`, `debug` or `newsdesk=debug,tonic=info`
    #[arg(long, env = "NEWSDESK_LOG", default_value = "info", value_name = "FILTER")]
    log: EnvFilter,
    /// How to log
    #[arg(long, env = "NEWSDESK_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

/// Where the models come from.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Models")]
struct ModelSettings {
    /// A model file, which can be replaced at any time; may be given again for others [default: the built-in model]
    #[arg(long, value_name = "FILE", env = "NEWSDESK_MODEL")]
    model: Vec<PathBuf>,
    /// A folder of models, as NAME/VERSION.safetensors; the newest version of each name answers
    #[arg(long, value_name = "DIR", env = "NEWSDESK_MODELS")]
    models: Option<PathBuf>,
    /// The name of the model that answers if none is asked for [default: that of the first file, or `default`]
    #[arg(long, value_name = "NAME", env = "NEWSDESK_DEFAULT_MODEL")]
    default_model: Option<String>,
    /// How often to look for new versions; SIGHUP has it look at once
    #[arg(long, value_name = "S", env = "NEWSDESK_MODELS_POLL_SECONDS", default_value_t = Seconds(MODELS_POLL))]
    models_poll_seconds: Seconds,
    /// Labelled documents, as for `train`, that a new version is tried on before it replaces another
    #[arg(long, value_name = "PATH", env = "NEWSDESK_GOLD")]
    gold: Option<PathBuf>,
    /// How much of macro-F1 on them a new version may lose, 0 to 1
    #[arg(long, value_name = "X", env = "NEWSDESK_GOLD_LOSS_MAX", default_value_t = GOLD_LOSS_MAX, value_parser = share)]
    gold_loss_max: f64,
    /// A version whose answers are only compared with those of its model's current one
    #[arg(long, value_name = "NAME@VERSION", env = "NEWSDESK_SHADOW")]
    shadow: Option<String>,
    /// The share of the documents that it sees, 0 to 1
    #[arg(long, value_name = "X", env = "NEWSDESK_SHADOW_SHARE", default_value_t = SHADOW_SHARE, value_parser = share)]
    shadow_share: f64,
    /// Let clients change the models, by newsdesk.v1.AdminService
    #[arg(long, env = "NEWSDESK_ADMIN", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, action = ArgAction::Set)]
    admin: bool,
}

/// Who may speak with the server, and how.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Access")]
struct AccessSettings {
    /// The certificate of the server, with those between it and its authority, in PEM
    #[arg(long, value_name = "FILE", env = "NEWSDESK_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// The key of the certificate, in PEM
    #[arg(long, value_name = "FILE", env = "NEWSDESK_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// The authorities of clients' certificates, in PEM; clients without one are refused
    #[arg(long, value_name = "FILE", env = "NEWSDESK_TLS_CLIENT_CA")]
    tls_client_ca: Option<PathBuf>,
    /// The hashes of the tokens that clients have to show; see `newsdesk token`
    #[arg(long, value_name = "FILE", env = "NEWSDESK_TOKENS")]
    tokens: Option<PathBuf>,
    /// Answer grpc.health.v1, to everybody
    #[arg(long, env = "NEWSDESK_HEALTH", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set, default_value_t = true)]
    health: bool,
    /// Tell the contract by reflection, to everybody
    #[arg(long, env = "NEWSDESK_REFLECTION", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set, default_value_t = true)]
    reflection: bool,
    /// Compress answers, by gzip or zstd, for clients that can read that
    #[arg(long, env = "NEWSDESK_COMPRESS_ANSWERS", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set, default_value_t = false)]
    compress_answers: bool,
}

/// How often to look for new versions: soon enough for people, and next to no work.
const MODELS_POLL: Duration = Duration::from_secs(2);

/// How much of macro-F1 a new version may lose on the gold set: about what chance does to some thousand
/// documents.
const GOLD_LOSS_MAX: f64 = 0.01;

/// The share of the documents that a shadow model sees: enough for some thousand a day, at little cost.
const SHADOW_SHARE: f64 = 0.1;

fn share(typed: &str) -> Result<f64, String> {
    let share = typed.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "write a number from 0 to 1".to_owned())
}

/// What the server takes on.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Limits")]
struct LimitSettings {
    /// Bytes of a document, title and text together
    #[arg(long, env = "NEWSDESK_DOCUMENT_BYTES_MAX", value_name = "N", default_value_t = DOCUMENT_BYTES_MAX, value_parser = size(1, DOCUMENT_BYTES_MAX))]
    document_bytes_max: usize,
    /// Bytes of a message with one document
    #[arg(long, env = "NEWSDESK_MESSAGE_BYTES_MAX", value_name = "N", default_value_t = MESSAGE_BYTES_MAX, value_parser = size(1, BYTES_MAX))]
    message_bytes_max: usize,
    /// Documents of a batch
    #[arg(long, env = "NEWSDESK_BATCH_DOCUMENTS_MAX", value_name = "N", default_value_t = BATCH_DOCUMENTS_MAX, value_parser = size(1, 65_536))]
    batch_documents_max: usize,
    /// Bytes of a batch's documents together
    #[arg(long, env = "NEWSDESK_BATCH_BYTES_MAX", value_name = "N", default_value_t = BATCH_BYTES_MAX, value_parser = size(1, BYTES_MAX))]
    batch_bytes_max: usize,
    /// Requests served at once; more are refused [default: 64 a core]
    #[arg(long, env = "NEWSDESK_REQUESTS_MAX", value_name = "N", default_value_t = per_core(REQUESTS_PER_CORE), hide_default_value = true)]
    requests_max: NonZeroUsize,
    /// Batches served at once; more are refused [default: 4 a core]
    #[arg(long, env = "NEWSDESK_BATCHES_MAX", value_name = "N", default_value_t = per_core(BATCHES_PER_CORE), hide_default_value = true)]
    batches_max: NonZeroUsize,
    /// Streams open at once; more are refused [default: 64 a core]
    #[arg(long, env = "NEWSDESK_STREAMS_MAX", value_name = "N", default_value_t = per_core(STREAMS_PER_CORE), hide_default_value = true)]
    streams_max: NonZeroUsize,
    /// The most that one client, by address and by connection, takes of the places and connections, in percent
    #[arg(long, env = "NEWSDESK_CLIENT_PERCENT_MAX", value_name = "N", default_value_t = CLIENT_PERCENT_MAX, value_parser = clap::value_parser!(u8).range(1..=100))]
    client_percent_max: u8,
    /// Bytes of the headers of a request
    #[arg(long, env = "NEWSDESK_HEADER_BYTES_MAX", value_name = "N", default_value_t = HEADER_BYTES_MAX, value_parser = clap::value_parser!(u32).range(1024..=1_048_576))]
    header_bytes_max: u32,
    /// Connections open at once; more are closed
    #[arg(long, env = "NEWSDESK_CONNECTIONS_MAX", value_name = "N", default_value_t = CONNECTIONS_MAX)]
    connections_max: NonZeroUsize,
    /// Requests open at once on one connection; clients wait before they open more
    #[arg(long, env = "NEWSDESK_CONNECTION_STREAMS_MAX", value_name = "N", default_value_t = CONNECTION_STREAMS_MAX, value_parser = clap::value_parser!(u32).range(1..))]
    connection_streams_max: u32,
    /// How long a connection or a stream is used before clients must open another, and find new servers
    #[arg(long, env = "NEWSDESK_CONNECTION_AGE_SECONDS", value_name = "S", default_value_t = Seconds(CONNECTION_AGE_MAX))]
    connection_age_seconds: Seconds,
    /// How long a connection may be without a request
    #[arg(long, env = "NEWSDESK_CONNECTION_IDLE_SECONDS", value_name = "S", default_value_t = Seconds(CONNECTION_IDLE_MAX))]
    connection_idle_seconds: Seconds,
    /// How long a client may take from connecting to its first words
    #[arg(long, env = "NEWSDESK_HANDSHAKE_SECONDS", value_name = "S", default_value_t = Seconds(HANDSHAKE_TIME_MAX))]
    handshake_seconds: Seconds,
    /// How often a connection is asked whether its client is still there
    #[arg(long, env = "NEWSDESK_KEEPALIVE_SECONDS", value_name = "S", default_value_t = Seconds(KEEPALIVE_INTERVAL))]
    keepalive_seconds: Seconds,
    /// How long a client may take to answer that
    #[arg(long, env = "NEWSDESK_KEEPALIVE_TIMEOUT_SECONDS", value_name = "S", default_value_t = Seconds(KEEPALIVE_TIMEOUT))]
    keepalive_timeout_seconds: Seconds,
    /// How long a request may take, from its first byte to its answer
    #[arg(long, env = "NEWSDESK_REQUEST_SECONDS", value_name = "S", default_value_t = Seconds(REQUEST_TIME_MAX))]
    request_seconds: Seconds,
    /// How long a client may take none of its answer before it is cut off
    #[arg(long, env = "NEWSDESK_ANSWER_SECONDS", value_name = "S", default_value_t = Seconds(ANSWER_TIME_MAX))]
    answer_seconds: Seconds,
    /// How long a stream may be without a document
    #[arg(long, env = "NEWSDESK_STREAM_IDLE_SECONDS", value_name = "S", default_value_t = Seconds(STREAM_IDLE_MAX))]
    stream_idle_seconds: Seconds,
    /// How long to go on as before after a signal to stop, so that load balancers see it
    #[arg(long, env = "NEWSDESK_NOTICE_SECONDS", value_name = "S", default_value_t = Seconds(Duration::ZERO))]
    notice_seconds: Seconds,
    /// How long requests under way may take to end when the server stops
    #[arg(long, env = "NEWSDESK_DRAIN_SECONDS", value_name = "S", default_value_t = Seconds(DRAIN_MAX))]
    drain_seconds: Seconds,
}

/// The longest message that can be allowed, in bytes; gRPC itself ends at four times that.
const BYTES_MAX: usize = 1 << 30;

/// The shortest time between two looks for new versions.
const POLL_MIN: Duration = Duration::from_millis(10);

fn shadow(typed: &str, share: f64) -> anyhow::Result<ShadowPlan> {
    let parts =
        typed.split_once('@').filter(|parts| is_model_name(parts.0) && is_model_name(parts.1));
    let (name, version) = parts.with_context(|| {
        format!("--shadow is `{typed}`; write NAME@VERSION, such as news@8, of a model in --models")
    })?;
    Ok(ShadowPlan { name: name.to_owned(), version: version.to_owned(), share })
}

fn size(min: u64, max: usize) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(min..=max as u64)
}

fn per_core(n: NonZeroUsize) -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN).saturating_mul(n)
}

/// How to log.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// A time as it is typed, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seconds(Duration);

/// The longest time that can be set, a year: far from where sums of times overflow.
const SECONDS_MAX: f64 = 365.0 * 86_400.0;

impl FromStr for Seconds {
    type Err = String;

    fn from_str(typed: &str) -> Result<Seconds, String> {
        let seconds = typed.parse().ok().filter(|seconds| (0.0..=SECONDS_MAX).contains(seconds));
        let seconds =
            seconds.ok_or("write a number of seconds from 0 to a year, such as 30 or 0.5")?;
        Ok(Seconds(Duration::from_secs_f64(seconds)))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_secs_f64().fmt(formatter)
    }
}

impl Settings {
    /// Returns what the library is told.
    pub(super) fn server_config(&self) -> Config {
        let limits = self.limits.clone();
        Config {
            document_bytes_max: limits.document_bytes_max,
            message_bytes_max: limits.message_bytes_max,
            batch_documents_max: limits.batch_documents_max,
            batch_bytes_max: limits.batch_bytes_max,
            requests_max: limits.requests_max,
            batches_max: limits.batches_max,
            streams_max: limits.streams_max,
            client_percent_max: limits.client_percent_max,
            header_bytes_max: limits.header_bytes_max,
            connections_max: limits.connections_max,
            connection_streams_max: limits.connection_streams_max,
            connection_age_max: limits.connection_age_seconds.0,
            connection_idle_max: limits.connection_idle_seconds.0,
            handshake_time_max: limits.handshake_seconds.0,
            keepalive_interval: limits.keepalive_seconds.0,
            keepalive_timeout: limits.keepalive_timeout_seconds.0,
            request_time_max: limits.request_seconds.0,
            answer_time_max: limits.answer_seconds.0,
            stream_idle_max: limits.stream_idle_seconds.0,
            health: self.access.health,
            reflection: self.access.reflection,
            compress_answers: self.access.compress_answers,
            notice: limits.notice_seconds.0,
            drain_max: limits.drain_seconds.0,
        }
    }

    /// Checks what no single setting can tell: those that contradict one another.
    pub(super) fn check(&self) -> Result<(), String> {
        #[cfg(feature = "otel")]
        self.collector.check()?;
        let AccessSettings { tls_cert, tls_key, tls_client_ca, tokens, .. } = &self.access;
        if tls_cert.is_some() != tls_key.is_some() {
            return Err("TLS needs both, tls_cert and tls_key".into());
        }
        if tls_client_ca.is_some() && tls_cert.is_none() {
            return Err("tls_client_ca is of no use without tls_cert and tls_key".into());
        }
        let is_guarded = tokens.is_some() || tls_client_ca.is_some();
        if self.models.admin && self.is_open_to_others() && !is_guarded {
            let address = self.listen;
            return Err(format!(
                "admin is on, and anyone who can reach {address} could change the models; set \
                 tokens or tls_client_ca, or listen on 127.0.0.1"
            ));
        }
        Ok(())
    }

    pub(super) fn has_tls(&self) -> bool {
        self.access.tls_cert.is_some()
    }

    fn is_open_to_others(&self) -> bool {
        !self.listen.ip().is_loopback()
    }

    /// Returns what is dangerous about the settings, if something is.
    pub(super) fn warning(&self) -> Option<String> {
        let AccessSettings { tls_cert, tls_client_ca, tokens, .. } = &self.access;
        if !self.is_open_to_others() {
            return None;
        }
        let address = self.listen;
        let has_tls = tls_cert.is_some();
        match (has_tls, tokens.is_some() || tls_client_ca.is_some()) {
            (true, true) => None,
            (true, false) => Some(format!(
                "anyone who can reach {address} can have documents labelled; set tokens or \
                 tls_client_ca"
            )),
            (false, true) => Some(format!(
                "tokens and documents travel to {address} in clear; set tls_cert and tls_key, or \
                 see that something before newsdesk speaks TLS"
            )),
            (false, false) => Some(format!(
                "anyone who can reach {address} can have documents labelled, and they travel in \
                 clear; set tls_cert, tls_key and tokens, or see that something before newsdesk \
                 speaks TLS and asks who is there"
            )),
        }
    }

    /// Reads the certificates and tokens, if there are some.
    pub(super) fn security(&self) -> anyhow::Result<Option<Security>> {
        let AccessSettings { tls_cert, tls_key, tls_client_ca, tokens, .. } = self.access.clone();
        let tls = tls_cert.zip(tls_key).map(|(certificate, key)| TlsFiles {
            certificate,
            key,
            client_authorities: tls_client_ca,
        });
        if tls.is_none() && tokens.is_none() {
            return Ok(None);
        }
        let tokens = tokens.map(|path| Tokens::open(&path)).transpose()?;
        Ok(Some(Security::new(tls, tokens)?))
    }

    /// Reads the models, and the files that they are tried on.
    pub(super) fn keeper(&self) -> anyhow::Result<Keeper> {
        let models = self.models.clone();
        let gold = models.gold.map(|path| Gold::read(&[path], models.gold_loss_max)).transpose()?;
        let shadow = models.shadow.map(|typed| shadow(&typed, models.shadow_share)).transpose()?;
        Ok(Keeper::open(Supply {
            files: models.model,
            folder: models.models,
            default: models.default_model,
            gold,
            shadow,
        })?)
    }

    /// Returns how often to look for new versions, certificates and tokens.
    pub(super) fn poll_interval(&self) -> Duration {
        // Zero would be all the time.
        self.models.models_poll_seconds.0.max(POLL_MIN)
    }

    /// Returns who gets spans, if anybody.
    #[cfg(feature = "otel")]
    pub(super) fn collector(&self) -> anyhow::Result<Option<super::spans::Collector>> {
        self.collector.collector()
    }

    /// Tells whether clients may change the models.
    pub(super) fn admin(&self) -> bool {
        self.models.admin
    }

    /// Has events logged to standard error, from now on.
    pub(super) fn start_log(&self) {
        let log = tracing_subscriber::fmt()
            .with_env_filter(self.log.clone())
            .with_writer(std::io::stderr)
            // Where an event cannot be written, that cannot be told either, and trying to would panic.
            .log_internal_errors(false)
            .with_ansi(std::io::stderr().is_terminal());
        match self.log_format {
            LogFormat::Text => log.init(),
            LogFormat::Json => log.json().init(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_read_as_they_are_written() {
        for typed in ["0", "0.5", "30", "31536000"] {
            assert_eq!(typed.parse::<Seconds>().unwrap().to_string(), typed);
        }
        for typed in ["", "-1", "30s", "NaN", "inf", "31536001"] {
            assert!(typed.parse::<Seconds>().is_err(), "{typed}");
        }
    }
}
