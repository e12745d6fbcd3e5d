//! What values are in the iteration that is followed.

use crate::cache::Kind;
use typhon_object::{Value, types::float};

/// What a value is: what recording needs to know of it.
pub fn kind_of(v: &Value) -> Kind {
    match Real::of(v) {
        Real::Int(_) => Kind::Int,
        Real::Flt(_) => Kind::Float,
        Real::Bool(_) => Kind::Bool,
        Real::Word(_) => v.header().map_or(Kind::Plain, |h| Kind::Shape(h.shape().0)),
    }
}

/// Whether a value is of a kind.
pub fn is_kind(v: &Value, kind: Kind) -> bool {
    match kind {
        Kind::Plain => !v.is_object(),
        kind => kind_of(v) == kind,
    }
}

/// What a register holds in the iteration that is followed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Real {
    Int(i64),
    Flt(f64),
    Bool(bool),
    /// Anything else, by its word.
    Word(u64),
}

impl Real {
    pub(super) fn of(v: &Value) -> Self {
        match (v.as_small(), v.as_immediate_float()) {
            (Some(i), _) => Self::Int(i),
            (_, Some(x)) => Self::Flt(x),
            _ if v.is_bool() => Self::Bool(v.is_true()),
            _ => match v.exact::<float::Float>().and_then(|_| float::as_f64(v)) {
                Some(x) => Self::Flt(x),
                None => Self::Word(v.bits()),
            },
        }
    }
}
