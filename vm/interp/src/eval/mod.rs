//! The run loop.
//!
//! One `match` over the opcode of a 64-bit instruction word; the bodies are in this folder by family and always inlined.
//! The loop's own state is `machine::M`. Exceptions leave the match, are unwound here over the frames of this loop, and
//! go on in a handler or to the native caller.

mod arith;
mod attr;
mod bodies;
mod build;
pub(crate) mod call;
mod class;
mod compare;
mod deferred;
mod dispatch;
pub mod exception;
pub mod follow;
mod found;
mod generators;
mod iter;
mod leave;
mod locked;
mod machine;
mod method;
mod name;
mod native;
mod pattern;
mod special;
mod subscript;
mod tier;
mod unpack;

use crate::frame::{Frame, Interp, Kind, clear_registers};
use crate::generator::Resumed;
use crate::{traceback, watch};
use arith as ar;
pub(crate) use deferred::Deferred;
#[cfg(threaded)]
pub(crate) use machine::Left;
use machine::{Flow, M, Stop};
use typhon_isa::{Opcode as Op, Word};
use typhon_object::error::{Exc, Res};
use typhon_object::ty::flag;
use typhon_object::{Thread, Value};

/// Runs the frame on top (of kind `Entry`) to its end.
pub(crate) fn run(t: &Thread, it: &Interp) -> Res {
    match run_generator(t, it, None)? {
        Resumed::Return(v) | Resumed::Yield(v) => Ok(v),
    }
}

/// As [`run`] for a generator's frame, to its end or its next yield. Begins by raising `throw` where the frame stands. Which
/// of the two it came to is said by the instruction that left: once it has, others may resume the generator.
pub(crate) fn run_generator(t: &Thread, it: &Interp, throw: Option<Exc>) -> Res<Resumed> {
    // Called by a native, which goes on afterwards.
    t.out_of_native();
    let result = run_to_end(t, it, throw);
    t.enter_native();
    result
}

/// As [`run_generator`] for a frame just pushed, in an isolate of one thread that nothing watches.
#[inline(always)]
pub(crate) fn run_plain(t: &Thread, it: &Interp, (ip, base, fp): (*const Word, *mut u64, *mut Frame)) -> Res<Resumed> {
    let mut m = M::new(t, it, ip, base, fp);
    let stop = dispatch::execute::<false>(&mut m);
    match stop {
        Stop::Yield(v) if !m.dirty && !t.is_shared() => Ok(Resumed::Yield(v)),
        stop => run_from(m, stop),
    }
}

#[inline(never)]
fn run_from(mut m: M<'_>, stop: Stop) -> Res<Resumed> {
    let t = m.t;
    let result = match stopped(&mut m, stop) {
        Some(result) => result,
        None => run_on(m),
    };
    // Threads may have come to be meanwhile.
    t.enter_native();
    result
}

fn run_to_end(t: &Thread, it: &Interp, throw: Option<Exc>) -> Res<Resumed> {
    let fp = it.fp.get();
    // SAFETY: the caller pushed the frame.
    let (ip, base) = unsafe { ((*fp).ip, (*fp).base) };
    let mut m = M::new(t, it, ip, base, fp);
    if let Some(mut e) = throw {
        if it.watch.active.get()
            && let Err(worse) = watch::thrown(t, it, fp, &e)
        {
            e = worse;
        }
        unwind(&mut m, e, true)?;
    }
    run_on(m)
}

fn run_on(mut m: M<'_>) -> Res<Resumed> {
    loop {
        m.settle();
        m.t.out_of_native();
        let watched = m.it.watch.active.get();
        let stop = if watched { dispatch::execute::<true>(&mut m) } else { dispatch::execute::<false>(&mut m) };
        if let Some(result) = stopped(&mut m, stop) {
            return result;
        }
    }
}

/// What the loop's caller gets, unless it goes on.
#[inline(always)]
fn stopped(m: &mut M<'_>, stop: Stop) -> Option<Res<Resumed>> {
    let raised = match stop {
        Stop::Switch => return None,
        Stop::As(_) | Stop::Slow | Stop::Again => unreachable!("an instruction's own business"),
        Stop::Exit(v) => {
            m.settle();
            return Some(Ok(Resumed::Return(v)));
        }
        Stop::Yield(v) => {
            m.settle();
            return Some(Ok(Resumed::Yield(v)));
        }
        Stop::Raise(e) => unwind(m, e, true),
        Stop::Reraise(e) => unwind(m, e, false),
    };
    raised.err().map(Err)
}

/// Finds the handler of `e`, or pops frames until the entry frame is gone (then the error is the caller's).
#[cold]
#[inline(never)]
fn unwind(m: &mut M<'_>, mut e: Exc, fresh: bool) -> Res<()> {
    m.save();
    let mut note = fresh;
    if m.t.breaker.any() && m.t.breaker.stopped() {
        // Whatever was raised: once the isolate is stopped, no handler and no `finally` runs.
        e = Exc::stopped();
    }
    guard_unwinding(m, &e);
    if fresh && !e.is_stopped() {
        exception::chain_native(m.t, m.it, &e);
    }
    loop {
        guard_unwinding(m, &e);
        if note
            && !e.is_stopped()
            && let Err(worse) = traceback::add(m.t, m.it, m.fp, &e)
        {
            e = worse;
        }
        let watched = m.it.watch.active.get() && !e.is_stopped();
        if watched && let Err(worse) = watch::raised(m.t, m.it, m.fp, &e, !note) {
            e = worse;
        }
        if !e.is_stopped()
            && let Some(h) = m.unit().handler_at(m.ip)
        {
            if watched && let Err(worse) = watch::handled(m.t, m.it, m.fp, &e, h.target) {
                e = worse;
            }
            let count = m.unit().register_count;
            // SAFETY: the frame is live; temporaries from `depth` on die with the statement that raised.
            unsafe { clear_registers(m.base, h.depth as usize, count) };
            m.set(h.depth as usize, e.into_value());
            m.it.raised_at.set((m.fp as usize, m.unit().offset_of(m.ip)));
            // SAFETY: handlers are inside the code.
            m.ip = unsafe { m.unit().start().add(h.target as usize) };
            return Ok(());
        }
        if watched && let Err(worse) = watch::unwound(m.t, m.it, m.fp, &e) {
            e = worse;
        }
        if !note {
            put_place_back(m);
        }
        // SAFETY: the frame is live until `abandon` pops it.
        let kind = unsafe { (*m.fp).kind };
        let left = leave_generator(m);
        leave::abandon(m);
        if let Some(g) = crate::generator::as_generator(&left) {
            // The frame object, if there is one, has kept the locals; the registers are empty already.
            drop(g.frame.take());
            g.finish();
        }
        drop(left);
        if kind == Kind::Entry {
            m.settle();
            return Err(e);
        }
        m.enter(0);
        if kind == Kind::Next && e.is(&typhon_object::types::exceptions::STOP_ITERATION) {
            m.advance(special::exhausted(m.fp));
            return Ok(());
        }
        note = true;
    }
}

/// A traceback and its frames may be others' already: then the rest of the way is one thread's at a time, and `run_to_end`
/// gives the lock up.
fn guard_unwinding(m: &M<'_>, e: &Exc) {
    // SAFETY: the frame is live.
    let seen = || m.it.watch.active.get() || unsafe { (*m.fp).object } != 0;
    if m.t.is_parallel() && (e.is_stopped() || seen() || !locked::is_only_here(e.value())) {
        m.t.take_native();
    }
}

/// A handler's cleanup raises an exception again: the frame is left at the place where it was raised, not at the cleanup.
fn put_place_back(m: &mut M<'_>) {
    let (frame, offset) = m.it.raised_at.get();
    // SAFETY: the saved ip lies behind an instruction of the frame's code, and so did the one that was remembered.
    unsafe {
        let w = *m.ip.sub(1);
        if frame == m.fp as usize && w.op() == Op::Reraise as u8 && w.kind() == 1 {
            (*m.fp).ip = m.unit().start().add(offset as usize);
        }
    }
}

/// A generator whose frame an exception leaves is over.
fn leave_generator(m: &mut M<'_>) -> Value {
    // SAFETY: the frame is live and owns its generator.
    let left = unsafe { Value::from_ref(&(*m.fp).generator).clone() };
    if let Some(g) = crate::generator::as_generator(&left) {
        m.it.handling.set(g.handling.below.replace(std::ptr::null()));
        drop(g.handling.replace(Value::ABSENT));
    }
    left
}

#[inline(always)]
fn resume(m: &M<'_>) -> Flow {
    if m.t.breaker.any() {
        return Err(Stop::Slow);
    }
    if m.is_low() { Err(Stop::Again) } else { Ok(()) }
}

/// Looks up, as somebody asked. Watchers are gone over to at an instruction's beginning.
#[inline(always)]
fn resume_asked<const WATCHED: bool>(m: &mut M<'_>) -> Flow {
    m.save();
    let answered = m.t.poll_yielding();
    // Whoever has started the first thread has had it until here.
    m.t.out_of_native();
    answered?;
    if !WATCHED && m.it.watch.active.get() { switch(m) } else { Ok(()) }
}

/// Leaves the loop in front of the running instruction.
#[inline(always)]
fn switch(m: &mut M<'_>) -> Flow {
    m.advance(-1);
    Err(Stop::Switch)
}

/// The first call of the running code.
fn begin(m: &mut M<'_>) -> Flow {
    m.unit().ready(m.t)?;
    m.ip = m.unit().start();
    m.skip_resume();
    Ok(())
}

#[inline(always)]
fn breakpoint(m: &mut M<'_>) -> Flow {
    m.advance(-1);
    m.it.watch.breakpoints.uncover(m.ip);
    Err(Stop::Switch)
}

#[inline(always)]
fn jump_back(m: &mut M<'_>, w: Word) -> Flow {
    if m.t.breaker.any() {
        return Err(Stop::Slow);
    }
    m.advance(1 + w.bc() as isize);
    if m.is_low() { Err(Stop::Again) } else { Ok(()) }
}

#[inline(always)]
fn jump_back_asked<const WATCHED: bool>(m: &mut M<'_>, w: Word) -> Flow {
    resume_asked::<WATCHED>(m)?;
    m.advance(1 + w.bc() as isize);
    Ok(())
}

#[inline(always)]
fn move_(m: &mut M<'_>, w: Word) -> Flow {
    let v = m.take_b(w);
    m.set(w.a(), v);
    Ok(())
}

#[inline(always)]
fn clear(m: &mut M<'_>, w: Word) -> Flow {
    if m.reg(w.a()).is_object() {
        m.save();
    }
    m.set(w.a(), Value::ABSENT);
    Ok(())
}

#[inline(always)]
fn return_plain(m: &mut M<'_>, w: Word) -> Flow {
    let none = m.reg(w.a()).is_none();
    leave::plain(m, |m| m.take(w.a()), none)
}

#[inline(always)]
fn return_const_plain(m: &mut M<'_>, w: Word) -> Flow {
    let v = m.constant(w.bc() as usize);
    leave::plain(m, |m| m.copy(v), v.is_none())
}

#[inline(always)]
fn return_(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = m.take(w.a());
    finish(m, v)
}

#[inline(always)]
fn finish(m: &mut M<'_>, v: Value) -> Flow {
    // SAFETY: the frame is live.
    if unsafe { (*m.fp).generator } != 0 {
        return finish_generator(m, v);
    }
    leave::finish(m, v)
}

#[inline(always)]
fn finish_generator(m: &mut M<'_>, v: Value) -> Flow {
    let fp = m.fp;
    // SAFETY: the frame is live until it is popped here. It is this generator's, which whoever resumed it keeps alive, or
    // the frame itself; a frame object keeps copies before the registers go.
    unsafe {
        let bits = (*fp).generator;
        let g = &*(bits as *const crate::generator::Generator);
        let (kind, dst, skip) = ((*fp).kind, (*fp).dst, (*fp).skip);
        if (*fp).object != 0 {
            crate::frame_object::put_back(fp, &v);
            crate::frame_object::detach(m.t, m.it, fp);
            drop(g.frame.take());
        }
        crate::generator::pop(m.t, m.it, fp, g);
        g.finish();
        if kind == Kind::Entry {
            drop(Value::from_raw(bits));
            return Err(Stop::Exit(v));
        }
        generators::generator_returned(m, kind, dst, skip, v)
    }
}

#[inline(always)]
fn return_generator(m: &mut M<'_>) -> Flow {
    m.save();
    let fp = m.fp;
    // SAFETY: the frame is live until it is popped here: then its registers and function are the generator's.
    unsafe {
        let plain = (*fp).kind == Kind::Call && ((*fp).object | (*fp).locals) == 0 && !m.it.watch.active.get();
        let v = crate::generator::from_frame(m.t, fp, plain)?;
        if !plain {
            return leave::finish(m, v);
        }
        let (dst, skip) = ((*fp).dst, (*fp).skip);
        m.it.fp.set(fp.sub(1));
        m.t.depth.set(m.t.depth.get() - 1);
        m.enter(skip as isize);
        m.set(dst as usize, v);
    }
    Ok(())
}
