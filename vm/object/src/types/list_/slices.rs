//! list: slices, repetition and extension.

use crate::dict::Dict;
use crate::error::{self, Res};
use crate::list::List;
use crate::ops;
use crate::thread::Thread;
use crate::tuple::Tuple;
use crate::ty::type_of;
use crate::types::exceptions::TYPE_ERROR;
use crate::types::range::Range;
use crate::types::slice::{Bounds, Slice};
use crate::value::Value;

/// `list[slice]`.
pub(super) fn get(t: &Thread, list: &List, s: &Slice) -> Res {
    within(t, list, s.bounds(t)?)
}

/// The items of a list that lie within bounds, as a list.
pub fn within(t: &Thread, list: &List, bounds: Bounds) -> Res {
    // SAFETY: copying values changes no list. Another thread may make this one shorter: the indices are those of what is read here.
    let items = unsafe { list.items() };
    let at = bounds.fit(items.len());
    if at.step == 1 {
        let start = at.start as usize;
        return List::from_slice(t, &items[start..start + at.count]);
    }
    List::from_items(t, at.count, at.iter().map(|i| &items[i]))
}

/// `list[slice] = value`, or `del list[slice]`.
pub(super) fn set(t: &Thread, list: &List, s: &Slice, value: Option<&Value>) -> Res<()> {
    let bounds = s.bounds(t)?;
    let Some(value) = value else {
        delete(list, bounds.fit(list.len()));
        return Ok(());
    };
    let items = match ops::collect(t, value) {
        Err(e) if e.is(&TYPE_ERROR) && type_of(value).slots().iter.is_none() => {
            return Err(error::type_error(t, "must assign iterable to extended slice"));
        }
        r => r?,
    };
    let at = bounds.fit(list.len());
    if at.step == 1 {
        let start = at.start as usize;
        let mut items = items;
        if items.len() == at.count {
            // The old items are dropped when all new ones are in place.
            list.exchange(start, &mut items);
            end(items);
            return Ok(());
        }
        end(list.splice(t, start, start + at.count, items)?);
        return Ok(());
    }
    if items.len() != at.count {
        return Err(error::value_error(
            t,
            format_args!("attempt to assign sequence of size {} to extended slice of size {}", items.len(), at.count),
        ));
    }
    for (i, item) in at.iter().zip(items) {
        list.set(i, item);
    }
    Ok(())
}

/// Items that a slice held come to their end as in CPython, the last one first.
fn end(mut items: Vec<Value>) {
    while items.pop().is_some() {}
}

fn delete(list: &List, at: crate::types::slice::Indices) {
    if at.count == 0 {
        return;
    }
    // From low to high, whatever the direction.
    let (first, step) = if at.step < 0 {
        ((at.start + (at.count as isize - 1) * at.step) as usize, at.step.unsigned_abs())
    } else {
        (at.start as usize, at.step as usize)
    };
    drop(list.remove_strided(first, step, at.count));
}

/// `a + b`.
pub(super) fn concat(t: &Thread, a: &Value, b: &Value) -> Res {
    let (Some(x), Some(y)) = (a.downcast::<List>(), b.downcast::<List>()) else {
        let name = type_of(b).name();
        return Err(error::type_error(t, format_args!("can only concatenate list (not \"{name}\") to list")));
    };
    let out = List::create(t)?;
    let to = out.expect::<List>();
    to.reserve(t, x.len() + y.len())?;
    for from in [x, y] {
        // SAFETY: cloning and pushing to another list runs no Python code and changes neither source.
        to.extend_from_slice(t, unsafe { from.items() })?;
    }
    Ok(out)
}

/// `a * n`.
pub(super) fn repeat(t: &Thread, v: &Value, n: isize) -> Res {
    let list = v.expect::<List>();
    let out = List::create(t)?;
    // SAFETY: only copies are made: no Python code runs, and the list stays as it is.
    fill(t, out.expect(), unsafe { list.items() }, n.max(0) as usize)?;
    Ok(out)
}

fn fill(t: &Thread, to: &List, items: &[Value], times: usize) -> Res<()> {
    let Some(total) = items.len().checked_mul(times).filter(|n| *n <= isize::MAX as usize / 16) else {
        return Err(t.memory_error());
    };
    to.reserve(t, total)?;
    if let [item] = items {
        return to.extend_n(t, item, times);
    }
    for i in 0..if items.is_empty() { 0 } else { times } {
        to.extend_from_slice(t, items)?;
        if i.is_multiple_of(256) {
            t.check_stop()?;
        }
    }
    Ok(())
}

/// `a += iterable`.
pub(super) fn iconcat(t: &Thread, a: &Value, b: &Value) -> Res {
    extend(t, a.expect(), b)?;
    Ok(a.clone())
}

/// `a *= n`.
pub(super) fn irepeat(t: &Thread, v: &Value, n: isize) -> Res {
    let list = v.expect::<List>();
    if n <= 0 {
        list.clear_items();
    } else if n > 1 {
        fill(t, list, &list.to_vec(), n as usize - 1)?;
    }
    Ok(v.clone())
}

/// Appends every item of an iterable.
pub fn extend(t: &Thread, list: &List, iterable: &Value) -> Res<()> {
    if let Some(tuple) = iterable.exact::<Tuple>() {
        return list.extend_from_slice(t, tuple.items());
    }
    if let Some(other) = iterable.exact::<List>() {
        if std::ptr::eq(list, other) {
            return list.extend_from_slice(t, &other.to_vec());
        }
        // SAFETY: cloning and pushing to another list runs no Python code and does not change the source.
        return list.extend_from_slice(t, unsafe { other.items() });
    }
    if let Some((mut next, step, count)) = iterable.exact::<Range>().and_then(Range::few) {
        list.reserve(t, count)?;
        for _ in 0..count {
            list.push(t, Value::small(next))?;
            next += step;
        }
        return Ok(());
    }
    if let Some(items) = ops::at_once(t, iterable)? {
        return list.extend_from_slice(t, &items);
    }
    if let Some(dict) = iterable.exact::<Dict>() {
        list.reserve(t, dict.len())?;
        let mut at = 0;
        while let Some(key) = dict.next_with(&mut at, |key, _| key.clone()) {
            list.push(t, key)?;
            if at % 4096 == 0 {
                t.check_stop()?;
            }
        }
        return Ok(());
    }
    const HINT_MAX: usize = 1 << 16;
    let it = ops::iter(t, iterable)?;
    let hint = ops::length_hint(t, iterable, 8)?;
    // A length that no list could have is a lie; one that this machine has no room for is believed.
    if list.len().saturating_add(hint) <= isize::MAX as usize {
        t.check_alloc(hint.saturating_mul(8))?;
    }
    list.reserve(t, hint.min(HINT_MAX))?;
    let Some(next) = type_of(&it).slots().next else { return Ok(()) };
    let mut count = 0u32;
    loop {
        let item = match next(t, &it) {
            Ok(item) => item,
            Err(e) if e.is(&crate::types::exceptions::STOP_ITERATION) => return Ok(()),
            Err(e) => return Err(e),
        };
        if item.is_absent() {
            return Ok(());
        }
        list.push(t, item)?;
        count = count.wrapping_add(1);
        if count.is_multiple_of(256) {
            t.poll()?;
        }
    }
}
