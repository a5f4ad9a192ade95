//! Refusals as gRPC statuses.
//!
//! Every status that this server makes is made here, so that this page is the whole contract of errors.

use std::time::Duration;

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
    let invalid = |field| {
        let violation =
            ErrorDetails::with_bad_request_violation(format!("{path}{field}"), refusal.to_string());
        (Code::InvalidArgument, violation)
    };
    let later = |delay| ErrorDetails::with_retry_info(Some(delay));
    match refusal {
        Refusal::Format { value: _ } => invalid("format"),
        Refusal::Document(DocumentError::Blank | DocumentError::TooLong { bytes: _ }) => {
            invalid("text")
        }
        Refusal::Evidence { evidence_max: _ } => invalid("options.evidence_max"),
        Refusal::Thresholds(error) => invalid(threshold_field(error)),
        Refusal::Batch { requests: _ } => invalid("requests"),
        Refusal::Id { bytes: _ } => invalid("id"),
        Refusal::NoDocument => invalid("request"),
        Refusal::Message { field } => invalid(field),
        Refusal::Model(FindModelError::Unknown { name, served: _ }) => {
            let message = refusal.to_string();
            let details = ErrorDetails::with_resource_info(MODEL_RESOURCE, name, "", message);
            (Code::NotFound, details)
        }
        Refusal::Model(FindModelError::Empty) | Refusal::Stopping => {
            (Code::Unavailable, later(UNAVAILABLE_RETRY))
        }
        Refusal::Overloaded { requests_max: _ } => {
            (Code::ResourceExhausted, later(OVERLOADED_RETRY))
        }
        Refusal::Service => (Code::NotFound, ErrorDetails::new()),
        Refusal::TooSlow => (Code::DeadlineExceeded, ErrorDetails::new()),
        Refusal::ClientGone => (Code::Cancelled, ErrorDetails::new()),
        Refusal::Panic => (Code::Internal, ErrorDetails::new()),
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
