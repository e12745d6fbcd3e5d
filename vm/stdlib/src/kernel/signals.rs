//! Signals of the process: the handler that notes them, and the system calls about them.
//!
//! Signals belong to the process, so this is state of the process: which came, whom to wake, and the descriptor to
//! write to. The handler does nothing but atomic steps and one write(2).

use super::{Sys, check, done, errno, given};
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::time::Duration;
use typhon_object::breaker::{Breaker, reason};
use typhon_qsbr::cell::{Bits, Slot, Tally};

/// One more than the greatest signal number.
pub const COUNT: i32 = 65;

/// The breaker of the isolate that signals belong to: the first that asked.
static OWNER: Slot<Breaker> = Slot::new();
/// Signals that came and were not taken yet: bit `n % 32` of word `n / 32`.
static CAME: [Bits; 3] = [Bits::new(), Bits::new(), Bits::new()];
/// One more than the descriptor that gets a byte for each signal; 0 is none.
static WAKE: Tally = Tally::new();
/// The errno of a write to it that failed.
static WAKE_ERRNO: Tally = Tally::new();

/// What a signal does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// What the system does.
    Default,
    /// Nothing.
    Ignore,
    /// It is noted for the isolate.
    Noted,
    /// Something of the process's own.
    Other,
}

extern "C" fn on_signal(signal: libc::c_int) {
    // SAFETY: the thread's own errno, put back so that the interrupted code finds its own.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let saved = unsafe { *place };
    note(signal);
    let fd = WAKE.get();
    if fd > 0 {
        let byte = [signal as u8];
        // SAFETY: one byte is readable; write(2) may be called in a handler.
        if unsafe { libc::write(fd as i32 - 1, byte.as_ptr().cast(), 1) } < 0 {
            WAKE_ERRNO.reset();
            WAKE_ERRNO.add(errno() as u64);
        }
    }
    // SAFETY: as above.
    unsafe { *place = saved };
}

/// Notes a signal as if it had come.
pub fn note(signal: i32) {
    if let Some(word) = CAME.get(signal as usize / 32) {
        word.set(1 << (signal % 32));
    }
    if let Some(owner) = OWNER.get() {
        owner.set(reason::PENDING);
    }
}

/// Whether a signal waits to be taken.
pub fn any() -> bool {
    CAME.iter().any(Bits::any)
}

/// Takes the signals that came, lowest first.
pub fn take() -> impl Iterator<Item = i32> {
    let words = [0, 1, 2].map(|i: usize| CAME[i].take(u32::MAX));
    (1..COUNT).filter(move |n| words[*n as usize / 32] & 1 << (n % 32) != 0)
}

/// Makes a breaker the one that signals are for; false if another isolate was first.
pub fn claim(breaker: &Breaker) -> bool {
    OWNER.set(Box::new(breaker.clone())).is_ok()
}

/// Sets the descriptor that gets a byte for each signal; returns the old one, -1 for none.
pub fn set_wake(fd: i32) -> i32 {
    let old = WAKE.reset() as i64 - 1;
    if fd >= 0 {
        WAKE.add(fd as u64 + 1);
    }
    old as i32
}

/// Takes the errno of a failed write to that descriptor.
pub fn take_wake_error() -> Option<i32> {
    match WAKE_ERRNO.reset() {
        0 => None,
        e => Some(e as i32),
    }
}

fn action(handler: libc::sighandler_t) -> libc::sigaction {
    // SAFETY: zeros are a valid sigaction: no flags, an empty mask.
    let mut made: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    made.sa_sigaction = handler;
    made.sa_flags = libc::SA_ONSTACK;
    made
}

fn install(signal: i32, new: &libc::sigaction) -> Sys<()> {
    // SAFETY: the action is complete, and its handler only takes atomic steps and writes.
    done(unsafe { libc::sigaction(signal, new, std::ptr::null_mut()) })
}

/// Has the signal noted.
pub fn set_noted(signal: i32) -> Sys<()> {
    install(signal, &action(on_signal as extern "C" fn(libc::c_int) as libc::sighandler_t))
}

/// Has the signal ignored.
pub fn set_ignored(signal: i32) -> Sys<()> {
    install(signal, &action(libc::SIG_IGN))
}

/// Has the system do what it does.
pub fn set_default(signal: i32) -> Sys<()> {
    install(signal, &action(libc::SIG_DFL))
}

/// What the signal does now.
pub fn disposition(signal: i32) -> Sys<Disposition> {
    let mut old = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the struct is filled when the call succeeds, and zeros are valid.
    let old = unsafe {
        done(libc::sigaction(signal, std::ptr::null(), old.as_mut_ptr()))?;
        old.assume_init()
    };
    Ok(match old.sa_sigaction {
        libc::SIG_DFL => Disposition::Default,
        libc::SIG_IGN => Disposition::Ignore,
        h if h == on_signal as extern "C" fn(libc::c_int) as libc::sighandler_t => Disposition::Noted,
        _ => Disposition::Other,
    })
}

/// siginterrupt(3).
pub fn set_restart(signal: i32, restart: bool) -> Sys<()> {
    let mut now = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the struct is filled when the call succeeds, and zeros are valid.
    let mut now = unsafe {
        done(libc::sigaction(signal, std::ptr::null(), now.as_mut_ptr()))?;
        now.assume_init()
    };
    now.sa_flags = if restart { now.sa_flags | libc::SA_RESTART } else { now.sa_flags & !libc::SA_RESTART };
    install(signal, &now)
}

/// alarm(2): seconds left of the one before.
pub fn alarm(seconds: u32) -> u32 {
    // SAFETY: a plain number.
    unsafe { libc::alarm(seconds) }
}

fn from_timeval(t: libc::timeval) -> Duration {
    Duration::new(t.tv_sec.unsigned_abs(), t.tv_usec as u32 * 1000)
}

fn to_timeval(d: Duration) -> libc::timeval {
    libc::timeval { tv_sec: d.as_secs() as i64, tv_usec: i64::from(d.subsec_micros()) }
}

/// getitimer(2), or setitimer(2): (until the next, interval) as they were.
pub fn timer(which: u32, new: Option<(Duration, Duration)>) -> Sys<(Duration, Duration)> {
    let mut old = MaybeUninit::<libc::itimerval>::zeroed();
    // SAFETY: the structs are complete; the old one is filled when the call succeeds.
    let old = unsafe {
        match new {
            Some((first, interval)) => {
                let new = libc::itimerval { it_value: to_timeval(first), it_interval: to_timeval(interval) };
                done(libc::setitimer(which as _, &new, old.as_mut_ptr()))?;
            }
            None => done(libc::getitimer(which as _, old.as_mut_ptr()))?,
        }
        old.assume_init()
    };
    Ok((from_timeval(old.it_value), from_timeval(old.it_interval)))
}

/// The numbers of a set of signals.
fn numbers(set: &libc::sigset_t) -> Vec<i32> {
    // SAFETY: the set is initialized.
    (1..COUNT).filter(|n| unsafe { libc::sigismember(set, *n) } == 1).collect()
}

/// A set of signals.
pub fn set_of(signals: &[i32]) -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: the set is emptied first; a number out of range is refused by the call and left out.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for n in signals {
            libc::sigaddset(set.as_mut_ptr(), *n);
        }
        set.assume_init()
    }
}

/// pthread_sigmask(3): the mask before.
pub fn mask(how: i32, signals: &[i32]) -> Sys<Vec<i32>> {
    let set = set_of(signals);
    let mut old = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: both sets are complete.
    match unsafe { libc::pthread_sigmask(how, &set, old.as_mut_ptr()) } {
        // SAFETY: filled by the call.
        0 => Ok(numbers(&unsafe { old.assume_init() })),
        e => Err(e),
    }
}

/// Blocks every signal for the calling thread, so that the process's go to another.
pub fn stand_back() {
    let all: Vec<i32> = (1..COUNT).collect();
    // Nothing can be refused but `how`.
    let _ = mask(libc::SIG_BLOCK, &all);
}

/// sigpending(2).
pub fn pending() -> Sys<Vec<i32>> {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: the set is filled when the call succeeds.
    unsafe { done(libc::sigpending(set.as_mut_ptr())).map(|()| numbers(&set.assume_init())) }
}

/// sigtimedwait(2): what is known of the signal that was taken.
pub fn wait(signals: &[i32], longest: Duration) -> Sys<libc::siginfo_t> {
    let set = set_of(signals);
    let time = libc::timespec { tv_sec: longest.as_secs() as i64, tv_nsec: i64::from(longest.subsec_nanos()) };
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: the set and the time are complete; the struct is filled when the call succeeds.
    unsafe { check(libc::sigtimedwait(&set, info.as_mut_ptr(), &time)).map(|_| info.assume_init()) }
}

/// The number of an isolate's first thread when that is not always the same OS thread. No OS thread has it: theirs are
/// addresses.
const ROVING: u64 = 1;

thread_local! {
    /// The calling OS thread is the first one of an isolate that moves, for now.
    static ROVES: Cell<bool> = const { Cell::new(false) };
}

/// The calling thread's number: the OS thread's own, unless it runs an isolate that moves between OS threads.
pub fn this_thread() -> u64 {
    if ROVES.get() { ROVING } else { own() }
}

fn own() -> u64 {
    // SAFETY: takes nothing.
    unsafe { libc::pthread_self() as u64 }
}

/// Runs `f`, whose first thread keeps its number on whatever OS thread it is.
pub fn roving<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ROVES.set(self.0);
        }
    }
    let _restore = Restore(ROVES.replace(true));
    f()
}

/// The OS thread of a number; none if it is one that moves and not the calling one.
pub fn os_thread(number: u64) -> Option<u64> {
    match number {
        ROVING => ROVES.get().then(own),
        own => Some(own),
    }
}

/// The calling thread's name.
pub fn name() -> Vec<u8> {
    let mut room = [0_u8; 16];
    // SAFETY: the kernel writes at most 16 bytes, the last of them NUL.
    unsafe { libc::prctl(libc::PR_GET_NAME, room.as_mut_ptr()) };
    room.split(|b| *b == 0).next().unwrap_or_default().to_vec()
}

/// Sets it, cut to 15 bytes.
pub fn set_name(name: &[u8]) {
    let mut room = [0_u8; 16];
    let n = name.len().min(15);
    room[..n].copy_from_slice(&name[..n]);
    // SAFETY: the name ends with NUL.
    unsafe { libc::prctl(libc::PR_SET_NAME, room.as_ptr()) };
}

/// pthread_kill(3) of a thread that the caller knows to be alive.
pub fn to_thread(thread: u64, signal: i32) -> Sys<()> {
    // SAFETY: the thread is alive, as the caller knows.
    given(unsafe { libc::pthread_kill(thread as libc::pthread_t, signal) })
}

/// pidfd_send_signal(2).
pub fn to_pidfd(fd: i32, signal: i32, flags: u32) -> Sys<()> {
    // SAFETY: plain numbers, and no siginfo.
    let r = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, std::ptr::null::<u8>(), flags) };
    check(r).map(drop)
}

/// strsignal(3); `None` for a number without a name.
pub fn describe(signal: i32) -> Option<String> {
    // SAFETY: the C library gives a C string that stays valid until the next call on this thread.
    let text = unsafe {
        let p = libc::strsignal(signal);
        if p.is_null() {
            return None;
        }
        std::ffi::CStr::from_ptr(p).to_string_lossy().into_owned()
    };
    if text.starts_with("Unknown signal") { None } else { Some(text) }
}
