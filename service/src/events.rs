//! The queue between a guest that writes and a client that reads.
//!
//! Bounded by bytes: when the client reads slowly the guest waits in `write`, so a stalled client costs the guest's
//! wall time and never the server's memory. Consecutive output of one stream is merged while it waits.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use parking_lot::{Condvar, Mutex};
use typhon_proto::v1;
use typhon_vm::{Cancel, HostError, Limits, Stream};

use crate::error::Refusal;

/// No output event carries more.
pub const CHUNK_MAX: usize = 64 * 1024;

#[derive(Debug)]
pub enum Event {
    Accepted {
        execution: String,
        queue_position: usize,
        estimated_start: std::time::Duration,
    },
    Started {
        effective: Limits,
    },
    Output {
        stream: Stream,
        offset: u64,
        data: Vec<u8>,
        dropped: u64,
    },
    /// The program calls one of the client's functions.
    HostCall(Box<v1::HostCall>),
    /// Its answer is not wanted any more.
    HostCallCancelled {
        number: u64,
    },
    /// Always the last.
    Ended(Result<Box<v1::ExecuteResponse>, Refusal>),
}

/// An event and when it happened.
#[derive(Debug)]
pub struct Stamped {
    pub at: SystemTime,
    pub event: Event,
}

/// Who is told what happens while a guest runs.
pub trait Events: Send + Sync {
    /// Adds an event that is not output: these are few and never wait. After the end, nothing is added.
    fn push(&self, event: Event);

    /// Adds output. May wait for room, and ends early when `cancel` strikes or the reader is gone.
    fn push_output(&self, cancel: &Cancel, stream: Stream, offset: u64, data: &[u8]) -> Result<(), HostError>;

    /// Says that output was left out from here on.
    fn push_dropped(&self, stream: Stream, offset: u64, dropped: u64) {
        self.push(Event::Output { stream, offset, data: Vec::new(), dropped });
    }

    /// Makes a waiting writer look again whether it was cancelled.
    fn wake_writer(&self);
}

pub struct EventQueue {
    state: Mutex<State>,
    room: Condvar,
    capacity: usize,
}

struct State {
    events: VecDeque<Stamped>,
    /// Output bytes that wait.
    bytes: usize,
    reader: Option<Waker>,
    reader_gone: bool,
    ended: bool,
}

impl EventQueue {
    pub fn new(capacity: usize) -> EventQueue {
        let state = State { events: VecDeque::new(), bytes: 0, reader: None, reader_gone: false, ended: false };
        EventQueue { state: Mutex::new(state), room: Condvar::new(), capacity: capacity.max(1) }
    }

    pub fn close_reader(&self) {
        let mut state = self.state.lock();
        state.reader_gone = true;
        state.events.clear();
        self.room.notify_all();
    }

    /// The next event, or a promise to wake the reader.
    pub fn poll_next(&self, context: &mut Context<'_>) -> Poll<Stamped> {
        let mut state = self.state.lock();
        let Some(stamped) = state.events.pop_front() else {
            state.reader = Some(context.waker().clone());
            return Poll::Pending;
        };
        if let Event::Output { data, .. } = &stamped.event {
            state.bytes -= data.len();
            self.room.notify_all();
        }
        Poll::Ready(stamped)
    }
}

impl Events for EventQueue {
    fn push(&self, event: Event) {
        let mut state = self.state.lock();
        if state.ended {
            return;
        }
        state.ended = matches!(event, Event::Ended(_));
        state.add(event);
    }

    fn push_output(&self, cancel: &Cancel, stream: Stream, offset: u64, data: &[u8]) -> Result<(), HostError> {
        let mut offset = offset;
        for chunk in data.chunks(CHUNK_MAX) {
            let mut state = self.state.lock();
            loop {
                if state.reader_gone {
                    return Err(HostError::Interrupted);
                }
                if state.bytes < self.capacity {
                    break;
                }
                if cancel.reason().is_some() {
                    return Err(HostError::Interrupted);
                }
                self.room.wait(&mut state);
            }
            state.add_output(stream, offset, chunk);
            offset += chunk.len() as u64;
        }
        Ok(())
    }

    fn wake_writer(&self) {
        // The lock orders this after a writer's check and before its wait, so the wake-up cannot be lost.
        let _state = self.state.lock();
        self.room.notify_all();
    }
}

impl State {
    fn add(&mut self, event: Event) {
        if self.reader_gone {
            return;
        }
        self.events.push_back(Stamped { at: SystemTime::now(), event });
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn add_output(&mut self, stream: Stream, offset: u64, chunk: &[u8]) {
        self.bytes += chunk.len();
        if let Some(Stamped { event: Event::Output { stream: last, data, dropped: 0, .. }, .. }) =
            self.events.back_mut()
            && *last == stream
            && data.len() + chunk.len() <= CHUNK_MAX
        {
            data.extend_from_slice(chunk);
            return;
        }
        self.add(Event::Output { stream, offset, data: chunk.to_vec(), dropped: 0 });
    }
}
