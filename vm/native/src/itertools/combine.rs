//! combinations, permutations and product.

use super::{COMBINATIONS_KIND, It, PERMUTATIONS_KIND, PRODUCT_KIND, Start, WITH_REPLACEMENT_KIND, make};
use crate::ctor::bind;
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::native::{MethodDef, def};
use typhon_object::tuple::{self, Tuple};
use typhon_object::types::int;
use typhon_object::{Thread, Value, convert, ops, strs};

/// The fields of these iterators: `a` the pool (for a product, a tuple of pools), `n` how many items a result has, `m`
/// where it stands, `at` the indices of the last result.
const FRESH: isize = 0;
const RUNNING: isize = 1;
const OVER: isize = 2;

fn pool_of(t: &Thread, iterable: &Value) -> Res {
    tuple::from_vec(t, ops::collect(t, iterable)?)
}

fn pool_len(pool: &Value) -> usize {
    pool.downcast::<Tuple>().map_or(0, Tuple::len)
}

fn checked_r(t: &Thread, r: &Value) -> Res<usize> {
    let r = convert::to_isize(t, r)?;
    usize::try_from(r).map_err(|_| error::value_error(t, "r must be non-negative"))
}

fn pick(t: &Thread, pool: &Value, at: &[usize]) -> Res {
    let Some(pool) = pool.downcast::<Tuple>() else { return Ok(Value::ABSENT) };
    let items = at.iter().filter_map(|&i| pool.items().get(i).cloned()).collect();
    tuple::from_vec(t, items)
}

static COMBINATIONS_NEW: MethodDef = def(
    "combinations",
    "($type, iterable, r)",
    |t, a| {
        let pool = pool_of(t, &a[1])?;
        let r = checked_r(t, &a[2])?;
        let n = pool_len(&pool);
        let (m, at) = if r > n { (OVER, Vec::new()) } else { (FRESH, (0..r).collect()) };
        make::<COMBINATIONS_KIND>(t, &a[0], Start { a: pool, n: r as isize, m, at, ..Start::default() })
    },
    "",
);

pub(super) fn new_combinations(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    bind(t, &COMBINATIONS_NEW, class, args)
}

pub(super) fn combinations(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<COMBINATIONS_KIND>>();
    let pool = it.a.get();
    let n = pool_len(&pool);
    let at = {
        let mut at = it.at.borrow_mut();
        let r = at.len();
        match it.m.get() {
            FRESH => it.m.set(RUNNING),
            RUNNING => match (0..r).rev().find(|&i| at[i] != i + n - r) {
                Some(i) => {
                    at[i] += 1;
                    (i + 1..r).for_each(|j| at[j] = at[j - 1] + 1);
                }
                None => it.m.set(OVER),
            },
            _ => {}
        }
        at.clone()
    };
    if it.m.get() == OVER { Ok(Value::ABSENT) } else { pick(t, &pool, &at) }
}

static WITH_REPLACEMENT_NEW: MethodDef = def(
    "combinations_with_replacement",
    "($type, iterable, r)",
    |t, a| {
        let pool = pool_of(t, &a[1])?;
        let r = checked_r(t, &a[2])?;
        let over = pool_len(&pool) == 0 && r > 0;
        if !over {
            t.check_alloc(r.saturating_mul(16))?;
        }
        let (m, at) = if over { (OVER, Vec::new()) } else { (FRESH, vec![0; r]) };
        make::<WITH_REPLACEMENT_KIND>(t, &a[0], Start { a: pool, n: r as isize, m, at, ..Start::default() })
    },
    "",
);

pub(super) fn new_with_replacement(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    bind(t, &WITH_REPLACEMENT_NEW, class, args)
}

pub(super) fn with_replacement(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<WITH_REPLACEMENT_KIND>>();
    let pool = it.a.get();
    let n = pool_len(&pool);
    let at = {
        let mut at = it.at.borrow_mut();
        match it.m.get() {
            FRESH => it.m.set(RUNNING),
            RUNNING => match (0..at.len()).rev().find(|&i| at[i] != n - 1) {
                Some(i) => {
                    let next = at[i] + 1;
                    at[i..].fill(next);
                }
                None => it.m.set(OVER),
            },
            _ => {}
        }
        at.clone()
    };
    if it.m.get() == OVER { Ok(Value::ABSENT) } else { pick(t, &pool, &at) }
}

static PERMUTATIONS_NEW: MethodDef = def(
    "permutations",
    "($type, iterable, r=None)",
    |t, a| {
        let pool = pool_of(t, &a[1])?;
        let n = pool_len(&pool);
        let r = match a[2].non_none() {
            None => n,
            Some(r) if int::is_int(r) => checked_r(t, r)?,
            Some(_) => return Err(error::type_error(t, "Expected int as r")),
        };
        let m = if r > n { OVER } else { FRESH };
        // The indices, then how many places of each are still to come.
        let at = if r > n { Vec::new() } else { (0..n).chain((0..r).map(|i| n - i)).collect() };
        make::<PERMUTATIONS_KIND>(t, &a[0], Start { a: pool, n: r as isize, m, at, ..Start::default() })
    },
    "",
);

pub(super) fn new_permutations(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    bind(t, &PERMUTATIONS_NEW, class, args)
}

pub(super) fn permutations(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<PERMUTATIONS_KIND>>();
    let pool = it.a.get();
    let (n, r) = (pool_len(&pool), it.n.get() as usize);
    let at = {
        let mut at = it.at.borrow_mut();
        match it.m.get() {
            FRESH => it.m.set(RUNNING),
            RUNNING => {
                let (indices, cycles) = at.split_at_mut(n);
                if !permute(indices, cycles) {
                    it.m.set(OVER);
                }
            }
            _ => {}
        }
        if it.m.get() == OVER {
            return Ok(Value::ABSENT);
        }
        at[..r].to_vec()
    };
    pick(t, &pool, &at)
}

/// The next permutation; false when there is none.
fn permute(indices: &mut [usize], cycles: &mut [usize]) -> bool {
    let n = indices.len();
    for i in (0..cycles.len()).rev() {
        cycles[i] -= 1;
        if cycles[i] == 0 {
            indices[i..].rotate_left(1);
            cycles[i] = n - i;
        } else {
            indices.swap(i, n - cycles[i]);
            return true;
        }
    }
    false
}

pub(super) fn new_product(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let mut repeat = 1;
    for (key, value) in args.keywords() {
        if !strs::eq_str(key, "repeat") {
            let text = format!("product() got an unexpected keyword argument '{}'", strs::display(key));
            return Err(error::type_error(t, text));
        }
        repeat = convert::to_isize(t, value)?;
    }
    let Ok(repeat) = usize::try_from(repeat) else {
        return Err(error::value_error(t, "repeat argument cannot be negative"));
    };
    let given = if repeat == 0 { &[] } else { args.positional() };
    if given.len().checked_mul(repeat).is_none_or(|n| n > isize::MAX as usize / 16) {
        return Err(error::overflow_error(t, "repeat argument too large"));
    }
    t.check_alloc(given.len() * repeat * 16)?;
    let pools = given.iter().map(|v| pool_of(t, v)).collect::<Res<Vec<_>>>()?;
    let n = pools.len() * repeat;
    let m = if pools.iter().any(|p| pool_len(p) == 0) { OVER } else { FRESH };
    let pools = tuple::from_vec(t, pools)?;
    make::<PRODUCT_KIND>(t, class, Start { a: pools, n: n as isize, m, at: vec![0; n], ..Start::default() })
}

pub(super) fn product(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<It<PRODUCT_KIND>>();
    let pools = it.a.get();
    let Some(pools) = pools.downcast::<Tuple>() else { return Ok(Value::ABSENT) };
    let pools = pools.items();
    let pool = |i: usize| pools.get(i % pools.len().max(1));
    let at = {
        let mut at = it.at.borrow_mut();
        match it.m.get() {
            FRESH => it.m.set(RUNNING),
            RUNNING => {
                let mut i = at.len();
                loop {
                    if i == 0 {
                        it.m.set(OVER);
                        break;
                    }
                    i -= 1;
                    at[i] += 1;
                    if at[i] < pool(i).map_or(0, pool_len) {
                        break;
                    }
                    at[i] = 0;
                }
            }
            _ => {}
        }
        if it.m.get() == OVER {
            return Ok(Value::ABSENT);
        }
        at.clone()
    };
    let item = |(i, &k): (usize, &usize)| pool(i)?.downcast::<Tuple>()?.items().get(k).cloned();
    tuple::from_vec(t, at.iter().enumerate().filter_map(item).collect())
}
