//! A worker process as the server has it: started, spoken to, ended.

use std::borrow::Cow;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::link::{self, Receiver, Sender};
use super::wire::{Control, Order, Ready, Setup, Signal};

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
    child: Mutex<Child>,
    death: Mutex<Option<Cow<'static, str>>>,
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
    pub fn start(program: &Path, stack: u64, most: usize) -> io::Result<Arc<Worker>> {
        let (ours, theirs) = UnixStream::pair()?;
        // What compiles loops is told by the environment; nothing else of it is for guests to find.
        let ours_alone = std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"TYPHON_"));
        let child = Command::new(program)
            .arg("worker")
            .env_clear()
            .envs(ours_alone)
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()?;
        let process = Arc::new(Process { child: Mutex::new(child), death: Mutex::new(None) });
        let started = greet(&ours, stack, most);
        let (control, receiver, ready) = match started {
            Ok(started) => started,
            Err(error) => {
                process.reap();
                return Err(error);
            }
        };
        std::thread::Builder::new().name("typhon-reaper".into()).spawn({
            let process = process.clone();
            move || process.watch(receiver)
        })?;
        let books = Books { residents: 0, running: 0, last_resident: 0, used: Instant::now() };
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
        // One that has ended already needs no killing.
        let _ended = self.process.child.lock().kill();
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

    pub fn signal(&self, signal: Signal) {
        self.order(Order::Signal(signal));
    }

    fn order(&self, order: Order) {
        let sent = self.control.lock().send(&Control { order: Some(order) });
        if sent.is_err() && self.death().is_none() {
            self.kill("it took no orders");
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

fn greet(socket: &UnixStream, stack: u64, most: usize) -> io::Result<(Sender, Receiver, Ready)> {
    let (mut sender, mut receiver) = link::split(socket.try_clone()?, most)?;
    socket.set_read_timeout(Some(START))?;
    socket.set_write_timeout(Some(ORDER))?;
    sender.send(&Setup { stack, most: most as u64 })?;
    let ready = receiver.receive::<Ready>()?.ok_or(io::ErrorKind::UnexpectedEof)?;
    socket.set_read_timeout(None)?;
    Ok((sender, receiver, ready))
}

impl Process {
    /// Waits until the process has closed its end, which is when it ends.
    fn watch(&self, mut receiver: Receiver) {
        // Nothing more is said by this way: whatever comes is the end of it.
        let _over = receiver.receive::<Ready>();
        self.reap();
    }

    fn reap(&self) -> Cow<'static, str> {
        let status = {
            let mut child = self.child.lock();
            let _ended = child.kill_if_running();
            child.wait()
        };
        let how = match status {
            Ok(status) => Cow::Owned(told(status)),
            Err(error) => Cow::Owned(error.to_string()),
        };
        self.death.lock().get_or_insert(how).clone()
    }
}

/// `Child::kill` is an error after `wait`, which is as good as success here; before it, a process that has closed its
/// sockets gets a moment to end by itself, so that what it died of can be told.
trait KillIfRunning {
    fn kill_if_running(&mut self) -> io::Result<()>;
}

const MOMENT: Duration = Duration::from_millis(200);

impl KillIfRunning for Child {
    fn kill_if_running(&mut self) -> io::Result<()> {
        let end = Instant::now() + MOMENT;
        while self.try_wait()?.is_none() {
            if Instant::now() >= end {
                return self.kill();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

fn told(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("it was killed by signal {signal}"),
        (None, Some(code)) => format!("it ended with status {code}"),
        (None, None) => "it ended".to_owned(),
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill("it was not needed any more");
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
