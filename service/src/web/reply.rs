//! gRPC's answers as HTTP's: one JSON document, or one a line; and errors in the form of AIP-193.

use std::collections::HashMap;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::Frame;
use http_body_util::BodyExt;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use serde_json::{Value, json};
use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::codegen::http::{HeaderValue, Response, StatusCode, header};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use typhon_proto::ERROR_DOMAIN;

use super::message;
use crate::error::{Refusal, code_name};

/// Why there is no answer of the kind that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    NoSuchPath,
    WrongMethod {
        allowed: String,
    },
    /// It is no JSON, or not the JSON of the message.
    BadBody(String),
    /// A defect of ours.
    BadAnswer(String),
    /// What gRPC would answer.
    Refused(Box<Refused>),
}

/// A status, in a form that can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    code: i32,
    message: String,
    details: Vec<u8>,
}

impl From<&Status> for Failure {
    fn from(status: &Status) -> Failure {
        let details = status.details().to_vec();
        Failure::Refused(Box::new(Refused { code: status.code().into(), message: status.message().into(), details }))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure::from(&Status::from(refusal))
    }
}

impl Failure {
    pub fn response(&self, pool: &DescriptorPool) -> Response<Body> {
        let status = self.status();
        let mut response = document(self.http(status.code()), self.json(pool).to_string());
        if let Failure::WrongMethod { allowed } = self
            && let Ok(allowed) = allowed.parse()
        {
            response.headers_mut().insert(header::ALLOW, allowed);
        }
        if let Some(delay) = status.get_details_retry_info().and_then(|info| info.retry_delay) {
            // Whole seconds, and not too early.
            let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }

    /// `{"error": ...}`, with the details that gRPC clients get.
    fn json(&self, pool: &DescriptorPool) -> Value {
        let status = self.status();
        let details = details(&status, pool).unwrap_or_default();
        json!({"error": {
            "code": self.http(status.code()).as_u16(),
            "status": code_name(status.code()),
            "message": status.message(),
            "details": details,
        }})
    }

    pub fn status(&self) -> Status {
        let named = |code, reason: &str, message: &str| {
            let details = ErrorDetails::with_error_info(reason, ERROR_DOMAIN, HashMap::new());
            Status::with_error_details(code, message, details)
        };
        match self {
            Failure::NoSuchPath => named(Code::Unimplemented, "METHOD_UNKNOWN", "there is nothing at this path"),
            Failure::WrongMethod { .. } => {
                named(Code::Unimplemented, "METHOD_UNKNOWN", "this path does not know this method")
            }
            Failure::BadBody(problem) => named(Code::InvalidArgument, "MALFORMED_MESSAGE", problem),
            Failure::BadAnswer(what) => Refusal::Internal { what: what.clone() }.into(),
            Failure::Refused(refused) => {
                let details = Bytes::from(refused.details.clone());
                Status::with_details(Code::from(refused.code), refused.message.clone(), details)
            }
        }
    }

    fn http(&self, code: Code) -> StatusCode {
        match self {
            Failure::NoSuchPath => StatusCode::NOT_FOUND,
            Failure::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            _ => http(code),
        }
    }
}

/// The answer of a method that gives one message.
pub async fn unary(response: Response<Body>, kind: &MessageDescriptor) -> Result<Response<Body>, Failure> {
    if let Some(status) = Status::from_header_map(response.headers()).filter(|status| status.code() != Code::Ok) {
        return Err((&status).into());
    }
    let body = response.into_body().collect().await.map_err(|status| Failure::from(&status))?;
    if let Some(status) = body.trailers().and_then(Status::from_header_map).filter(|status| status.code() != Code::Ok) {
        return Err((&status).into());
    }
    let mut buffer = body.to_bytes().to_vec();
    let message = message::unframe(&mut buffer)?.ok_or_else(|| Failure::BadAnswer("no message".into()))?;
    Ok(document(StatusCode::OK, message::write(kind.clone(), &message)?))
}

/// The answer of a method that streams: `{"result": ...}` for each message, a line each, and at last maybe an `error`.
pub fn stream(response: Response<Body>, kind: MessageDescriptor, pool: DescriptorPool) -> Response<Body> {
    if let Some(status) = Status::from_header_map(response.headers()).filter(|status| status.code() != Code::Ok) {
        return Failure::from(&status).response(&pool);
    }
    let lines = Lines { inner: response.into_body(), buffer: Vec::new(), kind, pool, ended: false };
    let mut response = Response::new(Body::new(lines));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    // For proxies that would rather collect.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

fn document(status: StatusCode, json: String) -> Response<Body> {
    let mut response = Response::new(Body::new(http_body_util::Full::new(Bytes::from(json + "\n"))));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A stream's frames, turned into lines as they are asked for.
struct Lines {
    inner: Body,
    buffer: Vec<u8>,
    kind: MessageDescriptor,
    pool: DescriptorPool,
    ended: bool,
}

impl Lines {
    fn end(&mut self, failure: &Failure) -> Frame<Bytes> {
        self.ended = true;
        Frame::data(Bytes::from(format!("{}\n", failure.json(&self.pool))))
    }

    fn line(&mut self) -> Result<Option<Frame<Bytes>>, Failure> {
        let Some(message) = message::unframe(&mut self.buffer)? else { return Ok(None) };
        let message = message::write(self.kind.clone(), &message)?;
        Ok(Some(Frame::data(Bytes::from(format!("{{\"result\":{message}}}\n")))))
    }
}

impl http_body::Body for Lines {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let lines = self.get_mut();
        loop {
            if lines.ended {
                return Poll::Ready(None);
            }
            match lines.line() {
                Ok(Some(line)) => return Poll::Ready(Some(Ok(line))),
                Ok(None) => {}
                Err(failure) => return Poll::Ready(Some(Ok(lines.end(&failure)))),
            }
            match ready!(Pin::new(&mut lines.inner).poll_frame(context)) {
                None => lines.ended = true,
                Some(Err(status)) => return Poll::Ready(Some(Ok(lines.end(&Failure::from(&status))))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => lines.buffer.extend_from_slice(&data),
                    Err(frame) => {
                        let status = frame.trailers_ref().and_then(Status::from_header_map);
                        match status.filter(|status| status.code() != Code::Ok) {
                            Some(status) => return Poll::Ready(Some(Ok(lines.end(&Failure::from(&status))))),
                            None => lines.ended = true,
                        }
                    }
                },
            }
        }
    }
}

/// The details that the pool knows, each with its `@type`.
fn details(status: &Status, pool: &DescriptorPool) -> Option<Value> {
    let kind = pool.get_message_by_name("google.rpc.Status")?;
    let message = DynamicMessage::decode(kind, status.details()).ok()?;
    let mut json = serde_json::to_value(&message).ok()?;
    json.get_mut("details").map(Value::take)
}

/// As google.rpc.Code documents them.
fn http(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        // Nginx's word for a client that went away; it will not read it.
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
