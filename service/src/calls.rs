//! A call, from its headers to its last trailer: counted, timed and traced.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http_body::Frame;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::Span;
use tracing::instrument::{Instrument, Instrumented};

use crate::metrics::{Metrics, Way};
use crate::trace;

#[derive(Clone)]
pub struct CallLayer {
    pub metrics: Arc<Metrics>,
}

#[derive(Clone)]
pub struct Called<S> {
    inner: S,
    metrics: Arc<Metrics>,
}

impl<S> Layer<S> for CallLayer {
    type Service = Called<S>;

    fn layer(&self, inner: S) -> Called<S> {
        Called { inner, metrics: self.metrics.clone() }
    }
}

impl<S> Service<Request<Body>> for Called<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let path = request.uri().path();
        let span = trace::call(path, request.headers());
        let method = self.metrics.call(path);
        let incoming = Weight { metrics: self.metrics.clone(), method: method.clone(), way: Way::In, bytes: 0 };
        let outgoing = Weight { metrics: self.metrics.clone(), method: method.clone(), way: Way::Out, bytes: 0 };
        let request = request.map(|inner| Body::new(Weighed { inner, weight: incoming }));
        let (metrics, began, status) = (self.metrics.clone(), Instant::now(), Code::Cancelled);
        let call = Call { metrics, method, began, span, status, outgoing };
        let inner = self.inner.call(request).instrument(call.span.clone());
        Answer { inner: Box::pin(inner), call: Some(call) }
    }
}

/// A call that is going on. It ends when it is dropped, as one that was cancelled unless it was told otherwise.
struct Call {
    metrics: Arc<Metrics>,
    method: Arc<str>,
    began: Instant,
    span: Span,
    status: Code,
    outgoing: Weight,
}

/// Bytes of a call's messages one way, told when the last has passed.
struct Weight {
    metrics: Arc<Metrics>,
    method: Arc<str>,
    way: Way,
    bytes: u64,
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.metrics.weighed(&self.method, self.way, self.bytes);
    }
}

impl Weight {
    fn add(&mut self, frame: &Frame<Bytes>) {
        self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
}

/// A request's body.
struct Weighed {
    inner: Body,
    weight: Weight,
}

impl http_body::Body for Weighed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            self.weight.add(frame);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.metrics.called(&self.method, self.status, self.began.elapsed());
        trace::called(&self.span, self.status);
    }
}

pub struct Answer<F> {
    inner: Pin<Box<Instrumented<F>>>,
    call: Option<Call>,
}

impl<F, E> Future for Answer<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let answer = ready!(self.inner.as_mut().poll(context));
        let Some(mut call) = self.call.take() else { return Poll::Ready(answer) };
        let response = match answer {
            Ok(response) => response,
            Err(error) => return Poll::Ready(Err(error)),
        };
        // A refusal has no body to wait for.
        Poll::Ready(Ok(match status(response.headers()) {
            Some(status) => {
                call.status = status;
                drop(call);
                response
            }
            None => response.map(|inner| Body::new(Watched { inner, call })),
        }))
    }
}

fn status(headers: &HeaderMap) -> Option<Code> {
    Status::from_header_map(headers).map(|status| status.code())
}

/// An answer's body, whose trailers say how the call ended.
struct Watched {
    inner: Body,
    call: Call,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                self.call.outgoing.add(frame);
                if let Some(status) = frame.trailers_ref().and_then(status) {
                    self.call.status = status;
                }
            }
            Some(Err(status)) => self.call.status = status.code(),
            None => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}
