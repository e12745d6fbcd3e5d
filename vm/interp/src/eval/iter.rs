//! Iteration, and generators resumed in the loop.

use super::arith::{COOLDOWN, due};
use super::machine::{Flow, M, Stop};
use super::special;
use crate::frame::{Interp, Kind};
use crate::generator::{self, Generator, State, as_generator};
use typhon_isa::word::KILL_B;
use typhon_isa::{CodeFlags, Opcode, Word};
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::names::n;
use typhon_object::tuple::{self, Tuple};
use typhon_object::types::dict_::iter::DictItemIter;
use typhon_object::types::exceptions as exc;
use typhon_object::types::list_::ListIter;
use typhon_object::types::range_iter::RangeIter;
use typhon_object::types::tuple_iter::TupleIter;
use typhon_object::types::{enumerate, zip};
use typhon_object::{Thread, Value, ids, ops, type_of};

#[inline(always)]
pub(crate) fn get_iter(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    if special::is_instance(m.reg(w.b())) {
        let f = special::method(m.t, m.reg(w.b()), n::__iter__(), 1);
        if !f.is_absent() {
            let args = [m.reg(w.b()).clone()];
            return special::enter(m, f, args, Kind::Iter);
        }
    }
    let it = iter(m.t, m.reg(w.b()))?;
    m.kill_b(w);
    m.set(w.a(), it);
    Ok(())
}

#[inline(never)]
fn iter(t: &Thread, v: &Value) -> Res {
    ops::iter(t, v)
}

#[inline(always)]
pub(crate) fn yield_from_iter(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    if special::is_instance(m.reg(w.b())) {
        let f = special::method(m.t, m.reg(w.b()), n::__iter__(), 1);
        if !f.is_absent() {
            let args = [m.reg(w.b()).clone()];
            return special::enter(m, f, args, Kind::Iter);
        }
    }
    let v = m.take_b(w);
    let it = delegate(m.t, m.unit().code.flags, v)?;
    m.set(w.a(), it);
    Ok(())
}

#[inline(never)]
fn delegate(t: &Thread, flags: u32, v: Value) -> Res {
    if let Some(g) = as_generator(&v) {
        if g.unit.code.flags & CodeFlags::COROUTINE == 0 {
            return Ok(v);
        }
        if flags & (CodeFlags::COROUTINE | CodeFlags::ITERABLE_COROUTINE) == 0 {
            return Err(error::type_error(t, "cannot 'yield from' a coroutine object in a non-coroutine generator"));
        }
        return Ok(v);
    }
    ops::iter(t, &v)
}

/// The jump of an exhausted ForIter: drops the iterator.
#[inline(always)]
fn exhausted(m: &mut M<'_>, w: Word) -> Flow {
    let offset = m.extra(0) as u32 as i32 as isize;
    m.kill(w.b());
    m.advance(2 + offset);
    Ok(())
}

#[inline(always)]
pub(crate) fn for_iter(m: &mut M<'_>, w: Word) -> Flow {
    if due(m, 1) {
        let id = m.reg(w.b()).header().map_or(0, |h| h.shape().0);
        let op = match id {
            ids::LIST_ITER => Some(Opcode::ForIterList),
            ids::TUPLE_ITER => Some(Opcode::ForIterTuple),
            ids::RANGE_ITER => Some(Opcode::ForIterRange),
            ids::GENERATOR => Some(Opcode::ForIterGen),
            ids::ENUMERATE => Some(Opcode::ForIterEnumerate),
            ids::ZIP => Some(Opcode::ForIterZip),
            ids::DICT_ITEM_ITER => Some(Opcode::ForIterItems),
            _ => None,
        };
        match op {
            Some(op) => m.rewrite(w, op),
            None => m.set_extra(1, COOLDOWN),
        }
    }
    for_iter_generic(m, w)
}

#[inline(always)]
fn for_iter_generic(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    if special::is_instance(m.reg(w.b())) {
        let f = special::method(m.t, m.reg(w.b()), n::__next__(), 1);
        if !f.is_absent() {
            let args = [m.reg(w.b()).clone()];
            return special::enter(m, f, args, Kind::Next);
        }
    }
    let v = match type_of(m.reg(w.b())).slots().next {
        Some(next) => match next(m.t, m.reg(w.b())) {
            Ok(v) => v,
            Err(e) => stopped(e)?,
        },
        None => next(m.t, m.reg(w.b()))?.unwrap_or_default(),
    };
    if v.is_absent() {
        return exhausted(m, w);
    }
    m.set(w.a(), v);
    m.advance(2);
    Ok(())
}

/// A StopIteration ends the loop as if nothing had come.
#[cold]
#[inline(never)]
fn stopped(e: error::Exc) -> Res {
    if e.is(&exc::STOP_ITERATION) { Ok(Value::ABSENT) } else { Err(e) }
}

/// An iterator over pairs. Where the pair is unpacked at once no tuple is made.
#[inline(always)]
fn for_iter_pair(m: &mut M<'_>, w: Word, pair: Option<(Value, Value)>) -> Flow {
    let Some((x, y)) = pair else { return exhausted(m, w) };
    let next = Word(m.extra(2));
    let unpacked = next.op() == Opcode::UnpackSequence as u8
        && next.c() == 2
        && next.b() == w.a()
        && next.x() & KILL_B != 0
        && !m.it.watch.active.get();
    if unpacked {
        m.set(next.a(), x);
        m.set(next.a() + 1, y);
        m.advance(4);
        return Ok(());
    }
    let v = tuple::from_array(m.t, [x, y])?;
    m.set(w.a(), v);
    m.advance(2);
    Ok(())
}

#[inline(always)]
fn is_exactly(m: &M<'_>, w: Word, id: u32) -> bool {
    m.reg(w.b()).header().is_some_and(|h| h.shape().0 == id)
}

#[inline(always)]
pub(crate) fn for_iter_enumerate(m: &mut M<'_>, w: Word) -> Flow {
    if !is_exactly(m, w, ids::ENUMERATE) {
        return miss(m, w);
    }
    m.save();
    let pair = enumerate::step(m.t, m.reg(w.b()))?;
    for_iter_pair(m, w, pair)
}

#[inline(always)]
pub(crate) fn for_iter_zip(m: &mut M<'_>, w: Word) -> Flow {
    if !is_exactly(m, w, ids::ZIP) {
        return miss(m, w);
    }
    m.save();
    match zip::step(m.t, m.reg(w.b()))? {
        Some(pair) => for_iter_pair(m, w, pair),
        None => miss(m, w),
    }
}

#[inline(always)]
pub(crate) fn for_iter_items(m: &mut M<'_>, w: Word) -> Flow {
    if !is_exactly(m, w, ids::DICT_ITEM_ITER) {
        return miss(m, w);
    }
    m.save();
    let pair = DictItemIter::step(m.t, m.reg(w.b()))?;
    for_iter_pair(m, w, pair)
}

#[inline(never)]
fn next(t: &Thread, it: &Value) -> Res<Option<Value>> {
    ops::next(t, it)
}

#[inline(always)]
fn miss(m: &mut M<'_>, w: Word) -> Flow {
    m.rewrite(w, Opcode::ForIter);
    m.set_extra(1, COOLDOWN);
    Err(Stop::As(Opcode::ForIter as usize))
}

#[inline(always)]
pub(crate) fn for_iter_list(m: &mut M<'_>, w: Word) -> Flow {
    let Some(it) = m.reg(w.b()).exact::<ListIter>() else { return miss(m, w) };
    let bits = it.list.bits();
    if bits == 0 {
        return exhausted(m, w);
    }
    // SAFETY: a list iterator's slot holds a list or a subclass of it, alive while the slot holds it.
    let list = unsafe { &*(bits as *const List) };
    let i = it.index.get();
    // SAFETY: a word is read and nothing else done.
    match unsafe { list.items() }.get(i).map(Value::bits) {
        Some(bits) => {
            it.index.set(i + 1);
            let v = m.copy(Value::from_ref(&bits));
            m.set(w.a(), v);
            m.advance(2);
            Ok(())
        }
        // The iterator lets go of what it has run through, so that nothing put there later shows.
        None => Err(Stop::As(Opcode::ForIter as usize)),
    }
}

#[inline(always)]
pub(crate) fn for_iter_tuple(m: &mut M<'_>, w: Word) -> Flow {
    let Some(it) = m.reg(w.b()).exact::<TupleIter>() else { return miss(m, w) };
    let bits = it.tuple.bits();
    if bits == 0 {
        return exhausted(m, w);
    }
    // SAFETY: as in `for_iter_list`.
    let tuple = unsafe { &*(bits as *const Tuple) };
    let i = it.index.get();
    match tuple.items().get(i) {
        Some(v) => {
            let bits = v.bits();
            it.index.set(i + 1);
            let v = m.copy(Value::from_ref(&bits));
            m.set(w.a(), v);
            m.advance(2);
            Ok(())
        }
        None => Err(Stop::As(Opcode::ForIter as usize)),
    }
}

#[inline(always)]
pub(crate) fn for_iter_range(m: &mut M<'_>, w: Word) -> Flow {
    let Some(it) = m.reg(w.b()).exact::<RangeIter>() else { return miss(m, w) };
    let left = it.remaining.get();
    if left <= 0 {
        return exhausted(m, w);
    }
    let i = it.next.get();
    let Some(v) = Value::try_small(i) else { return Err(Stop::As(Opcode::ForIter as usize)) };
    it.remaining.set(left - 1);
    it.next.set(i.wrapping_add(it.step.get()));
    m.set(w.a(), v);
    m.advance(2);
    Ok(())
}

/// Takes up generator `g` in this loop, which nobody watches and whose frame nobody has asked for; `Slow` if it is not so, or
/// if it cannot run on. What is sent is register `sent`, or None.
#[inline(always)]
fn resume_plain(m: &mut M<'_>, w: Word, g: &Generator, kind: Kind, sent: Option<usize>) -> Flow {
    let state = g.state.get();
    let none = sent.is_none_or(|i| m.reg(i).is_none());
    let ready = state == State::Suspended || state == State::Created && none;
    // SAFETY: the frame is live.
    let top = unsafe { (*m.fp).top };
    if !ready || !g.frame.is_absent() || m.it.watch.active.get() || !m.it.has_room(m.t, top) {
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
    let frame = generator::record(m.it, g, kind, w.a() as u16, 2, top);
    m.t.depth.set(m.t.depth.get() + 1);
    // SAFETY: room was checked.
    unsafe {
        let fp = m.fp.add(1);
        fp.write(frame);
        m.it.fp.set(fp);
    }
    m.enter_generator(g);
    Ok(())
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
    match g.state.get() {
        State::Suspended => generator::deliver(g, Value::NONE),
        State::Created => {}
        _ => return Err(Stop::As(Opcode::ForIter as usize)),
    }
    let v = m.reg(w.b());
    generator::push(m.t, m.it, v, g, Kind::ForIter, w.a() as u16, 2)?;
    m.enter_generator(g);
    Ok(())
}

/// Yield, in a generator resumed in this loop whose frame nobody has asked for.
#[inline(always)]
pub(crate) fn yield_plain(m: &mut M<'_>, w: Word) -> Flow {
    let fp = m.fp;
    // SAFETY: the frame is live.
    let (bits, object, kind, dst, skip) = unsafe { ((*fp).generator, (*fp).object, (*fp).kind, (*fp).dst, (*fp).skip) };
    if bits == 0 || object != 0 || kind == Kind::Entry {
        return Err(Stop::Slow);
    }
    let v = m.take_b(w);
    // SAFETY: whoever resumed the generator keeps it alive.
    let g = unsafe { &*(bits as *const Generator) };
    g.ip.set(m.ip);
    g.state.set(State::Suspended);
    m.it.handling.set(g.handling.below.replace(std::ptr::null()));
    m.t.depth.set(m.t.depth.get() - 1);
    // SAFETY: the record below is that of whoever resumed the generator.
    m.it.fp.set(unsafe { fp.sub(1) });
    m.enter(skip as isize);
    m.set(dst as usize, v);
    Ok(())
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
    g.state.set(State::Suspended);
    if object != 0 {
        suspend_object(m.t, m.it, fp, g);
    }
    // SAFETY: the running frame is this generator's.
    unsafe { generator::pop(m.t, m.it, fp, g) };
    if kind == Kind::Entry {
        // SAFETY: such a frame owns its generator.
        drop(unsafe { Value::from_raw(bits) });
        return Err(Stop::Exit(v));
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
        object.suspend(g.regs.get(), g.ip.get());
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
        let ready = match g.state.get() {
            State::Suspended => true,
            State::Created => m.reg(w.c()).is_none(),
            _ => false,
        };
        if ready {
            let sent = m.take_c(w);
            if g.state.get() == State::Suspended {
                generator::deliver(g, sent);
            }
            let v = m.reg(w.b());
            generator::push(m.t, m.it, v, g, Kind::Send, w.a() as u16, 2)?;
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
    if as_generator(it).is_some_and(|g| g.unit.code.flags & CodeFlags::ASYNC_GENERATOR == 0) {
        return generator::send(t, it, v);
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

#[inline(always)]
pub(crate) fn get_awaitable(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    if generator::is_coroutine(m.reg(w.b())) {
        // SAFETY: tested just above.
        let g = unsafe { &*(m.bits(w.b()) as *const Generator) };
        if g.state.get() == State::Created {
            let v = m.take_b(w);
            m.set(w.a(), v);
            return Ok(());
        }
    }
    let v = m.take_b(w);
    let it = crate::coroutine::awaitable(m.t, &v, w.kind())?;
    m.set(w.a(), it);
    Ok(())
}

#[inline(always)]
pub(crate) fn get_aiter(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = m.take_b(w);
    let it = aiter(m.t, &v)?;
    m.set(w.a(), it);
    Ok(())
}

#[inline(never)]
fn aiter(t: &Thread, v: &Value) -> Res {
    let name = || type_of(v).name();
    let Some(f) = type_of(v).slots().aiter else {
        return Err(error::type_error(
            t,
            format_args!("'async for' requires an object with __aiter__ method, got {}", name()),
        ));
    };
    let it = f(t, v)?;
    if type_of(&it).slots().anext.is_none() {
        let got = type_of(&it).name();
        return Err(error::type_error(
            t,
            format_args!("'async for' received an object from __aiter__ that does not implement __anext__: {got}"),
        ));
    }
    Ok(it)
}

#[inline(always)]
pub(crate) fn get_anext(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let it = anext(m.t, m.reg(w.b()))?;
    m.set(w.a(), it);
    Ok(())
}

#[inline(never)]
fn anext(t: &Thread, v: &Value) -> Res {
    let Some(f) = type_of(v).slots().anext else {
        let name = type_of(v).name();
        return Err(error::type_error(
            t,
            format_args!("'async for' requires an iterator with __anext__ method, got {name}"),
        ));
    };
    let it = f(t, v)?;
    if type_of(v)
        .slots()
        .anext
        .is_some_and(|f| std::ptr::fn_addr_eq(f, crate::asyncgen::anext as typhon_object::slots::UnaryFn))
    {
        return Ok(it);
    }
    crate::coroutine::awaitable(t, &it, 0).map_err(|cause| {
        let got = type_of(&it).name();
        let text = format!("'async for' received an invalid object from __anext__: {got}");
        error::chain(t, error::type_error(t, text), cause)
    })
}

#[inline(always)]
pub(crate) fn get_len(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let n = ops::len(m.t, m.reg(w.b()))?;
    m.set(w.a(), typhon_object::convert::from_usize(n));
    Ok(())
}
