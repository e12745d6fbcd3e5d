//! HTTP and JSON on gRPC's port: each request becomes the call it stands for, and passes every layer that calls pass.

mod console;
mod message;
mod reply;
mod routes;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http_body::Frame;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use prost_reflect::{DescriptorPool, MethodDescriptor};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::codegen::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, Version, header, request};
use tower::{Layer, Service};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use crate::error::Refusal;
use crate::server::BoxError;
use reply::Failure;

/// Lets in what is not gRPC. Everything that is goes on untouched.
#[derive(Clone)]
pub struct WebLayer {
    shared: Arc<Shared>,
}

struct Shared {
    /// Every message and service, and the details of errors.
    pool: DescriptorPool,
    max_message: u64,
}

impl WebLayer {
    pub fn new(max_message: u64) -> Result<WebLayer, BoxError> {
        let mut pool = DescriptorPool::new();
        pool.decode_file_descriptor_set(typhon_proto::FILE_DESCRIPTOR_SET)?;
        pool.decode_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)?;
        Ok(WebLayer { shared: Arc::new(Shared { pool, max_message }) })
    }
}

/// Whose pages may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    Nobodys,
    Anybodys,
    These(Vec<HeaderValue>),
}

impl Origins {
    /// Origins separated by commas, or `*`.
    pub fn from_text(text: &str) -> Option<Origins> {
        let origin = |one: &str| {
            let (scheme, host) = one.trim().split_once("://")?;
            let plain = matches!(scheme, "http" | "https") && !host.is_empty() && !host.contains('/');
            one.trim().parse().ok().filter(|_| plain)
        };
        match text {
            "" => Some(Origins::Nobodys),
            "*" => Some(Origins::Anybodys),
            list => list.split(',').map(origin).collect::<Option<_>>().map(Origins::These),
        }
    }

    /// What tells browsers; `None` tells them nothing, and they ask nobody else.
    pub fn layer(&self) -> Option<CorsLayer> {
        let allowed = match self {
            Origins::Nobodys => return None,
            Origins::Anybodys => AllowOrigin::any(),
            Origins::These(list) => AllowOrigin::list(list.clone()),
        };
        // What a page may read of an answer by gRPC-Web.
        let exposed = ["grpc-status", "grpc-message", "grpc-status-details-bin"].map(HeaderName::from_static);
        Some(CorsLayer::new().allow_origin(allowed).allow_methods(Any).allow_headers(Any).expose_headers(exposed))
    }
}

impl<S> Layer<S> for WebLayer {
    type Service = Web<S>;

    fn layer(&self, inner: S) -> Web<S> {
        Web { inner, shared: self.shared.clone() }
    }
}

#[derive(Clone)]
pub struct Web<S> {
    inner: S,
    shared: Arc<Shared>,
}

type Boxed<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<S> Service<Request<Body>> for Web<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Boxed<S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if is_grpc(request.headers()) {
            return Box::pin(self.inner.call(request));
        }
        // The one that is ready, not its copy.
        let copy = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, copy);
        Box::pin(answer(inner, self.shared.clone(), request))
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

async fn answer<S>(mut inner: S, shared: Arc<Shared>, request: Request<Body>) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    if let Some(file) = console::file(request.method(), request.uri().path()) {
        return Ok(file);
    }
    let (method, call) = match shared.call(request) {
        Ok(call) => call,
        Err(failure) => return Ok(failure.response(&shared.pool)),
    };
    let response = inner.call(call).await?;
    Ok(if method.is_server_streaming() {
        reply::stream(response, method.output(), shared.pool.clone())
    } else {
        match reply::unary(response, &method.output()).await {
            Ok(response) => response,
            Err(failure) => failure.response(&shared.pool),
        }
    })
}

/// The largest JSON that is read: parsed, it takes many times its own room.
const JSON_MAX: u64 = 8 << 20;

impl Shared {
    /// The gRPC request that this one stands for. Its body is read when the call asks for it, which it does not before
    /// it knows the caller.
    fn call(&self, request: Request<Body>) -> Result<(MethodDescriptor, Request<Body>), Failure> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let found = routes::find(&parts.method, &path)?;
        let method = self.method(found.rpc).ok_or(Failure::NoSuchPath)?;
        if method.is_client_streaming() {
            return Err(Failure::NoSuchPath);
        }
        let fields = routes::query(parts.uri.query().unwrap_or_default());
        let (kind, whole, name) = (method.input(), found.body, found.name.clone());
        // Bytes take a third more room in JSON than in the message, and white space is free.
        let most = self.max_message.saturating_mul(2).min(JSON_MAX);
        let read = async move {
            let body = collect(body, most).await?;
            message::frame(&message::read(kind, &body, whole, name, fields)?)
        };
        Ok((method, forward(parts, found.rpc, Body::new(Late::new(read)))?))
    }

    fn method(&self, rpc: &str) -> Option<MethodDescriptor> {
        let (service, method) = rpc.split_once('/')?;
        let service = self.pool.get_service_by_name(&format!("typhon.v1.{service}"))?;
        service.methods().find(|candidate| candidate.name() == method)
    }
}

async fn collect(body: Body, most: u64) -> Result<Bytes, Failure> {
    match Limited::new(body, usize::try_from(most).unwrap_or(usize::MAX)).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::PayloadTooLarge { max_bytes: most }.into()),
        // The client is gone, or speaks no HTTP.
        Err(_) => Err(Failure::BadBody("the request's body broke off".into())),
    }
}

/// A body that is made when it is asked for.
struct Late {
    making: Option<Pin<Box<dyn Future<Output = Result<Bytes, Failure>> + Send>>>,
}

impl Late {
    fn new(making: impl Future<Output = Result<Bytes, Failure>> + Send + 'static) -> Late {
        Late { making: Some(Box::pin(making)) }
    }
}

impl http_body::Body for Late {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let late = self.get_mut();
        let Some(making) = &mut late.making else { return Poll::Ready(None) };
        let made = ready!(making.as_mut().poll(context));
        late.making = None;
        Poll::Ready(Some(made.map(Frame::data).map_err(|failure| failure.status())))
    }
}

/// What a client says for its own way here, and not for the call's.
const OURS: [HeaderName; 8] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::ACCEPT_ENCODING,
    header::EXPECT,
    header::HOST,
    header::COOKIE,
];

/// The call: same caller, same headers, another message.
fn forward(mut parts: request::Parts, rpc: &str, body: Body) -> Result<Request<Body>, Failure> {
    for name in OURS {
        parts.headers.remove(name);
    }
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    parts.headers.insert(header::TE, HeaderValue::from_static("trailers"));
    parts.method = tonic::codegen::http::Method::POST;
    parts.version = Version::HTTP_2;
    // A name of the pool, so always a path.
    parts.uri = Uri::try_from(format!("/typhon.v1.{rpc}")).map_err(|_| Failure::NoSuchPath)?;
    Ok(Request::from_parts(parts, body))
}
