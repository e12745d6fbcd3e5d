//! Unpacking: `a, b = v` and `a, *b = v`.

use super::machine::{Flow, M, Stop};
use typhon_isa::Word;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::tuple::Tuple;
use typhon_object::{Thread, Value, ops, type_of};

/// A short tuple or list.
#[inline(always)]
pub(crate) fn plain(m: &mut M<'_>, w: Word) -> Flow {
    let (a, n) = (w.a(), w.c());
    let v = m.reg(w.b());
    let items: *const [Value] = if let Some(tuple) = v.exact::<Tuple>() {
        tuple.items()
    } else if let Some(list) = v.exact::<List>() {
        // SAFETY: looked at here only.
        unsafe { list.items() }
    } else {
        return Err(Stop::Slow);
    };
    // SAFETY: the container is alive until it is killed below, and no code runs before that: what the registers held dies at
    // the instruction's end.
    let items = unsafe { &*items };
    if items.len() != n || n > FEW {
        return Err(Stop::Slow);
    }
    m.save();
    let v = m.take_b(w);
    for (i, item) in items.iter().enumerate() {
        let item = m.copy(item);
        m.set(a + i, item);
    }
    m.release(v);
    m.advance(1);
    Ok(())
}

/// So many that what the registers held may be noted one by one.
const FEW: usize = 16;

/// The same for anything else.
#[inline(always)]
pub(crate) fn other(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let (a, n) = (w.a(), w.c());
    let v = m.held_b(w);
    if let Some(items) = v.exact::<Tuple>().map(Tuple::items).filter(|i| i.len() == n) {
        for (i, item) in items.iter().enumerate() {
            m.set_now(a + i, item.clone());
        }
        m.advance(1);
        return Ok(());
    }
    let items = exactly(m.t, &v, n)?;
    for (i, item) in items.into_iter().enumerate() {
        m.set_now(a + i, item);
    }
    m.advance(1);
    Ok(())
}

fn not_iterable(t: &Thread, v: &Value) -> Option<error::Exc> {
    if type_of(v).slots().iter.is_some() || ops::is_sequence(v) {
        return None;
    }
    Some(error::type_error(t, format_args!("cannot unpack non-iterable {} object", type_of(v).name())))
}

#[inline(never)]
fn exactly(t: &Thread, v: &Value, n: usize) -> Res<Vec<Value>> {
    let count_error =
        |got: usize| error::value_error(t, format_args!("not enough values to unpack (expected {n}, got {got})"));
    let sized = v.exact::<Tuple>().map(Tuple::len).or_else(|| v.exact::<List>().map(List::len));
    if let Some(len) = sized {
        if len < n {
            return Err(count_error(len));
        }
        if len > n {
            return Err(error::value_error(t, format_args!("too many values to unpack (expected {n}, got {len})")));
        }
        return ops::collect(t, v);
    }
    if let Some(e) = not_iterable(t, v) {
        return Err(e);
    }
    let it = ops::iter(t, v)?;
    let mut out = Vec::with_capacity(n);
    while out.len() < n {
        match ops::next(t, &it)? {
            Some(x) => out.push(x),
            None => return Err(count_error(out.len())),
        }
    }
    if ops::next(t, &it)?.is_some() {
        if let Some(d) = v.exact::<Dict>() {
            let got = d.len();
            return Err(error::value_error(t, format_args!("too many values to unpack (expected {n}, got {got})")));
        }
        return Err(error::value_error(t, format_args!("too many values to unpack (expected {n})")));
    }
    Ok(out)
}

#[inline(always)]
pub(crate) fn starred(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let (before, after) = (w.c() & 0xff, w.c() >> 8);
    let v = m.held_b(w);
    let items = around_star(m.t, &v, before, after)?;
    for (i, item) in items.into_iter().enumerate() {
        m.set_now(w.a() + i, item);
    }
    Ok(())
}

#[inline(never)]
fn around_star(t: &Thread, v: &Value, before: usize, after: usize) -> Res<Vec<Value>> {
    if let Some(e) = not_iterable(t, v) {
        return Err(e);
    }
    let mut items = ops::collect(t, v)?;
    let (need, got) = (before + after, items.len());
    if got < need {
        return Err(error::value_error(
            t,
            format_args!("not enough values to unpack (expected at least {need}, got {got})"),
        ));
    }
    let tail = items.split_off(got - after);
    let middle = items.split_off(before);
    items.push(List::from_vec(t, middle)?);
    items.extend(tail);
    Ok(items)
}
