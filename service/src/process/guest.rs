//! The worker process itself: takes orders by its standard input, and jobs by lanes, each with a thread.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use rustix::process::WaitOptions;
use typhon_proto::v1;
use typhon_vm::{CancelReason, HostError, LimitHit, LimitName, Outlet, Respite, Stream};

use super::confine::confine;
use super::errand;
use super::link::{self, Receiver, Sender};
use super::outlet::FarOutlet;
use super::wire::{self, Cause, Control, Order, Ready, Run, Setup, Signal, Tale, Told, What};
use crate::ahead::Ahead;
use crate::callbacks::Callbacks;
use crate::engine::{Engine, Isolate};
use crate::events::{CHUNK_MAX, Event, Events};
use crate::grpc::interact::answer;
use crate::grpc::request::{self, Way};
use crate::grpc::stream::encode;
use crate::host::{Kept, Stdin};
use crate::job::{AfterRun, Done, Home, Job, Remains, Room};
use crate::output::OutputMode;
use crate::watchdog::Watchdog;

/// Serves whoever started this process, by its standard input, until that is closed. Called before there is a second
/// thread; `engine` is made once the process is confined.
pub fn serve(engine: impl FnOnce() -> io::Result<Arc<dyn Engine>>) -> io::Result<()> {
    match begin(engine) {
        // Who started it is gone before it has heard all or said all: that ends it as well, and nobody is to be told.
        Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(()),
        ended => ended,
    }
}

fn begin(engine: impl FnOnce() -> io::Result<Arc<dyn Engine>>) -> io::Result<()> {
    let (mut sender, mut receiver) = control(1 << 16)?;
    let Some(setup) = receiver.receive::<Setup>()? else { return Ok(()) };
    receiver.allow(usize::try_from(setup.most).unwrap_or(usize::MAX));
    if setup.stable {
        typhon_vm::set_hash_seed(Some(0));
    }
    let ready = Ready { pid: std::process::id(), ..confine() };
    let engine = engine()?;
    let house = House {
        ahead: ahead(&engine, setup),
        engine,
        watchdog: Mutex::default(),
        residents: Mutex::default(),
        lanes: Mutex::default(),
        at_work: RwLock::default(),
        setup,
    };
    sender.send(&ready)?;
    // It says nothing more, and a copy of this process does not have its socket.
    drop(sender);
    obey(Arc::new(house), receiver)
}

fn ahead(engine: &Arc<dyn Engine>, setup: Setup) -> Ahead {
    Ahead::new(engine.clone(), usize::try_from(setup.ahead).unwrap_or(usize::MAX))
}

/// The socket that is this process's standard input.
fn control(most: usize) -> io::Result<(Sender, Receiver)> {
    link::split(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?), most)
}

/// Does what is said by the control socket, on the process's first thread.
fn obey(mut house: Arc<House>, mut receiver: Receiver) -> io::Result<()> {
    while let Some(control) = receiver.receive::<Control>()? {
        match control.order {
            Some(Order::Lane(number)) => {
                let socket = receiver.descriptor().ok_or(io::ErrorKind::InvalidData)?;
                house.open(number, UnixStream::from(socket))?;
            }
            Some(Order::Signal(signal)) => {
                let along = matches!(&signal.what, Some(What::Reached(reached)) if reached.stream);
                let descriptor = if along { receiver.descriptor() } else { None };
                house.signal(signal, descriptor);
            }
            Some(Order::Forget(number)) => house.forget(number),
            Some(Order::Copy(_)) => {
                let socket = receiver.descriptor().ok_or(io::ErrorKind::InvalidData)?;
                if let Some((copy, copys)) = house.copy(socket)? {
                    // From here on in the copy, where everything else that was open is closed.
                    std::mem::forget((std::mem::replace(&mut house, copy), std::mem::replace(&mut receiver, copys)));
                }
            }
            None => {}
        }
    }
    Ok(())
}

struct House {
    engine: Arc<dyn Engine>,
    ahead: Ahead,
    /// From the first job on, and until a copy is made.
    watchdog: Mutex<Option<Arc<Watchdog>>>,
    residents: Mutex<HashMap<u64, Inmate>>,
    lanes: Mutex<HashMap<u64, Arc<Mutex<Running>>>>,
    /// Held by every lane that does anything: what is copied is at rest.
    at_work: RwLock<()>,
    setup: Setup,
}

/// An isolate that lives on, and what lives on with it.
struct Inmate {
    isolate: Box<dyn Isolate>,
    kept: Kept,
    /// It ends in no time.
    quick: bool,
}

/// What runs by a lane.
#[derive(Default)]
struct Running {
    serial: u64,
    job: Option<Ways>,
    /// Came before its job did: the control socket is not the lane.
    early: Vec<Signal>,
}

/// The ways to a job.
#[derive(Clone)]
struct Ways {
    cancel: typhon_vm::Cancel,
    stdin: Arc<Stdin>,
    calls: Option<Arc<Callbacks>>,
    outlet: Option<Arc<FarOutlet>>,
}

/// An isolate that holds no more than this, and no threads, ends in no time.
const SMALL: u64 = 4 << 20;
const EARLY_MAX: usize = 1024;
/// What the process ends with when the engine panicked while nobody waited for it.
const ENGINE_FAILED: i32 = 70;

impl House {
    fn open(self: &Arc<House>, number: u64, socket: UnixStream) -> io::Result<()> {
        let running = Arc::<Mutex<Running>>::default();
        self.lanes.lock().insert(number, running.clone());
        let (sender, receiver) = link::split(socket, usize::try_from(self.setup.most).unwrap_or(usize::MAX))?;
        let stack = usize::try_from(self.setup.stack).unwrap_or(usize::MAX);
        let house = self.clone();
        let body = move || house.work(number, &running, sender, receiver);
        std::thread::Builder::new().name("typhon-worker".into()).stack_size(stack).spawn(body)?;
        Ok(())
    }

    /// Runs what comes by a lane, until the server closes it or is gone.
    fn work(&self, number: u64, running: &Mutex<Running>, sender: Sender, mut receiver: Receiver) {
        let told = Arc::new(Teller(Mutex::new(sender)));
        while let Ok(true) = receiver.wait() {
            let _at_work = self.at_work.read();
            let Ok(Some(run)) = receiver.receive::<Run>() else { break };
            // A large heap is given back when the answer is on its way.
            let _respite = Respite::begin();
            let (done, remains) = self.run(run, running, &told);
            running.lock().job = None;
            if told.tell(Tale::Done(Box::new(done))).is_err() {
                break;
            }
            // Whoever sends the next order waits for this no longer than for an isolate that has yet to be made.
            let sound = remains.is_none_or(Remains::end) && self.ahead.make().is_continue();
            if !sound {
                // A panic, which has been reported: what threads keep of the engine is suspect. One in a job is told by its
                // answer, and the server ends the process.
                std::process::exit(ENGINE_FAILED);
            }
        }
        self.lanes.lock().remove(&number);
    }

    fn run(&self, run: Run, running: &Mutex<Running>, told: &Arc<Teller>) -> (wire::Done, Option<Remains>) {
        let Run { serial, resident, request, stdin_open, calls_open, last, work, position } = run;
        let wanted = match request::decode(request.unwrap_or_default(), Way::Interact) {
            Ok(wanted) => wanted,
            Err(refusal) => return (broken(refusal.reason()), None),
        };
        let mut request = wanted.request;
        request.work = work.map(errand::work);
        let cancel = typhon_vm::Cancel::new();
        let read: Box<dyn Fn(usize) + Send + Sync> = {
            let told = told.clone();
            // A server that is gone is noticed by whoever waits for it.
            Box::new(move |bytes| drop(told.tell(Tale::Read(bytes as u64))))
        };
        let stdin = Stdin::telling(std::mem::take(&mut request.stdin), stdin_open, stdin_open.then_some(read));
        let calls = calls_open.map(|most| {
            let limit = request.limits.host_calls.unwrap_or(u64::MAX);
            Callbacks::new(told.clone(), &cancel, limit, usize::try_from(most).unwrap_or(usize::MAX), None)
        });
        let functions = wanted.functions;
        request.host = calls.clone().map(|calls| typhon_vm::Grant { functions, calls });
        let outlet = wanted.world.network.is_some().then(|| Arc::new(FarOutlet::new(told.clone())));
        let ways = Ways { cancel: cancel.clone(), stdin: stdin.clone(), calls: calls.clone(), outlet: outlet.clone() };
        running.lock().begin(serial, ways);
        let outlet = outlet.map(|outlet| outlet as Arc<dyn Outlet>);

        let inmate = if resident == 0 { None } else { self.residents.lock().remove(&resident) };
        let (isolate, kept) = match inmate {
            Some(inmate) => (Some(inmate.isolate), inmate.kept),
            None => (None, Kept::new(wanted.world)),
        };
        if let Some(position) = position {
            kept.go_to(position.into());
        }
        let room = match isolate {
            Some(isolate) if last => Room::Last(isolate),
            _ if resident == 0 => Room::Fresh,
            isolate => Room::Resident(isolate),
        };
        let events =
            (wanted.plan.mode == OutputMode::Stream || calls.is_some()).then(|| told.clone() as Arc<dyn Events>);
        let (queue, began) = (Duration::ZERO, Instant::now());
        // A process is one tenant's.
        request.library = self.engine.library(&"".into());
        let job =
            Job { request, plan: wanted.plan, kept: kept.clone(), stdin, calls, events, outlet, cancel, queue, began };
        let watchdog = match self.watchdog() {
            Ok(watchdog) => watchdog,
            Err(_) => return (broken("a thread to watch it"), None),
        };
        let Done { response, after, remains, worked, .. } = job.run(room, &*self.engine, &self.ahead, &watchdog);
        let (worked, position) = (worked.map(errand::told), kept.position().map(Into::into));
        let mut done = wire::Done { response: Some(response), worked, position, ..wire::Done::default() };
        if let Some(AfterRun { home, lost, heap_bytes, threads }) = after {
            (done.heap_bytes, done.threads) = (heap_bytes, threads as u64);
            done.resident = lost.is_none();
            done.lost = lost.unwrap_or(Cow::Borrowed("")).into_owned();
            if let Home::Here(isolate) = home
                && done.resident
            {
                let quick = heap_bytes <= SMALL && threads == 0;
                self.residents.lock().insert(resident, Inmate { isolate, kept, quick });
            }
        }
        (done, remains)
    }

    fn watchdog(&self) -> io::Result<Arc<Watchdog>> {
        let mut place = self.watchdog.lock();
        if let Some(watchdog) = &*place {
            return Ok(watchdog.clone());
        }
        Ok(place.insert(Arc::new(Watchdog::start()?)).clone())
    }

    /// Copies the process. In the copy, its house and what it hears by `socket`; nothing in this one.
    fn copy(&self, socket: OwnedFd) -> io::Result<Option<(Arc<House>, Receiver)>> {
        // Copies that have ended meanwhile.
        while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
        let at_rest = self.at_work.write();
        // Ends its thread, which might hold a lock just then.
        drop(self.watchdog.lock().take());
        if typhon_vm::fork_process(socket.as_fd())?.is_some() {
            return Ok(None);
        }
        std::mem::forget((at_rest, socket));
        let (mut sender, receiver) = control(usize::try_from(self.setup.most).unwrap_or(usize::MAX))?;
        let mut residents = std::mem::take(&mut *self.residents.lock());
        residents.values_mut().for_each(|inmate| inmate.isolate.copied());
        let house = House {
            engine: self.engine.clone(),
            ahead: ahead(&self.engine, self.setup),
            watchdog: Mutex::default(),
            residents: Mutex::new(residents),
            lanes: Mutex::default(),
            at_work: RwLock::default(),
            setup: self.setup,
        };
        // So that the first job does not wait for it.
        house.watchdog()?;
        sender.send(&Ready { pid: std::process::id(), ..Ready::default() })?;
        Ok(Some((Arc::new(house), receiver)))
    }

    fn signal(&self, signal: Signal, descriptor: Option<OwnedFd>) {
        let running = self.lanes.lock().get(&signal.lane).cloned();
        if let Some(running) = running {
            running.lock().signal(signal, descriptor);
        }
    }

    fn forget(&self, number: u64) {
        let inmate = self.residents.lock().remove(&number);
        match inmate {
            Some(inmate) if !inmate.quick => {
                // Without a thread to be had, orders wait.
                let body = move || drop(inmate);
                drop(std::thread::Builder::new().name("typhon-closer".into()).spawn(body));
            }
            inmate => drop(inmate),
        }
    }
}

fn broken(why: &str) -> wire::Done {
    let response = crate::job::crashed(format!("the worker process was sent what it does not take: {why}"));
    let limits = typhon_vm::Limits::default();
    let response = crate::grpc::response::ended(response, Default::default(), &limits);
    wire::Done { response: Some(response), ..wire::Done::default() }
}

impl Running {
    fn begin(&mut self, serial: u64, job: Ways) {
        self.serial = serial;
        self.job = Some(job);
        for signal in std::mem::take(&mut self.early) {
            self.signal(signal, None);
        }
    }

    /// A descriptor answers what a job has asked, so it comes neither before the job nor, to be of use, after it.
    fn signal(&mut self, signal: Signal, descriptor: Option<OwnedFd>) {
        match &self.job {
            Some(job) if signal.serial == self.serial => job.hear(signal.what, descriptor),
            _ if signal.serial > self.serial && self.early.len() < EARLY_MAX => self.early.push(signal),
            _ => {}
        }
    }
}

impl Ways {
    fn hear(&self, what: Option<What>, descriptor: Option<OwnedFd>) {
        match what {
            Some(What::Reached(reached)) => {
                if let Some(outlet) = &self.outlet {
                    outlet.hear(reached, descriptor);
                }
            }
            Some(What::Cancel(cancel)) => {
                self.cancel.cancel(reason(cancel));
            }
            Some(What::Stdin(wire::Stdin { data, eof })) => {
                self.stdin.push(&data, eof);
            }
            Some(What::Answer(result)) => {
                if let (Some(calls), Ok((number, answer))) = (&self.calls, answer(result)) {
                    calls.answer(number, answer);
                }
            }
            Some(What::Unanswered(_)) => {
                if let Some(calls) = &self.calls {
                    calls.close();
                }
            }
            None => {}
        }
    }
}

fn reason(cancel: wire::Cancel) -> CancelReason {
    match cancel.cause() {
        Cause::Client => CancelReason::CancelledByClient,
        Cause::Gone => CancelReason::ClientGone,
        Cause::Drain => CancelReason::ServerDrain,
        Cause::Interrupt => CancelReason::Interrupt,
        Cause::Limit => {
            // Only time is watched over by the server as well.
            let v1::LimitHit { limit, used, .. } = cancel.limit.unwrap_or_default();
            let number = |n: i64| u64::try_from(n).unwrap_or(0);
            CancelReason::Limit(LimitHit { which: LimitName::Wall, limit: number(limit), used: number(used) })
        }
    }
}

/// What happens to a guest, to be told by its lane.
pub struct Teller(Mutex<Sender>);

impl Teller {
    pub fn tell(&self, tale: Tale) -> Result<(), HostError> {
        let told = self.0.lock().send(&Told { tale: Some(tale) });
        told.map_err(|error| HostError::Os(error.raw_os_error().unwrap_or(0)))
    }
}

impl Events for Teller {
    fn push(&self, event: Event) {
        use v1::stream_execute_response::Event as Wire;
        let tale = match event {
            Event::HostCall(call) => Tale::HostCall(*call),
            Event::HostCallCancelled { number } => Tale::HostCallCancelled(number),
            event @ Event::Output { .. } => match encode(Some(event)) {
                Ok(Wire::Output(output)) => Tale::Output(output),
                _ => return,
            },
            // The server tells the client these by itself.
            Event::Accepted { .. } | Event::Started { .. } | Event::Ended(_) => return,
        };
        // A server that is gone is noticed by whoever waits for it.
        drop(self.tell(tale));
    }

    fn push_output(
        &self,
        cancel: &typhon_vm::Cancel,
        stream: Stream,
        offset: u64,
        data: &[u8],
    ) -> Result<(), HostError> {
        let mut offset = offset;
        for chunk in data.chunks(CHUNK_MAX) {
            if cancel.reason().is_some() {
                return Err(HostError::Interrupted);
            }
            self.push(Event::Output { stream, offset, data: chunk.to_vec(), dropped: 0 });
            offset += chunk.len() as u64;
        }
        Ok(())
    }

    /// One that waits for room in the lane gets it from the server, which stops to keep what comes.
    fn wake_writer(&self) {}
}
