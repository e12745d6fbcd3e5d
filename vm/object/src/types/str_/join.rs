//! str.join: one pass for size and width, one for the copy.

use crate::error::{self, Res};
use crate::list::List;
use crate::ops;
use crate::process;
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::tuple::Tuple;
use crate::ty::{type_name, type_of};
use crate::value::Value;

const POLL_EVERY: usize = 4096;

/// `sep.join(iterable)`.
pub fn join(t: &Thread, sep: &Value, iterable: &Value) -> Res {
    let sep = sep.expect::<Str>();
    // Items are looked at twice: those that another thread could exchange in between are copied.
    if let Some(list) = iterable.exact::<List>().filter(|_| !t.is_shared()) {
        // SAFETY: joining runs no Python code, and drops no reference.
        return join_items(t, sep, unsafe { list.items() });
    }
    let items = sequence(t, iterable, "can only join an iterable")?;
    join_items(t, sep, &items)
}

/// The items of an iterable; `refuse` is the TypeError's text for anything else.
pub(crate) fn sequence(t: &Thread, iterable: &Value, refuse: &str) -> Res<Vec<Value>> {
    let known = iterable.exact::<List>().is_some() || iterable.exact::<Tuple>().is_some();
    if !known && type_of(iterable).slots().iter.is_none() && !ops::is_sequence(iterable) {
        return Err(error::type_error(t, refuse));
    }
    ops::collect(t, iterable)
}

/// Joins strs.
pub fn join_items(t: &Thread, sep: &Str, items: &[Value]) -> Res {
    if let [only] = items
        && only.exact::<Str>().is_some()
    {
        return Ok(only.clone());
    }
    let (mut len, mut width, mut ascii) = (0usize, 1, true);
    for (i, item) in items.iter().enumerate() {
        let Some(s) = item.downcast::<Str>() else {
            let name = type_name(item);
            return Err(error::type_error(t, format_args!("sequence item {i}: expected str instance, {name} found")));
        };
        if i % POLL_EVERY == POLL_EVERY - 1 {
            t.check_stop()?;
        }
        len += s.len();
        width = width.max(s.width());
        ascii &= s.is_ascii();
    }
    if items.len() > 1 {
        width = width.max(sep.width());
        ascii &= sep.is_ascii();
        let gaps = (items.len() - 1).checked_mul(sep.len()).and_then(|n| n.checked_add(len));
        len = match gaps {
            Some(n) if n <= isize::MAX as usize => n,
            _ => return Err(error::overflow_error(t, "join() result is too long for a Python string")),
        };
    }
    if len == 0 {
        return Ok(process::empty_str().clone());
    }
    if len == 1 {
        let all = items.iter().filter_map(|v| v.downcast::<Str>()).chain([sep]);
        return match all.into_iter().find(|s| s.len() == 1) {
            Some(s) => strs::from_char(t, s.at(0)),
            None => Ok(process::empty_str().clone()),
        };
    }
    let fill = |p: *mut u8| {
        let mut at = 0;
        for (i, item) in items.iter().enumerate() {
            // SAFETY: the new str has room for every item and separator at this width.
            unsafe {
                if i > 0 && !sep.is_empty() {
                    strs::copy_widening(t, sep, p.add(at * width), width)?;
                    at += sep.len();
                }
                let s = item.expect::<Str>();
                strs::copy_widening(t, s, p.add(at * width), width)?;
                at += s.len();
            }
            if i % POLL_EVERY == POLL_EVERY - 1 {
                t.check_stop()?;
            }
        }
        Ok(())
    };
    // SAFETY: `fill` writes all units; the width is the widest part's, which is in the result.
    unsafe { strs::raw(t, len, width, ascii, fill) }
}
