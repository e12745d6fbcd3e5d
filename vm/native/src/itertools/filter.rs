//! compress, dropwhile, filterfalse, islice, starmap and takewhile: some items of an iterator.

use super::{
    COMPRESS_KIND, DROP_WHILE_KIND, FILTER_FALSE_KIND, ISLICE_KIND, It, STAR_MAP_KIND, Start, TAKE_WHILE_KIND, make,
    step,
};
use crate::ctor::{bind, for_init};
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::native::{MethodDef, def};
use typhon_object::tuple::Tuple;
use typhon_object::types::exceptions::OVERFLOW_ERROR;
use typhon_object::{Thread, Value, call, convert, ops, type_of};

static COMPRESS_NEW: MethodDef = def(
    "compress",
    "($type, data, selectors)",
    |t, a| {
        let start = Start { a: ops::iter(t, &a[1])?, b: ops::iter(t, &a[2])?, ..Start::default() };
        make::<COMPRESS_KIND>(t, &a[0], start)
    },
    "",
);

pub(super) fn new_compress(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    bind(t, &COMPRESS_NEW, class, args)
}

/// `a` the data, `b` the selectors.
pub(super) fn compress(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<COMPRESS_KIND>>();
    loop {
        // At the end of the data no selector is taken: others may go on with them.
        let Some(item) = step(t, &it.a)? else { return Ok(Value::ABSENT) };
        let Some(selector) = step(t, &it.b)? else { return Ok(Value::ABSENT) };
        if ops::truth(t, &selector)? {
            return Ok(item);
        }
        t.poll()?;
    }
}

macro_rules! with_function {
    ($($new:ident, $def:ident, $name:literal, $first:literal, $kind:ident;)*) => {$(
        static $def: MethodDef = def(
            $name,
            concat!("($type, ", $first, ", iterable, /)"),
            |t, a| make::<$kind>(t, &a[0], Start { a: ops::iter(t, &a[2])?, b: a[1].clone(), ..Start::default() }),
            "",
        );

        pub(super) fn $new(t: &Thread, class: &Value, args: Args<'_>) -> Res {
            bind(t, &$def, class, for_init(class, args))
        }
    )*};
}
with_function! {
    new_drop_while, DROP_WHILE_NEW, "dropwhile", "predicate", DROP_WHILE_KIND;
    new_take_while, TAKE_WHILE_NEW, "takewhile", "predicate", TAKE_WHILE_KIND;
    new_filter_false, FILTER_FALSE_NEW, "filterfalse", "function", FILTER_FALSE_KIND;
    new_star_map, STAR_MAP_NEW, "starmap", "function", STAR_MAP_KIND;
}

/// `a` the iterator, `b` the predicate, `n` whether dropping is over.
pub(super) fn drop_while(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<DROP_WHILE_KIND>>();
    loop {
        let Some(item) = step(t, &it.a)? else { return Ok(Value::ABSENT) };
        if it.n.get() != 0 {
            return Ok(item);
        }
        let good = call::call1(t, &it.b.get(), &item)?;
        if !ops::truth(t, &good)? {
            it.n.set(1);
            return Ok(item);
        }
        t.poll()?;
    }
}

/// `a` the iterator, `b` the predicate, `n` whether it is over.
pub(super) fn take_while(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<TAKE_WHILE_KIND>>();
    if it.n.get() != 0 {
        return Ok(Value::ABSENT);
    }
    let Some(item) = step(t, &it.a)? else { return Ok(Value::ABSENT) };
    let good = call::call1(t, &it.b.get(), &item)?;
    if ops::truth(t, &good)? {
        return Ok(item);
    }
    it.n.set(1);
    Ok(Value::ABSENT)
}

/// `a` the iterator, `b` the function or None.
pub(super) fn filter_false(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<FILTER_FALSE_KIND>>();
    let f = it.b.get();
    let plain = f.is_none() || typhon_object::types::bool_::BOOL.ty().with_value(|b| b.is(&f));
    loop {
        let Some(item) = step(t, &it.a)? else { return Ok(Value::ABSENT) };
        let good = if plain { ops::truth(t, &item)? } else { ops::truth(t, &call::call1(t, &f, &item)?)? };
        if !good {
            return Ok(item);
        }
        t.poll()?;
    }
}

/// `a` the iterator of arguments, `b` the function.
pub(super) fn star_map(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<STAR_MAP_KIND>>();
    let Some(args) = step(t, &it.a)? else { return Ok(Value::ABSENT) };
    let f = it.b.get();
    match args.exact::<Tuple>() {
        Some(items) => call::call(t, &f, items.items()),
        None => call::call(t, &f, &ops::collect(t, &args)?),
    }
}

/// A bound of an islice: None, or 0 or more.
fn bound(t: &Thread, v: &Value, refuse: &str) -> Res<Option<isize>> {
    if v.is_none() {
        return Ok(None);
    }
    let refused = || error::value_error(t, refuse);
    if type_of(v).slots().index.is_none() {
        return Err(refused());
    }
    match convert::to_index_overflow(t, v) {
        Ok(isize::MIN..0) => Err(refused()),
        Ok(i) => Ok(Some(i)),
        Err(e) if e.is(&OVERFLOW_ERROR) => Err(refused()),
        Err(e) => Err(e),
    }
}

pub(super) fn new_islice(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    const STOP: &str = "Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize.";
    const INDICES: &str = "Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize.";
    const STEP: &str = "Step for islice() must be a positive integer or None.";
    let a = for_init(class, args).expect_positional(t, "islice", 2, 4)?;
    let (start, stop) = if a.len() == 2 {
        (0, bound(t, &a[1], STOP)?)
    } else {
        (bound(t, &a[1], INDICES)?.unwrap_or(0), bound(t, &a[2], STOP)?)
    };
    let by = match a.get(3) {
        Some(v) => bound(t, v, STEP)?.unwrap_or(1),
        None => 1,
    };
    if by < 1 {
        return Err(error::value_error(t, STEP));
    }
    let it = ops::iter(t, &a[0])?;
    let start = Start { a: it, n: start, m: stop.unwrap_or(-1), at: vec![by as usize, 0], ..Start::default() };
    make::<ISLICE_KIND>(t, class, start)
}

/// `a` the iterator, `n` the number of the next item wanted, `m` where to stop or -1, `at` the step and the number of
/// items read.
pub(super) fn islice(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<ISLICE_KIND>>();
    let end = || {
        drop(it.a.take());
        Ok(Value::ABSENT)
    };
    if it.a.is_absent() {
        return Ok(Value::ABSENT);
    }
    let (by, mut read) = match it.at.borrow()[..] {
        [by, read] => (by, read),
        _ => return Ok(Value::ABSENT),
    };
    let (wanted, stop) = (it.n.get() as usize, usize::try_from(it.m.get()).unwrap_or(usize::MAX));
    let skip_to = wanted.min(stop);
    let advance = |read: &mut usize| -> Res<Option<Value>> {
        let item = step(t, &it.a)?;
        *read += 1;
        if let Some(count) = it.at.borrow_mut().get_mut(1) {
            *count = *read;
        }
        Ok(item)
    };
    while read < skip_to {
        if advance(&mut read)?.is_none() {
            return end();
        }
        if read % 256 == 0 {
            t.poll()?;
        }
    }
    if read >= stop {
        return end();
    }
    let Some(item) = advance(&mut read)? else { return end() };
    it.n.set(wanted.saturating_add(by).min(stop).min(isize::MAX as usize) as isize);
    Ok(item)
}
