//! `newsdesk serve`: models as a gRPC server.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    process::ExitCode,
};

use anyhow::Context as _;
use newsdesk::{
    model::ModelReference,
    server::{Extras, Keeper, Models, Stopped, serve_with},
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use super::{INCOMPLETE, config::unknown_variables, settings::Settings};

/// `newsdesk serve`, as typed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  newsdesk serve
  newsdesk serve --listen 0.0.0.0:50051 --model my.safetensors
  newsdesk serve --config newsdesk.toml --check-config
  newsdesk serve --log debug --log-format json

Every setting is a flag, a variable (NEWSDESK_…) or a key of the file of --config, in that order of
strength. `newsdesk config` shows which hold, and where each comes from.")]
pub(super) struct ServeArgs {
    #[command(flatten)]
    settings: Settings,
    /// Check the settings and all files that they name, and stop
    #[arg(long)]
    check_config: bool,
}

impl ServeArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        self.settings.start_log();
        let keeper = self.settings.keeper()?;
        if self.check_config {
            writeln!(io::stdout(), "the configuration is good")?;
            return Ok(ExitCode::SUCCESS);
        }
        for name in unknown_variables() {
            tracing::warn!(name, "environment variable is no setting of newsdesk");
        }
        let runtime = tokio::runtime::Runtime::new().context("cannot start a runtime")?;
        runtime.block_on(self.serve(keeper))
    }

    async fn serve(self, keeper: Keeper) -> anyhow::Result<ExitCode> {
        let listener = bind(self.settings.listen, "--listen").await?;
        let pages = match self.settings.metrics_listen {
            Some(address) => Some(bind(address, "--metrics-listen").await?),
            None => None,
        };
        let registry = keeper.registry().clone();
        announce(&listener, pages.as_ref(), &registry.models())?;
        look_at_hangups(keeper.clone())?;
        let stop = stop_signal()?;
        let extras = Extras {
            pages,
            keeper: Some((keeper, self.settings.poll_interval())),
            admin: self.settings.admin(),
        };
        let config = self.settings.server_config();
        let stopped = serve_with(listener, registry, config, extras, stop).await?;
        Ok(match stopped {
            Stopped::Drained | Stopped::Cut { requests: 0, .. } => ExitCode::SUCCESS,
            Stopped::Cut { connections, requests } => {
                eprintln!(
                    "stopped in time, and cut off {requests} requests on {connections} connections"
                );
                ExitCode::from(INCOMPLETE)
            }
        })
    }
}

async fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen on {address}; is another server there? choose another address with {flag}"
        )
    })
}

/// Says where the server listens and which models speak.
fn announce(
    listener: &TcpListener,
    pages: Option<&TcpListener>,
    models: &Models,
) -> anyhow::Result<()> {
    let address = |listener: &TcpListener| listener.local_addr().context("cannot tell the address");
    let mut output = io::stdout();
    writeln!(output, "listening on http://{}", address(listener)?)?;
    for served in models.current() {
        let ModelReference { name, version, digest } = &served.reference;
        writeln!(output, "model {name} {version} {digest}")?;
    }
    if let Some(pages) = pages {
        writeln!(output, "figures on http://{}/metrics", address(pages)?)?;
    }
    Ok(output.flush()?)
}

/// Has the keeper look for new versions at each SIGHUP, from now on.
fn look_at_hangups(keeper: Keeper) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            keeper.look_soon();
        }
    });
    Ok(())
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
