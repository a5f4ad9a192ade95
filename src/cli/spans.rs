//! Spans of requests → a collector of OpenTelemetry, by OTLP over gRPC.

use std::time::Duration;

use anyhow::Context as _;
use opentelemetry::{Key, global};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};

/// How long a collector may take for a batch of spans, and for those that are left at the end: what it does
/// not take is dropped, for requests do not wait for it.
const SENDING_MAX: Duration = Duration::from_secs(2);

/// Sends spans as long as it is there; those that are left are sent when it is dropped.
pub(super) struct Spans(SdkTracerProvider);

impl Spans {
    /// Has spans sent to `endpoint` from now on, from within the runtime in which this is called.
    ///
    /// Which ones, and in what batches, the standard variables say (`OTEL_TRACES_SAMPLER`, `OTEL_BSP_…`).
    pub(super) fn sent_to(endpoint: &str) -> anyhow::Result<Spans> {
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(SENDING_MAX)
            .build()
            .with_context(|| format!("cannot send spans to {endpoint}"))?;
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
pub(super) fn endpoint(typed: &str) -> Result<String, String> {
    let uri: http::Uri = typed.parse().unwrap_or_default();
    match uri.scheme_str() {
        Some("http") => Ok(typed.to_owned()),
        _ => Err(
            "write an address such as http://127.0.0.1:4317; for a collector with https, let an \
                  agent on this machine pass the spans on"
                .to_owned(),
        ),
    }
}
