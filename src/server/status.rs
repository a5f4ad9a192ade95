//! Refusals as gRPC statuses.
//!
//! Every status that this server makes is made here, so that this page is the whole contract of errors.

use std::{collections::HashMap, time::Duration};

use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _, pb};

use super::{refusal::Refusal, registry::FindModelError};
use crate::{model::ThresholdError, text::DocumentError};

/// When to come back to a server that is full: requests take some milliseconds.
const OVERLOADED_RETRY: Duration = Duration::from_millis(100);

/// When to come back to a server that has no model yet, or is about to be replaced by another.
const UNAVAILABLE_RETRY: Duration = Duration::from_secs(1);

/// The type of what is not found, as it stands in the details.
const MODEL_RESOURCE: &str = "newsdesk.v1.Model";

/// Who gives the reasons, as `google.rpc.ErrorInfo` has it.
const DOMAIN: &str = "newsdesk";

/// Returns the status of `refusal`. The fields that it names are those of the message at `path` in the
/// request, such as `requests[3].`; empty for the request itself.
pub(super) fn of(refusal: &Refusal, path: &str) -> Status {
    let (code, details) = code_and_details(refusal, path);
    Status::with_error_details(code, refusal.to_string(), details)
}

/// Returns the status of `refusal` as a part of an answer.
pub(super) fn outcome(refusal: &Refusal, path: &str) -> pb::Status {
    let status = of(refusal, path);
    pb::Status::decode(status.details()).expect("`of` writes the details of every status")
}

fn code_and_details(refusal: &Refusal, path: &str) -> (Code, ErrorDetails) {
    let mut details = ErrorDetails::with_error_info(reason(refusal), DOMAIN, HashMap::new());
    let mut invalid = |field| {
        details.add_bad_request_violation(format!("{path}{field}"), refusal.to_string());
        Code::InvalidArgument
    };
    let code = match refusal {
        Refusal::Format { value: _ } => invalid("format"),
        Refusal::Document(DocumentError::Blank | DocumentError::TooLong { bytes: _ })
        | Refusal::DocumentBytes { bytes: _, bytes_max: _ }
        | Refusal::Passages(_) => invalid("text"),
        Refusal::Evidence { evidence_max: _ } => invalid("options.evidence_max"),
        Refusal::Thresholds(error) => invalid(threshold_field(error)),
        Refusal::Batch { requests: _, requests_max: _ } => invalid("requests"),
        Refusal::Id { bytes: _ } => invalid("id"),
        Refusal::NoDocument => invalid("request"),
        Refusal::Message { field, bytes_max: _ } => {
            invalid(field);
            Code::ResourceExhausted
        }
        Refusal::Model(FindModelError::Unknown { name, served: _ }) => {
            details.set_resource_info(MODEL_RESOURCE, name, "", refusal.to_string());
            Code::NotFound
        }
        Refusal::Model(FindModelError::Empty) | Refusal::Stopping => {
            details.set_retry_info(Some(UNAVAILABLE_RETRY));
            Code::Unavailable
        }
        Refusal::StreamIdle | Refusal::StreamAge => {
            details.set_retry_info(Some(Duration::ZERO));
            Code::Unavailable
        }
        Refusal::Overloaded { kind: _, max: _ } | Refusal::Share { kind: _, held: _ } => {
            details.set_retry_info(Some(OVERLOADED_RETRY));
            Code::ResourceExhausted
        }
        Refusal::Service => Code::NotFound,
        Refusal::NoToken | Refusal::UnknownToken | Refusal::ExpiredToken => Code::Unauthenticated,
        Refusal::OtherRole => Code::PermissionDenied,
        Refusal::ContentType | Refusal::Malformed { what: _ } => Code::InvalidArgument,
        Refusal::NoShadow | Refusal::NoneBefore { name: _ } => Code::FailedPrecondition,
        Refusal::TooSlow | Refusal::Deadline => Code::DeadlineExceeded,
        Refusal::ClientGone => Code::Cancelled,
        Refusal::Panic => Code::Internal,
    };
    (code, details)
}

/// Returns the `reason` of the `google.rpc.ErrorInfo`, by which a program can tell refusals apart.
pub(super) fn reason(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Format { value: _ } => "UNKNOWN_FORMAT",
        Refusal::Document(DocumentError::Blank) | Refusal::NoDocument => "NO_DOCUMENT",
        Refusal::Document(DocumentError::TooLong { bytes: _ })
        | Refusal::DocumentBytes { bytes: _, bytes_max: _ } => "DOCUMENT_TOO_LONG",
        Refusal::Passages(_) => "TOO_MANY_PASSAGES",
        Refusal::Evidence { evidence_max: _ } => "TOO_MUCH_EVIDENCE",
        Refusal::Thresholds(_) => "THRESHOLD",
        Refusal::Batch { requests: _, requests_max: _ } => "BATCH_SIZE",
        Refusal::Id { bytes: _ } => "ID_TOO_LONG",
        Refusal::Message { field: _, bytes_max: _ } => "MESSAGE_TOO_LONG",
        Refusal::Model(FindModelError::Unknown { name: _, served: _ }) => "UNKNOWN_MODEL",
        Refusal::Model(FindModelError::Empty) => "NO_MODEL",
        Refusal::Overloaded { kind: _, max: _ } => "OVERLOADED",
        Refusal::Share { kind: _, held: _ } => "CLIENT_SHARE",
        Refusal::Service => "UNKNOWN_SERVICE",
        Refusal::Stopping => "STOPPING",
        Refusal::StreamIdle => "STREAM_IDLE",
        Refusal::StreamAge => "STREAM_AGE",
        Refusal::Malformed { what: _ } => "MALFORMED_MESSAGE",
        Refusal::ContentType => "CONTENT_TYPE",
        Refusal::NoToken => "NO_TOKEN",
        Refusal::UnknownToken => "UNKNOWN_TOKEN",
        Refusal::ExpiredToken => "EXPIRED_TOKEN",
        Refusal::OtherRole => "OTHER_ROLE",
        Refusal::NoShadow => "NO_SHADOW",
        Refusal::NoneBefore { name: _ } => "NO_EARLIER_VERSION",
        Refusal::TooSlow => "TOO_SLOW",
        Refusal::Deadline => "DEADLINE",
        Refusal::ClientGone => "CLIENT_GONE",
        Refusal::Panic => "FAULT",
    }
}

fn threshold_field(error: &ThresholdError) -> &'static str {
    match *error {
        ThresholdError::Share { field: "max_error", .. }
        | ThresholdError::NotMeasured
        | ThresholdError::NotReached { .. } => "options.max_error",
        ThresholdError::Share { field: "known_share_min", .. } => "options.known_share_min",
        ThresholdError::Share { .. } | ThresholdError::Both => "options.margin_min",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_the_status_that_classify_would_give() {
        let refusal = Refusal::Evidence { evidence_max: 1001 };
        let (status, outcome) = (of(&refusal, "a."), outcome(&refusal, "a."));
        assert_eq!(outcome.code, status.code() as i32);
        assert_eq!(outcome.message, status.message());
        assert_eq!(outcome.encode_to_vec(), status.details());
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "a.options.evidence_max");
    }
}
