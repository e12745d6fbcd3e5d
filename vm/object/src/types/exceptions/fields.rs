//! Named fields of exceptions as attributes.

use super::{Exception, field, field_index};
use crate::convert;
use crate::error::{self, Res};
use crate::names;
use crate::thread::Thread;
use crate::ty::type_of;
use crate::types::int;
use crate::value::Value;

/// Stores a field; an absent value empties it.
pub(super) fn put(v: &Value, name: &str, value: Value) {
    if let Some(x) = v.downcast::<Exception>()
        && !(value.is_absent() && x.fields.borrow().is_empty())
        && let Some(i) = field_index(type_of(v), name)
    {
        super::set_field_at(x, i, value);
    }
}

/// Reads a field as an attribute: None while it is unset.
pub(super) fn get(t: &Thread, v: &Value, name: &str) -> Res {
    match field(v, name) {
        Some(value) => Ok(value),
        None if name == "characters_written" => {
            Err(error::attribute_error(t, v, &names::intern_text(t, name), "characters_written"))
        }
        None => Ok(Value::NONE),
    }
}

/// Sets a field as an attribute, or deletes it.
pub(super) fn set(t: &Thread, v: &Value, name: &str, value: Option<&Value>) -> Res<()> {
    match name {
        "message" | "exceptions" => {
            return Err(error::attribute_error(t, v, &names::intern_text(t, name), "readonly attribute"));
        }
        "characters_written" => {
            let Some(value) = value else {
                if field(v, name).is_none() {
                    return Err(error::attribute_error(t, v, &names::intern_text(t, name), name));
                }
                put(v, name, Value::ABSENT);
                return Ok(());
            };
            let n = convert::to_isize(t, value)?;
            put(v, name, convert::from_i64(t, n as i64)?);
            return Ok(());
        }
        "start" | "end" => match value {
            None => return Err(error::type_error(t, "can't delete numeric/char attribute")),
            Some(value) if !int::is_int(value) => {
                let got = type_of(value).name();
                return Err(error::type_error(t, format_args!("'{got}' object cannot be interpreted as an integer")));
            }
            Some(_) => {}
        },
        _ => {}
    }
    put(v, name, value.cloned().unwrap_or_default());
    Ok(())
}
