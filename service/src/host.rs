//! The outside world of one execution: captured streams, chosen clock and entropy, nothing else permitted.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use typhon_jit::Process;
use typhon_vm::{
    Access, Attachment, Cancel, CancelReason, CpuMeter, FileRoom, Host, HostError, LimitHit, LimitName, Limits,
    Modules, Outlet, Stream, Tiers,
};

use crate::egress::{Egress, Pinned, Rules};
use crate::events::Events;
use crate::output::{Account, OutputMode, OutputPlan, Ruling};
use crate::process::Far;

/// What the request's policy chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// Wall clock since the epoch, stopped.
    pub frozen_clock: Option<Duration>,
    /// Where a clock begins that only the program itself moves on.
    pub virtual_clock: Option<Duration>,
    pub entropy_seed: Option<u64>,
    /// Nothing but the program and its inputs decides what it does.
    pub deterministic: bool,
    /// What may be imported, if that is not everything.
    pub modules: Option<Arc<Modules>>,
    /// Where it may connect to, as far as the operator lets it; without, nowhere.
    pub network: Option<Arc<Rules>>,
}

/// What stays when an execution of a session ends and the next begins.
#[derive(Clone)]
pub struct Kept {
    world: World,
    seeded: Arc<Mutex<SplitMix>>,
    /// What has passed on the virtual clock.
    elapsed: Arc<Mutex<Duration>>,
    /// Where it begins, and begins anew.
    start: Position,
    /// What all threads use.
    cpu: CpuMeter,
    /// What it has looked up.
    pinned: Arc<Pinned>,
}

impl Kept {
    pub fn new(world: World) -> Kept {
        let start = Position { seed: world.entropy_seed.unwrap_or(0), elapsed: Duration::ZERO };
        Kept::starting(world, start)
    }

    /// A new one that begins there.
    pub fn starting(world: World, start: Position) -> Kept {
        let seeded = Arc::new(Mutex::new(SplitMix(start.seed)));
        let elapsed = Arc::new(Mutex::new(start.elapsed.min(AGES)));
        Kept { world, seeded, elapsed, start, cpu: CpuMeter::default(), pinned: Arc::default() }
    }

    /// Its way out, where `granted` is what the operator lets anybody have.
    pub fn egress(&self, granted: &Arc<Rules>) -> Option<Arc<dyn Outlet>> {
        let asked = self.world.network.clone()?;
        Some(Arc::new(Egress::new(granted.clone(), asked, self.pinned.clone())))
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    /// Where it is, if that is not where a new one is, once something has run.
    pub fn position(&self) -> Option<Position> {
        self.moves_on().then(|| self.here())
    }

    /// Where it begins anew, if it moves on at all.
    pub fn start(&self) -> Option<Position> {
        self.moves_on().then_some(self.start)
    }

    fn moves_on(&self) -> bool {
        self.world.entropy_seed.is_some() || self.world.virtual_clock.is_some()
    }

    fn here(&self) -> Position {
        Position { seed: self.seeded.lock().0, elapsed: *self.elapsed.lock() }
    }

    /// From here on it goes on.
    pub fn go_to(&self, position: Position) {
        *self.seeded.lock() = SplitMix(position.seed);
        *self.elapsed.lock() = position.elapsed.min(AGES);
    }

    /// Begins anew.
    pub fn rewind(&self) {
        self.go_to(self.start);
    }

    /// The same, which goes on by itself from here.
    pub fn apart(&self) -> Kept {
        let apart = Kept::starting(self.world.clone(), self.start);
        apart.go_to(self.here());
        apart
    }

    /// What begins here, where this one stopped.
    pub fn begun(&self) -> Kept {
        Kept::starting(self.world.clone(), self.here())
    }
}

/// How far seeded entropy and a virtual clock have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub seed: u64,
    pub elapsed: Duration,
}

pub struct GuestHost {
    plan: OutputPlan,
    accounts: [Mutex<Account>; 2],
    stdin: Arc<Stdin>,
    kept: Kept,
    events: Option<Arc<dyn Events>>,
    cancel: Cancel,
    compiler: Option<Process>,
    room: FileRoom,
    /// What it may wait for times to come in all, and what it has.
    sleep: Option<Duration>,
    rested: Mutex<Duration>,
    outlet: Option<Arc<dyn Outlet>>,
    /// Wakes a writer that waits for a slow reader.
    _attachment: Option<Attachment>,
}

/// The guest's standard input: all of it, or what has come so far.
pub struct Stdin {
    unread: Mutex<Unread>,
    more: Condvar,
    read: Option<Heard>,
}

type Heard = Box<dyn Fn(usize) + Send + Sync>;

struct Unread {
    data: VecDeque<u8>,
    /// More may come.
    open: bool,
    /// Where the guest runs, when that is elsewhere, and what is on its way to it or waits there.
    far: Option<Arc<Far>>,
    away: usize,
}

impl Stdin {
    pub fn new(data: Vec<u8>, open: bool) -> Arc<Stdin> {
        Stdin::telling(data, open, None)
    }

    /// As [`Stdin::new`]; `read` hears how much the guest takes.
    pub fn telling(data: Vec<u8>, open: bool, read: Option<Heard>) -> Arc<Stdin> {
        let unread = Unread { data: data.into(), open, far: None, away: 0 };
        Arc::new(Stdin { unread: Mutex::new(unread), more: Condvar::new(), read })
    }

    /// More has come. How much waits now.
    pub fn push(&self, data: &[u8], eof: bool) -> usize {
        let mut unread = self.unread.lock();
        if unread.open {
            unread.open = !eof;
            match unread.far.clone() {
                // Under the lock, so that it keeps its order.
                Some(far) => {
                    unread.away += data.len();
                    far.stdin(data, eof);
                }
                None => unread.data.extend(data),
            }
        }
        self.more.notify_all();
        unread.data.len() + unread.away
    }

    /// The guest runs elsewhere: what there is, and whether more may come, which then goes there.
    pub fn forward(&self, far: Arc<Far>) -> (Vec<u8>, bool) {
        let mut unread = self.unread.lock();
        unread.away = unread.data.len();
        unread.far = Some(far);
        (std::mem::take(&mut unread.data).into(), unread.open)
    }

    /// It did not run there after all.
    pub fn take_back(&self, data: Vec<u8>) {
        let mut unread = self.unread.lock();
        unread.data = data.into();
        (unread.far, unread.away) = (None, 0);
    }

    /// The guest that runs elsewhere has read so much.
    pub fn was_read(&self, bytes: usize) {
        let mut unread = self.unread.lock();
        unread.away = unread.away.saturating_sub(bytes);
    }

    fn read(&self, buffer: &mut [u8], cancel: &Cancel) -> Result<usize, HostError> {
        let mut unread = self.unread.lock();
        while unread.data.is_empty() && unread.open {
            if cancel.reason().is_some() {
                return Err(HostError::Interrupted);
            }
            self.more.wait_for(&mut unread, LOOK);
        }
        let length = unread.data.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(unread.data.drain(..length)) {
            *to = from;
        }
        drop(unread);
        if let Some(read) = self.read.as_ref().filter(|_| length > 0) {
            read(length);
        }
        Ok(length)
    }
}

/// How often a reader that waits looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(5);

impl GuestHost {
    pub fn new(
        plan: OutputPlan,
        limits: &Limits,
        stdin: Arc<Stdin>,
        kept: Kept,
        events: Option<Arc<dyn Events>>,
        cancel: &Cancel,
        compiler: Option<Process>,
        outlet: Option<Arc<dyn Outlet>>,
    ) -> GuestHost {
        let account = |limit: Option<u64>| Mutex::new(Account::new(limit.unwrap_or(u64::MAX), plan.overflow));
        let attachment = events.clone().map(|events| cancel.attach(move |_| events.wake_writer()));
        GuestHost {
            plan,
            accounts: [account(limits.stdout_bytes), account(limits.stderr_bytes)],
            stdin,
            kept,
            events,
            cancel: cancel.clone(),
            compiler,
            room: FileRoom {
                bytes: limits.file_bytes.unwrap_or(u64::MAX),
                count: limits.files.map_or(u64::MAX, u64::from),
                open: limits.open_files.map_or(u64::MAX, u64::from),
            },
            sleep: limits.sleep,
            rested: Mutex::default(),
            outlet,
            _attachment: attachment,
        }
    }

    pub fn account(&self, stream: Stream) -> &Mutex<Account> {
        match stream {
            Stream::Stdout => &self.accounts[0],
            Stream::Stderr => &self.accounts[1],
        }
    }

    /// The processor time of the guest.
    pub fn cpu(&self) -> &CpuMeter {
        &self.kept.cpu
    }

    fn stop_for(&self, stream: Stream, account: &Account) -> HostError {
        let which = match stream {
            Stream::Stdout => LimitName::StdoutBytes,
            Stream::Stderr => LimitName::StderrBytes,
        };
        let hit = LimitHit { which, limit: account.limit(), used: account.produced() };
        self.cancel.cancel(CancelReason::Limit(hit));
        HostError::Interrupted
    }

    fn send(&self, events: &dyn Events, stream: Stream, data: &[u8], ruling: Ruling) -> Result<(), HostError> {
        events.push_output(&self.cancel, stream, ruling.offset, &data[..ruling.within])?;
        if ruling.first_drop {
            let dropped = data.len() - ruling.within;
            events.push_dropped(stream, ruling.offset + ruling.within as u64, dropped as u64);
        }
        Ok(())
    }
}

impl Host for GuestHost {
    fn write(&self, stream: Stream, data: &[u8]) -> Result<(), HostError> {
        let stream = if self.plan.merge_stderr { Stream::Stdout } else { stream };
        // What a stopped guest had printed already is kept, too.
        let stopped = self.cancel.reason().is_some();
        let mut account = self.account(stream).lock();
        let ruling = match self.plan.mode {
            OutputMode::Inline => account.keep(data),
            OutputMode::Stream | OutputMode::Discard => account.count(data.len()),
        };
        // The account stays locked while the bytes are sent, so that two guest threads cannot swap their offsets.
        if let (OutputMode::Stream, Some(events)) = (self.plan.mode, &self.events) {
            self.send(&**events, stream, data, ruling)?;
        }
        match ruling.stop {
            true => Err(self.stop_for(stream, &account)),
            false if stopped => Err(HostError::Interrupted),
            false => Ok(()),
        }
    }

    fn read_stdin(&self, buffer: &mut [u8]) -> Result<usize, HostError> {
        self.stdin.read(buffer, &self.cancel)
    }

    fn entropy(&self, buffer: &mut [u8]) -> Result<(), HostError> {
        if self.kept.world.entropy_seed.is_some() {
            self.kept.seeded.lock().fill(buffer);
            return Ok(());
        }
        getrandom::fill(buffer).map_err(|error| HostError::Os(error.raw_os_error().unwrap_or(0)))
    }

    fn permit(&self, access: Access<'_>) -> Result<(), HostError> {
        let what = match access {
            Access::Read(path) => format!("reading {}", path.display()),
            Access::Write(path) => format!("writing {}", path.display()),
            Access::Network => "the network".to_owned(),
            Access::Process => "other processes".to_owned(),
            _ => "the state of the server's process".to_owned(),
        };
        Err(HostError::Denied(format!("this sandbox does not permit {what}")))
    }

    fn files(&self) -> Option<FileRoom> {
        Some(self.room)
    }

    fn outlet(&self) -> Option<Arc<dyn Outlet>> {
        self.outlet.clone()
    }

    fn tiers(&self) -> Option<&dyn Tiers> {
        self.compiler.as_ref().map(|compiler| compiler as &dyn Tiers)
    }

    fn thread_begins(&self) {
        self.cpu().begin();
    }

    fn thread_ends(&self) {
        self.cpu().end();
    }

    fn pass(&self, time: Duration) -> bool {
        let is_virtual = self.kept.world.virtual_clock.is_some();
        if is_virtual && !time.is_zero() {
            let mut elapsed = self.kept.elapsed.lock();
            *elapsed = elapsed.saturating_add(time).min(AGES);
        }
        is_virtual
    }

    fn rested(&self, time: Duration) {
        let Some(limit) = self.sleep else { return };
        let mut rested = self.rested.lock();
        *rested = rested.saturating_add(time);
        let used = *rested;
        // A hook must not run under the lock.
        drop(rested);
        if used > limit {
            self.cancel.cancel(CancelReason::Limit(LimitHit::time(LimitName::Sleep, limit, used)));
        }
    }

    fn wall_clock(&self) -> Duration {
        let world = &self.kept.world;
        let begun = world.virtual_clock.map(|epoch| epoch.saturating_add(*self.kept.elapsed.lock()));
        world.frozen_clock.or(begun).unwrap_or_else(|| {
            let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            since_epoch.unwrap_or_default()
        })
    }

    fn monotonic_clock(&self) -> Duration {
        static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        match self.kept.world.virtual_clock {
            Some(_) => *self.kept.elapsed.lock(),
            None => ORIGIN.elapsed(),
        }
    }
}

/// No virtual clock goes further, so that every sum of times fits what times are kept in.
const AGES: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// Steele, Lea and Flood's SplitMix64: reproducible, which is all that seeded entropy promises.
struct SplitMix(u64);

impl SplitMix {
    fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = self.0;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
    }
}
