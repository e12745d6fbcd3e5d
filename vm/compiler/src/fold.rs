//! Constant folding: which expressions are constants, within CPython's limits.
//!
//! What is not folded is computed when it runs, with the same result: so this stops where results could be large, slow
//! or wrong to round, and at a fixed depth.

use crate::source::SourceMap;
use crate::text;
use ruff_python_ast::{self as ast, Expr, ExprContext, Number, Operator, UnaryOp};
use std::sync::Arc;
use typhon_isa::Const;

const DEPTH_MAX: u32 = 100;
const STR_MAX: usize = 4096;
const ITEMS_MAX: usize = 256;
const TOTAL_ITEMS_MAX: usize = 1024;
const INT_BITS_MAX: u32 = 127;

/// The constant that `e` is.
pub(crate) fn constant(e: &Expr, map: &SourceMap, optimize: u8) -> Option<Const> {
    Folder { map, optimize }.expr(e, DEPTH_MAX)
}

/// What a display after `in` folds to: a list to a tuple, a set to a frozenset.
pub(crate) fn membership(e: &Expr, map: &SourceMap, optimize: u8) -> Option<Const> {
    let folder = Folder { map, optimize };
    match e {
        Expr::List(l) => folder.all(&l.elts, DEPTH_MAX).map(|items| Const::Tuple(items.into())),
        Expr::Set(s) => set(s, map, optimize),
        _ => None,
    }
}

/// A set display of constants as a frozenset.
pub(crate) fn set(s: &ast::ExprSet, map: &SourceMap, optimize: u8) -> Option<Const> {
    let items = all(&s.elts, map, optimize)?;
    let mut seen = rustc_hash::FxHashSet::default();
    Some(Const::FrozenSet(items.into_iter().filter(|i| seen.insert(i.clone())).collect()))
}

/// Every element as a constant, or `None`.
pub(crate) fn all(elts: &[Expr], map: &SourceMap, optimize: u8) -> Option<Vec<Const>> {
    Folder { map, optimize }.all(elts, DEPTH_MAX)
}

/// The truth of a constant.
pub(crate) fn truth(value: &Const) -> Option<bool> {
    Some(match value {
        Const::None => false,
        Const::Bool(b) => *b,
        Const::Ellipsis => true,
        Const::Int(i) => *i != 0,
        Const::BigInt { .. } => true,
        Const::Float(f) => *f != 0.0,
        Const::Complex(r, i) => *r != 0.0 || *i != 0.0,
        Const::Str(s) | Const::Bytes(s) => !s.is_empty(),
        Const::Tuple(t) | Const::FrozenSet(t) => !t.is_empty(),
        Const::Slice(_) | Const::Code(_) => return None,
    })
}

/// An int constant of any size.
pub(crate) fn int(value: i128) -> Const {
    if let Ok(small) = i64::try_from(value) {
        return Const::Int(small);
    }
    let mut magnitude = value.unsigned_abs().to_le_bytes().to_vec();
    while magnitude.last() == Some(&0) {
        magnitude.pop();
    }
    Const::BigInt { negative: value < 0, magnitude: magnitude.into() }
}

struct Folder<'a> {
    map: &'a SourceMap,
    optimize: u8,
}

impl Folder<'_> {
    fn all(&self, elts: &[Expr], depth: u32) -> Option<Vec<Const>> {
        elts.iter().map(|e| self.expr(e, depth)).collect()
    }

    fn expr(&self, e: &Expr, depth: u32) -> Option<Const> {
        let depth = depth.checked_sub(1)?;
        match e {
            Expr::NumberLiteral(n) => number(&n.value),
            Expr::StringLiteral(s) => Some(Const::Str(text::string(s, self.map))),
            Expr::BytesLiteral(b) => Some(Const::Bytes(b.value.bytes().collect::<Vec<u8>>().into())),
            Expr::BooleanLiteral(b) => Some(Const::Bool(b.value)),
            Expr::NoneLiteral(_) => Some(Const::None),
            Expr::EllipsisLiteral(e) => Some(self.map.constant(e).cloned().unwrap_or(Const::Ellipsis)),
            Expr::Name(n) if n.id == "__debug__" && n.ctx == ExprContext::Load => Some(Const::Bool(self.optimize == 0)),
            Expr::Tuple(t) if t.ctx == ExprContext::Load => self.all(&t.elts, depth).map(|i| Const::Tuple(i.into())),
            Expr::UnaryOp(u) => unary(u.op, self.expr(&u.operand, depth)?),
            Expr::BinOp(b) => {
                let right = self.expr(&b.right, depth)?;
                binary(b.op, self.expr(&b.left, depth)?, right)
            }
            Expr::Subscript(s) if s.ctx == ExprContext::Load => {
                let index = self.expr(&s.slice, depth)?;
                subscript(self.expr(&s.value, depth)?, &index)
            }
            Expr::Slice(s) => {
                let part = |p: &Option<Box<Expr>>| match p {
                    Some(e) => self.expr(e, depth),
                    None => Some(Const::None),
                };
                Some(Const::Slice(Arc::new([part(&s.lower)?, part(&s.upper)?, part(&s.step)?])))
            }
            _ => None,
        }
    }
}

fn number(n: &Number) -> Option<Const> {
    Some(match n {
        Number::Int(i) => match i.as_u64() {
            Some(small) => int(i128::from(small)),
            None => text::big_int(&i.to_string())?,
        },
        Number::Float(f) => Const::Float(*f),
        Number::Complex { real, imag } => Const::Complex(*real, *imag),
    })
}

/// The value of an int or bool constant that fits 128 bits.
fn as_int(value: &Const) -> Option<i128> {
    match value {
        Const::Bool(b) => Some(i128::from(*b)),
        Const::Int(i) => Some(i128::from(*i)),
        Const::BigInt { negative, magnitude } if magnitude.len() < 16 => {
            let mut bytes = [0u8; 16];
            bytes[..magnitude.len()].copy_from_slice(magnitude);
            let value = i128::from_le_bytes(bytes);
            Some(if *negative { -value } else { value })
        }
        _ => None,
    }
}

/// The value of a float constant, or of an int that a float holds exactly.
fn as_float(value: &Const) -> Option<f64> {
    match value {
        Const::Float(f) => Some(*f),
        _ => as_int(value).filter(|i| i.unsigned_abs() <= 1 << 53).map(|i| i as f64),
    }
}

/// A unary operation on a constant.
pub(crate) fn unary(op: UnaryOp, value: Const) -> Option<Const> {
    match (op, value) {
        (UnaryOp::Not, value) => truth(&value).map(|t| Const::Bool(!t)),
        (UnaryOp::USub, Const::Float(f)) => Some(Const::Float(-f)),
        (UnaryOp::USub, Const::Complex(r, i)) => Some(Const::Complex(-r, -i)),
        (UnaryOp::UAdd, value @ (Const::Float(_) | Const::Complex(..) | Const::BigInt { .. })) => Some(value),
        (UnaryOp::USub, Const::BigInt { negative, magnitude }) => {
            match as_int(&Const::BigInt { negative, magnitude: magnitude.clone() }) {
                Some(i) => Some(int(-i)),
                None => Some(Const::BigInt { negative: !negative, magnitude }),
            }
        }
        (UnaryOp::USub, value) => as_int(&value)?.checked_neg().map(int),
        (UnaryOp::UAdd, value) => as_int(&value).map(int),
        (UnaryOp::Invert, Const::Bool(_)) => None,
        (UnaryOp::Invert, value) => as_int(&value).map(|i| int(!i)),
    }
}

/// A binary operation on constants.
pub(crate) fn binary(op: Operator, left: Const, right: Const) -> Option<Const> {
    if let (Some(l), Some(r)) = (as_int(&left), as_int(&right)) {
        let both_bool = matches!((&left, &right), (Const::Bool(_), Const::Bool(_)));
        if both_bool && matches!(op, Operator::BitAnd | Operator::BitOr | Operator::BitXor) {
            return int_binary(op, l, r).map(|v| Const::Bool(v != Const::Int(0)));
        }
        return int_binary(op, l, r);
    }
    match (op, &left, &right) {
        (Operator::Add, Const::Str(l), Const::Str(r)) if l.len() + r.len() <= STR_MAX => {
            Some(Const::Str(text::join(&[l, r])))
        }
        (Operator::Add, Const::Bytes(l), Const::Bytes(r)) if l.len() + r.len() <= STR_MAX => {
            Some(Const::Bytes([&**l, &**r].concat().into()))
        }
        (Operator::Add, Const::Tuple(l), Const::Tuple(r)) if l.len() + r.len() <= ITEMS_MAX => {
            Some(Const::Tuple(l.iter().chain(r.iter()).cloned().collect()))
        }
        (Operator::Mult, seq, count) | (Operator::Mult, count, seq) if is_sequence(seq) && as_int(count).is_some() => {
            repeat(seq, as_int(count)?)
        }
        (Operator::Add | Operator::Sub, Const::Complex(..), _)
        | (Operator::Add | Operator::Sub, _, Const::Complex(..)) => complex_binary(op, &left, &right),
        _ => {
            let (l, r) = (as_float(&left)?, as_float(&right)?);
            Some(Const::Float(match op {
                Operator::Add => l + r,
                Operator::Sub => l - r,
                Operator::Mult => l * r,
                Operator::Div if r != 0.0 => l / r,
                _ => return None,
            }))
        }
    }
}

fn is_sequence(value: &Const) -> bool {
    matches!(value, Const::Str(_) | Const::Bytes(_) | Const::Tuple(_))
}

fn complex_binary(op: Operator, left: &Const, right: &Const) -> Option<Const> {
    let (l, r) = match (left, right) {
        (Const::Complex(a, b), Const::Complex(c, d)) => {
            return Some(if op == Operator::Add { Const::Complex(a + c, b + d) } else { Const::Complex(a - c, b - d) });
        }
        (Const::Complex(a, b), other) => ((*a, *b), as_float(other)?),
        (other, Const::Complex(a, b)) => {
            let l = as_float(other)?;
            return Some(if op == Operator::Add { Const::Complex(l + a, *b) } else { Const::Complex(l - a, -b) });
        }
        _ => return None,
    };
    Some(if op == Operator::Add { Const::Complex(l.0 + r, l.1) } else { Const::Complex(l.0 - r, l.1) })
}

fn repeat(seq: &Const, count: i128) -> Option<Const> {
    let count = usize::try_from(count.max(0)).ok()?;
    let fits = |len: usize, max: usize| len.checked_mul(count).is_some_and(|n| n <= max);
    match seq {
        Const::Str(s) if fits(s.len(), STR_MAX) => Some(Const::Str(text::join(&vec![&**s; count]))),
        Const::Bytes(b) if fits(b.len(), STR_MAX) => Some(Const::Bytes(b.repeat(count).into())),
        Const::Tuple(t) if fits(t.len(), ITEMS_MAX) && fits(total_items(t), TOTAL_ITEMS_MAX) => {
            Some(Const::Tuple(std::iter::repeat_n(t.iter().cloned(), count).flatten().collect()))
        }
        _ => None,
    }
}

fn total_items(items: &[Const]) -> usize {
    items.iter().map(|i| if let Const::Tuple(t) = i { 1 + total_items(t) } else { 1 }).sum()
}

fn int_binary(op: Operator, l: i128, r: i128) -> Option<Const> {
    let bits = |v: i128| 128 - v.unsigned_abs().leading_zeros();
    let value = match op {
        Operator::Add => l.checked_add(r)?,
        Operator::Sub => l.checked_sub(r)?,
        Operator::Mult => l.checked_mul(r)?,
        Operator::FloorDiv if r != 0 => floor_div(l, r)?,
        Operator::Mod if r != 0 => l.checked_sub(floor_div(l, r)?.checked_mul(r)?)?,
        Operator::Pow if r >= 0 && i128::from(bits(l)) * r <= i128::from(INT_BITS_MAX) => {
            l.checked_pow(u32::try_from(r).ok()?)?
        }
        Operator::LShift if r >= 0 && i128::from(bits(l)) + r <= i128::from(INT_BITS_MAX) => l << r,
        Operator::RShift if r >= 0 => l >> r.min(127),
        Operator::BitOr => l | r,
        Operator::BitXor => l ^ r,
        Operator::BitAnd => l & r,
        Operator::Div => {
            let exact = |v: i128| v.unsigned_abs() <= 1 << 53;
            return (r != 0 && exact(l) && exact(r)).then(|| Const::Float(l as f64 / r as f64));
        }
        _ => return None,
    };
    Some(int(value))
}

fn floor_div(l: i128, r: i128) -> Option<i128> {
    let q = l.checked_div(r)?;
    Some(if l % r != 0 && (l < 0) != (r < 0) { q - 1 } else { q })
}

fn subscript(value: Const, index: &Const) -> Option<Const> {
    let at = |len: usize| {
        let i = as_int(index)?;
        let i = if i < 0 { i + len as i128 } else { i };
        usize::try_from(i).ok().filter(|i| *i < len)
    };
    match value {
        Const::Tuple(t) => t.get(at(t.len())?).cloned(),
        Const::Bytes(b) => b.get(at(b.len())?).map(|b| Const::Int(i64::from(*b))),
        Const::Str(s) if s.is_ascii() => s.get(at(s.len())?).map(|c| Const::Str([*c].as_slice().into())),
        _ => None,
    }
}
