//! Operators on ints and floats in the word, and on everything else through the slots.

use super::machine::{Flow, M, Stop};
use super::special;
use crate::frame::Kind;
use typhon_isa::word::KILL_B;
use typhon_isa::{BinaryKind, Opcode, UnaryKind, Word};
use typhon_object::error::Res;
use typhon_object::ops;
use typhon_object::strs::{self, Str};
use typhon_object::{Thread, Value};

/// Executions of a generic instruction before it is looked at again after a miss.
pub(crate) const COOLDOWN: u64 = 60;

/// `a op b` for any values.
pub(crate) fn binary(t: &Thread, kind: BinaryKind, a: &Value, b: &Value) -> Res {
    match operator(kind) {
        Some(op) => ops::binary(t, *op, a, b),
        None => ops::power(t, a, b, &Value::NONE, kind == BinaryKind::IPow),
    }
}

/// The operator of a kind, but for powers, which have three operands.
pub(super) fn operator(kind: BinaryKind) -> Option<&'static ops::BinaryOp> {
    use BinaryKind as K;
    Some(match kind {
        K::Add => &ops::ADD,
        K::Sub => &ops::SUB,
        K::Mul => &ops::MUL,
        K::MatMul => &ops::MATMUL,
        K::TrueDiv => &ops::TRUEDIV,
        K::FloorDiv => &ops::FLOORDIV,
        K::Mod => &ops::MOD,
        K::Pow | K::IPow => return None,
        K::Shl => &ops::LSHIFT,
        K::Shr => &ops::RSHIFT,
        K::And => &ops::AND,
        K::Xor => &ops::XOR,
        K::Or => &ops::OR,
        K::IAdd => &ops::IADD,
        K::ISub => &ops::ISUB,
        K::IMul => &ops::IMUL,
        K::IMatMul => &ops::IMATMUL,
        K::ITrueDiv => &ops::ITRUEDIV,
        K::IFloorDiv => &ops::IFLOORDIV,
        K::IMod => &ops::IMOD,
        K::IShl => &ops::ILSHIFT,
        K::IShr => &ops::IRSHIFT,
        K::IAnd => &ops::IAND,
        K::IXor => &ops::IXOR,
        K::IOr => &ops::IOR,
    })
}

/// The specialized opcode for these operands, if there is one.
fn pick(kind: BinaryKind, a: &Value, b: &Value) -> Option<Opcode> {
    use BinaryKind as K;
    let plain = kind.plain();
    if a.is_small() && b.is_small() {
        return Some(match plain {
            K::Add => Opcode::BinaryAddInt,
            K::Sub => Opcode::BinarySubInt,
            K::Mul => Opcode::BinaryMulInt,
            K::And => Opcode::BinaryAndInt,
            K::Or => Opcode::BinaryOrInt,
            K::Xor => Opcode::BinaryXorInt,
            K::Shl => Opcode::BinaryShlInt,
            K::Shr => Opcode::BinaryShrInt,
            K::FloorDiv => Opcode::BinaryFloorDivInt,
            K::Mod => Opcode::BinaryModInt,
            K::TrueDiv => Opcode::BinaryDivFloat,
            _ => return None,
        });
    }
    if is_number(a) && is_number(b) {
        return Some(match plain {
            K::Add => Opcode::BinaryAddFloat,
            K::Sub => Opcode::BinarySubFloat,
            K::Mul => Opcode::BinaryMulFloat,
            K::TrueDiv => Opcode::BinaryDivFloat,
            _ => return None,
        });
    }
    let strs = a.exact::<Str>().is_some() && b.exact::<Str>().is_some();
    (plain == K::Add && strs).then_some(Opcode::BinaryAddStr)
}

/// An int in the word, or a float.
fn is_number(v: &Value) -> bool {
    v.is_small() || as_float(v).is_some()
}

fn pick_imm(kind: BinaryKind, a: &Value) -> Option<Opcode> {
    use BinaryKind as K;
    if !a.is_small() || kind.plain() == K::TrueDiv {
        return match kind.plain() {
            _ if !is_number(a) => None,
            K::Add => Some(Opcode::BinaryAddFloatImm),
            K::Sub => Some(Opcode::BinarySubFloatImm),
            K::Mul => Some(Opcode::BinaryMulFloatImm),
            K::TrueDiv => Some(Opcode::BinaryDivFloatImm),
            _ => None,
        };
    }
    Some(match kind.plain() {
        K::Add => Opcode::BinaryAddIntImm,
        K::Sub => Opcode::BinarySubIntImm,
        K::Mul => Opcode::BinaryMulIntImm,
        K::And => Opcode::BinaryAndIntImm,
        K::Shl => Opcode::BinaryShlIntImm,
        K::Shr => Opcode::BinaryShrIntImm,
        K::FloorDiv => Opcode::BinaryFloorDivIntImm,
        K::Mod => Opcode::BinaryModIntImm,
        _ => return None,
    })
}

/// Counts a generic instruction down; true when it should be specialized now.
#[inline(always)]
pub(crate) fn due(m: &M<'_>, at: usize) -> bool {
    let n = m.extra(at);
    if n == 0 {
        return true;
    }
    m.set_extra(at, n - 1);
    false
}

#[inline(always)]
pub(crate) fn binary_op(m: &mut M<'_>, w: Word) -> Flow {
    let kind = BinaryKind::from_u8(w.kind());
    if due(m, 0) {
        match pick(kind, m.reg(w.b()), m.reg(w.c())) {
            Some(op) => m.rewrite(w, op),
            None => m.set_extra(0, COOLDOWN),
        }
    }
    binary_generic(m, w)
}

/// The operation itself, by the slots.
#[inline(always)]
pub(crate) fn binary_generic(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let kind = BinaryKind::from_u8(w.kind());
    if special::is_instance(m.reg(w.b())) {
        let (f, then) = special::binary(m.t, kind, m.reg(w.b()), m.reg(w.c()));
        if !f.is_absent() {
            let args = [m.reg(w.b()).clone(), m.reg(w.c()).clone()];
            return special::enter(m, f, args, then);
        }
    }
    let v = binary(m.t, kind, m.reg(w.b()), m.reg(w.c()))?;
    m.kill_bc(w);
    m.set(w.a(), v);
    m.advance(1);
    Ok(())
}

#[inline(always)]
pub(crate) fn binary_op_imm(m: &mut M<'_>, w: Word) -> Flow {
    let kind = BinaryKind::from_u8(w.kind());
    if due(m, 0) {
        match pick_imm(kind, m.reg(w.b())) {
            Some(op) => m.rewrite(w, op),
            None => m.set_extra(0, COOLDOWN),
        }
    }
    binary_generic_imm(m, w)
}

#[inline(always)]
pub(crate) fn binary_generic_imm(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let kind = BinaryKind::from_u8(w.kind());
    let imm = Value::small(i64::from(w.imm()));
    if special::is_instance(m.reg(w.b())) {
        let (f, then) = special::binary(m.t, kind, m.reg(w.b()), &imm);
        if !f.is_absent() && then == Kind::Binary {
            let args = [m.reg(w.b()).clone(), imm];
            return special::enter(m, f, args, Kind::BinaryImm);
        }
    }
    let v = binary(m.t, kind, m.reg(w.b()), &imm)?;
    m.kill_b(w);
    m.set(w.a(), v);
    m.advance(1);
    Ok(())
}

/// The operands changed: back to the generic opcode, and do it that way now.
#[inline(always)]
fn miss(m: &mut M<'_>, w: Word) -> Flow {
    m.rewrite(w, Opcode::BinaryOp);
    m.set_extra(0, COOLDOWN);
    Err(Stop::As(Opcode::BinaryOp as usize))
}

#[inline(always)]
fn miss_imm(m: &mut M<'_>, w: Word) -> Flow {
    m.rewrite(w, Opcode::BinaryOpImm);
    m.set_extra(0, COOLDOWN);
    Err(Stop::As(Opcode::BinaryOpImm as usize))
}

/// int op int where `f` gives the result if it stays in the word. Overflow takes the generic path but stays specialized.
#[inline(always)]
pub(crate) fn int_op(m: &mut M<'_>, w: Word, f: impl FnOnce(i64, i64) -> Option<i64>) -> Flow {
    let (Some(x), Some(y)) = (m.reg(w.b()).as_small(), m.reg(w.c()).as_small()) else { return miss(m, w) };
    match f(x, y).and_then(Value::try_small) {
        Some(v) => {
            m.set(w.a(), v);
            m.advance(1);
            Ok(())
        }
        None => Err(Stop::As(Opcode::BinaryOp as usize)),
    }
}

#[inline(always)]
pub(crate) fn int_op_imm(m: &mut M<'_>, w: Word, f: impl FnOnce(i64, i64) -> Option<i64>) -> Flow {
    let Some(x) = m.reg(w.b()).as_small() else { return miss_imm(m, w) };
    match f(x, i64::from(w.imm())).and_then(Value::try_small) {
        Some(v) => {
            m.set(w.a(), v);
            m.advance(1);
            Ok(())
        }
        None => Err(Stop::As(Opcode::BinaryOpImm as usize)),
    }
}

/// int + int and int - int on the tagged words themselves.
#[inline(always)]
pub(crate) fn add_int(m: &mut M<'_>, w: Word) -> Flow {
    let (x, y) = (m.bits(w.b()), m.bits(w.c()));
    if ((x ^ 2) | (y ^ 2)) & 3 != 0 {
        return miss(m, w);
    }
    match (x as i64).checked_add((y ^ 2) as i64) {
        Some(sum) => {
            // SAFETY: the sum of two tagged ints, one without its tag, is a tagged int.
            m.set(w.a(), unsafe { Value::from_raw(sum as u64) });
            m.advance(1);
            Ok(())
        }
        None => Err(Stop::As(Opcode::BinaryOp as usize)),
    }
}

#[inline(always)]
pub(crate) fn sub_int(m: &mut M<'_>, w: Word) -> Flow {
    let (x, y) = (m.bits(w.b()), m.bits(w.c()));
    if ((x ^ 2) | (y ^ 2)) & 3 != 0 {
        return miss(m, w);
    }
    match (x as i64).checked_sub((y ^ 2) as i64) {
        Some(difference) => {
            // SAFETY: as in `add_int`.
            m.set(w.a(), unsafe { Value::from_raw(difference as u64) });
            m.advance(1);
            Ok(())
        }
        None => Err(Stop::As(Opcode::BinaryOp as usize)),
    }
}

#[inline(always)]
pub(crate) fn add_int_imm(m: &mut M<'_>, w: Word, sign: i64) -> Flow {
    let x = m.bits(w.b());
    if (x & 3) != 2 {
        return miss_imm(m, w);
    }
    match (x as i64).checked_add(sign * (i64::from(w.imm()) << 2)) {
        Some(sum) => {
            // SAFETY: as in `add_int`.
            m.set(w.a(), unsafe { Value::from_raw(sum as u64) });
            m.advance(1);
            Ok(())
        }
        None => Err(Stop::As(Opcode::BinaryOpImm as usize)),
    }
}

#[inline(always)]
pub(crate) fn floor_div(x: i64, y: i64) -> Option<i64> {
    if y == 0 {
        return None;
    }
    let q = x / y;
    Some(if x % y != 0 && (x < 0) != (y < 0) { q - 1 } else { q })
}

#[inline(always)]
pub(crate) fn modulo(x: i64, y: i64) -> Option<i64> {
    if y == 0 {
        return None;
    }
    let r = x % y;
    Some(if r != 0 && (r < 0) != (y < 0) { r + y } else { r })
}

#[inline(always)]
pub(crate) fn shl(x: i64, y: i64) -> Option<i64> {
    if !(0..61).contains(&y) {
        return None;
    }
    let r = x << y;
    (r >> y == x).then_some(r)
}

#[inline(always)]
pub(crate) fn shr(x: i64, y: i64) -> Option<i64> {
    if y < 0 { None } else { Some(x >> y.min(63)) }
}

/// float op float, or one of them an int, as long as all three fit the word.
#[inline(always)]
pub(crate) fn float_op(m: &mut M<'_>, w: Word, f: impl Fn(f64, f64) -> f64) -> Flow {
    let (a, b) = (m.reg(w.b()), m.reg(w.c()));
    let (x, y) = match (a.as_immediate_float(), b.as_immediate_float()) {
        (Some(x), Some(y)) => (x, y),
        (Some(x), None) if b.is_small() => (x, b.as_small().unwrap_or_default() as f64),
        (None, Some(y)) if a.is_small() => (a.as_small().unwrap_or_default() as f64, y),
        _ => return Err(Stop::Slow),
    };
    set_float(m, w, f(x, y))
}

/// A result that fits the word.
#[inline(always)]
fn set_float(m: &mut M<'_>, w: Word, x: f64) -> Flow {
    let Some(v) = Value::try_float(x) else { return Err(Stop::Slow) };
    m.set(w.a(), v);
    m.advance(1);
    Ok(())
}

/// A result that does not fit the word.
#[inline(always)]
fn float_result(m: &mut M<'_>, w: Word, x: f64) -> Flow {
    let v = typhon_object::convert::from_f64(m.t, x)?;
    m.kill_bc(w);
    m.set(w.a(), v);
    Ok(())
}

/// An operand or the result is a boxed float: still a float operation, worth staying specialized for.
#[inline(always)]
pub(crate) fn float_op_boxed(m: &mut M<'_>, w: Word, f: impl Fn(f64, f64) -> f64) -> Flow {
    let (a, b) = (m.reg(w.b()), m.reg(w.c()));
    let (Some(x), Some(y)) = (as_number(a), as_number(b)) else { return miss(m, w) };
    if a.is_small() && b.is_small() {
        return miss(m, w);
    }
    float_result(m, w, f(x, y))?;
    m.advance(1);
    Ok(())
}

/// A float, in the word or boxed.
#[inline(always)]
pub(crate) fn as_float(v: &Value) -> Option<f64> {
    if let Some(x) = v.as_immediate_float() {
        return Some(x);
    }
    v.exact::<typhon_object::types::float::Float>().and_then(|_| typhon_object::types::float::as_f64(v))
}

/// A float, or an int in the word as the float that arithmetic with floats takes it for.
#[inline(always)]
fn as_number(v: &Value) -> Option<f64> {
    match v.as_small() {
        Some(i) => Some(i as f64),
        None => as_float(v),
    }
}

/// Ints up to here are floats without rounding.
pub(crate) const EXACT: i64 = 1 << 53;

/// As [`as_number`], but only where nothing is rounded: for comparisons, and for quotients of ints.
#[inline(always)]
pub(crate) fn as_exact(v: &Value) -> Option<f64> {
    match v.as_small() {
        Some(i) => (-EXACT..=EXACT).contains(&i).then_some(i as f64),
        None => as_float(v),
    }
}

#[inline(always)]
pub(crate) fn div_float(m: &mut M<'_>, w: Word) -> Flow {
    let (x, y) = (m.reg(w.b()), m.reg(w.c()));
    // A zero divisor is boxed, so that it never gets here as an immediate float.
    let (Some(x), Some(y)) = (x.as_immediate_float(), y.as_immediate_float()) else { return Err(Stop::Slow) };
    set_float(m, w, x / y)
}

/// The same for ints, boxed floats and what has a boxed result.
#[inline(always)]
pub(crate) fn div_float_boxed(m: &mut M<'_>, w: Word) -> Flow {
    let (Some(x), Some(y)) = (as_exact(m.reg(w.b())), as_exact(m.reg(w.c()))) else { return miss(m, w) };
    if y == 0.0 {
        return Err(Stop::As(Opcode::BinaryOp as usize));
    }
    float_result(m, w, x / y)?;
    m.advance(1);
    Ok(())
}

/// A float, or for a quotient an int, op an immediate int.
#[inline(always)]
pub(crate) fn float_op_imm(m: &mut M<'_>, w: Word, f: impl Fn(f64, f64) -> f64) -> Flow {
    let Some(x) = m.reg(w.b()).as_immediate_float() else { return Err(Stop::Slow) };
    let Some(v) = Value::try_float(f(x, f64::from(w.imm()))) else { return Err(Stop::Slow) };
    m.set(w.a(), v);
    m.advance(1);
    Ok(())
}

/// The same for a boxed float, or result.
#[inline(always)]
pub(crate) fn float_op_imm_boxed(m: &mut M<'_>, w: Word, f: impl Fn(f64, f64) -> f64) -> Flow {
    let (a, y) = (m.reg(w.b()), f64::from(w.imm()));
    let Some(x) = as_float(a) else { return miss_imm(m, w) };
    let v = typhon_object::convert::from_f64(m.t, f(x, y))?;
    m.kill_b(w);
    m.set(w.a(), v);
    m.advance(1);
    Ok(())
}

#[inline(always)]
pub(crate) fn div_float_imm(m: &mut M<'_>, w: Word) -> Flow {
    let Some(x) = as_exact(m.reg(w.b())) else { return miss_imm(m, w) };
    if w.imm() == 0 {
        return Err(Stop::As(Opcode::BinaryOpImm as usize));
    }
    let v = typhon_object::convert::from_f64(m.t, x / f64::from(w.imm()))?;
    m.kill_b(w);
    m.set(w.a(), v);
    m.advance(1);
    Ok(())
}

#[inline(always)]
pub(crate) fn add_str(m: &mut M<'_>, w: Word) -> Flow {
    if m.reg(w.b()).exact::<Str>().is_none() || m.reg(w.c()).exact::<Str>().is_none() {
        return miss(m, w);
    }
    m.save();
    // `s = s + x` and `s += x` on the only reference grow in place, but by itself.
    let dies = (w.x() & KILL_B != 0 || w.a() == w.b()) && w.b() != w.c();
    let v = if dies && m.reg(w.b()).header().is_some_and(typhon_object::header::Header::is_unique) {
        let left = m.take(w.b());
        append(m.t, left, m.reg(w.c()))?
    } else {
        concat(m.t, m.reg(w.b()), m.reg(w.c()))?
    };
    m.kill_bc(w);
    m.set(w.a(), v);
    m.advance(1);
    Ok(())
}

#[inline(never)]
fn append(t: &Thread, left: Value, right: &Value) -> Res {
    strs::append_in_place(t, left, right.expect::<Str>())
}

#[inline(never)]
fn concat(t: &Thread, a: &Value, b: &Value) -> Res {
    strs::concat(t, a.expect::<Str>(), b.expect::<Str>())
}

#[inline(always)]
pub(crate) fn unary_op(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = unary(m.t, UnaryKind::from_u8(w.kind()), m.reg(w.b()))?;
    m.kill_b(w);
    m.set(w.a(), v);
    Ok(())
}

#[inline(never)]
fn unary(t: &Thread, kind: UnaryKind, v: &Value) -> Res {
    match kind {
        UnaryKind::Neg => match v.as_small() {
            Some(i) => typhon_object::convert::from_i64(t, -i),
            None => match v.as_immediate_float() {
                Some(x) => typhon_object::convert::from_f64(t, -x),
                None => ops::neg(t, v),
            },
        },
        UnaryKind::Pos => ops::pos(t, v),
        UnaryKind::Invert => {
            if v.is_bool() {
                let text = "Bitwise inversion '~' on bool is deprecated and will be removed in Python 3.16. This returns the bitwise inversion of the underlying int object and is usually not what you expect from the negation of a bool object. Use the 'not' operator for boolean negation or ~int(x) for the bitwise inversion of the underlying int.";
                let category = typhon_object::types::exceptions::DEPRECATION_WARNING.ty().value();
                (t.hooks.warn)(t, &category, text, 1)?;
            }
            ops::invert(t, v)
        }
        UnaryKind::Not => Ok(Value::bool(!ops::truth(t, v)?)),
    }
}
