//! accumulate, count and repeat.

use super::{ACCUMULATE_KIND, COUNT_KIND, It, REPEAT_KIND, Start, make, step};
use crate::ctor::bind;
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::native::{MethodDef, def};
use typhon_object::{Thread, Value, call, convert, ops, strs, type_of};

static ACCUMULATE_NEW: MethodDef = def(
    "accumulate",
    "($type, iterable, func=None, *, initial=None)",
    |t, a| {
        let it = ops::iter(t, &a[1])?;
        let of = |v: &Value| v.non_none().cloned().unwrap_or_default();
        let initial = of(&a[3]);
        let n = isize::from(!initial.is_absent());
        make::<ACCUMULATE_KIND>(t, &a[0], Start { a: it, b: of(&a[2]), c: initial, n, ..Start::default() })
    },
    "",
);

pub(super) fn new_accumulate(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    bind(t, &ACCUMULATE_NEW, class, args)
}

/// `a` the iterator, `b` the function, `c` the total, `n` whether the total has not been given out yet.
pub(super) fn accumulate(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<ACCUMULATE_KIND>>();
    if it.n.replace(0) == 1 {
        return Ok(it.c.get());
    }
    let Some(item) = step(t, &it.a)? else { return Ok(Value::ABSENT) };
    let (total, f) = (it.c.get(), it.b.get());
    let total = match (total.is_absent(), f.is_absent()) {
        (true, _) => item,
        (false, true) => ops::binary(t, ops::ADD, &total, &item)?,
        (false, false) => call::call(t, &f, &[total, item])?,
    };
    it.c.set(&it.header, total.clone());
    Ok(total)
}

static COUNT_NEW: MethodDef = def(
    "count",
    "($type, start=0, step=1)",
    |t, a| {
        for v in [&a[1], &a[2]].into_iter().filter_map(Value::opt) {
            let slots = type_of(v).slots();
            let complex = v.downcast::<typhon_object::types::complex::Complex>().is_some();
            if slots.index.is_none() && slots.int.is_none() && slots.float.is_none() && !complex {
                return Err(error::type_error(t, "a number is required"));
            }
        }
        let or = |v: &Value, default| v.opt().cloned().unwrap_or(Value::small(default));
        make::<COUNT_KIND>(t, &a[0], Start { a: or(&a[1], 0), b: or(&a[2], 1), ..Start::default() })
    },
    "",
);

pub(super) fn new_count(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    bind(t, &COUNT_NEW, class, args)
}

/// `a` what comes next, `b` the step.
pub(super) fn count(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<COUNT_KIND>>();
    let (now, by) = (it.a.get(), it.b.get());
    it.a.set(&it.header, ops::binary(t, ops::ADD, &now, &by)?);
    Ok(now)
}

pub(super) fn count_repr(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<COUNT_KIND>>();
    let now = ops::repr_text(t, &it.a.get())?;
    let by = it.b.get();
    let text = match by.as_small() {
        Some(1) => format!("{}({now})", type_of(v).short_name()),
        _ => format!("{}({now}, {})", type_of(v).short_name(), ops::repr_text(t, &by)?),
    };
    strs::new(t, &text)
}

static REPEAT_NEW: MethodDef = def(
    "repeat",
    "($type, object, times=None)",
    |t, a| {
        let times = a[2].opt().map(|v| convert::to_isize(t, v)).transpose()?;
        make::<REPEAT_KIND>(t, &a[0], Start { a: a[1].clone(), n: times.map_or(-1, |n| n.max(0)), ..Start::default() })
    },
    "",
);

pub(super) fn new_repeat(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    bind(t, &REPEAT_NEW, class, args)
}

/// `a` the object, `n` how often it is still to come, -1 for ever.
pub(super) fn repeat(_: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<REPEAT_KIND>>();
    match it.n.get() {
        0 => return Ok(Value::ABSENT),
        n if n > 0 => it.n.set(n - 1),
        _ => {}
    }
    Ok(it.a.get())
}

pub(super) fn repeat_repr(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<REPEAT_KIND>>();
    let object = ops::repr_text(t, &it.a.get())?;
    let name = type_of(v).short_name();
    let n = it.n.get();
    strs::new(t, &if n < 0 { format!("{name}({object})") } else { format!("{name}({object}, {n})") })
}

pub(super) fn repeat_hint(t: &Thread, a: &[Value]) -> Res {
    match a[0].expect::<It<REPEAT_KIND>>().n.get() {
        n if n < 0 => Err(error::type_error(t, "len() of unsized object")),
        n => convert::from_i64(t, n as i64),
    }
}
