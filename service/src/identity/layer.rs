//! The layer that every call passes: from here on it has a caller, or it goes no further.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response, header};
use tower::util::Either;
use tower::{Layer, Service};

use super::{Caller, Identities, Peer};
use crate::audit;
use crate::error::Refusal;

/// Health has to be seen by what has no credentials, and says nothing of anybody.
pub const OPEN: &[&str] = &["/grpc.health.v1.Health/"];

#[derive(Clone)]
pub struct IdentityLayer {
    pub identities: Arc<Identities>,
    /// Beginnings of paths that are open to all.
    pub open: &'static [&'static str],
}

#[derive(Clone)]
pub struct Identified<S> {
    inner: S,
    layer: IdentityLayer,
}

impl<S> Layer<S> for IdentityLayer {
    type Service = Identified<S>;

    fn layer(&self, inner: S) -> Identified<S> {
        Identified { inner, layer: self.clone() }
    }
}

impl<S, B> Service<Request<B>> for Identified<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answer<S::Future, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if self.layer.open.iter().any(|open| request.uri().path().starts_with(open)) {
            return Answer(Either::Left(Box::pin(self.inner.call(request))));
        }
        let authorization = request.headers().get(header::AUTHORIZATION).map(header::HeaderValue::as_bytes);
        let nobody = Peer::default();
        let peer = request.extensions().get::<Peer>().unwrap_or(&nobody);
        match self.layer.identities.identify(authorization, peer) {
            Ok(caller) => {
                request.extensions_mut().insert(caller);
                Answer(Either::Left(Box::pin(self.inner.call(request))))
            }
            Err(refusal) => {
                audit::refused(request.uri().path(), refusal.reason());
                Answer(Either::Right(ready(Ok(Status::from(refusal).into_http()))))
            }
        }
    }
}

/// The call's own answer, or the refusal.
pub struct Answer<F, E>(Either<Pin<Box<F>>, Ready<Result<Response<Body>, E>>>);

impl<F: Future<Output = Result<Response<Body>, E>>, E> Future for Answer<F, E> {
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.get_mut().0 {
            Either::Left(inner) => inner.as_mut().poll(context),
            Either::Right(refused) => Pin::new(refused).poll(context),
        }
    }
}

/// Who sent this request.
pub fn caller<T>(request: &tonic::Request<T>) -> Result<Caller, Refusal> {
    let caller = request.extensions().get::<Caller>().cloned();
    caller.ok_or_else(|| Refusal::Internal { what: "a call that passed no identity layer".to_owned() })
}
