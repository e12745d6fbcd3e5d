//! A family: the isolates of one program, and the OS thread on which each of them lives.
//!
//! The isolate that the program began with makes the others and outlives them: they borrow its host. A member does one
//! thing at a time, which another isolate asks it for in bytes and gets answered in bytes. While it waits, its other threads
//! run.

use super::queues::Queues;
use crate::isolate::{self, Live, Options};
use crate::kernel::signals;
use crate::sys::Settings;
use crate::thread::turns;
use crate::{site_builtins, text, world};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use typhon_interp::host::{Access, Host};
use typhon_object::breaker::{Breaker, why};
use typhon_object::error::{self, Res};
use typhon_object::types::bytes::{self, Bytes};
use typhon_object::{Thread, attr, call, crossing};
use typhon_qsbr::sync::{Condvar, Mutex};

/// Native stack of a member, and what of it is kept for natives below the last check.
const STACK: usize = 16 << 20;
const MARGIN: usize = 512 << 10;

/// The isolates of one program.
#[derive(Default)]
pub(super) struct Family {
    members: Mutex<Members>,
    pub(super) queues: Mutex<Queues>,
}

#[derive(Default)]
struct Members {
    by_number: BTreeMap<i64, Arc<Member>>,
    made: i64,
}

/// The isolate's place in its family: number 0 is the one that the program began with.
#[derive(Default)]
pub(super) struct Place(RefCell<Option<(Arc<Family>, i64)>>);

/// An isolate that another one has made.
struct Member {
    state: Mutex<State>,
    bell: Condvar,
    /// It is destroyed when nobody uses it any more.
    counted: bool,
}

#[derive(Default)]
struct State {
    phase: Phase,
    asked: Option<Errand>,
    answer: Option<Option<Vec<u8>>>,
    users: i64,
    breaker: Option<Breaker>,
    thread: Option<JoinHandle<()>>,
}

/// What a member is asked for, and the name of the OS thread that waits for the answer: the member's has it meanwhile.
struct Errand {
    request: Vec<u8>,
    asker: Vec<u8>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Starting,
    Idle,
    Busy,
    Ending,
    Over,
}

/// The family of an isolate, and its number there.
pub(super) fn of(t: &Thread) -> (Arc<Family>, i64) {
    let place = t.state::<Place>();
    let mut place = place.0.borrow_mut();
    let (family, number) = place.get_or_insert_with(Default::default);
    (Arc::clone(family), *number)
}

/// The number of the isolate that `t` is a thread of.
pub fn number(t: &Thread) -> i64 {
    t.state::<Place>().0.borrow().as_ref().map_or(0, |(_, number)| *number)
}

/// The process is a copy, in which members have no threads.
pub fn forked(t: &Thread) {
    // Others may have held its locks when the process was copied, so it is left alone for good.
    std::mem::forget(t.state::<Place>().0.take());
}

/// Ends all other members, before the one does that the program began with.
pub fn close(t: &Thread) {
    let Some((family, 0)) = t.get_state::<Place>().and_then(|place| place.0.borrow().clone()) else { return };
    let members = std::mem::take(&mut family.members.lock().by_number);
    for (number, member) in members {
        family.end(t, number, &member);
    }
}

impl Family {
    /// The numbers of all, the first one's included.
    pub(super) fn all(&self) -> Vec<i64> {
        std::iter::once(0).chain(self.members.lock().by_number.keys().copied()).collect()
    }

    fn find(&self, number: i64) -> Option<Arc<Member>> {
        self.members.lock().by_number.get(&number).cloned()
    }

    /// Makes a member; its number.
    pub(super) fn create(self: &Arc<Self>, t: &Thread, counted: bool) -> Res<i64> {
        // What a member uses is not counted among what the host lends.
        world::permit(t, Access::Process, None)?;
        let options = Options {
            config: t.state::<Settings>().config.borrow().clone(),
            memory: Some(t.heap().limit()),
            turns: !t.isolate().is_free(),
            verify: t.is_verified(),
            stack: STACK - MARGIN,
            ..Options::default()
        };
        let host = world::host(t)?;
        // SAFETY: only the lifetime changes. The isolate that the program began with ends all members before it ends
        // itself (`close`), and its host outlives it.
        let host: &'static dyn Host = unsafe { std::mem::transmute::<&dyn Host, &'static dyn Host>(host) };
        let member = Arc::new(Member { state: Mutex::default(), bell: Condvar::new(), counted });
        let number = {
            let mut members = self.members.lock();
            members.made += 1;
            members.made
        };
        let (family, here) = (Arc::clone(self), Arc::clone(&member));
        let started = crossing::spawn(Builder::new().name("interpreter".into()).stack_size(STACK), move || {
            let lived = catch_unwind(AssertUnwindSafe(|| live(&family, number, &here, &options, host)));
            let mut state = here.state.lock();
            state.phase = Phase::Over;
            state.answer.get_or_insert(None);
            drop(state);
            here.bell.notify_all();
            if let Err(payload) = lived {
                std::panic::resume_unwind(payload);
            }
        });
        let Ok(thread) = started else { return Err(error::runtime_error(t, "can't start new thread")) };
        member.state.lock().thread = Some(thread);
        self.members.lock().by_number.insert(number, Arc::clone(&member));
        member.wait(t, |state| state.phase != Phase::Starting)?;
        if member.state.lock().phase == Phase::Over {
            self.members.lock().by_number.remove(&number);
            return Err(error::runtime_error(t, "the interpreter could not be started"));
        }
        Ok(number)
    }

    /// Has a member do something. `None` if there is no such member; `None` within if it is busy, or could not answer.
    pub(super) fn ask(&self, t: &Thread, number: i64, request: Vec<u8>) -> Res<Option<Option<Vec<u8>>>> {
        let Some(member) = self.find(number) else { return Ok(None) };
        {
            let mut state = member.state.lock();
            if state.phase != Phase::Idle {
                return Ok(Some(None));
            }
            let errand = Errand { request, asker: signals::name() };
            (state.phase, state.asked, state.answer) = (Phase::Busy, Some(errand), None);
        }
        member.bell.notify_all();
        let waited = member.wait(t, |state| state.answer.is_some());
        let mut state = member.state.lock();
        if state.phase == Phase::Busy && state.answer.is_some() {
            state.phase = Phase::Idle;
        }
        if let Err(e) = waited {
            if e.is_stopped()
                && let Some(breaker) = &state.breaker
            {
                breaker.stop(why::CANCELLED);
            }
            return Err(e);
        }
        Ok(Some(state.answer.take().flatten()))
    }

    /// Whether a member is doing something.
    pub(super) fn is_busy(&self, number: i64) -> Option<bool> {
        self.find(number).map(|member| member.state.lock().phase == Phase::Busy)
    }

    /// Ends a member; false if it is busy.
    pub(super) fn destroy(&self, t: &Thread, number: i64) -> Option<bool> {
        let member = self.find(number)?;
        if member.state.lock().phase == Phase::Busy {
            return Some(false);
        }
        self.members.lock().by_number.remove(&number);
        self.end(t, number, &member);
        Some(true)
    }

    /// One user of a member more or less; it is destroyed when the last one goes.
    pub(super) fn count(&self, t: &Thread, number: i64, more: i64) -> Option<()> {
        if number == 0 {
            return Some(());
        }
        let member = self.find(number)?;
        let users = {
            let mut state = member.state.lock();
            state.users += more;
            state.users
        };
        if member.counted && users <= 0 && more < 0 {
            self.destroy(t, number)?;
        }
        Some(())
    }

    fn end(&self, t: &Thread, number: i64, member: &Member) {
        let thread = {
            let mut state = member.state.lock();
            if state.phase == Phase::Busy
                && let Some(breaker) = &state.breaker
            {
                breaker.stop(why::CANCELLED);
            }
            if state.phase != Phase::Over {
                state.phase = Phase::Ending;
            }
            state.thread.take()
        };
        member.bell.notify_all();
        let joined = thread.map_or(Ok(()), |thread| turns::idle(t, || thread.join()));
        self.queues.lock().unbind(number);
        if let Err(payload) = joined
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(payload);
        }
    }
}

impl Member {
    /// Waits, as long as this thread is not stopped.
    fn wait(&self, t: &Thread, done: impl Fn(&State) -> bool) -> Res<()> {
        loop {
            let over = turns::idle(t, || {
                let mut state = self.state.lock();
                if !done(&state) && state.phase != Phase::Over {
                    state = self.bell.wait_for(state, world::SLICE * 4).0;
                }
                done(&state) || state.phase == Phase::Over
            });
            if over {
                return Ok(());
            }
            t.poll()?;
        }
    }

    /// What the member is asked for next; `None` once it is to end.
    fn next(&self, t: &Thread) -> Option<Errand> {
        turns::idle(t, || {
            let mut state = self.state.lock();
            while state.asked.is_none() && state.phase != Phase::Ending {
                state = self.bell.wait(state);
            }
            state.asked.take()
        })
    }
}

/// The life of a member, on its own OS thread.
fn live(family: &Arc<Family>, number: i64, member: &Member, options: &Options, host: &'static dyn Host) {
    host.thread_begins();
    let live = Live::new(options, host);
    *live.thread().state::<Place>().0.borrow_mut() = Some((Arc::clone(family), number));
    member.state.lock().breaker = Some(live.thread().breaker.clone());
    live.enter(options.stack, |t| {
        if isolate::populate(t).is_ok() {
            if t.state::<Settings>().config.borrow().flags.no_site == 0 {
                site_builtins::offer(t);
            }
            let mut state = member.state.lock();
            if state.phase == Phase::Starting {
                state.phase = Phase::Idle;
            }
            drop(state);
            member.bell.notify_all();
            serve(t, member);
        }
        match isolate::finalize(t) {
            // It was stopped: nothing of it runs any more.
            Ok(()) | Err(_) => {}
        }
    });
    drop(live);
    host.thread_ends();
}

fn serve(t: &Thread, member: &Member) {
    let own = signals::name();
    while let Some(Errand { request, asker }) = member.next(t) {
        signals::set_name(&asker);
        let answer = answered(t, request).ok();
        signals::set_name(&own);
        member.state.lock().answer = Some(answer);
        member.bell.notify_all();
        if t.breaker.stopped() {
            return;
        }
    }
}

fn answered(t: &Thread, request: Vec<u8>) -> Res<Vec<u8>> {
    let module = (t.hooks.import)(t, "_interpreters")?;
    let serve = attr::get(t, &module, &text::name(t, "_serve"))?;
    let answer = call::call1(t, &serve, &bytes::from_vec(t, request)?)?;
    match answer.downcast::<Bytes>() {
        Some(answer) => Ok(answer.as_slice().to_vec()),
        None => Err(error::type_error(t, "an answer must be bytes")),
    }
}
