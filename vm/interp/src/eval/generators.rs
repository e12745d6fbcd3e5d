//! Generators that run in the loop of whoever resumes them: loops over them, delegation, and their yields.

use super::iter::miss;
use super::machine::{Flow, M, Stop};
use crate::frame::{Interp, Kind};
use crate::generator::{self, Generator, State, as_generator};
use typhon_isa::word::KILL_B;
use typhon_isa::{CodeFlags, Opcode, Word};
use typhon_object::error::{self, Res};
use typhon_object::names::n;
use typhon_object::types::exceptions as exc;
use typhon_object::{Thread, Value, ids, type_of};

/// Takes the generator in a register, which stands at `state`, from others that may want to resume it, if there are references
/// besides the register's.
#[inline(always)]
fn claim(g: &Generator, state: State) -> bool {
    if g.header.is_unique() {
        g.set_state(State::Running);
        return true;
    }
    g.claim(state)
}

/// Takes up generator `g` in this loop, which nobody watches and whose frame nobody has asked for; `Slow` if it is not so, or
/// if it cannot run on. What is sent is register `sent`, or None.
#[inline(always)]
fn resume_plain(m: &mut M<'_>, w: Word, g: &Generator, kind: Kind, sent: Option<usize>) -> Flow {
    let state = g.state();
    let none = sent.is_none_or(|i| m.reg(i).is_none());
    let ready = state == State::Suspended || state == State::Created && none;
    // SAFETY: the frame is live.
    let top = unsafe { (*m.fp).top };
    if !ready || !g.frame.is_absent() || m.it.watch.active.get() || !m.it.has_room(m.t, top) || !claim(g, state) {
        return Err(Stop::Slow);
    }
    if !g.is_here(m.t) {
        g.set_state(state);
        return Err(Stop::Slow);
    }
    m.save();
    let sent = match sent {
        Some(_) => m.take_c(w),
        None => Value::NONE,
    };
    if state == State::Suspended {
        generator::deliver(g, sent);
    }
    enter_plain(m, w, g, kind, top);
    descend(m);
    Ok(())
}

/// Pushes the frame of generator `g`, for which there is room, and takes it up.
#[inline(always)]
fn enter_plain(m: &mut M<'_>, w: Word, g: &Generator, kind: Kind, top: *mut u64) {
    let frame = generator::record(m.it, g, kind, w.a() as u16, 2, top);
    m.t.depth.set(m.t.depth.get() + 1);
    // SAFETY: the caller has checked that there is room.
    unsafe {
        let fp = m.fp.add(1);
        fp.write(frame);
        m.it.fp.set(fp);
    }
    m.enter_generator(g);
}

/// The generator just entered may itself stand at a delegation: what it delegates to is taken up at once, and so on, without
/// the instructions in between. Where that is not plain, those instructions do it.
#[inline(always)]
fn descend(m: &mut M<'_>) {
    loop {
        // SAFETY: ip points at an instruction.
        let back = unsafe { *m.ip };
        // One that counts does not count here: no trace begins at a delegation.
        let jumps = [Opcode::JumpBack as u8, Opcode::JumpBackCounted as u8].contains(&back.op());
        if !jumps || m.t.breaker.any() {
            return;
        }
        // SAFETY: jumps lead to instructions.
        let (w, behind) = unsafe {
            let to = m.ip.offset(2 + back.bc() as isize);
            (*to, to.add(1))
        };
        let id = if w.op() == Opcode::Send as u8 { m.reg(w.b()).header().map_or(0, |h| h.shape().0) } else { 0 };
        if id != ids::GENERATOR && id != ids::COROUTINE {
            return;
        }
        // SAFETY: tested just above.
        let g = unsafe { &*(m.bits(w.b()) as *const Generator) };
        // SAFETY: the frame is live.
        let top = unsafe { (*m.fp).top };
        let ready = g.state() == State::Suspended && g.frame.is_absent() && m.it.has_room(m.t, top);
        if !ready || !claim(g, State::Suspended) {
            return;
        }
        if !g.is_here(m.t) {
            return g.set_state(State::Suspended);
        }
        m.ip = behind;
        m.save();
        let sent = m.take_c(w);
        generator::deliver(g, sent);
        enter_plain(m, w, g, Kind::Send, top);
    }
}

/// A generator in a loop: its next yield writes register `a`.
#[inline(always)]
pub(crate) fn for_iter_gen(m: &mut M<'_>, w: Word) -> Flow {
    if m.reg(w.b()).header().map_or(0, |h| h.shape().0) != ids::GENERATOR {
        return miss(m, w);
    }
    // SAFETY: tested just above.
    let g = unsafe { &*(m.bits(w.b()) as *const Generator) };
    resume_plain(m, w, g, Kind::ForIter, None)
}

/// The same for one that is watched, or finished, or the like.
#[inline(always)]
pub(crate) fn for_iter_gen_any(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    // SAFETY: the first part tested it.
    let g = unsafe { &*(m.bits(w.b()) as *const Generator) };
    let state = g.state();
    if !matches!(state, State::Suspended | State::Created) {
        return Err(Stop::As(Opcode::ForIter as usize));
    }
    let v = m.reg(w.b());
    generator::push(m.t, m.it, (v, g, state), Kind::ForIter, w.a() as u16, 2)?;
    if state == State::Suspended {
        generator::deliver(g, Value::NONE);
    }
    m.enter_generator(g);
    Ok(())
}

/// Yield, in a generator whose frame nobody has asked for. One resumed in this loop that delegates to it yields the value on
/// at once, and so on.
#[inline(always)]
pub(crate) fn yield_plain(m: &mut M<'_>, w: Word) -> Flow {
    let (mut fp, mut ip) = (m.fp, m.ip);
    // SAFETY: the frame is live.
    let (mut bits, object, mut kind) = unsafe { ((*fp).generator, (*fp).object, (*fp).kind) };
    if bits == 0 || object != 0 {
        return Err(Stop::Slow);
    }
    let v = m.take_b(w);
    if kind == Kind::Entry {
        // SAFETY: whoever resumes a generator keeps it alive.
        let g = unsafe { &*(bits as *const Generator) };
        g.ip.set(ip);
        // SAFETY: the running frame is this generator's, and owns it.
        let held = unsafe {
            generator::pop(m.t, m.it, fp, g);
            Value::from_raw(bits)
        };
        g.set_state(State::Suspended);
        m.release(held);
        return Err(Stop::Yield(v));
    }
    loop {
        // SAFETY: whoever resumed the generator keeps it alive.
        let g = unsafe { &*(bits as *const Generator) };
        g.ip.set(ip);
        m.it.handling.set(g.handling.below.replace(std::ptr::null()));
        g.set_state(State::Suspended);
        m.t.depth.set(m.t.depth.get() - 1);
        // SAFETY: the frame is live, and so is the one below: that of whoever resumed the generator. It stands behind the
        // word of the instruction that did, which other instructions follow.
        unsafe {
            let (dst, skip, below) = ((*fp).dst, (*fp).skip, fp.sub(1));
            m.it.fp.set(below);
            let at = (*below).ip.add(skip as usize);
            let next = *at;
            let passes = kind == Kind::Send
                && next.op() == Opcode::Yield as u8
                && next.b() == dst as usize
                && next.x() & KILL_B != 0
                && (*below).object == 0
                && (*below).kind != Kind::Entry
                && !m.it.watch.active.get();
            if !passes {
                m.enter(skip as isize);
                m.set(dst as usize, v);
                return Ok(());
            }
            (fp, ip, bits, kind) = (below, at.add(1), (*below).generator, (*below).kind);
        }
    }
}

/// Yield: suspends the running generator and hands `v` on.
#[inline(always)]
pub(crate) fn yield_value(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = m.take_b(w);
    let fp = m.fp;
    // SAFETY: Yield is compiled into generators only, whose frames own their generator.
    let (bits, object, kind, dst, skip) = unsafe { ((*fp).generator, (*fp).object, (*fp).kind, (*fp).dst, (*fp).skip) };
    if bits == 0 {
        return Err(error::system_error(m.t, "yield outside a generator's frame").into());
    }
    // SAFETY: whoever resumed the generator keeps it alive, or this frame.
    let g = unsafe { &*(bits as *const Generator) };
    g.ip.set(m.ip);
    if object != 0 {
        suspend_object(m.t, m.it, fp, g);
    }
    // SAFETY: the running frame is this generator's.
    unsafe { generator::pop(m.t, m.it, fp, g) };
    g.set_state(State::Suspended);
    if kind == Kind::Entry {
        // SAFETY: such a frame owns its generator.
        drop(unsafe { Value::from_raw(bits) });
        return Err(Stop::Yield(v));
    }
    m.enter(skip as isize);
    m.set(dst as usize, v);
    Ok(())
}

#[cold]
#[inline(never)]
fn suspend_object(t: &Thread, it: &Interp, fp: *mut crate::frame::Frame, g: &Generator) {
    crate::frame_object::settle(t, it, fp);
    // SAFETY: the running frame is live.
    let bits = unsafe { (*fp).object };
    if let Some(object) = Value::from_ref(&bits).downcast::<crate::frame_object::FrameObject>() {
        object.suspend(g);
    }
}

/// A generator's frame returns `v`: ends the loop or the delegation that resumed it.
#[inline(always)]
pub(crate) fn generator_returned(m: &mut M<'_>, kind: Kind, dst: u16, skip: u8, v: Value) -> Flow {
    m.enter(0);
    let offset = m.extra(0) as u32 as i32 as isize;
    if kind == Kind::ForIter {
        // SAFETY: the caller's ip lies behind the ForIter word.
        let w = unsafe { *m.ip.sub(1) };
        drop(v);
        m.kill(w.b());
    } else {
        m.set(dst as usize, v);
    }
    m.advance(skip as isize + offset);
    Ok(())
}

/// Send to a generator or coroutine that is taken up in this loop.
#[inline(always)]
pub(crate) fn send_plain(m: &mut M<'_>, w: Word) -> Flow {
    let id = m.reg(w.b()).header().map_or(0, |h| h.shape().0);
    if id != ids::GENERATOR && id != ids::COROUTINE {
        return Err(Stop::Slow);
    }
    // SAFETY: tested just above.
    let g = unsafe { &*(m.bits(w.b()) as *const Generator) };
    resume_plain(m, w, g, Kind::Send, Some(w.c()))
}

/// Send: drives an iterator one step. Finished: its result and a jump; else the yielded value and on to the Yield.
#[inline(always)]
pub(crate) fn send(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let id = m.reg(w.b()).header().map_or(0, |h| h.shape().0);
    if id == ids::GENERATOR || id == ids::COROUTINE {
        // SAFETY: tested just above.
        let g = unsafe { &*(m.bits(w.b()) as *const Generator) };
        let state = g.state();
        let ready = match state {
            State::Suspended => true,
            State::Created => m.reg(w.c()).is_none(),
            _ => false,
        };
        if ready {
            let v = m.reg(w.b());
            generator::push(m.t, m.it, (v, g, state), Kind::Send, w.a() as u16, 2)?;
            // The frame below is still the running one's.
            let sent = m.take_c(w);
            if state == State::Suspended {
                generator::deliver(g, sent);
            }
            m.enter_generator(g);
            return Ok(());
        }
    }
    let step = send_slow(m.t, m.reg(w.b()), m.reg(w.c()))?;
    m.kill_c(w);
    match step {
        generator::Resumed::Yield(v) => {
            m.set(w.a(), v);
            m.advance(2);
        }
        generator::Resumed::Return(v) => {
            m.set(w.a(), v);
            let offset = m.extra(0) as u32 as i32 as isize;
            m.advance(2 + offset);
        }
    }
    Ok(())
}

#[inline(never)]
fn send_slow(t: &Thread, it: &Value, v: &Value) -> Res<generator::Resumed> {
    if as_generator(it).is_some_and(|g| g.unit().code.flags & CodeFlags::ASYNC_GENERATOR == 0) {
        return generator::send(t, it, v);
    }
    if it.exact::<crate::asyncgen::Step>().is_some() {
        return crate::asyncgen::step_send(t, it, v);
    }
    let r = match type_of(it).slots().next {
        Some(next) if v.is_none() => next(t, it),
        _ => {
            let send = n::send();
            typhon_object::call::method(t, it, send, std::slice::from_ref(v))
        }
    };
    match r {
        Ok(v) if v.is_absent() => Ok(generator::Resumed::Return(Value::NONE)),
        Ok(v) => Ok(generator::Resumed::Yield(v)),
        Err(e) if e.is(&exc::STOP_ITERATION) => {
            Ok(generator::Resumed::Return(exc::field(e.value(), "value").unwrap_or(Value::NONE)))
        }
        Err(e) => Err(e),
    }
}
