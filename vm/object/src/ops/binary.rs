//! Binary operators: which of the operands' methods is asked, and in what order.

use crate::call;
use crate::dunder;
use crate::error::{self, Exc, Res};
use crate::slots::{BinaryFn, SlotId, Slots};
use crate::thread::Thread;
use crate::ty::type_of;
use crate::value::Value;

/// A binary operator: its slots, sign and in-place form.
#[derive(Clone, Copy)]
pub struct BinaryOp {
    slot: BinarySlot,
    inplace: Option<BinarySlot>,
    sign: &'static str,
    /// Where its method, and behind it the reflected one, stands in the table of dunders; and the in-place one.
    row: usize,
    inplace_row: usize,
}

/// Where in [`Slots`] the function of a binary operator lies: read at no more than a field's cost.
#[derive(Clone, Copy)]
struct BinarySlot(usize);

impl BinarySlot {
    #[inline(always)]
    fn of(self, slots: &Slots) -> Option<BinaryFn> {
        // SAFETY: `binary_slot!` makes the only values, each the offset of a field of this type.
        unsafe { *std::ptr::from_ref(slots).byte_add(self.0).cast::<Option<BinaryFn>>() }
    }
}

/// The offset of a field of [`Slots`], whose type must be a binary operator's.
macro_rules! binary_slot {
    ($slot:ident) => {{
        const _: fn(&Slots) -> &Option<BinaryFn> = |slots| &slots.$slot;
        BinarySlot(std::mem::offset_of!(Slots, $slot))
    }};
}

impl BinaryOp {
    /// Its method's name.
    pub fn dunder(&self) -> &'static Value {
        dunder::name_at(self.row)
    }

    /// The in-place method's name, if the value's type has one.
    pub fn own_inplace(&self, v: &Value) -> Option<&'static Value> {
        self.inplace?.of(type_of(v).slots())?;
        Some(dunder::name_at(self.inplace_row))
    }
}

macro_rules! binary_ops {
    ($($name:ident = $slot:ident, $sign:literal $(, $inplace:ident)?;)*) => {$(
        #[doc = concat!("`", $sign, "`")]
        pub const $name: BinaryOp = BinaryOp {
            slot: binary_slot!($slot),
            inplace: binary_ops!(@inplace $($inplace)?),
            sign: $sign,
            row: dunder::first(SlotId::$slot),
            inplace_row: binary_ops!(@row $($inplace)?),
        };
    )*};
    (@row $inplace:ident) => { dunder::first(SlotId::$inplace) };
    (@row) => { usize::MAX };
    (@inplace $inplace:ident) => { Some(binary_slot!($inplace)) };
    (@inplace) => { None };
}
binary_ops! {
    ADD = add, "+"; SUB = sub, "-"; MUL = mul, "*"; MATMUL = matmul, "@"; TRUEDIV = truediv, "/"; FLOORDIV = floordiv, "//";
    MOD = mod_, "%"; DIVMOD = divmod, "divmod()"; LSHIFT = lshift, "<<"; RSHIFT = rshift, ">>"; AND = and, "&"; XOR = xor, "^"; OR = or, "|";
    IADD = add, "+=", iadd; ISUB = sub, "-=", isub; IMUL = mul, "*=", imul; IMATMUL = matmul, "@=", imatmul;
    ITRUEDIV = truediv, "/=", itruediv; IFLOORDIV = floordiv, "//=", ifloordiv; IMOD = mod_, "%=", imod;
    ILSHIFT = lshift, "<<=", ilshift; IRSHIFT = rshift, ">>=", irshift; IAND = and, "&=", iand; IXOR = xor, "^=", ixor; IOR = or, "|=", ior;
}

/// Tries the operands' slots: the right one first if its type is a proper subclass with an own function.
#[inline]
fn binary_slots(t: &Thread, a: &Value, b: &Value, slot: BinarySlot) -> Res {
    let (ta, tb) = (type_of(a), type_of(b));
    let fa = slot.of(ta.slots());
    let mut fb = if std::ptr::eq(ta, tb) { None } else { slot.of(tb.slots()) };
    if let (Some(x), Some(y)) = (fa, fb)
        && std::ptr::fn_addr_eq(x, y)
    {
        fb = None;
    }
    if let Some(fa) = fa {
        if let Some(f) = fb
            && tb.is_subtype(ta)
        {
            let r = f(t, a, b)?;
            if !r.is_not_implemented() {
                return Ok(r);
            }
            fb = None;
        }
        let r = fa(t, a, b)?;
        if !r.is_not_implemented() {
            return Ok(r);
        }
    }
    match fb {
        Some(f) => f(t, a, b),
        None => Ok(Value::NOT_IMPLEMENTED),
    }
}

/// `a op b`, or `a op= b`.
pub fn binary(t: &Thread, op: BinaryOp, a: &Value, b: &Value) -> Res {
    t.check_stack("")?;
    if let Some(inplace) = op.inplace
        && let Some(f) = inplace.of(type_of(a).slots())
    {
        let r = f(t, a, b)?;
        if !r.is_not_implemented() {
            return Ok(r);
        }
    }
    binary_plain(t, &op, a, b)
}

/// As [`binary`], where there is no in-place method or it gave NotImplemented.
pub fn binary_plain(t: &Thread, op: &BinaryOp, a: &Value, b: &Value) -> Res {
    let r = binary_slots(t, a, b, op.slot)?;
    if r.is_not_implemented() { binary_last(t, op, a, b) } else { Ok(r) }
}

/// As [`binary`], where the left operand's Python method came first and gave NotImplemented.
pub fn binary_reflected(t: &Thread, op: &BinaryOp, a: &Value, b: &Value) -> Res {
    let (ta, tb) = (type_of(a), type_of(b));
    let f = if std::ptr::eq(ta, tb) { None } else { op.slot.of(tb.slots()) };
    let r = match f {
        // Both are Python classes.
        Some(f) if op.slot.of(ta.slots()).is_some_and(|own| std::ptr::fn_addr_eq(own, f)) => {
            call::special(t, b, dunder::name_at(op.row + 1), std::slice::from_ref(a))
                .unwrap_or(Ok(Value::NOT_IMPLEMENTED))?
        }
        Some(f) => f(t, a, b)?,
        None => Value::NOT_IMPLEMENTED,
    };
    if r.is_not_implemented() { binary_last(t, op, a, b) } else { Ok(r) }
}

/// What is left when no method knew: sequences, or the error.
fn binary_last(t: &Thread, op: &BinaryOp, a: &Value, b: &Value) -> Res {
    match op.sign {
        "+" | "+=" => sequence_add(t, op, a, b),
        "*" | "*=" => sequence_mul(t, op, a, b),
        _ => Err(unsupported(t, op.sign, a, b)),
    }
}

fn sequence_add(t: &Thread, op: &BinaryOp, a: &Value, b: &Value) -> Res {
    let slots = type_of(a).slots();
    let f = if op.sign == "+=" { slots.iconcat.or(slots.concat) } else { slots.concat };
    match f {
        Some(f) => f(t, a, b),
        None => Err(unsupported(t, op.sign, a, b)),
    }
}

fn sequence_mul(t: &Thread, op: &BinaryOp, a: &Value, b: &Value) -> Res {
    let (sa, sb) = (type_of(a).slots(), type_of(b).slots());
    let (f, seq, count) = match (if op.sign == "*=" { sa.irepeat.or(sa.repeat) } else { sa.repeat }, sb.repeat) {
        (Some(f), _) => (f, a, b),
        (None, Some(f)) => (f, b, a),
        (None, None) => return Err(unsupported(t, op.sign, a, b)),
    };
    if type_of(count).slots().index.is_none() {
        let name = type_of(count).name();
        return Err(error::type_error(t, format_args!("can't multiply sequence by non-int of type '{name}'")));
    }
    let k = crate::convert::to_index_overflow(t, count)?;
    f(t, seq, k)
}

#[cold]
pub(super) fn unsupported(t: &Thread, sign: &str, a: &Value, b: &Value) -> Exc {
    let (ta, tb) = (type_of(a).name(), type_of(b).name());
    if sign == ">>" && ta == "builtin_function_or_method" && crate::native::is_named(a, "print") {
        return error::type_error(
            t,
            format_args!(
                "unsupported operand type(s) for {sign}: '{ta}' and '{tb}'. Did you mean \"print(<message>, file=<output_stream>)\"?"
            ),
        );
    }
    error::type_error(t, format_args!("unsupported operand type(s) for {sign}: '{ta}' and '{tb}'"))
}
