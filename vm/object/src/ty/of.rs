//! The type of a value.

use super::TypeObject;
use crate::value::Value;

/// The type of any value.
#[inline(always)]
pub fn type_of(v: &Value) -> &TypeObject {
    match v.header() {
        // SAFETY: a shape's type lives as long as objects of that shape.
        Some(h) => unsafe { h.shape().get().ty.as_ref() },
        None => immediate_type(v),
    }
}

#[inline]
fn immediate_type(v: &Value) -> &'static TypeObject {
    use crate::types;
    if v.is_small() {
        types::int::INT.ty()
    } else if v.is_immediate_float() {
        types::float::FLOAT.ty()
    } else if v.is_bool() {
        types::bool_::BOOL.ty()
    } else if v.is_none() {
        types::singletons::NONE_TYPE.ty()
    } else if v.is_not_implemented() {
        types::singletons::NOT_IMPLEMENTED_TYPE.ty()
    } else {
        types::singletons::ELLIPSIS_TYPE.ty()
    }
}

/// The name of a value's type, for messages.
pub fn type_name(v: &Value) -> String {
    type_of(v).name()
}

/// `isinstance` without hooks.
#[inline]
pub fn is_instance(v: &Value, ty: &TypeObject) -> bool {
    type_of(v).is_subtype(ty)
}
