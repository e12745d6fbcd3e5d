//! Statuses that tonic makes by itself, given the `ErrorInfo` that all of ours have.

use std::time::Duration;

use tonic::codegen::http::Response;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use typhon_proto::ERROR_DOMAIN;

use crate::error::Refusal;
use crate::metrics::Metrics;

/// Replaces a bare error status in the response's head. What a stream ends with is ours already.
pub fn explain(
    response: Response<tonic::body::Body>,
    max_message: u64,
    metrics: &Metrics,
) -> Response<tonic::body::Body> {
    let status = match Status::from_header_map(response.headers()) {
        Some(status) if status.code() != Code::Ok => status,
        _ => return response,
    };
    let bare = status.details().is_empty();
    let status = if bare { named(&status, max_message) } else { status };
    if let Some(info) = status.get_details_error_info() {
        metrics.refused(&info.reason);
    }
    if bare { status.into_http() } else { response }
}

fn named(bare: &Status, max_message: u64) -> Status {
    let reason = match bare.code() {
        // tonic's answer to a message past max_decoding_message_size, and to nothing else that reaches a head.
        Code::OutOfRange => return Refusal::PayloadTooLarge { max_bytes: max_message }.into(),
        Code::Unimplemented if bare.message().is_empty() => return Refusal::UnknownMethod.into(),
        Code::Unimplemented => "ENCODING_UNSUPPORTED",
        Code::DeadlineExceeded | Code::Cancelled => "DEADLINE_EXCEEDED",
        Code::InvalidArgument => "INVALID_REQUEST",
        Code::NotFound => "NOT_FOUND",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::Unavailable => "UNAVAILABLE",
        _ => "INTERNAL",
    };
    let mut details = ErrorDetails::with_error_info(reason, ERROR_DOMAIN, std::collections::HashMap::new());
    if bare.code() == Code::Unavailable {
        details.set_retry_info(Some(Duration::from_secs(1)));
    }
    Status::with_error_details(bare.code(), bare.message(), details)
}
