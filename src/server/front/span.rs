//! A request as a span of OpenTelemetry. Where nobody said where spans go, they are nothing.
//!
//! Names are those of the semantic conventions for gRPC: <https://opentelemetry.io/docs/specs/semconv/rpc/grpc/>.

use opentelemetry::{
    Context, KeyValue,
    global::{self, BoxedSpan},
    trace::{
        Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags,
        TraceId, TraceState, Tracer as _,
    },
};
use tonic::Code;

use super::{super::watch::CODES, method::Method, trail::Trail};

/// A request that is under way, as a span of the trace that it belongs to.
pub(super) struct RequestSpan(BoxedSpan);

impl RequestSpan {
    pub(super) fn begin(method: &Method, trail: &Trail) -> RequestSpan {
        let tracer = global::tracer("newsdesk");
        let known = method.path.strip_prefix('/');
        let span = tracer
            .span_builder(known.unwrap_or("grpc"))
            .with_kind(SpanKind::Server)
            .with_attributes([
                KeyValue::new("rpc.system.name", "grpc"),
                KeyValue::new("rpc.method", known.unwrap_or("_OTHER")),
                KeyValue::new("newsdesk.request_id", trail.request_id().to_owned()),
            ]);
        let parent = trail
            .parent()
            .and_then(remote)
            .map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
        RequestSpan(tracer.build_with_context(span, &parent))
    }

    /// Ends the span, with the code of the answer.
    pub(super) fn end(&mut self, code: Code) {
        let name = CODES[code as usize];
        self.0.set_attribute(KeyValue::new("rpc.response.status_code", name));
        if is_error(code) {
            self.0.set_attribute(KeyValue::new("error.type", name));
            self.0.set_status(Status::error(""));
        }
        self.0.end();
    }
}

/// Tells whether the conventions call an answer an error of the server.
fn is_error(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// Returns the client's span, of a `traceparent` that keeps to the format. A `tracestate` is for those whom we
/// ask in turn, and there are none.
fn remote(traceparent: &str) -> Option<SpanContext> {
    Some(SpanContext::new(
        TraceId::from_hex(&traceparent[3..35]).ok()?,
        SpanId::from_hex(&traceparent[36..52]).ok()?,
        TraceFlags::new(u8::from_str_radix(&traceparent[53..55], 16).ok()?),
        true,
        TraceState::default(),
    ))
}
