//! Starting threads, and what `threading` knows them by.

use super::turns::{self, Shared};
use crate::{sys, time, world};
use std::cell::{Cell, RefCell};
use std::os::unix::thread::JoinHandleExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;
use typhon_interp::host;
use typhon_object::breaker::why;
use typhon_object::dict::Dict;
use typhon_object::header::Header;
use typhon_object::native::{def, getter};
use typhon_object::slots::Slots;
use typhon_object::strs;
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions;
use typhon_object::{Args, Exc, Res, Thread, Value, call, convert, crossing, error, payload, type_of};
use typhon_qsbr::Flag;
use typhon_qsbr::sync::Mutex;

/// Native stack of a thread, and what of it is kept for natives below the last check.
const STACK: usize = 16 << 20;
const MARGIN: usize = 512 << 10;
/// About what a thread touches of its stacks.
const TOUCHED: usize = 64 << 10;

fn refuse(t: &Thread) -> Exc {
    error::runtime_error(t, "can't start new thread")
}

/// What a thread is started with.
struct Job {
    thread: Box<Thread>,
    shared: Arc<Shared>,
    function: Value,
    args: Value,
    kwargs: Value,
    handle: Value,
}

// SAFETY: the thread and the values are touched by the new OS thread only, in its turn or with the native lock; the parent
// made them before it, and spawning orders the two.
unsafe impl Send for Job {}

/// Starts a thread that calls `function(*args, **kwargs)`; its number.
fn start(t: &Thread, function: Value, args: Value, kwargs: Value, handle: Value) -> Res<u64> {
    if t.state::<sys::Settings>().finalizing.get() {
        let e = &exceptions::PYTHON_FINALIZATION_ERROR;
        return Err(error::new(t, e, "can't create new thread at interpreter shutdown"));
    }
    let most = t.get_state::<crate::isolate::ThreadsMax>().map_or(usize::MAX, |m| m.0 as usize);
    if t.breaker.stopped() || turns::alive(t).len() + 1 >= most {
        return Err(refuse(t));
    }
    t.check_alloc(TOUCHED)?;
    let shared = turns::share(t);
    let Some(thread) = t.sibling() else { return Err(refuse(t)) };
    crate::fuel::share(t, &thread);
    let breaker = thread.breaker.clone();
    let done = handle.downcast::<Handle>().map(|h| Arc::clone(&h.done));
    // Behind a pointer, so that it is still there if the system refuses.
    let job = Arc::new(Mutex::new(Some(Job { thread, shared: Arc::clone(&shared), function, args, kwargs, handle })));
    let stack = STACK.max(t.state::<super::StackSize>().0.get());
    let taken = Arc::clone(&job);
    let started = crossing::spawn(Builder::new().name("python".into()).stack_size(stack), move || {
        let job = taken.lock().take();
        job.into_iter().for_each(run);
    });
    let Ok(made) = started else {
        if let Some(job) = job.lock().take() {
            // One of this OS thread's at a time.
            t.offline();
            let was_in = t.out_of_native();
            job.thread.attach(MARGIN, |t| t.end(|| ()));
            t.online();
            if was_in {
                t.take_native();
            }
        }
        return Err(refuse(t));
    };
    let id = made.as_pthread_t();
    shared.started(id, breaker);
    let mut running = t.state::<Running>().0.borrow_mut();
    running.retain(|(_, done)| !done.get());
    running.extend(done.map(|done| (id, done)));
    Ok(id)
}

/// The threads that were started and by what it is told that they have ended.
#[derive(Default)]
struct Running(RefCell<Vec<(u64, Arc<Flag>)>>);

/// The child of a fork has one thread: the others have ended.
pub fn forked(t: &Thread) {
    let mut running = t.state::<Running>().0.borrow_mut();
    running.retain(|(id, done)| {
        let is_this = *id == turns::current();
        if !is_this {
            done.set();
        }
        is_this
    });
}

fn run(job: Job) {
    let shared = Arc::clone(&job.shared);
    shared.begin();
    let (done, key) = (job.handle.downcast::<Handle>().map(|h| Arc::clone(&h.done)), key_of(&job.handle));
    let Job { thread, function, args, kwargs, handle, .. } = job;
    let call = Call { function, args, kwargs };
    let host = host::of(&thread);
    host.inspect(|h| h.thread_begins());
    let ran = catch_unwind(AssertUnwindSafe(|| thread.attach(STACK - MARGIN, |t| run_attached(t, call, handle))));
    host.inspect(|h| h.thread_ends());
    match ran {
        Ok(()) => {
            debug_assert!(!thread.heap().has_free(), "who has ended has freed something");
            drop(thread);
        }
        Err(payload) => {
            // Whatever it was in the middle of stays as it is; the others are to stop before they meet it.
            shared.panicked(payload);
            thread.offline();
            thread.out_of_native();
            thread.breaker.stop(why::CANCELLED);
            std::mem::forget(thread);
        }
    }
    // Only now: what the thread held is gone when a join returns.
    shared.ended(&[key, SHUTDOWN], || done.iter().for_each(|done| done.set()));
}

fn run_attached(t: &Thread, call: Call, handle: Value) {
    t.enter_native();
    // Who has started it waits until it says that it has begun.
    let awaited = handle.downcast::<Handle>().is_some();
    match typhon_interp::start_thread(t) {
        Some(started) => {
            if let Err(e) = called(t, &call)
                && !e.is_stopped()
                && !e.is(&exceptions::SYSTEM_EXIT)
            {
                if awaited && is_starved(&e) {
                    // Not even what `threading` has to do for a thread could be done, and nobody would ever hear of that.
                    t.breaker.stop(why::MEMORY);
                }
                let shown = typhon_object::ops::repr_text(t, &call.function).unwrap_or_default();
                sys::unraisable(t, e, &format!("Exception ignored in thread started by {shown}"), None);
            }
            finish(t, call, handle);
            // The end of a thread runs finalizers, so the frames go last.
            t.end(|| started.let_go());
        }
        None => {
            if awaited {
                t.breaker.stop(why::MEMORY);
            }
            finish(t, call, handle);
            t.end(|| ());
        }
    }
}

/// How many exceptions are looked at that others were raised in the handling of.
const CONTEXTS_MAX: usize = 16;

/// Whether there was no memory, at first or while the exception was handled.
fn is_starved(e: &Exc) -> bool {
    let below = |v: &Value| exceptions::context(v).present();
    let mut chain = std::iter::successors(Some(e.value().clone()), below).take(CONTEXTS_MAX);
    chain.any(|v| type_of(&v).is_subtype(exceptions::MEMORY_ERROR.ty()))
}

/// What a thread calls.
struct Call {
    function: Value,
    args: Value,
    kwargs: Value,
}

fn called(t: &Thread, job: &Call) -> Res {
    let positional = job.args.downcast::<Tuple>().map(|a| a.items().to_vec()).unwrap_or_default();
    let (mut values, mut names) = (positional, Vec::new());
    if let Some(kwargs) = job.kwargs.downcast::<Dict>() {
        for (name, value) in kwargs.items() {
            names.push(name);
            values.push(value);
        }
    }
    call::call_args(t, &job.function, Args { values: &values, names: &names })
}

/// The thread's function has returned: what it leaves behind goes.
fn finish(t: &Thread, call: Call, handle: Value) {
    super::local::forget(t, turns::current());
    super::injected::forget(t);
    // SAFETY: the thread's function has returned.
    unsafe { t.forget_own_states() };
    drop((call, handle));
}

/// What those wait for that wait for all threads.
const SHUTDOWN: usize = 1;

fn key_of(handle: &Value) -> usize {
    handle.id() as usize
}

/// `start_new_thread(function, args, kwargs={})`.
pub fn start_new_thread(t: &Thread, args: Args<'_>) -> Res {
    let a = args.expect_positional(t, "start_new_thread", 2, 3)?;
    if !call::is_callable(&a[0]) {
        return Err(error::type_error(t, "first arg must be callable"));
    }
    if a[1].downcast::<Tuple>().is_none() {
        return Err(error::type_error(t, "2nd arg must be a tuple"));
    }
    let kwargs = a.get(2).cloned().unwrap_or(Value::NONE);
    if a.len() > 2 && kwargs.downcast::<Dict>().is_none() {
        return Err(error::type_error(t, "optional 3rd arg must be a dictionary"));
    }
    let id = start(t, a[0].clone(), a[1].clone(), kwargs, Value::NONE)?;
    convert::from_u64(t, id)
}

/// `start_joinable_thread(function, handle=None, daemon=True)`.
pub fn start_joinable_thread(t: &Thread, a: &[Value]) -> Res {
    if !call::is_callable(&a[0]) {
        return Err(error::type_error(t, "thread function must be callable"));
    }
    let given = match a[1].non_none() {
        None => new_handle(t, 0, State::Fresh)?,
        Some(h) if h.downcast::<Handle>().is_some() => h.clone(),
        Some(h) => {
            let name = type_of(h).name();
            return Err(error::type_error(t, format_args!("'handle' must be a _ThreadHandle, not {name}")));
        }
    };
    let daemon = a[2].opt().map_or(Ok(true), |v| convert::to_bool(t, v))?;
    let h = given.expect::<Handle>();
    if h.state.get() != State::Fresh {
        return Err(error::runtime_error(t, "thread already started"));
    }
    h.state.set(State::Started);
    match start(t, a[0].clone(), tuple::from_vec(t, Vec::new())?, Value::NONE, given.clone()) {
        Ok(id) => h.ident.set(id),
        Err(e) => {
            h.state.set(State::Fresh);
            return Err(e);
        }
    }
    if !daemon {
        t.state::<Waited>().0.borrow_mut().push(given.clone());
    }
    Ok(given)
}

/// Handles of the threads that the end of the program waits for.
#[derive(Default)]
struct Waited(RefCell<Vec<Value>>);

/// `_shutdown()`: waits for all threads that are no daemons.
pub fn shutdown(t: &Thread, _: &[Value]) -> Res {
    let waited = t.state::<Waited>();
    loop {
        let ended = |v: &Value| {
            let h = v.expect::<Handle>();
            h.done.get() || h.ident.get() == turns::current()
        };
        let next = {
            let mut list = waited.0.borrow_mut();
            let at = list.iter().position(ended);
            match at {
                Some(i) => Some(list.swap_remove(i)),
                None if list.is_empty() => return Ok(Value::NONE),
                None => None,
            }
        };
        if next.is_none() {
            let over = || waited.0.borrow().iter().any(ended);
            turns::park_unless(t, SHUTDOWN, world::SLICE, over);
            t.poll()?;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Fresh,
    Started,
}

/// What `threading` knows a thread by.
#[repr(C)]
pub struct Handle {
    header: Header,
    ident: Cell<u64>,
    state: Cell<State>,
    /// The thread has ended, and holds nothing any more.
    done: Arc<Flag>,
}

typhon_object::payload!(Handle => THREAD_HANDLE);

/// `_thread._ThreadHandle`.
pub static THREAD_HANDLE: TypeDef = TypeDef {
    name: "_thread._ThreadHandle",
    flags: flag::WEAKREFS,
    slots: Slots { new: Some(|t, _, _| new_handle(t, 0, State::Fresh)), repr: Some(handle_repr), ..Slots::NONE },
    methods: &[
        def("join", "($self, timeout=None, /)", join, ""),
        def("is_done", "($self, /)", |_, a| Ok(Value::bool(a[0].expect::<Handle>().done.get())), ""),
        def("_set_done", "($self, /)", set_done, ""),
    ],
    getset: &[getter("ident", |t, v| convert::from_u64(t, v.expect::<Handle>().ident.get()), "")],
    ..TypeDef::of::<Handle>()
};

fn new_handle(t: &Thread, ident: u64, state: State) -> Res {
    payload::new(t, |header| Handle {
        header,
        ident: Cell::new(ident),
        state: Cell::new(state),
        done: Arc::new(Flag::new(false)),
    })
}

/// `_make_thread_handle(ident)`: of a thread that was not started here.
pub fn make_handle(t: &Thread, a: &[Value]) -> Res {
    new_handle(t, convert::to_u64(t, &a[0])?, State::Started)
}

fn started<'a>(t: &Thread, v: &'a Value) -> Res<&'a Handle> {
    let h = v.expect::<Handle>();
    if h.state.get() == State::Fresh { Err(error::runtime_error(t, "thread not started")) } else { Ok(h) }
}

fn set_done(t: &Thread, a: &[Value]) -> Res {
    started(t, &a[0])?.done.set();
    turns::wake(t, key_of(&a[0]), true);
    Ok(Value::NONE)
}

fn join(t: &Thread, a: &[Value]) -> Res {
    let end = match a[1].non_none() {
        None => None,
        Some(v) => match u64::try_from(time::duration(t, v)?) {
            Ok(ns) => world::now(t).checked_add(Duration::from_nanos(ns)),
            // Less than nothing is for ever.
            Err(_) => None,
        },
    };
    let h = started(t, &a[0])?;
    if h.done.get() {
        return Ok(Value::NONE);
    }
    if h.ident.get() == turns::current() {
        return Err(error::runtime_error(t, "Cannot join current thread"));
    }
    if t.state::<sys::Settings>().finalizing.get() {
        let e = &exceptions::PYTHON_FINALIZATION_ERROR;
        return Err(error::new(t, e, "cannot join thread at interpreter shutdown"));
    }
    time::pause_unless(t, end, key_of(&a[0]), || h.done.get())?;
    Ok(Value::NONE)
}

fn handle_repr(t: &Thread, v: &Value) -> Res {
    let ident = v.expect::<Handle>().ident.get();
    strs::new(t, &format!("<_ThreadHandle object: ident={ident}>"))
}
