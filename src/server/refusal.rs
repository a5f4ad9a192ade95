//! Why a request is refused.

use super::{
    front::PlaceKind,
    limits::{EVIDENCE_MAX, STREAM_ID_BYTES_MAX},
    registry::FindModelError,
};
use crate::{
    model::ThresholdError,
    text::{DocumentError, TooManyPassages},
};

/// Why a request is refused. `status.rs` gives each a code.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("format {value} is unknown to this server; leave it out for plain text")]
    Format { value: i32 },
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error(transparent)]
    Passages(#[from] TooManyPassages),
    #[error("the document has {bytes} bytes, at most {bytes_max} are possible; send it in parts")]
    DocumentBytes { bytes: usize, bytes_max: usize },
    #[error("{evidence_max} evidence features are asked for, at most {EVIDENCE_MAX} are possible")]
    Evidence { evidence_max: u32 },
    #[error(transparent)]
    Thresholds(#[from] ThresholdError),
    #[error(transparent)]
    Model(#[from] FindModelError),
    #[error(
        "the batch has {requests} documents, 1 to {requests_max} are possible; send it in parts"
    )]
    Batch { requests: usize, requests_max: usize },
    #[error("the id has {bytes} bytes, at most {STREAM_ID_BYTES_MAX} are possible")]
    Id { bytes: usize },
    #[error("the message has no document")]
    NoDocument,
    #[error(
        "the message has more than {bytes_max} bytes, {field} must be shorter; send less at once"
    )]
    Message { field: &'static str, bytes_max: usize },
    #[error(
        "{max} {kind} are being served, which is the limit; try again in a moment, or ask another \
         server"
    )]
    Overloaded { kind: PlaceKind, max: usize },
    #[error(
        "{held} {kind} of this connection are being served, and it has its share of the places; try \
         again in a moment, or ask another server"
    )]
    Share { kind: PlaceKind, held: usize },
    #[error("no service of that name is served; leave it out to ask about the whole server")]
    Service,
    #[error("the server is stopping; ask another one")]
    Stopping,
    #[error("the request was not complete and answered in time; send it faster, or send less")]
    TooSlow,
    #[error("the client's deadline has come before the answer; allow more time, or send less")]
    Deadline,
    #[error("the stream was without a document for too long; open another when there is one")]
    StreamIdle,
    #[error(
        "the stream has been open for long enough; open another, which may find a newer server"
    )]
    StreamAge,
    /// Not a word of the message itself is in `what`.
    #[error("{what}")]
    Malformed { what: String },
    #[error("the content type is not application/grpc, which is all that this port speaks")]
    ContentType,
    #[error("a token is needed; send `authorization: Bearer <token>`")]
    NoToken,
    #[error("the token is not known to this server")]
    UnknownToken,
    #[error("the token's last day is over")]
    ExpiredToken,
    #[error("the token is not for this; its role is another")]
    OtherRole,
    #[error("there is no shadow model, or it is the current version by now")]
    NoShadow,
    #[error("there is no version of `{name}` before the current one that can still be asked")]
    NoneBefore { name: String },
    #[error("the client no longer waits for the answer")]
    ClientGone,
    #[error("the server failed on this request, which is a fault of the server")]
    Panic,
}
