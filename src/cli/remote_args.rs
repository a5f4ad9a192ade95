//! A server's address and the files that say who asks, as typed → a way to the server.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use tonic::{
    metadata::AsciiMetadataValue,
    transport::{ClientTlsConfig, Endpoint},
};

use super::client_tls::{client_tls, read};

/// The server that is to answer, as typed.
///
/// No flag demands `--server`: their variables may be set where a command asks no server.
#[derive(clap::Args, Debug)]
pub(super) struct RemoteArgs {
    /// Ask a server, such as `http://127.0.0.1:50051` or, with --ca, `https://news.example.org`
    #[arg(long, value_name = "URL", env = "NEWSDESK_SERVER")]
    server: Option<String>,
    /// The authorities that a server with https is known by, in PEM
    #[arg(long, value_name = "FILE", env = "NEWSDESK_CA")]
    ca: Option<PathBuf>,
    /// The token to show to the server, alone in a file
    #[arg(long, value_name = "FILE", env = "NEWSDESK_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// The certificate to show to the server, in PEM
    #[arg(long, value_name = "FILE", env = "NEWSDESK_CLIENT_CERT", requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// The key of that certificate, in PEM
    #[arg(long, value_name = "FILE", env = "NEWSDESK_CLIENT_KEY", requires = "client_cert")]
    client_key: Option<PathBuf>,
}

impl RemoteArgs {
    /// Returns the server to ask, if one was named.
    pub(super) fn endpoint(&self) -> anyhow::Result<Option<Endpoint>> {
        let Some(url) = &self.server else { return Ok(None) };
        let is_http =
            |endpoint: &Endpoint| matches!(endpoint.uri().scheme_str(), Some("http" | "https"));
        let endpoint = Endpoint::from_shared(url.clone()).ok().filter(is_http);
        let endpoint = endpoint.with_context(|| {
            format!("`{url}` is no address of a server; write one such as http://127.0.0.1:50051")
        })?;
        let has_tls = endpoint.uri().scheme_str() == Some("https");
        // Who names a certificate wants to be sure of something that plain HTTP cannot give.
        ensure!(
            has_tls || self.ca.is_none() && self.client_cert.is_none(),
            "--ca and --client-cert are for https, and {url} is none"
        );
        if !has_tls {
            return Ok(Some(endpoint));
        }
        let endpoint = endpoint.tls_config(self.tls(url)?);
        Ok(Some(endpoint.context("cannot use --ca, --client-cert and --client-key")?))
    }

    fn tls(&self, url: &str) -> anyhow::Result<ClientTlsConfig> {
        client_tls(
            url,
            ("--ca", self.ca.as_ref()),
            ("--client-cert", self.client_cert.as_ref()),
            ("--client-key", self.client_key.as_ref()),
        )
    }

    /// Returns what a request has to show as its `authorization`, if anything.
    pub(super) fn authorization(&self) -> anyhow::Result<Option<AsciiMetadataValue>> {
        let Some(path) = &self.token_file else { return Ok(None) };
        let text = read("--token-file", path)?;
        let mut words = text.split_whitespace();
        // The file's words stay untold: one of them can be a token.
        let token = words.next().filter(|_| words.next().is_none());
        let value = token.and_then(|token| format!("Bearer {token}").parse().ok());
        let mut value: AsciiMetadataValue = value.with_context(|| {
            format!(
                "{} holds no token; it has to be one word, as `newsdesk token` shows it",
                path.display()
            )
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}
