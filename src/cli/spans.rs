//! Spans of requests → a collector of OpenTelemetry, by OTLP over gRPC.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use opentelemetry::{Key, global};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tonic::transport::{ClientTlsConfig, Endpoint};

use super::client_tls::client_tls;

/// How long a collector may take for a batch of spans, and for those that are left at the end: what it does
/// not take is dropped, for requests do not wait for it.
const SENDING_MAX: Duration = Duration::from_secs(2);

/// The collector that gets spans, as typed.
#[derive(clap::Args, Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "they are the names of the flags")]
pub(super) struct CollectorSettings {
    /// The collector of OpenTelemetry that gets a span of each request, such as `http://127.0.0.1:4317`
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL", value_parser = endpoint)]
    otlp_endpoint: Option<String>,
    /// The authorities that a collector with https is known by, in PEM
    #[arg(long, env = "OTEL_EXPORTER_OTLP_CERTIFICATE", value_name = "FILE")]
    otlp_ca: Option<PathBuf>,
    /// The certificate to show to it, in PEM
    #[arg(long, env = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", value_name = "FILE")]
    otlp_client_cert: Option<PathBuf>,
    /// The key of that certificate, in PEM
    #[arg(long, env = "OTEL_EXPORTER_OTLP_CLIENT_KEY", value_name = "FILE")]
    otlp_client_key: Option<PathBuf>,
}

/// A collector, and how it is spoken with.
pub(super) struct Collector {
    endpoint: String,
    tls: Option<ClientTlsConfig>,
}

impl CollectorSettings {
    /// Checks what no single setting can tell.
    pub(super) fn check(&self) -> Result<(), String> {
        let Some(endpoint) = &self.otlp_endpoint else { return Ok(()) };
        let (has_ca, has_certificate) = (self.otlp_ca.is_some(), self.otlp_client_cert.is_some());
        if has_certificate != self.otlp_client_key.is_some() {
            return Err("a certificate needs both, otlp_client_cert and otlp_client_key".into());
        }
        match is_https(endpoint) {
            true if !has_ca => Err(format!(
                "{endpoint} needs otlp_ca, the authorities to know it by; those of many systems are in \
                 /etc/ssl/certs/ca-certificates.crt"
            )),
            false if has_ca || has_certificate => {
                Err(format!("otlp_ca and otlp_client_cert are for https, and {endpoint} is none"))
            }
            true | false => Ok(()),
        }
    }

    /// Returns the collector, if there is one, with the files that it is known by.
    pub(super) fn collector(&self) -> anyhow::Result<Option<Collector>> {
        let Some(endpoint) = self.otlp_endpoint.clone() else { return Ok(None) };
        if !is_https(&endpoint) {
            return Ok(Some(Collector { endpoint, tls: None }));
        }
        let tls = client_tls(
            &endpoint,
            ("--otlp-ca", self.otlp_ca.as_ref()),
            ("--otlp-client-cert", self.otlp_client_cert.as_ref()),
            ("--otlp-client-key", self.otlp_client_key.as_ref()),
        )?;
        // The exporter would say only later what is wrong with them.
        let unusable = "cannot use --otlp-ca, --otlp-client-cert and --otlp-client-key";
        Endpoint::from_shared(endpoint.clone())?.tls_config(tls.clone()).context(unusable)?;
        Ok(Some(Collector { endpoint, tls: Some(tls) }))
    }
}

/// Sends spans as long as it is there; those that are left are sent when it is dropped.
pub(super) struct Spans(SdkTracerProvider);

impl Spans {
    /// Has spans sent to `collector` from now on, from within the runtime in which this is called.
    ///
    /// Which ones, and in what batches, the standard variables say (`OTEL_TRACES_SAMPLER`, `OTEL_BSP_…`).
    pub(super) fn sent_to(collector: Collector) -> anyhow::Result<Spans> {
        let Collector { endpoint, tls } = collector;
        let mut exporter =
            SpanExporter::builder().with_tonic().with_endpoint(&endpoint).with_timeout(SENDING_MAX);
        if let Some(tls) = tls {
            exporter = exporter.with_tls_config(tls);
        }
        let exporter =
            exporter.build().with_context(|| format!("cannot send spans to {endpoint}"))?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(service())
            .build();
        global::set_tracer_provider(provider.clone());
        Ok(Spans(provider))
    }
}

impl Drop for Spans {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(SENDING_MAX) {
            tracing::warn!(%error, "spans were not sent");
        }
    }
}

/// Returns who sends the spans: `newsdesk`, unless the standard variables name it.
fn service() -> Resource {
    let given = Resource::builder().build();
    let name = given.get(&Key::from_static_str("service.name"));
    match name {
        Some(name) if !name.as_str().starts_with("unknown_service") => given,
        _ => Resource::builder().with_service_name("newsdesk").build(),
    }
}

/// Reads the address of a collector.
fn endpoint(typed: &str) -> Result<String, String> {
    let uri: http::Uri = typed.parse().unwrap_or_default();
    match uri.scheme_str() {
        Some("http" | "https") => Ok(typed.to_owned()),
        _ => Err("write an address such as http://127.0.0.1:4317".to_owned()),
    }
}

fn is_https(endpoint: &str) -> bool {
    endpoint.parse().is_ok_and(|uri: http::Uri| uri.scheme_str() == Some("https"))
}
