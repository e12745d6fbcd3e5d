//! A worker process as the server has it: started, spoken to, ended.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};

use super::link::{self, Receiver, Sender};
use super::wire::{self, Control, Order, Ready, Setup};

/// Why worker processes ended that nobody had ended, and how many.
#[derive(Default)]
pub struct Deaths(Mutex<BTreeMap<&'static str, u64>>);

impl Deaths {
    pub fn counted(&self) -> Vec<(&'static str, u64)> {
        self.0.lock().iter().map(|(why, number)| (*why, *number)).collect()
    }

    fn note(&self, how: &str) {
        let why = match how {
            NOT_NEEDED => return,
            DID_NOT_STOP | NO_ORDERS => "hung",
            BROKE_RULES => "broke_rules",
            ENGINE_FAILED => "engine",
            how if how.starts_with(BY_SIGNAL) => "signal",
            how if how.starts_with(WITH_STATUS) => "status",
            _ => "other",
        };
        *self.0.lock().entry(why).or_default() += 1;
    }
}

/// What processes are ended for.
const NOT_NEEDED: &str = "it was not needed any more";
const NO_ORDERS: &str = "it took no orders";
pub const DID_NOT_STOP: &str = "it did not stop when it was told to";
pub const BROKE_RULES: &str = "it broke the rules";
pub const ENGINE_FAILED: &str = "the engine failed in it";
/// What they end of by themselves.
const BY_SIGNAL: &str = "it was killed by signal";
const WITH_STATUS: &str = "it ended with status";

pub struct Worker {
    process: Arc<Process>,
    control: Mutex<Sender>,
    lanes: Mutex<Lanes>,
    books: Mutex<Books>,
    most: usize,
    /// Of its confinement: what holds, and what does not.
    pub ready: Ready,
}

/// The process itself, which is reaped by a thread of its own.
struct Process {
    body: Body,
    death: Mutex<Option<Cow<'static, str>>>,
    deaths: Arc<Deaths>,
}

enum Body {
    Started(Mutex<Child>),
    /// Of another worker process, which is a child of ours and stays as long as its copies.
    Copy {
        descriptor: OwnedFd,
        _of: Arc<Worker>,
    },
}

#[derive(Default)]
struct Lanes {
    idle: Vec<Lane>,
    made: u64,
}

/// One way to a process, for one execution at a time.
pub struct Lane {
    pub number: u64,
    pub serial: u64,
    pub sender: Sender,
    pub receiver: Receiver,
}

struct Books {
    /// Isolates that live on in it, and executions that run.
    residents: usize,
    running: usize,
    last_resident: u64,
    used: Instant,
}

/// An isolate that lives on in a worker process. Dropping it ends that.
pub struct Resident {
    pub worker: Arc<Worker>,
    pub number: u64,
}

/// As long as an execution runs in it.
pub struct Busy(Arc<Worker>);

/// A process that takes longer to begin has failed.
const START: Duration = Duration::from_secs(20);
/// One that takes no order for so long hangs.
const ORDER: Duration = Duration::from_secs(2);

impl Worker {
    /// Starts `program` as a worker, and waits until it is confined.
    pub fn start(program: &Path, setup: Setup, deaths: Arc<Deaths>) -> io::Result<Arc<Worker>> {
        let (ours, theirs) = UnixStream::pair()?;
        // What compiles loops is told by the environment; nothing else of it is for guests to find.
        let ours_alone = std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"TYPHON_"));
        let child = Command::new(program)
            .arg("worker")
            .env_clear()
            .envs(ours_alone)
            .current_dir("/")
            // Copies of it are in its group, and end with it.
            .process_group(0)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()?;
        let process = Arc::new(Process { body: Body::Started(Mutex::new(child)), death: Mutex::new(None), deaths });
        let most = usize::try_from(setup.most).unwrap_or(usize::MAX);
        let started = greet(&ours, setup);
        let (control, receiver, ready) = match started {
            Ok(started) => started,
            Err(error) => {
                process.reap();
                return Err(error);
            }
        };
        Worker::with(process, control, receiver, ready, most, 0)
    }

    /// A copy of this one, with all that lives in it, which must be at rest.
    pub fn copy(self: &Arc<Worker>) -> io::Result<Arc<Worker>> {
        let (ours, theirs) = UnixStream::pair()?;
        self.control.lock().send_with(&Control { order: Some(Order::Copy(true)) }, theirs.as_fd())?;
        drop(theirs);
        let (control, mut receiver) = link::split(ours.try_clone()?, self.most)?;
        let ready = hello(&ours, &mut receiver)?;
        // It says which one it is: that must be a child of ours.
        let pid = i32::try_from(ready.pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
        let descriptor = pidfd_open(pid, PidfdFlags::empty())?;
        if parent(pid)? != self.ready.pid {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let (death, deaths) = (Mutex::new(None), self.process.deaths.clone());
        let process = Arc::new(Process { body: Body::Copy { descriptor, _of: self.clone() }, death, deaths });
        let last = self.books.lock().last_resident;
        let ready = Ready { pid: ready.pid, ..self.ready.clone() };
        let copy = Worker::with(process, control, receiver, ready, self.most, last)?;
        // So that its first execution does not wait for it.
        copy.put_back(copy.lane()?);
        Ok(copy)
    }

    fn with(
        process: Arc<Process>,
        control: Sender,
        receiver: Receiver,
        ready: Ready,
        most: usize,
        last_resident: u64,
    ) -> io::Result<Arc<Worker>> {
        std::thread::Builder::new().name("typhon-reaper".into()).spawn({
            let process = process.clone();
            move || process.watch(receiver)
        })?;
        let books = Books { residents: 0, running: 0, last_resident, used: Instant::now() };
        let (lanes, books) = (Mutex::default(), Mutex::new(books));
        Ok(Arc::new(Worker { process, control: Mutex::new(control), lanes, books, most, ready }))
    }

    /// Why it is no more.
    pub fn death(&self) -> Option<Cow<'static, str>> {
        self.process.death.lock().clone()
    }

    /// Waits for the end of a process that is about to end, and says how it did.
    pub fn end(&self) -> Cow<'static, str> {
        self.process.reap()
    }

    /// Ends it, whatever it does.
    pub fn kill(&self, why: &'static str) {
        self.process.death.lock().get_or_insert(Cow::Borrowed(why));
        self.process.kill();
    }

    /// A way into it.
    pub fn lane(&self) -> io::Result<Lane> {
        let number = {
            let mut lanes = self.lanes.lock();
            if let Some(lane) = lanes.idle.pop() {
                return Ok(lane);
            }
            lanes.made += 1;
            lanes.made
        };
        let (ours, theirs) = UnixStream::pair()?;
        let order = Control { order: Some(Order::Lane(number)) };
        self.control.lock().send_with(&order, theirs.as_fd())?;
        let (sender, receiver) = link::split(ours, self.most)?;
        Ok(Lane { number, serial: 0, sender, receiver })
    }

    /// The lane is free again.
    pub fn put_back(&self, lane: Lane) {
        self.lanes.lock().idle.push(lane);
    }

    pub fn signal(&self, signal: wire::Signal) {
        self.order(Order::Signal(signal));
    }

    /// The same, with a descriptor that comes along.
    pub fn signal_with(&self, signal: wire::Signal, descriptor: BorrowedFd<'_>) {
        let order = Control { order: Some(Order::Signal(signal)) };
        let sent = self.control.lock().send_with(&order, descriptor);
        if sent.is_err() && self.death().is_none() {
            self.kill(NO_ORDERS);
        }
    }

    fn order(&self, order: Order) {
        let sent = self.control.lock().send(&Control { order: Some(order) });
        if sent.is_err() && self.death().is_none() {
            self.kill(NO_ORDERS);
        }
    }

    pub fn busy(self: &Arc<Worker>) -> Busy {
        self.books.lock().running += 1;
        Busy(self.clone())
    }

    /// A place for an isolate that will live on.
    pub fn resident(self: &Arc<Worker>) -> Resident {
        let mut books = self.books.lock();
        books.residents += 1;
        books.last_resident += 1;
        Resident { worker: self.clone(), number: books.last_resident }
    }

    /// Since when there has been nothing in it.
    pub fn idle_since(&self) -> Option<Instant> {
        let books = self.books.lock();
        (books.residents == 0 && books.running == 0).then_some(books.used)
    }
}

fn greet(socket: &UnixStream, setup: Setup) -> io::Result<(Sender, Receiver, Ready)> {
    let most = usize::try_from(setup.most).unwrap_or(usize::MAX);
    let (mut sender, mut receiver) = link::split(socket.try_clone()?, most)?;
    sender.send(&setup)?;
    let ready = hello(socket, &mut receiver)?;
    Ok((sender, receiver, ready))
}

/// Waits for the first word of a process.
fn hello(socket: &UnixStream, receiver: &mut Receiver) -> io::Result<Ready> {
    socket.set_read_timeout(Some(START))?;
    socket.set_write_timeout(Some(ORDER))?;
    let ready = receiver.receive::<Ready>()?.ok_or(io::ErrorKind::UnexpectedEof)?;
    socket.set_read_timeout(None)?;
    Ok(ready)
}

/// The number of a process's parent, as the kernel has it.
fn parent(pid: Pid) -> io::Result<u32> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    line.and_then(|number| number.trim().parse().ok()).ok_or(io::ErrorKind::InvalidData.into())
}

impl Process {
    /// Waits until the process has closed its end, which is when it ends.
    fn watch(&self, mut receiver: Receiver) {
        // Nothing more is said by this way: whatever comes is the end of it.
        let _over = receiver.receive::<Ready>();
        self.deaths.note(&self.reap());
    }

    fn kill(&self) {
        // One that has ended already needs no killing.
        match &self.body {
            Body::Started(child) => {
                let mut child = child.lock();
                if let Ok(None) = child.try_wait()
                    && let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw)
                {
                    let _ended = kill_process_group(group, Signal::KILL);
                }
                let _ended = child.kill();
            }
            Body::Copy { descriptor, .. } => {
                let _ended = pidfd_send_signal(descriptor, Signal::KILL);
            }
        }
    }

    /// One that has closed its sockets gets a moment to end by itself, so that what it died of can be told.
    fn reap(&self) -> Cow<'static, str> {
        let how = match &self.body {
            Body::Started(child) => {
                let mut child = child.lock();
                let end = Instant::now() + MOMENT;
                while let Ok(None) = child.try_wait() {
                    if Instant::now() >= end {
                        let _ended = child.kill();
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
                child.wait().map_or_else(|error| Cow::Owned(error.to_string()), |status| Cow::Owned(told(status)))
            }
            Body::Copy { descriptor, .. } => {
                let _ended = pidfd_send_signal(descriptor, Signal::KILL);
                // Its parent learns what it died of, and that is not ours to ask.
                Cow::Borrowed("it ended")
            }
        };
        self.death.lock().get_or_insert(how).clone()
    }
}

const MOMENT: Duration = Duration::from_millis(200);

fn told(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("{BY_SIGNAL} {signal}"),
        (None, Some(code)) => format!("{WITH_STATUS} {code}"),
        (None, None) => "it ended".to_owned(),
    }
}

impl Resident {
    /// A copy, in a process of its own, which its process must have, too.
    pub fn copy(&self) -> io::Result<Resident> {
        let worker = self.worker.copy()?;
        worker.books.lock().residents += 1;
        Ok(Resident { worker, number: self.number })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill(NOT_NEEDED);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut books = self.0.books.lock();
        books.running -= 1;
        books.used = Instant::now();
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        {
            let mut books = self.worker.books.lock();
            books.residents -= 1;
            books.used = Instant::now();
        }
        if self.worker.death().is_none() {
            self.worker.order(Order::Forget(self.number));
        }
    }
}
