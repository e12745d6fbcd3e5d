//! The words between the server and its worker processes. Both are the same program, so nothing here has versions.

use std::time::Duration;

use prost::{Message, Oneof};
use typhon_proto::v1;

use crate::host;

/// The first message by the control socket.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Setup {
    /// Native stack of a thread that runs guests.
    #[prost(uint64, tag = "1")]
    pub stack: u64,
    /// No message is longer.
    #[prost(uint64, tag = "2")]
    pub most: u64,
    /// Hashes are the same as in any other such process.
    #[prost(bool, tag = "3")]
    pub stable: bool,
    /// Isolates that are made before anybody wants them.
    #[prost(uint64, tag = "4")]
    pub ahead: u64,
}

/// The answer: the worker is confined, and ready.
#[derive(Clone, PartialEq, Message)]
pub struct Ready {
    /// What holds.
    #[prost(string, repeated, tag = "1")]
    pub holds: Vec<String>,
    /// What does not, and why.
    #[prost(string, repeated, tag = "2")]
    pub lacks: Vec<String>,
    /// The process's number, as it says.
    #[prost(uint32, tag = "3")]
    pub pid: u32,
}

/// By the control socket, from then on.
#[derive(Clone, PartialEq, Message)]
pub struct Control {
    #[prost(oneof = "Order", tags = "1, 2, 3, 4")]
    pub order: Option<Order>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Order {
    /// A lane, whose socket comes along.
    #[prost(uint64, tag = "1")]
    Lane(u64),
    #[prost(message, tag = "2")]
    Signal(Signal),
    /// A resident isolate is not wanted any more.
    #[prost(uint64, tag = "3")]
    Forget(u64),
    /// A copy of the process is wanted, with all that lives in it: its control socket comes along, and by that it says when
    /// it is there.
    #[prost(bool, tag = "4")]
    Copy(bool),
}

/// To a job, by its lane and its number there.
#[derive(Clone, PartialEq, Message)]
pub struct Signal {
    #[prost(uint64, tag = "1")]
    pub lane: u64,
    #[prost(uint64, tag = "2")]
    pub serial: u64,
    #[prost(oneof = "What", tags = "3, 4, 5, 6, 7")]
    pub what: Option<What>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum What {
    #[prost(message, tag = "3")]
    Cancel(Cancel),
    #[prost(message, tag = "4")]
    Stdin(Stdin),
    #[prost(message, tag = "5")]
    Answer(v1::HostResult),
    /// Nobody answers calls any more.
    #[prost(bool, tag = "6")]
    Unanswered(bool),
    /// What there was outside.
    #[prost(message, tag = "7")]
    Reached(Reached),
}

/// A name that is to be looked up, or else an address that is to be connected to.
#[derive(Clone, PartialEq, Message)]
pub struct Ask {
    #[prost(uint64, tag = "1")]
    pub number: u64,
    #[prost(string, tag = "2")]
    pub name: String,
    /// With its port.
    #[prost(string, tag = "3")]
    pub address: String,
}

/// What came of that.
#[derive(Clone, PartialEq, Message)]
pub struct Reached {
    #[prost(uint64, tag = "1")]
    pub number: u64,
    /// 0 where it was done.
    #[prost(int32, tag = "2")]
    pub errno: i32,
    /// Why it may not be.
    #[prost(string, tag = "3")]
    pub denied: String,
    #[prost(string, repeated, tag = "4")]
    pub addresses: Vec<String>,
    /// The connection's descriptor comes along.
    #[prost(bool, tag = "5")]
    pub stream: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct Cancel {
    #[prost(enumeration = "Cause", tag = "1")]
    pub cause: i32,
    #[prost(message, optional, tag = "2")]
    pub limit: Option<v1::LimitHit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum Cause {
    Client = 0,
    Gone = 1,
    Drain = 2,
    Interrupt = 3,
    Limit = 4,
}

#[derive(Clone, PartialEq, Message)]
pub struct Stdin {
    #[prost(bytes = "vec", tag = "1")]
    pub data: Vec<u8>,
    #[prost(bool, tag = "2")]
    pub eof: bool,
}

/// By a lane: a job.
#[derive(Clone, PartialEq, Message)]
pub struct Run {
    #[prost(uint64, tag = "1")]
    pub serial: u64,
    /// Where: an isolate that lives on, made if it is not there; 0 is a fresh one.
    #[prost(uint64, tag = "2")]
    pub resident: u64,
    /// Program, inputs, limits and policy.
    #[prost(message, optional, tag = "3")]
    pub request: Option<v1::ExecuteRequest>,
    /// More standard input may come.
    #[prost(bool, tag = "4")]
    pub stdin_open: bool,
    /// Calls of host functions that may be open at once; absent, nobody answers any.
    #[prost(uint64, optional, tag = "5")]
    pub calls_open: Option<u64>,
    /// The isolate ends with this job.
    #[prost(bool, tag = "6")]
    pub last: bool,
    /// What is to be done instead of the program.
    #[prost(message, optional, tag = "7")]
    pub work: Option<Work>,
    /// Where the host's inventions are, which the server keeps account of.
    #[prost(message, optional, tag = "8")]
    pub position: Option<Position>,
}

/// How far seeded entropy and a virtual clock have come.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Position {
    #[prost(fixed64, tag = "1")]
    pub seed: u64,
    /// On the clock, in two parts.
    #[prost(uint64, tag = "2")]
    pub seconds: u64,
    #[prost(uint32, tag = "3")]
    pub nanos: u32,
}

impl From<host::Position> for Position {
    fn from(host::Position { seed, elapsed }: host::Position) -> Position {
        Position { seed, seconds: elapsed.as_secs(), nanos: elapsed.subsec_nanos() }
    }
}

impl From<Position> for host::Position {
    fn from(Position { seed, seconds, nanos }: Position) -> host::Position {
        // Nobody's word is taken for what a Duration can hold.
        host::Position { seed, elapsed: Duration::new(seconds, nanos.min(999_999_999)) }
    }
}

/// With files of the isolate, or all of it.
#[derive(Clone, PartialEq, Message)]
pub struct Work {
    #[prost(enumeration = "Deed", tag = "1")]
    pub deed: i32,
    #[prost(string, tag = "2")]
    pub path: String,
    #[prost(bytes = "vec", tag = "3")]
    pub content: Vec<u8>,
    #[prost(uint64, tag = "4")]
    pub at: u64,
    #[prost(uint64, tag = "5")]
    pub most: u64,
    #[prost(bool, tag = "6")]
    pub leave_out: bool,
    #[prost(bytes = "vec", tag = "7")]
    pub key: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum Deed {
    Stat = 0,
    Read = 1,
    List = 2,
    Delete = 3,
    Write = 4,
    Save = 5,
    Restore = 6,
}

/// What came of that.
#[derive(Clone, PartialEq, Message)]
pub struct Worked {
    /// 0 where it was done.
    #[prost(int32, tag = "1")]
    pub errno: i32,
    #[prost(bytes = "vec", tag = "2")]
    pub data: Vec<u8>,
    #[prost(message, repeated, tag = "3")]
    pub entries: Vec<Entry>,
    #[prost(message, optional, tag = "4")]
    pub saved: Option<Saved>,
    #[prost(bool, tag = "5")]
    pub restored: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct Saved {
    #[prost(bytes = "vec", tag = "1")]
    pub data: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    pub left_out: Vec<v1::LeftOut>,
    #[prost(message, optional, tag = "3")]
    pub unstorable: Option<v1::LeftOut>,
    #[prost(bool, tag = "4")]
    pub too_large: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct Entry {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(bool, tag = "2")]
    pub folder: bool,
    #[prost(uint64, tag = "3")]
    pub size: u64,
    /// Since the epoch.
    #[prost(uint64, tag = "4")]
    pub seconds: u64,
    #[prost(uint32, tag = "5")]
    pub nanos: u32,
}

/// By a lane, back.
#[derive(Clone, PartialEq, Message)]
pub struct Told {
    #[prost(oneof = "Tale", tags = "1, 2, 3, 4, 5, 6")]
    pub tale: Option<Tale>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Tale {
    #[prost(message, tag = "1")]
    Output(v1::OutputChunk),
    #[prost(message, tag = "2")]
    HostCall(v1::HostCall),
    #[prost(uint64, tag = "3")]
    HostCallCancelled(u64),
    /// The guest has read so much of its standard input.
    #[prost(uint64, tag = "4")]
    Read(u64),
    /// Always the last.
    #[prost(message, tag = "5")]
    Done(Box<Done>),
    #[prost(message, tag = "6")]
    Ask(Ask),
}

#[derive(Clone, PartialEq, Message)]
pub struct Done {
    #[prost(message, optional, tag = "1")]
    pub response: Option<v1::ExecuteResponse>,
    /// The isolate lives on.
    #[prost(bool, tag = "2")]
    pub resident: bool,
    /// Why it can run nothing any more.
    #[prost(string, tag = "3")]
    pub lost: String,
    #[prost(uint64, tag = "4")]
    pub heap_bytes: u64,
    #[prost(uint64, tag = "5")]
    pub threads: u64,
    #[prost(message, optional, tag = "6")]
    pub worked: Option<Worked>,
    #[prost(message, optional, tag = "7")]
    pub position: Option<Position>,
}
