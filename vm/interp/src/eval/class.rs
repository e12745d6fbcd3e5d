//! Calls of classes whose metaclass is `type`.
//!
//! Where a class makes its instances plainly, `__init__` runs in this loop and no native is called; where calling a built-in
//! type concerns its arguments alone, its constructor is. Neither takes the native lock beside other threads, so the first
//! part of the instruction does both.

use super::call::{EXTRA, arguments, enter_function, id_of};
use super::leave::FEW;
use super::machine::{Flow, M, Stop};
use super::{locked, native};
use crate::frame::Kind;
use crate::function::Function;
use typhon_isa::Word;
use typhon_object::error::Res;
use typhon_object::names::n;
use typhon_object::ty::flag;
use typhon_object::types::object::OBJECT;
use typhon_object::types::type_;
use typhon_object::{Thread, TypeObject, Value, ids, payload, type_of};

/// Call of a class.
#[inline(always)]
pub(crate) fn call(m: &mut M<'_>, w: Word) -> Flow {
    alone(m, w, w.b() + 1, w.c())
}

/// CallMethod of a class.
#[inline(always)]
pub(crate) fn call_method(m: &mut M<'_>, w: Word) -> Flow {
    let (first, n) = arguments(m, w);
    alone(m, w, first, n)
}

/// What needs no native lock.
#[inline(always)]
fn alone(m: &mut M<'_>, w: Word, first: usize, n: usize) -> Flow {
    let at = w.b();
    m.save();
    let init = init_of(m.t, m.reg(at));
    if !init.is_absent() {
        return enter_init(m, w, init, at, (first, n), &[]);
    }
    if n >= FEW || id_of(m, at) != ids::TYPE || m.t.is_parallel() && !begin_beside(m.t, m.reg(at), m.window(first, n)) {
        return Err(Stop::Slow);
    }
    let v = make(m.t, m.reg(at), m.window(first, n))?;
    native::done(m, w, first, n, v);
    Ok(())
}

/// Whether a built-in type, or a class of exceptions, may be called beside other natives; if so, what waited for a native to begin is done.
#[cold]
#[inline(never)]
fn begin_beside(t: &Thread, class: &Value, args: &[Value]) -> bool {
    let may =
        class.downcast::<TypeObject>().is_some_and(|c| locked::makes_built_in(c, args) || locked::makes_exceptions(c));
    if may {
        t.see_to_late_ends();
    }
    may
}

/// Any class whose metaclass is `type`.
#[inline(always)]
pub(super) fn call_any(m: &mut M<'_>, w: Word, at: usize, first: usize, n: usize) -> Flow {
    if let Some(init) = plain_class(m.t, m.reg(at)) {
        return enter_init(m, w, init, at, (first, n), &[]);
    }
    let v = if n == 1 && m.bits(at) == std::ptr::from_ref(type_::TYPE.ty()) as u64 {
        type_of(m.reg(first)).value()
    } else {
        make(m.t, m.reg(at), m.window(first, n))?
    };
    m.kill_window(first, n);
    m.kill(at);
    m.set(w.a(), v);
    m.advance(EXTRA as isize);
    Ok(())
}

/// An instance of a class whose metaclass is type itself, which calls in the ordinary way.
#[inline(never)]
fn make(t: &Thread, class: &Value, args: &[Value]) -> Res {
    t.check_stack("")?;
    type_::call_positional(t, class, args)
}

/// Makes an instance in the plain way and enters its `__init__`.
#[inline(always)]
pub(super) fn enter_init(
    m: &mut M<'_>,
    w: Word,
    init: Value,
    at: usize,
    (first, n): (usize, usize),
    names: &[Value],
) -> Flow {
    let instance = make_instance(m.t, m.reg(at))?;
    // The instance takes the register in front of the arguments: the callable's, or the empty self's.
    m.set(first - 1, instance.clone());
    if first - 1 != at {
        m.kill(at);
    }
    enter_function(m, w, init, (first - 1, n + 1), names, Kind::Init)?;
    // SAFETY: the frame was just pushed; it owns the instance until it is popped.
    unsafe { (*m.fp).extra = instance.into_raw() };
    Ok(())
}

/// As [`plain_class`], absent if it is none.
#[inline(never)]
fn init_of(t: &Thread, v: &Value) -> Value {
    plain_class(t, v).unwrap_or_default()
}

/// The Python `__init__` of a class whose metaclass calls in the ordinary way and whose `__new__` is object's.
#[inline(always)]
pub(super) fn plain_class(t: &Thread, v: &Value) -> Option<Value> {
    let header = v.header().filter(|h| h.shape().0 == ids::TYPE)?;
    // SAFETY: objects of this exact type have this layout.
    let class = unsafe { &*std::ptr::from_ref(header).cast::<TypeObject>() };
    if !class.is_heap_type() {
        return None;
    }
    let object_new = OBJECT.ty().slots().new?;
    let new = class.slots().new?;
    let plain =
        std::ptr::fn_addr_eq(new, object_new) && !class.has_flag(flag::ABSTRACT) && std::ptr::eq(class.def(), &OBJECT);
    if !plain {
        return None;
    }
    let init = class.lookup(t, n::__init__())?;
    if init.exact::<Function>().is_some() { Some(init) } else { None }
}

/// Whether calling a class is making an instance in the plain way, and no more than that runs a native.
pub(super) fn makes_plainly(t: &Thread, v: &Value) -> bool {
    plain_class(t, v).is_some()
}

#[inline(never)]
fn make_instance(t: &Thread, class: &Value) -> Res {
    payload::new_plain(t, class.expect::<TypeObject>())
}
