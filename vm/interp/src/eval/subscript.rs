//! Subscripts.

use super::arith::{COOLDOWN, due};
use super::machine::{Flow, M, Stop};
use super::special;
use crate::call::{push, zero};
use crate::frame::Kind;
use crate::function::Function;
use typhon_isa::{Opcode, Word};
use typhon_object::dict::{Dict, hash_key};
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::names::n;
use typhon_object::strs::{self, Str};
use typhon_object::tuple::{self, Tuple};
use typhon_object::types::slice::{self, Slice};
use typhon_object::{Thread, Value, ops, type_of};

#[inline(always)]
pub(crate) fn get_item(m: &mut M<'_>, w: Word) -> Flow {
    if due(m, 0) {
        match pick(m.t, m.reg(w.b()), m.reg(w.c())) {
            Some(op) => m.rewrite(w, op),
            None => m.set_extra(0, COOLDOWN),
        }
    }
    get_generic(m, w)
}

fn pick(t: &Thread, v: &Value, key: &Value) -> Option<Opcode> {
    if v.exact::<Dict>().is_some() {
        return Some(Opcode::GetItemDict);
    }
    if own_getitem(t, v).is_some() {
        return Some(Opcode::GetItemPython);
    }
    if !key.is_small() {
        return None;
    }
    if v.exact::<List>().is_some() {
        return Some(Opcode::GetItemListInt);
    }
    if v.exact::<Tuple>().is_some() {
        return Some(Opcode::GetItemTupleInt);
    }
    v.exact::<Str>().map(|_| Opcode::GetItemStrInt)
}

#[inline(always)]
fn get_generic(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = slow(m.t, m.reg(w.b()), m.reg(w.c()))?;
    m.kill_bc(w);
    m.set(w.a(), v);
    m.advance(1);
    Ok(())
}

#[inline(never)]
fn slow(t: &Thread, v: &Value, key: &Value) -> Res {
    if let Some(s) = key.exact::<Slice>() {
        // SAFETY: a slice's parts never change, and the register keeps it alive.
        let (start, stop, step) = unsafe { (s.start.peek(), s.stop.peek(), s.step.peek()) };
        if step.is_none()
            && let Some(r) = part(t, v, start, stop)
        {
            return r;
        }
    }
    ops::getitem(t, v, key)
}

#[inline(always)]
fn miss(m: &mut M<'_>, w: Word) -> Flow {
    m.rewrite(w, Opcode::GetItem);
    m.set_extra(0, COOLDOWN);
    Err(Stop::As(Opcode::GetItem as usize))
}

/// The position an index means, if it is inside.
#[inline(always)]
fn position(i: i64, len: usize) -> Option<usize> {
    let at = if i < 0 { i + len as i64 } else { i };
    if (at as u64) < len as u64 { Some(at as usize) } else { None }
}

#[inline(always)]
fn done(m: &mut M<'_>, w: Word, v: Value) -> Flow {
    m.kill_bc(w);
    m.set(w.a(), v);
    m.advance(1);
    Ok(())
}

#[inline(always)]
pub(crate) fn list_int(m: &mut M<'_>, w: Word) -> Flow {
    let (Some(list), Some(i)) = (m.reg(w.b()).exact::<List>(), m.reg(w.c()).as_small()) else { return miss(m, w) };
    match item(list, i) {
        Some(bits) => {
            let v = m.copy(Value::from_ref(&bits));
            done(m, w, v)
        }
        None => Err(Stop::As(Opcode::GetItem as usize)),
    }
}

/// The raw word of an item, if the index is inside. The list still owns it.
#[inline(always)]
fn item(list: &List, i: i64) -> Option<u64> {
    // SAFETY: a word is read and nothing else done.
    let items = unsafe { list.items() };
    position(i, items.len()).map(|i| items[i].bits())
}

#[inline(always)]
pub(crate) fn tuple_int(m: &mut M<'_>, w: Word) -> Flow {
    let (Some(tuple), Some(i)) = (m.reg(w.b()).exact::<Tuple>(), m.reg(w.c()).as_small()) else { return miss(m, w) };
    match position(i, tuple.len()) {
        Some(i) => {
            let bits = tuple.items()[i].bits();
            let v = m.copy(Value::from_ref(&bits));
            done(m, w, v)
        }
        None => Err(Stop::As(Opcode::GetItem as usize)),
    }
}

#[inline(always)]
pub(crate) fn str_int(m: &mut M<'_>, w: Word) -> Flow {
    let (Some(s), Some(i)) = (m.reg(w.b()).exact::<Str>(), m.reg(w.c()).as_small()) else { return miss(m, w) };
    match position(i, s.len()) {
        Some(i) => {
            let v = strs::from_char(m.t, s.at(i))?;
            done(m, w, v)
        }
        None => Err(Stop::As(Opcode::GetItem as usize)),
    }
}

#[inline(always)]
pub(crate) fn dict(m: &mut M<'_>, w: Word) -> Flow {
    if m.reg(w.b()).exact::<Dict>().is_none() {
        return miss(m, w);
    }
    m.save();
    match find(m.t, m.reg(w.b()), m.reg(w.c()))? {
        Some(v) => done(m, w, v),
        None => {
            let key = m.reg(w.c()).clone();
            Err(error::key_error(m.t, &key).into())
        }
    }
}

#[inline(always)]
fn find(t: &Thread, d: &Value, key: &Value) -> Res<Option<Value>> {
    Dict::of(d).get(t, key)
}

/// `__getitem__` of a Python class, if it is a Python function of two arguments.
#[inline(always)]
pub(super) fn own_getitem(t: &Thread, v: &Value) -> Option<Value> {
    let ty = type_of(v);
    if !ty.is_heap_type() {
        return None;
    }
    let found = ty.lookup(t, n::__getitem__())?;
    let unit = found.exact::<Function>()?.unit();
    (unit.simple && unit.arg_count == 2).then_some(found)
}

#[inline(always)]
pub(crate) fn python(m: &mut M<'_>, w: Word) -> Flow {
    let Some(callee) = own_getitem(m.t, m.reg(w.b())) else { return miss(m, w) };
    m.save();
    // SAFETY: tested just above; the frame owns the function.
    let unit = unsafe { &*(callee.bits() as *const Function) }.unit().here(m.t, m.it)?;
    // SAFETY: the frame is live.
    let base = unsafe { (*m.fp).top };
    // SAFETY: address arithmetic; checked before use.
    m.it.check_room(m.t, unsafe { base.add(unit.register_count) })?;
    let (v, key) = (m.take_b(w), m.take_c(w));
    // SAFETY: room was checked; the registers above `top` hold nothing alive.
    unsafe {
        base.write(v.into_raw());
        base.add(1).write(key.into_raw());
    }
    zero(base, 2, unit.local_count);
    push(m.t, m.it, callee, unit, base, Kind::Call, w.a() as u16, 1);
    m.enter_pushed(unit, base);
    Ok(())
}

#[inline(always)]
pub(crate) fn get_item_imm(m: &mut M<'_>, w: Word) -> Flow {
    let (v, i) = (m.reg(w.b()), i64::from(w.imm()));
    let found = if let Some(list) = v.exact::<List>() {
        item(list, i)
    } else if let Some(tuple) = v.exact::<Tuple>() {
        position(i, tuple.len()).map(|i| tuple.items()[i].bits())
    } else {
        None
    };
    let Some(bits) = found else { return Err(Stop::Slow) };
    let v = m.copy(Value::from_ref(&bits));
    m.kill_b(w);
    m.set(w.a(), v);
    m.advance(1);
    Ok(())
}

/// The same for anything else, or outside.
#[inline(always)]
pub(crate) fn get_item_imm_other(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let (of, i) = (m.reg(w.b()), i64::from(w.imm()));
    let v = match of.exact::<Str>().and_then(|s| Some((s, position(i, s.len())?))) {
        Some((s, i)) => strs::from_char(m.t, s.at(i))?,
        None => slow(m.t, of, &Value::small(i))?,
    };
    m.kill_b(w);
    m.set(w.a(), v);
    m.advance(1);
    Ok(())
}

#[inline(always)]
pub(crate) fn set_item(m: &mut M<'_>, w: Word) -> Flow {
    let (Some(list), Some(i)) = (m.reg(w.a()).exact::<List>(), m.reg(w.b()).as_small()) else {
        return Err(Stop::Slow);
    };
    let Some(i) = position(i, list.len()) else { return Err(Stop::Slow) };
    m.save();
    // SAFETY: tested just above; the register keeps the list alive.
    let list = unsafe { &*std::ptr::from_ref(list) };
    let value = m.take_c(w);
    let old = list.exchange_own(i, value);
    m.release(old);
    m.kill_a(w);
    m.advance(1);
    Ok(())
}

/// The same for anything but an item of a list.
#[inline(always)]
pub(crate) fn set_item_other(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let (v, key) = (m.reg(w.a()), m.reg(w.b()));
    if v.exact::<Dict>().is_some() {
        set_dict(m.t, v, key, m.reg(w.c()))?;
    } else {
        if special::is_instance(v) {
            let f = special::method(m.t, v, n::__setitem__(), 3);
            if !f.is_absent() {
                let args = [v.clone(), key.clone(), m.reg(w.c()).clone()];
                return special::enter(m, f, args, Kind::Discard);
            }
        }
        set_slow(m.t, v, key, m.reg(w.c()))?;
    }
    m.kill_c(w);
    m.kill_b(w);
    m.kill_a(w);
    m.advance(1);
    Ok(())
}

#[inline(always)]
fn set_dict(t: &Thread, d: &Value, key: &Value, v: &Value) -> Res<()> {
    Dict::of(d).set_own(t, key, hash_key(t, key)?, v.clone())
}

#[inline(never)]
fn set_slow(t: &Thread, v: &Value, key: &Value, value: &Value) -> Res<()> {
    ops::setitem(t, v, key, value)
}

#[inline(always)]
pub(crate) fn del_item(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    ops::delitem(m.t, m.reg(w.b()), m.reg(w.c()))?;
    m.kill_bc(w);
    Ok(())
}

#[inline(always)]
pub(crate) fn get_slice(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = match part(m.t, m.reg(w.b()), m.reg(w.c()), m.reg(w.c() + 1)) {
        Some(v) => {
            m.kill_window(w.c(), 2);
            v?
        }
        None => {
            let key = slice::new(m.t, m.take(w.c()), m.take(w.c() + 1), Value::NONE)?;
            slow(m.t, m.reg(w.b()), &key)?
        }
    };
    m.kill_b(w);
    m.set(w.a(), v);
    Ok(())
}

/// `v[start:stop]` of a list, tuple or str by plain numbers.
#[inline(never)]
pub(super) fn part(t: &Thread, v: &Value, start: &Value, stop: &Value) -> Option<Res> {
    let range = |len: usize| {
        let from = bound(start, len, 0)?;
        let to = bound(stop, len, len)?.max(from);
        Some((from, to))
    };
    if let Some(list) = v.exact::<List>() {
        // SAFETY: copying values changes no list. Another thread may make this one shorter: the bounds are those of what is read here.
        let items = unsafe { list.items() };
        let (from, to) = range(items.len())?;
        return Some(List::from_slice(t, &items[from..to]));
    }
    if let Some(s) = v.exact::<Str>() {
        let (from, to) = range(s.len())?;
        return Some(strs::substring(t, v, from, to));
    }
    let tuple = v.exact::<Tuple>()?;
    match range(tuple.len())? {
        (0, to) if to == tuple.len() => Some(Ok(v.clone())),
        (from, to) => Some(tuple::new(t, &tuple.items()[from..to])),
    }
}

/// `v[start:stop] = items` of a list by plain numbers, where the number of items stays the same; false if it is anything
/// else.
#[inline(never)]
pub(super) fn replace(v: &Value, start: &Value, stop: &Value, items: &Value) -> bool {
    let (Some(list), Some(items)) = (v.exact::<List>(), items.exact::<List>()) else { return false };
    let len = list.len();
    let (Some(from), Some(to)) = (bound(start, len, 0), bound(stop, len, len)) else { return false };
    if to < from || to - from != items.len() || items.len() > 64 {
        return false;
    }
    if !std::ptr::eq(list, items) {
        // SAFETY: values are copied into another list, and what was there ends after that.
        let mut old = list.overwrite(from, unsafe { items.items() });
        // As CPython has it, the last one first.
        while old.pop().is_some() {}
    }
    true
}

/// A slice's bound as a position.
#[inline(always)]
fn bound(v: &Value, len: usize, default: usize) -> Option<usize> {
    if v.is_none() {
        return Some(default);
    }
    let i = v.as_small()?;
    Some(if i < 0 { (i + len as i64).max(0) as usize } else { (i as usize).min(len) })
}

#[inline(always)]
pub(crate) fn set_slice(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    if replace(m.reg(w.a()), m.reg(w.c()), m.reg(w.c() + 1), m.reg(w.b())) {
        m.kill_window(w.c(), 2);
    } else {
        let key = slice::new(m.t, m.take(w.c()), m.take(w.c() + 1), Value::NONE)?;
        set_slow(m.t, m.reg(w.a()), &key, m.reg(w.b()))?;
    }
    m.kill_b(w);
    m.kill_a(w);
    Ok(())
}
