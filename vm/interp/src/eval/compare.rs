//! Comparisons, identity, membership, truth, and the jumps on them.

use super::arith::{COOLDOWN, as_exact, due};
use super::machine::{Flow, M, Stop};
use super::special;
use crate::frame::Kind;
use typhon_isa::{Opcode, Word};
use typhon_object::error::Res;
use typhon_object::names::n;
use typhon_object::ops::{self, CompareOp};
use typhon_object::strs::Str;
use typhon_object::types::set_;
use typhon_object::{Thread, Value};

#[inline(always)]
pub(super) fn op_of(kind: u8) -> CompareOp {
    CompareOp::ALL[(kind & 7) as usize]
}

#[inline(always)]
pub(crate) fn compare(m: &mut M<'_>, w: Word) -> Flow {
    if due(m, 0) {
        match pick(m.reg(w.b()), m.reg(w.c())) {
            Some((op, _)) => m.rewrite(w, op),
            None => m.set_extra(0, COOLDOWN),
        }
    }
    compare_generic(m, w)
}

fn pick(a: &Value, b: &Value) -> Option<(Opcode, Opcode)> {
    if a.is_small() && b.is_small() {
        return Some((Opcode::CompareInt, Opcode::CompareIntJump));
    }
    let floats = as_exact(a).is_some() && as_exact(b).is_some();
    floats.then_some((Opcode::CompareFloat, Opcode::CompareFloatJump))
}

#[inline(always)]
fn compare_generic(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    if special::is_instance(m.reg(w.b())) {
        if let Some(holds) = ops::compare_identity(m.reg(w.b()), m.reg(w.c()), op_of(w.kind())) {
            return compared(m, w, holds);
        }
        let f = special::comparison(m.t, m.reg(w.b()), m.reg(w.c()), op_of(w.kind()));
        if !f.is_absent() {
            let args = [m.reg(w.b()).clone(), m.reg(w.c()).clone()];
            return special::enter(m, f, args, Kind::Compare);
        }
    } else if let Some(equal) = same_text(m.reg(w.b()), m.reg(w.c()))
        && let Some(holds) = equality(op_of(w.kind()), equal)
    {
        return compared(m, w, holds);
    }
    let v = slow(m.t, m.reg(w.b()), m.reg(w.c()), op_of(w.kind()))?;
    m.kill_bc(w);
    m.set(w.a(), v);
    m.advance(1);
    Ok(())
}

#[inline(always)]
fn compared(m: &mut M<'_>, w: Word, holds: bool) -> Flow {
    m.kill_bc(w);
    m.set(w.a(), Value::bool(holds));
    m.advance(1);
    Ok(())
}

/// Whether two exact strs are equal.
#[inline(always)]
fn same_text(a: &Value, b: &Value) -> Option<bool> {
    Some(a.exact::<Str>()?.same_text(b.exact::<Str>()?))
}

/// What `==` or `!=` says of two that are equal, or not.
#[inline(always)]
fn equality(op: CompareOp, equal: bool) -> Option<bool> {
    match op {
        CompareOp::Eq => Some(equal),
        CompareOp::Ne => Some(!equal),
        _ => None,
    }
}

#[inline(never)]
fn slow(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    ops::compare(t, a, b, op)
}

#[inline(always)]
pub(crate) fn compare_int(m: &mut M<'_>, w: Word) -> Flow {
    let (Some(x), Some(y)) = (m.reg(w.b()).as_small(), m.reg(w.c()).as_small()) else {
        m.rewrite(w, Opcode::Compare);
        m.set_extra(0, COOLDOWN);
        return Err(Stop::As(Opcode::Compare as usize));
    };
    m.set(w.a(), Value::bool(op_of(w.kind()).holds(x.cmp(&y))));
    m.advance(1);
    Ok(())
}

#[inline(always)]
fn float_holds(op: CompareOp, x: f64, y: f64) -> bool {
    match op {
        CompareOp::Lt => x < y,
        CompareOp::Le => x <= y,
        CompareOp::Eq => x == y,
        CompareOp::Ne => x != y,
        CompareOp::Gt => x > y,
        CompareOp::Ge => x >= y,
    }
}

#[inline(always)]
pub(crate) fn compare_float(m: &mut M<'_>, w: Word) -> Flow {
    let (Some(x), Some(y)) = (as_exact(m.reg(w.b())), as_exact(m.reg(w.c()))) else {
        m.rewrite(w, Opcode::Compare);
        m.set_extra(0, COOLDOWN);
        return Err(Stop::As(Opcode::Compare as usize));
    };
    m.kill_bc(w);
    m.set(w.a(), Value::bool(float_holds(op_of(w.kind()), x, y)));
    m.advance(1);
    Ok(())
}

#[inline(always)]
pub(crate) fn compare_imm(m: &mut M<'_>, w: Word) -> Flow {
    let op = op_of(w.kind());
    if let Some(x) = m.reg(w.b()).as_small() {
        m.set(w.a(), Value::bool(op.holds(x.cmp(&i64::from(w.imm())))));
        m.advance(1);
        return Ok(());
    }
    Err(Stop::Slow)
}

/// An int in the instruction with anything but an int in the word.
#[inline(always)]
pub(crate) fn compare_imm_other(m: &mut M<'_>, w: Word) -> Flow {
    let op = op_of(w.kind());
    if let Some(x) = m.reg(w.b()).as_immediate_float() {
        m.set(w.a(), Value::bool(float_holds(op, x, f64::from(w.imm()))));
        m.advance(1);
        return Ok(());
    }
    m.save();
    let v = slow(m.t, m.reg(w.b()), &Value::small(i64::from(w.imm())), op)?;
    m.kill_b(w);
    m.set(w.a(), v);
    m.advance(1);
    Ok(())
}

/// Jumps by extra word 0 if `taken` is the sense bit; the instruction has two extra words.
#[inline(always)]
fn branch(m: &mut M<'_>, w: Word, taken: bool) -> Flow {
    let sense = w.kind() & 8 != 0;
    let offset = if taken == sense { m.extra(0) as u32 as i32 as isize } else { 0 };
    m.advance(2 + offset);
    Ok(())
}

#[inline(always)]
pub(crate) fn compare_jump(m: &mut M<'_>, w: Word) -> Flow {
    if due(m, 1) {
        let strs = m.reg(w.b()).exact::<Str>().is_some() && m.reg(w.c()).exact::<Str>().is_some();
        match pick(m.reg(w.b()), m.reg(w.c())) {
            Some((_, op)) => m.rewrite(w, op),
            None if strs && matches!(op_of(w.kind()), CompareOp::Eq | CompareOp::Ne) => {
                m.rewrite(w, Opcode::CompareStrJump);
            }
            None => m.set_extra(1, COOLDOWN),
        }
    }
    compare_jump_generic(m, w)
}

#[inline(always)]
fn compare_jump_generic(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    if special::is_instance(m.reg(w.b())) {
        if let Some(holds) = ops::compare_identity(m.reg(w.b()), m.reg(w.c()), op_of(w.kind())) {
            m.kill_bc(w);
            return branch(m, w, holds);
        }
        let f = special::comparison(m.t, m.reg(w.b()), m.reg(w.c()), op_of(w.kind()));
        if !f.is_absent() {
            let args = [m.reg(w.b()).clone(), m.reg(w.c()).clone()];
            return special::enter(m, f, args, Kind::CompareJump);
        }
    }
    let holds = slow_bool(m.t, m.reg(w.b()), m.reg(w.c()), op_of(w.kind()))?;
    m.kill_bc(w);
    branch(m, w, holds)
}

#[inline(never)]
fn slow_bool(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res<bool> {
    let r = ops::compare(t, a, b, op)?;
    ops::truth(t, &r)
}

#[inline(always)]
fn jump_miss(m: &mut M<'_>, w: Word) -> Flow {
    m.rewrite(w, Opcode::CompareJump);
    m.set_extra(1, COOLDOWN);
    Err(Stop::As(Opcode::CompareJump as usize))
}

#[inline(always)]
pub(crate) fn compare_int_jump(m: &mut M<'_>, w: Word) -> Flow {
    let (x, y) = (m.bits(w.b()), m.bits(w.c()));
    if ((x ^ 2) | (y ^ 2)) & 3 != 0 {
        return jump_miss(m, w);
    }
    // Equal tags: the tagged words compare as the ints do.
    let holds = op_of(w.kind()).holds((x as i64).cmp(&(y as i64)));
    branch(m, w, holds)
}

#[inline(always)]
pub(crate) fn compare_float_jump(m: &mut M<'_>, w: Word) -> Flow {
    let (Some(x), Some(y)) = (as_exact(m.reg(w.b())), as_exact(m.reg(w.c()))) else { return jump_miss(m, w) };
    m.kill_bc(w);
    branch(m, w, float_holds(op_of(w.kind()), x, y))
}

#[inline(always)]
pub(crate) fn compare_str_jump(m: &mut M<'_>, w: Word) -> Flow {
    let (x, y) = (m.reg(w.b()), m.reg(w.c()));
    if !x.is(y) || !x.is_object() {
        return Err(Stop::Slow);
    }
    m.kill_bc(w);
    branch(m, w, op_of(w.kind()) == CompareOp::Eq)
}

/// The same for two objects.
#[inline(always)]
pub(crate) fn compare_texts_jump(m: &mut M<'_>, w: Word) -> Flow {
    let (x, y) = (m.reg(w.b()), m.reg(w.c()));
    let (Some(x), Some(y)) = (x.exact::<Str>(), y.exact::<Str>()) else { return jump_miss(m, w) };
    let same = x.same_text(y);
    m.kill_bc(w);
    branch(m, w, same == (op_of(w.kind()) == CompareOp::Eq))
}

#[inline(always)]
pub(crate) fn compare_imm_jump(m: &mut M<'_>, w: Word) -> Flow {
    let op = op_of(w.kind());
    if let Some(x) = m.reg(w.b()).as_small() {
        return branch(m, w, op.holds(x.cmp(&i64::from(w.imm()))));
    }
    Err(Stop::Slow)
}

/// As [`compare_imm_other`].
#[inline(always)]
pub(crate) fn compare_imm_jump_other(m: &mut M<'_>, w: Word) -> Flow {
    let op = op_of(w.kind());
    if let Some(x) = m.reg(w.b()).as_immediate_float() {
        return branch(m, w, float_holds(op, x, f64::from(w.imm())));
    }
    m.save();
    let holds = slow_bool(m.t, m.reg(w.b()), &Value::small(i64::from(w.imm())), op)?;
    m.kill_b(w);
    branch(m, w, holds)
}

#[inline(always)]
pub(crate) fn is(m: &mut M<'_>, w: Word) -> Flow {
    let same = m.reg(w.b()).is(m.reg(w.c()));
    m.kill_bc(w);
    m.set(w.a(), Value::bool(same != (w.kind() == 1)));
    Ok(())
}

#[inline(always)]
pub(crate) fn contains(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    if special::is_instance(m.reg(w.c())) {
        let f = special::method(m.t, m.reg(w.c()), n::__contains__(), 2);
        if !f.is_absent() {
            let args = [m.reg(w.c()).clone(), m.reg(w.b()).clone()];
            return special::enter(m, f, args, Kind::Contains);
        }
    }
    let found = member(m.t, m.reg(w.c()), m.reg(w.b()))?;
    m.kill_bc(w);
    m.set(w.a(), Value::bool(found != (w.kind() == 1)));
    m.advance(1);
    Ok(())
}

#[inline(never)]
fn member(t: &Thread, container: &Value, item: &Value) -> Res<bool> {
    if let Some(d) = container.exact::<typhon_object::dict::Dict>() {
        return d.contains(t, item);
    }
    if let Some(set) = set_::exactly(container) {
        return set_::contains(t, set, item);
    }
    ops::contains(t, container, item)
}

#[inline(always)]
pub(crate) fn to_bool(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let b = ops::truth(m.t, m.reg(w.b()))?;
    m.kill_b(w);
    m.set(w.a(), Value::bool(b));
    Ok(())
}

#[inline(always)]
pub(crate) fn jump_if(m: &mut M<'_>, w: Word, sense: bool) -> Flow {
    let v = m.reg(w.a());
    let truth = if v.is_bool() {
        v.is_true()
    } else if let Some(i) = v.as_small() {
        i != 0
    } else if v.is_none() {
        false
    } else {
        return Err(Stop::Slow);
    };
    if truth == sense {
        m.advance(w.bc() as isize);
    }
    Ok(())
}

/// The jump on the truth of an object or a float.
#[inline(always)]
pub(crate) fn jump_if_other(m: &mut M<'_>, w: Word, sense: bool) -> Flow {
    m.save();
    let b = ops::truth(m.t, m.reg(w.a()))?;
    m.kill_a(w);
    if b == sense {
        m.advance(w.bc() as isize);
    }
    Ok(())
}

#[inline(always)]
pub(crate) fn jump_if_none(m: &mut M<'_>, w: Word, sense: bool) -> Flow {
    let none = m.reg(w.a()).is_none();
    m.kill_a(w);
    if none == sense {
        m.advance(w.bc() as isize);
    }
    Ok(())
}
