//! `newsdesk serve`: models as a gRPC server.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use newsdesk::{
    model::Model,
    server::{Extras, Registry, Stopped, serve_with},
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
        let model = super::model(self.settings.model.as_ref())?;
        if self.check_config {
            writeln!(io::stdout(), "the configuration is good")?;
            return Ok(ExitCode::SUCCESS);
        }
        self.settings.start_log();
        for name in unknown_variables() {
            tracing::warn!(name, "environment variable is no setting of newsdesk");
        }
        let runtime = tokio::runtime::Runtime::new().context("cannot start a runtime")?;
        runtime.block_on(self.serve(model))
    }

    async fn serve(self, model: Arc<Model>) -> anyhow::Result<ExitCode> {
        let listener = bind(self.settings.listen, "--listen").await?;
        let pages = match self.settings.metrics_listen {
            Some(address) => Some(bind(address, "--metrics-listen").await?),
            None => None,
        };
        announce(&listener, pages.as_ref(), &model)?;
        let stop = stop_signal()?;
        let (registry, extras) = (Registry::new(model), Extras { pages });
        let config = self.settings.server_config();
        let stopped = serve_with(listener, registry, config, extras, stop).await?;
        Ok(match stopped {
            Stopped::Drained => ExitCode::SUCCESS,
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

/// Says where the server listens and which model speaks.
fn announce(
    listener: &TcpListener,
    pages: Option<&TcpListener>,
    model: &Model,
) -> anyhow::Result<()> {
    let reference = &model.reference;
    let address = |listener: &TcpListener| listener.local_addr().context("cannot tell the address");
    let mut output = io::stdout();
    writeln!(
        output,
        "listening on http://{}\nmodel {} {} {}",
        address(listener)?,
        reference.name,
        reference.version,
        reference.digest
    )?;
    if let Some(pages) = pages {
        writeln!(output, "figures on http://{}/metrics", address(pages)?)?;
    }
    Ok(output.flush()?)
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
