//! Special methods written in Python: their frames run in the loop that meets the operator.
//!
//! The operands stay in the instruction's registers until the method has returned; `complete` does then what the operator
//! still has to do. Operators that this file does not know, and methods that are no plain functions, go through the slots.

use super::arith::operator;
use super::machine::{Flow, M};
use crate::call::{push, zero};
use crate::frame::{Frame, Kind};
use crate::function::Function;
use typhon_isa::word::{KILL_A, KILL_B, KILL_C};
use typhon_isa::{BinaryKind, Word};
use typhon_object::error::{self, Res};
use typhon_object::names::n;
use typhon_object::ops::{self, CompareOp};
use typhon_object::{Thread, Value, type_of};

/// Whether a value's class is a Python one: only such classes have the methods looked for here.
#[inline(always)]
pub(super) fn is_instance(v: &Value) -> bool {
    v.is_object() && type_of(v).is_heap_type()
}

/// The method of that name of a Python class, if it is a Python function of `count` plain parameters; else absent.
#[inline(never)]
pub(super) fn method(t: &Thread, v: &Value, name: &Value, count: usize) -> Value {
    let found = type_of(v).lookup(t, name).unwrap_or_default();
    let fits = found.exact::<Function>().is_some_and(|f| f.unit().simple && f.unit().arg_count == count);
    if fits { found } else { Value::ABSENT }
}

/// Whether the left operand's method comes first.
fn goes_first(a: &Value, b: &Value) -> bool {
    let (ta, tb) = (type_of(a), type_of(b));
    std::ptr::eq(ta, tb) || !tb.is_subtype(ta)
}

/// The left operand's method for a comparison, absent if the slots must do it.
#[inline(never)]
pub(super) fn comparison(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Value {
    if goes_first(a, b) { method(t, a, op.dunder(), 2) } else { Value::ABSENT }
}

/// The left operand's method for a binary operator, absent if the slots must do it; and how to go on after it.
#[inline(never)]
pub(super) fn binary(t: &Thread, kind: BinaryKind, a: &Value, b: &Value) -> (Value, Kind) {
    let Some(op) = operator(kind) else { return (Value::ABSENT, Kind::Binary) };
    if let Some(name) = op.own_inplace(a) {
        return (method(t, a, name, 2), Kind::Inplace);
    }
    let f = if goes_first(a, b) { method(t, a, op.dunder(), 2) } else { Value::ABSENT };
    (f, Kind::Binary)
}

/// Enters a special method of a value for the running instruction.
#[inline(always)]
pub(super) fn enter<const N: usize>(m: &mut M<'_>, callee: Value, args: [Value; N], kind: Kind) -> Flow {
    // SAFETY: `method` tested the exact type; the frame owns the function.
    let unit = unsafe { &*(callee.bits() as *const Function) }.unit().here(m.t, m.it)?;
    // SAFETY: the frame is live.
    let base = unsafe { (*m.fp).top };
    // SAFETY: address arithmetic; checked before use.
    m.it.check_room(m.t, unsafe { base.add(unit.register_count) })?;
    for (i, v) in args.into_iter().enumerate() {
        // SAFETY: room was checked; the registers above `top` hold nothing alive.
        unsafe { base.add(i).write(v.into_raw()) };
    }
    zero(base, N, unit.local_count);
    push(m.t, m.it, callee, unit, base, kind, 0, 0);
    m.enter_pushed(unit, base);
    Ok(())
}

/// The instruction that a frame below is at, and its registers.
struct Site {
    w: Word,
    ip: *const Word,
    base: *mut u64,
}

impl Site {
    fn reg(&self, i: usize) -> &Value {
        // SAFETY: the instruction's operands are registers of its frame, which is live and does not run.
        unsafe { &*self.base.add(i).cast::<Value>() }
    }

    fn extra(&self, i: usize) -> u64 {
        // SAFETY: the instructions completed here have the extra words that are asked for.
        unsafe { (*self.ip.add(i)).0 }
    }

    /// The right operand: a register, or for some instructions a number of their own.
    fn right(&self, kind: Kind) -> Value {
        match kind {
            Kind::BinaryImm => Value::small(i64::from(self.w.imm())),
            _ => self.reg(self.w.c()).clone(),
        }
    }

    fn put(&self, i: usize, v: Value) {
        // SAFETY: as for `reg`; the old value is dropped after the new one is in place.
        drop(unsafe { Value::from_raw(std::ptr::replace(self.base.add(i), v.into_raw())) });
    }

    /// Drops the operands that die with the instruction.
    fn kill(&self, bits: u8) {
        let dying = self.w.x() & bits;
        for (bit, i) in [(KILL_A, self.w.a()), (KILL_B, self.w.b()), (KILL_C, self.w.c())] {
            if dying & bit != 0 {
                self.put(i, Value::ABSENT);
            }
        }
    }
}

/// A special method has returned `v` to the frame of the instruction that entered it: does the rest, and says how many
/// words the instruction has moved on.
#[inline(never)]
pub(super) fn complete(t: &Thread, fp: *mut Frame, kind: Kind, v: Value) -> Res<isize> {
    // SAFETY: the frame is live, and stands behind the instruction's word.
    let site = unsafe { Site { w: *(*fp).ip.sub(1), ip: (*fp).ip, base: (*fp).base } };
    let w = site.w;
    match kind {
        Kind::Discard => {
            site.kill(KILL_A | KILL_B | KILL_C);
            return Ok(1);
        }
        Kind::CompareJump => {
            let holds = ops::truth(t, &compared(t, &site, v)?)?;
            site.kill(KILL_B | KILL_C);
            let jump = holds == (w.kind() & 8 != 0);
            return Ok(2 + if jump { site.extra(0) as u32 as i32 as isize } else { 0 });
        }
        Kind::Next => {
            site.put(w.a(), v);
            return Ok(2);
        }
        _ => {}
    }
    let (v, words) = match kind {
        Kind::Compare => (compared(t, &site, v)?, 1),
        Kind::Contains => (Value::bool(ops::truth(t, &v)? != (w.kind() == 1)), 1),
        Kind::Iter => (iterator(t, v)?, 0),
        _ if v.is_not_implemented() => {
            let Some(op) = operator(BinaryKind::from_u8(w.kind())) else {
                return Err(error::system_error(t, "no such operator"));
            };
            let (a, b) = (site.reg(w.b()).clone(), site.right(kind));
            let rest = if kind == Kind::Inplace { ops::binary_plain } else { ops::binary_reflected };
            (rest(t, op, &a, &b)?, 1)
        }
        _ => (v, 1),
    };
    // An operand that is no register has no mark that it dies.
    site.kill(if kind == Kind::BinaryImm { KILL_B } else { KILL_B | KILL_C });
    site.put(w.a(), v);
    Ok(words)
}

/// The result of a comparison whose first method has returned `v`.
fn compared(t: &Thread, site: &Site, v: Value) -> Res {
    if !v.is_not_implemented() {
        return Ok(v);
    }
    let (a, b) = (site.reg(site.w.b()).clone(), site.reg(site.w.c()).clone());
    ops::compare_reflected(t, &a, &b, CompareOp::ALL[(site.w.kind() & 7) as usize])
}

fn iterator(t: &Thread, it: Value) -> Res {
    if type_of(&it).slots().next.is_none() {
        let name = type_of(&it).name();
        return Err(error::type_error(t, format_args!("iter() returned non-iterator of type '{name}'")));
    }
    Ok(it)
}

/// A `__next__` has raised StopIteration to the ForIter that entered it: drops the iterator, and says how many words the
/// instruction moves on.
#[cold]
#[inline(never)]
pub(super) fn exhausted(fp: *mut Frame) -> isize {
    // SAFETY: as in `complete`.
    let site = unsafe { Site { w: *(*fp).ip.sub(1), ip: (*fp).ip, base: (*fp).base } };
    site.put(site.w.b(), Value::ABSENT);
    2 + site.extra(0) as u32 as i32 as isize
}

/// The `__call__` of an instance, if it is a Python function.
#[inline(never)]
pub(super) fn callable(t: &Thread, v: &Value) -> Value {
    let found = type_of(v).lookup(t, n::__call__()).unwrap_or_default();
    if found.exact::<Function>().is_some() { found } else { Value::ABSENT }
}
