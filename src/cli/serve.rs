//! `newsdesk serve`: a model as a gRPC server.

use std::{
    io::{self, IsTerminal as _, Write as _},
    net::SocketAddr,
    num::NonZeroUsize,
    path::PathBuf,
    process::ExitCode,
    thread,
    time::Duration,
};

use anyhow::Context as _;
use clap::ValueEnum;
use newsdesk::server::{Config, DRAIN_MAX, REQUESTS_PER_CORE, Registry, Stopped, serve};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

use super::INCOMPLETE;

/// `newsdesk serve`, as typed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  newsdesk serve
  newsdesk serve --listen 0.0.0.0:50051 --model my.safetensors
  newsdesk serve --log debug --log-format json")]
pub(super) struct ServeArgs {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, env = "NEWSDESK_LISTEN", default_value = "127.0.0.1:50051")]
    listen: SocketAddr,
    /// The model file [default: the built-in model]
    #[arg(long, value_name = "FILE", env = "NEWSDESK_MODEL")]
    model: Option<PathBuf>,
    #[arg(long, env = "NEWSDESK_REQUESTS_MAX", value_name = "N", help = format!(
        "Requests served at once; more are refused [default: {REQUESTS_PER_CORE} a core]"
    ))]
    requests_max: Option<NonZeroUsize>,
    #[arg(long, env = "NEWSDESK_DRAIN_SECONDS", value_name = "S", help = format!(
        "How long requests under way may take to end when the server stops [default: {}]",
        DRAIN_MAX.as_secs()
    ))]
    drain_seconds: Option<u64>,
    /// What to log, as `info`, `debug` or `newsdesk=debug,tonic=info`
    #[arg(long, env = "NEWSDESK_LOG", default_value = "info", value_name = "FILTER")]
    log: EnvFilter,
    /// How to log
    #[arg(long, env = "NEWSDESK_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

impl ServeArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.config();
        let model = super::model(self.model.as_ref())?;
        let listen = self.listen;
        start_log(self.log, self.log_format);
        let runtime = tokio::runtime::Runtime::new().context("cannot start a runtime")?;
        runtime.block_on(async {
            let listener = TcpListener::bind(listen).await.with_context(|| {
                format!("cannot listen on {listen}; is another server there? choose another address with --listen")
            })?;
            let reference = &model.reference;
            let address = listener.local_addr().context("cannot tell the address")?;
            let mut output = io::stdout();
            writeln!(
                output,
                "listening on http://{address}\nmodel {} {} {}",
                reference.name, reference.version, reference.digest
            )?;
            output.flush()?;
            let stop = stop_signal()?;
            let stopped = serve(listener, Registry::new(model), config, stop).await?;
            Ok(match stopped {
                Stopped::Drained => ExitCode::SUCCESS,
                Stopped::Cut { connections, requests } => {
                    eprintln!("stopped in time, and cut off {requests} requests on {connections} connections");
                    ExitCode::from(INCOMPLETE)
                }
            })
        })
    }

    fn config(&self) -> Config {
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let mut config = Config::for_cores(cores);
        config.requests_max = self.requests_max.unwrap_or(config.requests_max);
        config.drain_max = self.drain_seconds.map_or(config.drain_max, Duration::from_secs);
        config
    }
}

fn start_log(filter: EnvFilter, format: LogFormat) {
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}

/// Returns a future that ends at the first SIGINT or SIGTERM.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
    })
}
