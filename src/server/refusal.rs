//! Why a request is refused.

use super::{
    limits::{BATCH_DOCUMENTS_MAX, EVIDENCE_MAX, MESSAGE_BYTES_MAX, STREAM_ID_BYTES_MAX},
    registry::FindModelError,
};
use crate::{model::ThresholdError, text::DocumentError};

/// Why a request is refused. `status.rs` gives each a code.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("format {value} is unknown to this server; leave it out for plain text")]
    Format { value: i32 },
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error("{evidence_max} evidence features are asked for, at most {EVIDENCE_MAX} are possible")]
    Evidence { evidence_max: u32 },
    #[error(transparent)]
    Thresholds(#[from] ThresholdError),
    #[error(transparent)]
    Model(#[from] FindModelError),
    #[error(
        "the batch has {requests} documents, 1 to {BATCH_DOCUMENTS_MAX} are possible; send it in \
         parts"
    )]
    Batch { requests: usize },
    #[error("the id has {bytes} bytes, at most {STREAM_ID_BYTES_MAX} are possible")]
    Id { bytes: usize },
    #[error("the message has no document")]
    NoDocument,
    #[error(
        "the message has more than {MESSAGE_BYTES_MAX} bytes, {field} must be shorter; send less \
         at once"
    )]
    Message { field: &'static str },
    #[error(
        "{requests_max} requests are being served, which is the limit; try again in a moment, or \
         ask another server"
    )]
    Overloaded { requests_max: usize },
    #[error("no service of that name is served; leave it out to ask about the whole server")]
    Service,
    #[error("the server is stopping; ask another one")]
    Stopping,
    #[error("the request was not complete and answered in time; send it faster, or send less")]
    TooSlow,
    #[error("the client no longer waits for the answer")]
    ClientGone,
    #[error("the server failed on this request, which is a fault of the server")]
    Panic,
}
