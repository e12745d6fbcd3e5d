//! Response streams: events numbered without gaps, and a keepalive in silence.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, Sleep};
use tonic::Status;
use typhon_proto::v1;
use typhon_proto::v1::stream_execute_response::Event as Wire;
use typhon_vm::Stream as Output;

use crate::admission::CancelOnDrop;
use crate::error::Refusal;
use crate::events::{Event, EventQueue, Stamped};
use crate::grpc::response;

/// One place in a stream.
pub struct Stamp {
    pub sequence: i64,
    pub at: SystemTime,
}

/// What a method that streams answers with.
pub type Outgoing<T> = Pin<Box<dyn tokio_stream::Stream<Item = Result<T, Status>> + Send>>;

/// An event as a method's message; none is a keepalive.
type Wrap<T> = fn(Stamp, Option<Event>) -> Result<T, Status>;

pub struct EventStream<T> {
    events: Arc<EventQueue>,
    /// The client that drops the stream drops the program.
    guard: CancelOnDrop,
    sequence: i64,
    silence: Duration,
    keepalive: Pin<Box<Sleep>>,
    ended: bool,
    wrap: Wrap<T>,
}

impl<T> EventStream<T> {
    pub fn new(events: Arc<EventQueue>, guard: CancelOnDrop, silence: Duration, wrap: Wrap<T>) -> EventStream<T> {
        let keepalive = Box::pin(tokio::time::sleep(silence));
        EventStream { events, guard, sequence: 0, silence, keepalive, ended: false, wrap }
    }
}

impl<T> tokio_stream::Stream for EventStream<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let (at, event) = match self.events.poll_next(context) {
            Poll::Ready(Stamped { at, event }) => {
                if matches!(event, Event::Ended(_)) {
                    self.ended = true;
                    self.guard.over();
                }
                (at, Some(event))
            }
            Poll::Pending => match self.keepalive.as_mut().poll(context) {
                Poll::Ready(()) => (SystemTime::now(), None),
                Poll::Pending => return Poll::Pending,
            },
        };
        let again = Instant::now() + self.silence;
        self.keepalive.as_mut().reset(again);
        self.sequence += 1;
        let stamp = Stamp { sequence: self.sequence, at };
        Poll::Ready(Some((self.wrap)(stamp, event)))
    }
}

impl<T> Drop for EventStream<T> {
    fn drop(&mut self) {
        self.events.close_reader();
    }
}

/// As StreamExecute sends it.
pub fn plain(stamp: Stamp, event: Option<Event>) -> Result<v1::StreamExecuteResponse, Status> {
    let event = Some(encode(event)?);
    Ok(v1::StreamExecuteResponse { sequence: stamp.sequence, emit_time: Some(stamp.at.into()), event })
}

pub fn encode(event: Option<Event>) -> Result<Wire, Status> {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let Some(event) = event else { return Ok(Wire::Keepalive(v1::Keepalive {})) };
    Ok(match event {
        Event::Accepted { execution, queue_position, estimated_start } => Wire::Accepted(v1::Accepted {
            execution,
            queue_position: i32::try_from(queue_position).unwrap_or(i32::MAX),
            estimated_start: Some(response::duration(estimated_start)),
        }),
        Event::Started { effective } => {
            Wire::Started(Box::new(v1::Started { effective_limits: Some(response::limits(&effective)) }))
        }
        Event::Output { stream, offset, data, dropped } => Wire::Output(v1::OutputChunk {
            stream: match stream {
                Output::Stdout => v1::OutputStream::Stdout.into(),
                Output::Stderr => v1::OutputStream::Stderr.into(),
            },
            offset: signed(offset),
            data,
            dropped_bytes: signed(dropped),
        }),
        Event::Ended(Ok(response)) => Wire::Finished(Box::new(v1::Finished { response: Some(*response) })),
        Event::Ended(Err(refusal)) => return Err(refusal.into()),
        // Only a program that was granted functions calls any, and only Interact grants them.
        Event::HostCall(_) | Event::HostCallCancelled { .. } => {
            return Err(Refusal::Internal { what: "a host call without a client for it".into() }.into());
        }
    })
}
