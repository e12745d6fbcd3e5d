//! str.translate and str.maketrans.

use super::text_arg;
use crate::dict::Dict;
use crate::error::{self, Res};
use crate::ops;
use crate::strs::{Str, StrBuilder};
use crate::thread::Thread;
use crate::types::exceptions::LOOKUP_ERROR;
use crate::types::int;
use crate::value::Value;

/// What a character becomes.
#[derive(Clone)]
enum To {
    /// Itself.
    Same,
    /// Nothing.
    Nothing,
    /// Another character.
    Char(u32),
    /// A text.
    Text(Value),
}

fn look_up(t: &Thread, table: &Value, c: u32) -> Res<To> {
    let to = match ops::getitem(t, table, &Value::small(i64::from(c))) {
        Ok(v) => v,
        Err(e) if e.is(&LOOKUP_ERROR) => return Ok(To::Same),
        Err(e) => return Err(e),
    };
    if to.is_none() {
        return Ok(To::Nothing);
    }
    if int::is_int(&to) {
        return match int::to_i64(&to).and_then(|i| u32::try_from(i).ok()).filter(|&i| i < 0x11_0000) {
            Some(c) => Ok(To::Char(c)),
            None => Err(error::value_error(t, "character mapping must be in range(0x110000)")),
        };
    }
    if to.downcast::<Str>().is_some() {
        return Ok(To::Text(to));
    }
    Err(error::type_error(t, "character mapping must return integer, None or str"))
}

pub(super) fn translate(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Str>();
    let table = &a[1];
    t.check_alloc(s.len() * s.width())?;
    let mut out = StrBuilder::with_capacity(s.len());
    // CPython remembers what ASCII characters became, too: a mapping is asked once for each.
    let mut known: [Option<To>; 128] = [const { None }; 128];
    for (i, c) in s.units().iter().enumerate() {
        let to = match known.get(c as usize) {
            Some(Some(to)) => to.clone(),
            slot => {
                let to = look_up(t, table, c)?;
                if slot.is_some() && s.is_ascii() {
                    known[c as usize] = Some(to.clone());
                }
                to
            }
        };
        match to {
            To::Same => out.push(c),
            To::Nothing => {}
            To::Char(c) => out.push(c),
            To::Text(text) => {
                let text = text.expect::<Str>();
                if text.len() > 64 {
                    t.check_alloc((out.len() + text.len()).saturating_mul(4))?;
                }
                out.push_value(text);
            }
        }
        if i % 256 == 255 {
            t.poll()?;
        }
    }
    out.finish(t)
}

pub(super) fn maketrans(t: &Thread, a: &[Value]) -> Res {
    let [x, y, z] = a else { return Err(error::system_error(t, "maketrans without its arguments")) };
    let made = Dict::create(t);
    let table = Dict::of(&made);
    let Some(y) = y.opt() else {
        let Some(from) = x.exact::<Dict>() else {
            return Err(error::type_error(t, "if you give only one argument to maketrans it must be a dict"));
        };
        for (key, _, value) in from.walk(t)? {
            match key.downcast::<Str>() {
                Some(s) if s.len() == 1 => table.set(t, &Value::small(i64::from(s.at(0))), &value)?,
                Some(_) => return Err(error::value_error(t, "string keys in translatetable must be of length 1")),
                None if int::is_int(&key) => table.set(t, &key, &value)?,
                None => return Err(error::type_error(t, "keys in translate table mustbe strings or integers")),
            }
        }
        return Ok(made);
    };
    let to = text_arg(t, y, "maketrans", 2)?;
    let gone = match z.opt() {
        Some(z) => Some(text_arg(t, z, "maketrans", 3)?),
        None => None,
    };
    let Some(from) = x.downcast::<Str>() else {
        return Err(error::type_error(t, "first maketrans argument must be a string if there is a second argument"));
    };
    if from.len() != to.len() {
        return Err(error::value_error(t, "the first two maketrans arguments must have equal length"));
    }
    for (f, to) in from.units().iter().zip(to.units().iter()) {
        table.set(t, &Value::small(i64::from(f)), &Value::small(i64::from(to)))?;
    }
    if let Some(gone) = gone {
        for c in gone.units().iter() {
            table.set(t, &Value::small(i64::from(c)), &Value::NONE)?;
        }
    }
    Ok(made)
}
