//! `newsdesk serve`: models as a gRPC server.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    process::ExitCode,
};

use anyhow::Context as _;
use newsdesk::{
    model::ModelReference,
    server::{Extras, Keeper, Models, Security, Stopped, serve_with},
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use super::{
    BAD_USAGE, REQUESTS_CUT, config::unknown_variables, settings::Settings, terminal::tell,
};

/// `newsdesk serve`, as typed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  newsdesk serve
  newsdesk serve --listen 0.0.0.0:50051 --model my.safetensors
  newsdesk serve --config newsdesk.toml --check-config
  newsdesk serve --log debug --log-format json

Every setting is a flag, a variable (NEWSDESK_…) or a key of the file of --config, in that order of
strength. `newsdesk config` shows which hold, and where each comes from.

Exit codes: 0 after a signal to stop, 3 if requests were cut off then, 1 for a failure, 2 for a wrong
setting.")]
pub(super) struct ServeArgs {
    #[command(flatten)]
    settings: Settings,
    /// Check the settings and all files that they name, and stop
    #[arg(long)]
    check_config: bool,
}

impl ServeArgs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        if let Err(contradiction) = self.settings.check() {
            tell(format!("error: {contradiction}"));
            return Ok(ExitCode::from(BAD_USAGE));
        }
        self.settings.start_log();
        if let Some(warning) = self.settings.warning() {
            tell(format!("WARNING: {warning}"));
        }
        let security = self.settings.security()?;
        let keeper = self.settings.keeper()?;
        #[cfg(feature = "otel")]
        let collector = self.settings.collector()?;
        if self.check_config {
            writeln!(io::stdout(), "the configuration is good")?;
            return Ok(ExitCode::SUCCESS);
        }
        for name in unknown_variables() {
            tracing::warn!(name, "environment variable is no setting of newsdesk");
        }
        let runtime = tokio::runtime::Runtime::new().context("cannot start a runtime")?;
        #[cfg(feature = "otel")]
        let _spans = {
            let _inside = runtime.enter();
            collector.map(super::spans::Spans::sent_to).transpose()?
        };
        runtime.block_on(self.serve(keeper, security))
    }

    async fn serve(self, keeper: Keeper, security: Option<Security>) -> anyhow::Result<ExitCode> {
        let listener = bind(self.settings.listen, "--listen").await?;
        let pages = match self.settings.metrics_listen {
            Some(address) => Some(bind(address, "--metrics-listen").await?),
            None => None,
        };
        let registry = keeper.registry().clone();
        let scheme = if self.settings.has_tls() { "https" } else { "http" };
        announce(scheme, &listener, pages.as_ref(), &registry.models())?;
        look_at_hangups(keeper.clone(), security.clone())?;
        let stop = stop_signal()?;
        let extras = Extras {
            pages,
            keeper: Some((keeper, self.settings.poll_interval())),
            security: security.map(|security| (security, self.settings.poll_interval())),
            admin: self.settings.admin(),
        };
        let config = self.settings.server_config();
        let stopped = serve_with(listener, registry, config, extras, stop).await?;
        Ok(match stopped {
            Stopped::Drained | Stopped::Cut { requests: 0, .. } => ExitCode::SUCCESS,
            Stopped::Cut { connections, requests } => {
                tell(format!(
                    "stopped in time, and cut off {requests} requests on {connections} connections"
                ));
                ExitCode::from(REQUESTS_CUT)
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
    scheme: &str,
    listener: &TcpListener,
    pages: Option<&TcpListener>,
    models: &Models,
) -> anyhow::Result<()> {
    let address = |listener: &TcpListener| listener.local_addr().context("cannot tell the address");
    let mut output = io::stdout();
    writeln!(output, "listening on {scheme}://{}", address(listener)?)?;
    for served in models.current() {
        let ModelReference { name, version, digest } = &served.reference;
        writeln!(output, "model {name} {version} {digest}")?;
    }
    if let Some(pages) = pages {
        writeln!(output, "figures on http://{}/metrics", address(pages)?)?;
    }
    Ok(output.flush()?)
}

/// Has new versions, certificates and tokens looked for at each SIGHUP, from now on.
fn look_at_hangups(keeper: Keeper, security: Option<Security>) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            keeper.look_soon();
            security.iter().for_each(Security::look_soon);
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
