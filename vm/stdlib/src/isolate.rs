//! An isolate: started, run, ended.

use crate::fuel;
use crate::import;
use crate::site_builtins;
use crate::sys::{self, Config, Settings, streams};
use crate::text;
use crate::thread::{injected, turns};
use std::mem::ManuallyDrop;
use std::time::Duration;
use typhon_interp::Started;
use typhon_interp::frame::interp;
use typhon_interp::host::{self, Host};
use typhon_interp::tier;
use typhon_object::breaker::reason;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Exc, Res};
use typhon_object::names::n;
use typhon_object::thread::Hooks;
use typhon_object::types::module;
use typhon_object::types::weakref::{self, WEAKREF, WeakRef};
use typhon_object::{Thread, Value, attr, call, process};

/// `sys.setrecursionlimit` cannot go past this.
pub struct DepthMax(pub u32);

/// So many threads the isolate may have, its first included.
pub struct ThreadsMax(pub u32);

/// `os.environ` of an isolate that does not see the process's.
pub struct Environment(pub Vec<(String, String)>);

/// How an isolate is made.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What `sys` shows.
    pub config: Config,
    /// Most bytes of heap.
    pub memory: Option<usize>,
    /// Most Python frames.
    pub depth: Option<u32>,
    /// Most threads.
    pub threads: Option<u32>,
    /// Threads take turns, so that one runs at a time.
    pub turns: bool,
    /// Memory is looked at after each collection.
    pub verify: bool,
    /// Bytes of native stack that the calling thread has for guest code.
    pub stack: usize,
}

/// Pending calls of the isolate: what a breaker request of kind `PENDING` runs.
#[derive(Default)]
pub struct Pending {
    /// Takes what is pending; an error is raised in the running code.
    pub run: std::cell::Cell<Option<fn(&Thread) -> Res<()>>>,
    /// Takes one interrupt (`KeyboardInterrupt`); set by the facade.
    pub interrupt: std::cell::RefCell<Option<Box<dyn Fn() -> bool>>>,
}

/// Makes every type of the process that isolates share.
pub fn set_up() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        typhon_interp::set_up();
        sys::set_up();
        process::ensure_types(&[
            &crate::small::namespace::NAMESPACE,
            &import::spec::SPEC,
            &import::embedded::LOADER,
            &import::embedded::FINDER,
        ]);
    });
}

fn hooks() -> Hooks {
    Hooks {
        on_breaker,
        unraisable: sys::unraisable,
        warn: crate::small::warnings::warn,
        import: import::import,
        handled: |t| if t.interp.get().is_null() { Value::ABSENT } else { interp(t).handled() },
        super_frame: typhon_interp::query::super_frame,
        globals: |t| if t.interp.get().is_null() { Value::ABSENT } else { typhon_interp::query::globals(t) },
    }
}

fn on_breaker(t: &Thread) -> Res<()> {
    if t.breaker.stopped() {
        return Err(Exc::stopped());
    }
    let asked = t.take_requests();
    if asked & reason::FUEL != 0 {
        fuel::burn(t)?;
    }
    if asked & reason::MERGE != 0 {
        t.merge();
    }
    t.checkpoint(asked);
    if asked & reason::SPARE != 0 {
        t.heap().spare();
    }
    if asked & (reason::MEMORY | reason::GC | reason::QS | reason::STARVED | reason::PENDING) == 0 {
        return Ok(());
    }
    let was_in = t.enter_native();
    let answered = answer(t, asked);
    t.leave_native(was_in);
    answered
}

/// Answers what natives answer.
fn answer(t: &Thread, asked: u32) -> Res<()> {
    if asked & reason::MEMORY != 0 {
        overdrawn(t)?;
    }
    if asked & reason::GC != 0
        && let Err(e) = typhon_object::gc::on_request(t)
    {
        t.breaker.set(asked & reason::PENDING);
        return Err(e);
    }
    if asked & (reason::QS | reason::STARVED) != 0 {
        turns::offer(t);
        if t.breaker.stopped() {
            return Err(Exc::stopped());
        }
    }
    if asked & reason::PENDING != 0 {
        injected::raise(t)?;
        let pending = t.state::<Pending>();
        let interrupted = pending.interrupt.borrow().as_ref().is_some_and(|take| take());
        if let Some(run) = pending.run.get() {
            run(t)?;
        }
        if interrupted {
            crate::signal::handle(t, libc::SIGINT)?;
        }
    }
    Ok(())
}

/// The memory account is overdrawn, unless what overdrew it is gone by now or was garbage.
fn overdrawn(t: &Thread) -> Res<()> {
    let heap = t.heap();
    if heap.used() > heap.limit() {
        heap.trim(|| t.breaker.stopped());
    }
    if heap.used() > heap.limit() { Err(t.memory_error()) } else { Ok(()) }
}

/// An isolate that lives between calls into it.
pub struct Live<'h> {
    // Dropped before the thread it belongs to: fields drop in order.
    started: Option<Started<'static>>,
    thread: ManuallyDrop<Box<Thread>>,
    host: std::marker::PhantomData<&'h dyn Host>,
}

impl<'h> Live<'h> {
    /// A new isolate, empty.
    pub fn new(options: &Options, host: &'h dyn Host) -> Self {
        set_up();
        let t = Thread::new(hooks(), options.memory.unwrap_or(usize::MAX >> 1));
        if let Some(depth) = options.depth {
            t.depth_limit.set(depth.min(t.depth_limit.get()));
            t.set_state(DepthMax(depth));
        }
        if let Some(threads) = options.threads {
            t.set_state(ThreadsMax(threads));
        }
        if !options.turns {
            t.run_free();
        }
        if options.verify {
            t.verify_collections(typhon_interp::roots::each);
        }
        // SAFETY: `'h` outlives this value, and no guest code runs after it: see `stop_others`.
        unsafe { host::install(&t, host) };
        // Before the first unit is made: only its loops are counted.
        if let Some(tiers) = host.tiers() {
            tier::install(&t, tiers.tier());
        }
        *t.state::<Settings>().config.borrow_mut() = options.config.clone();
        // SAFETY: the thread is boxed, so it does not move, and `started` is dropped before it.
        let thread: &'static Thread = unsafe { &*std::ptr::from_ref(&*t) };
        let started = Some(typhon_interp::start(thread));
        Self { started, thread: ManuallyDrop::new(t), host: std::marker::PhantomData }
    }

    /// The thread, for what needs no attachment.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Runs `f` in the isolate; `stack` is how much native stack it may use.
    pub fn enter<R>(&self, stack: usize, f: impl FnOnce(&Thread) -> R) -> R {
        self.thread.attach(stack, f)
    }
}

/// A thread of the isolate would not end.
#[derive(Default)]
struct Abandoned(std::cell::Cell<bool>);

impl Drop for Live<'_> {
    fn drop(&mut self) {
        if self.thread.get_state::<Abandoned>().is_some_and(|abandoned| abandoned.0.get()) {
            // It may come back to what it uses, so that stays; only hosts that end the process have threads.
            std::mem::forget(self.started.take());
            return;
        }
        self.thread.attach(1 << 16, |t| {
            stop_others(t);
            t.close();
        });
        // A trace function, say: references are given back by the thread that owns them.
        let started = self.started.take();
        self.thread.attach(1 << 16, |_| drop(started));
        // SAFETY: not used after.
        unsafe { ManuallyDrop::drop(&mut self.thread) };
    }
}

/// Starts an isolate on this OS thread, runs `f` in it, and ends it.
pub fn with<R>(options: &Options, host: &dyn Host, before: impl FnOnce(&Thread), f: impl FnOnce(&Thread) -> R) -> R {
    let live = Live::new(options, host);
    before(live.thread());
    live.enter(options.stack, f)
}

/// Fills a fresh isolate: sys, builtins, `__main__`. Returns `__main__`'s namespace.
pub fn populate(t: &Thread) -> Res {
    typhon_interp::hooks::install(
        t,
        typhon_interp::hooks::Hooks {
            typing1: crate::small::typing::intrinsic1,
            typing2: crate::small::typing::intrinsic2,
            cannot_import: import::cannot_import,
            missing_builtin: site_builtins::missing,
        },
    );
    t.set_state(typhon_native::random::Source(|t, bytes| {
        crate::world::host(t)?.entropy(bytes).map_err(|e| crate::world::host_error(t, e, None))
    }));
    t.set_state(typhon_native::exclusive::Pause(turns::pause));
    let modules = Dict::create(t);
    let Some(header) = modules.header() else { return Err(error::system_error(t, "no sys.modules")) };
    t.modules().set(header, modules.clone());
    let builtins = import::load_native(t, "builtins", &crate::builtins::MODULE)?;
    t.builtins().set(header, module::dict_of(t, &builtins));
    builtins.expect::<module::Module>().lazy.set(Some(site_builtins::lazy));
    import::load_native(t, "sys", &sys::MODULE)?;
    let name = n::__main__();
    let main = module::new(t, name)?;
    let dict = module::dict_of(t, &main);
    Dict::of(&dict).set_str(t, n::__builtins__(), builtins)?;
    Dict::of(&modules).set(t, name, &main)?;
    Ok(dict)
}

/// Ends a program as CPython's `Py_FinalizeEx`: threads, atexit, modules, streams.
pub fn finalize(t: &Thread) -> Res<()> {
    shut_threads(t)?;
    crate::small::atexit::run(t)?;
    crate::isolates::close(t);
    let settings = t.state::<Settings>();
    flush(t);
    settings.finalizing.set(true);
    tear_down(t)?;
    flush(t);
    crate::signal::restore(t);
    stop_others(t);
    turns::pass_panic_on(t);
    Ok(())
}

/// Ends the isolate's other threads. A process that ends takes along what would not stop; the host of anything else may
/// go away, so those are waited for.
fn stop_others(t: &Thread) {
    crate::isolates::close(t);
    let whole = host::of(t).is_some_and(|h| h.stdio() == host::Stdio::Process);
    if !turns::stop_others(t, whole.then_some(Duration::from_secs(2))) {
        t.state::<Abandoned>().0.set(true);
    }
}

/// Ends an isolate that was stopped: what it printed goes out, and its memory goes as a whole.
pub fn abandon(t: &Thread) {
    stop_others(t);
    turns::pass_panic_on(t);
    match streams::flush_direct(t) {
        // The host may be the one that stopped it: there is nobody to tell.
        Ok(()) | Err(_) => {}
    }
}

fn shut_threads(t: &Thread) -> Res<()> {
    if let Some(threading) = text::loaded(t, "threading")
        && let Some(shutdown) = attr::get_opt(t, &threading, &text::name(t, "_shutdown"))?
        && let Err(e) = call::call0(t, &shutdown)
    {
        if e.is_stopped() {
            return Err(e);
        }
        sys::unraisable(t, e, "Exception ignored on threading shutdown", Some(&threading));
    }
    Ok(())
}

fn flush(t: &Thread) {
    for name in ["stdout", "stderr"] {
        if let Err(e) = streams::flush(t, name) {
            sys::unraisable(t, e, "Exception ignored while flushing sys.stdout", None);
        }
    }
    if let Err(e) = streams::flush_direct(t) {
        sys::unraisable(t, e, "Exception ignored while flushing sys.stdout", None);
    }
}

/// Empties the modules, so that what they hold dies in CPython's order: `__main__` and what it imported first.
fn tear_down(t: &Thread) -> Res<()> {
    let modules = t.modules().get();
    let Some(table) = modules.downcast::<Dict>() else { return Ok(()) };
    for key in [n::last_type(), n::last_value(), n::last_traceback(), n::last_exc(), n::ps1(), n::ps2()] {
        // What goes may take `sys` away.
        if let Some(sys) = table.get_str(n::sys()).filter(|sys| !sys.is_none()) {
            Dict::of(&module::dict_of(t, &sys)).remove(t, key)?;
        }
    }
    let mut kept = Vec::new();
    for (name, m) in table.items() {
        let keep = typhon_object::strs::eq_str(&name, "sys") || typhon_object::strs::eq_str(&name, "builtins");
        if m.downcast::<module::Module>().is_some() && !keep {
            kept.push(m);
        }
        if !keep {
            table.set(t, &name, &Value::NONE)?;
        }
    }
    // Modules nobody else holds go at once, in the order of their import. The others are looked at from afar, so that one
    // which only its own cycles hold is garbage as they are.
    let (mut left, mut cycles) = (Vec::new(), false);
    for m in kept {
        if m.ref_count() > 1 {
            left.push(weakref::make(t, WEAKREF.ty(), &m, None)?);
            continue;
        }
        let namespace = module::dict_of(t, &m);
        drop(m);
        cycles |= namespace.ref_count() > 1;
    }
    // A program's functions and its namespace hold each other: what it made last dies with its globals in place.
    if cycles || !left.is_empty() {
        typhon_object::gc::collect(t, 2)?;
    }
    for m in left {
        if let Some(m) = m.expect::<WeakRef>().target() {
            empty(t, &module::dict_of(t, &m))?;
        }
    }
    Ok(())
}

/// CPython's two passes: names with one underscore first, then all but `__builtins__`.
fn empty(t: &Thread, dict: &Value) -> Res<()> {
    let d = Dict::of(dict);
    for pass in 0..2 {
        for (key, value) in d.items() {
            if value.is_none() {
                continue;
            }
            let name = typhon_object::strs::display(&key);
            let private = name.starts_with('_') && !name.starts_with("__");
            if (pass == 0 && private) || (pass == 1 && name != "__builtins__") {
                d.set(t, &key, &Value::NONE)?;
            }
        }
    }
    Ok(())
}
