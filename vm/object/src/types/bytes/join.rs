//! bytes.join and bytearray.join.

use super::{Bytes, View, data, make};
use crate::buffer;
use crate::bulk;
use crate::error::{self, Res};
use crate::list::List;
use crate::thread::Thread;
use crate::ty::type_name;
use crate::types::str_::join::sequence;
use crate::value::Value;

/// Joins bytes objects; `None` if there are others, or too many bytes.
fn join_plain(t: &Thread, sep: &[u8], items: &[Value]) -> Option<Res> {
    const FEW: usize = 4096;
    let [first, ..] = items else { return None };
    if items.len() == 1 || items.len() > FEW {
        return first.exact::<Bytes>().filter(|_| items.len() == 1).map(|_| Ok(first.clone()));
    }
    let mut len = sep.len().checked_mul(items.len() - 1)?;
    for item in items {
        len = len.checked_add(item.exact::<Bytes>()?.len())?;
    }
    let fill = |mut to: *mut u8| {
        for (i, item) in items.iter().enumerate() {
            let part = item.exact::<Bytes>().map_or(&[][..], Bytes::as_slice);
            for part in [if i > 0 { sep } else { &[] }, part] {
                // SAFETY: the lengths were summed just above, and nothing has changed since.
                unsafe {
                    bulk::copy(t, part.as_ptr(), to, part.len())?;
                    to = to.add(part.len());
                }
            }
        }
        Ok(())
    };
    // SAFETY: all bytes are written.
    Some(unsafe { super::filled(t, len, fill) })
}

pub(super) fn join(t: &Thread, a: &[Value]) -> Res {
    // Items are looked at twice, so it must be certain that no other thread exchanges them in between.
    if let (Some(sep), Some(list), false) = (a[0].exact::<Bytes>(), a[1].exact::<List>(), t.is_shared()) {
        // SAFETY: joining runs no Python code, and drops no reference.
        if let Some(made) = join_plain(t, sep.as_slice(), unsafe { list.items() }) {
            return made;
        }
    }
    let items = sequence(t, &a[1], "can only join an iterable")?;
    if let ([only], Some(_)) = (&items[..], a[0].downcast::<Bytes>())
        && only.exact::<Bytes>().is_some()
    {
        return Ok(only.clone());
    }
    let listed = a[1].downcast::<List>();
    let mut views = Vec::with_capacity(items.len());
    let mut len = 0usize;
    for (i, item) in items.iter().enumerate() {
        if !buffer::supported(item) {
            let name = type_name(item);
            return Err(error::type_error(
                t,
                format_args!("sequence item {i}: expected a bytes-like object, {name} found"),
            ));
        }
        let view = View::get(t, item)?;
        if listed.is_some_and(|list| list.len() != items.len()) {
            return Err(error::runtime_error(t, "sequence changed size during iteration"));
        }
        len = len.saturating_add(view.len());
        views.push(view);
    }
    // What the items' buffers run may have changed a bytearray separator, but nothing runs from here on.
    let sep = data(&a[0]);
    len = len.saturating_add(sep.len().saturating_mul(items.len().saturating_sub(1)));
    if len > isize::MAX as usize {
        return Err(error::overflow_error(t, "join() result is too long"));
    }
    t.check_alloc(len)?;
    let mut out = Vec::with_capacity(len);
    for (i, view) in views.iter().enumerate() {
        if i > 0 {
            bulk::extend(&mut out, sep);
        }
        bulk::extend(&mut out, view);
        if i % 4096 == 4095 {
            t.check_stop()?;
        }
    }
    make(t, &a[0], &out)
}
