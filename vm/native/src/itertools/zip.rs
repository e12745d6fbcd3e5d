//! batched, chain, cycle, pairwise and zip_longest: items of iterators put together.

use super::{BATCHED_KIND, CHAIN, CHAIN_KIND, CYCLE_KIND, It, PAIRWISE_KIND, Start, ZIP_LONGEST_KIND, make, step};
use crate::ctor::{bind, for_init};
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::native::{MethodDef, def};
use typhon_object::{Thread, Value, convert, ops, strs, tuple};

static BATCHED_NEW: MethodDef = def(
    "batched",
    "($type, iterable, n, *, strict=False)",
    |t, a| {
        let n = convert::to_isize(t, &a[2])?;
        let strict = a[3].opt().map_or(Ok(false), |v| ops::truth(t, v))?;
        if n < 1 {
            return Err(error::value_error(t, "n must be at least one"));
        }
        let it = ops::iter(t, &a[1])?;
        make::<BATCHED_KIND>(t, &a[0], Start { a: it, n, m: isize::from(strict), ..Start::default() })
    },
    "",
);

pub(super) fn new_batched(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    bind(t, &BATCHED_NEW, class, args)
}

/// `a` the iterator, `n` the size, `m` whether a short batch is an error.
pub(super) fn batched(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<BATCHED_KIND>>();
    let n = it.n.get() as usize;
    let mut items = Vec::new();
    while items.len() < n {
        match step(t, &it.a)? {
            Some(item) => items.push(item),
            None => break,
        }
        if items.len() % 1024 == 0 {
            t.poll()?;
            t.check_alloc(items.len() * 16)?;
        }
    }
    if items.len() < n {
        drop(it.a.take());
        if items.is_empty() {
            return Ok(Value::ABSENT);
        }
        if it.m.get() != 0 {
            return Err(error::value_error(t, "batched(): incomplete batch"));
        }
    }
    tuple::from_vec(t, items)
}

pub(super) fn new_chain(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let args = for_init(class, args);
    args.no_keywords(t, "chain")?;
    let iterables = tuple::new(t, args.values)?;
    make::<CHAIN_KIND>(t, class, Start { a: ops::iter(t, &iterables)?, ..Start::default() })
}

pub(super) fn from_iterable(t: &Thread, args: Args<'_>) -> Res {
    args.no_keywords(t, "chain.from_iterable")?;
    let [class, iterable] = args.values else {
        let given = args.values.len().saturating_sub(1);
        let text = format!("{}.from_iterable() takes exactly one argument ({given} given)", CHAIN.name);
        return Err(error::type_error(t, text));
    };
    make::<CHAIN_KIND>(t, class, Start { a: ops::iter(t, iterable)?, ..Start::default() })
}

/// `a` the iterables to come, `b` the one that is being read.
pub(super) fn chain(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<CHAIN_KIND>>();
    loop {
        if it.b.is_absent() {
            let Some(next) = step(t, &it.a)? else {
                drop(it.a.take());
                return Ok(Value::ABSENT);
            };
            match ops::iter(t, &next) {
                Ok(next) => it.b.set(&it.header, next),
                Err(e) => {
                    drop(it.a.take());
                    return Err(e);
                }
            }
        }
        if let Some(item) = step(t, &it.b)? {
            return Ok(item);
        }
        drop(it.b.take());
        t.poll()?;
    }
}

static CYCLE_NEW: MethodDef = def(
    "cycle",
    "($type, iterable, /)",
    |t, a| {
        let (it, saved) = (ops::iter(t, &a[1])?, List::create(t)?);
        make::<CYCLE_KIND>(t, &a[0], Start { a: it, b: saved, ..Start::default() })
    },
    "",
);

pub(super) fn new_cycle(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    bind(t, &CYCLE_NEW, class, for_init(class, args))
}

/// `a` the iterator until it ends, `b` what it gave, `n` the place in that.
pub(super) fn cycle(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<CYCLE_KIND>>();
    let saved = it.b.get();
    let Some(list) = saved.downcast::<List>() else { return Ok(Value::ABSENT) };
    if let Some(item) = step(t, &it.a)? {
        list.push(t, item.clone())?;
        return Ok(item);
    }
    drop(it.a.take());
    let n = it.n.get() as usize;
    let n = if n >= list.len() { 0 } else { n };
    it.n.set(n as isize + 1);
    Ok(list.get(n).unwrap_or_default())
}

static PAIRWISE_NEW: MethodDef = def(
    "pairwise",
    "($type, iterable, /)",
    |t, a| make::<PAIRWISE_KIND>(t, &a[0], Start { a: ops::iter(t, &a[1])?, ..Start::default() }),
    "",
);

pub(super) fn new_pairwise(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    bind(t, &PAIRWISE_NEW, class, args)
}

/// `a` the iterator, `b` the item before.
pub(super) fn pairwise(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<PAIRWISE_KIND>>();
    let mut old = it.b.get();
    if old.is_absent() {
        let Some(first) = step(t, &it.a)? else {
            drop(it.a.take());
            return Ok(Value::ABSENT);
        };
        it.b.set(&it.header, first.clone());
        old = first;
    }
    let Some(new) = step(t, &it.a)? else {
        drop((it.a.take(), it.b.take()));
        return Ok(Value::ABSENT);
    };
    it.b.set(&it.header, new.clone());
    tuple::from_array(t, [old, new])
}

pub(super) fn new_zip_longest(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let mut fill = Value::NONE;
    for (key, value) in args.keywords() {
        if !strs::eq_str(key, "fillvalue") {
            return Err(error::type_error(t, "zip_longest() got an unexpected keyword argument"));
        }
        fill = value.clone();
    }
    let its = args.positional().iter().map(|v| ops::iter(t, v)).collect::<Res<Vec<_>>>()?;
    let n = its.len() as isize;
    make::<ZIP_LONGEST_KIND>(t, class, Start { a: List::from_vec(t, its)?, b: fill, n, ..Start::default() })
}

/// `a` a list of iterators, None for one that has ended, `b` the fill value, `n` how many go on.
pub(super) fn zip_longest(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<ZIP_LONGEST_KIND>>();
    let (its, fill) = (it.a.get(), it.b.get());
    let Some(list) = its.downcast::<List>() else { return Ok(Value::ABSENT) };
    if it.n.get() == 0 {
        return Ok(Value::ABSENT);
    }
    let mut items = Vec::with_capacity(list.len());
    for i in 0..list.len() {
        let one = list.get(i).unwrap_or(Value::NONE);
        if one.is_none() {
            items.push(fill.clone());
            continue;
        }
        match ops::next(t, &one) {
            Ok(Some(item)) => items.push(item),
            Ok(None) => {
                it.n.set(it.n.get() - 1);
                if it.n.get() == 0 {
                    return Ok(Value::ABSENT);
                }
                list.set(i, Value::NONE);
                items.push(fill.clone());
            }
            Err(e) => {
                it.n.set(0);
                return Err(e);
            }
        }
    }
    tuple::from_vec(t, items)
}
