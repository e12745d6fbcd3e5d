//! The response stream of StreamExecute: events numbered without gaps, and a keepalive in silence.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};
use tonic::Status;
use typhon_proto::v1;
use typhon_proto::v1::stream_execute_response::Event as Wire;
use typhon_vm::Stream as Output;

use crate::admission::CancelOnDrop;
use crate::events::{Event, EventQueue, Stamped};
use crate::grpc::response;

pub struct EventStream {
    events: Arc<EventQueue>,
    /// The client that drops the stream drops the program.
    _guard: CancelOnDrop,
    sequence: i64,
    silence: Duration,
    keepalive: Pin<Box<Sleep>>,
    ended: bool,
}

impl EventStream {
    pub fn new(events: Arc<EventQueue>, guard: CancelOnDrop, silence: Duration) -> EventStream {
        let keepalive = Box::pin(tokio::time::sleep(silence));
        EventStream { events, _guard: guard, sequence: 0, silence, keepalive, ended: false }
    }

    fn number(&mut self, at: std::time::SystemTime, event: Wire) -> v1::StreamExecuteResponse {
        self.sequence += 1;
        v1::StreamExecuteResponse { sequence: self.sequence, emit_time: Some(at.into()), event: Some(event) }
    }
}

impl tokio_stream::Stream for EventStream {
    type Item = Result<v1::StreamExecuteResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let (at, wire) = match self.events.poll_next(context) {
            Poll::Ready(Stamped { at, event }) => {
                self.ended = matches!(event, Event::Ended(_));
                (at, encode(event))
            }
            Poll::Pending => match self.keepalive.as_mut().poll(context) {
                Poll::Ready(()) => (std::time::SystemTime::now(), Ok(Wire::Keepalive(v1::Keepalive {}))),
                Poll::Pending => return Poll::Pending,
            },
        };
        let again = Instant::now() + self.silence;
        self.keepalive.as_mut().reset(again);
        Poll::Ready(Some(wire.map(|wire| self.number(at, wire))))
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.events.close_reader();
    }
}

fn encode(event: Event) -> Result<Wire, Status> {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
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
        Event::Ended(Ok(finished)) => {
            Wire::Finished(Box::new(v1::Finished { response: Some(response::finished(*finished)) }))
        }
        Event::Ended(Err(refusal)) => return Err(refusal.into()),
    })
}
