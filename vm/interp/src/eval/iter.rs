//! Iteration, and generators resumed in the loop.

use super::arith::{COOLDOWN, due};
use super::machine::{Flow, M, Stop};
use super::special;
use crate::frame::Kind;
use crate::generator::{self, Generator, State, as_generator};
use typhon_isa::word::KILL_B;
use typhon_isa::{CodeFlags, Opcode, Word};
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::names::n;
use typhon_object::tuple::{self, Tuple};
use typhon_object::types::dict_::iter::DictItemIter;
use typhon_object::types::exceptions as exc;
use typhon_object::types::list_::{self, ListIter};
use typhon_object::types::range_iter::RangeIter;
use typhon_object::types::tuple_iter::{self, TupleIter};
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
    if v.exact::<List>().is_some() {
        return list_::iter::new(t, v);
    }
    if v.exact::<Tuple>().is_some() {
        return tuple_iter::new(t, v);
    }
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
    let v = m.held_b(w);
    let it = delegate(m.t, m.unit().code.flags, v)?;
    m.set(w.a(), it);
    Ok(())
}

#[inline(never)]
fn delegate(t: &Thread, flags: u32, v: Value) -> Res {
    if let Some(g) = as_generator(&v) {
        if g.unit().code.flags & CodeFlags::COROUTINE == 0 {
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
pub(super) fn miss(m: &mut M<'_>, w: Word) -> Flow {
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
        // It dies here, if the loop alone has it.
        None if !m.t.is_shared() && m.reg(w.b()).header().is_some_and(Header::is_unique) => exhausted(m, w),
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

#[inline(always)]
pub(crate) fn get_awaitable(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    if generator::is_coroutine(m.reg(w.b())) {
        // SAFETY: tested just above.
        let g = unsafe { &*(m.bits(w.b()) as *const Generator) };
        if g.state() == State::Created {
            let v = m.take_b(w);
            m.set(w.a(), v);
            return Ok(());
        }
    }
    let v = m.held_b(w);
    let it = crate::coroutine::awaitable(m.t, &v, w.kind())?;
    m.set(w.a(), it);
    Ok(())
}

#[inline(always)]
pub(crate) fn get_aiter(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = m.held_b(w);
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
