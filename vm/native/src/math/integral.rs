//! Integral: the functions that give integers.

use super::{numeric, one, two};
use typhon_num::{IBig, int as num};
use typhon_object::error::{self, Res};
use typhon_object::names::n;
use typhon_object::thread::Thread;
use typhon_object::types::int;
use typhon_object::{Args, Value, call, convert, type_of};

/// `ceil` and `floor`: the method if there is one, else by way of a float.
fn rounded(t: &Thread, v: &Value, method: &Value, f: fn(f64) -> f64) -> Res {
    if let Some(x) = numeric::exact_float(v) {
        return from_float(t, f(x));
    }
    if numeric::is_exact_int(v) {
        return Ok(v.clone());
    }
    if let Some(r) = call::special(t, v, method, &[]) {
        return r;
    }
    from_float(t, f(numeric::real(t, v)?))
}

fn from_float(t: &Thread, x: f64) -> Res {
    if x.abs() < 1e18 {
        return convert::from_i64(t, x as i64);
    }
    int::from_big(t, num::from_f64(x).map_err(|e| numeric::exception(t, e))?)
}

pub(super) fn ceil(t: &Thread, args: Args) -> Res {
    rounded(t, one(t, "ceil", args)?, n::__ceil__(), f64::ceil)
}

pub(super) fn floor(t: &Thread, args: Args) -> Res {
    rounded(t, one(t, "floor", args)?, n::__floor__(), f64::floor)
}

pub(super) fn trunc(t: &Thread, args: Args) -> Res {
    let v = one(t, "trunc", args)?;
    if let Some(x) = numeric::exact_float(v) {
        return from_float(t, x.trunc());
    }
    if numeric::is_exact_int(v) {
        return Ok(v.clone());
    }
    match call::special(t, v, n::__trunc__(), &[]) {
        Some(r) => r,
        None => Err(error::type_error(t, format_args!("type {} doesn't define __trunc__ method", type_of(v).name()))),
    }
}

/// Folds integer arguments; the first alone gives its absolute value.
fn fold(t: &Thread, name: &str, args: Args, empty: IBig, f: impl Fn(&Thread, &IBig, &IBig) -> Res<IBig>) -> Res {
    super::no_keywords(t, name, args)?;
    let mut total = empty;
    for v in args.values {
        total = f(t, &total, &numeric::index(t, v)?)?;
    }
    int::from_big(t, total)
}

pub(super) fn gcd(t: &Thread, args: Args) -> Res {
    if let [a, b] = args.positional()
        && let (Some(a), Some(b)) = (a.as_small(), b.as_small())
        && !args.has_keywords()
    {
        return convert::from_u64(t, num::small::gcd(a, b));
    }
    fold(t, "gcd", args, IBig::ZERO, |t, a, b| numeric::compute(t, |poll| Ok(num::gcd(a, b, poll)?)))
}

pub(super) fn lcm(t: &Thread, args: Args) -> Res {
    fold(t, "lcm", args, IBig::ONE, |t, a, b| {
        numeric::check_bits(t, num::cost::mul_bits(a, b))?;
        numeric::compute(t, |poll| Ok(num::lcm(a, b, poll)?))
    })
}

pub(super) fn isqrt(t: &Thread, args: Args) -> Res {
    let x = numeric::index(t, one(t, "isqrt", args)?)?;
    int::from_big(t, numeric::compute(t, |poll| num::isqrt(&x, poll))?)
}

pub(super) fn factorial(t: &Thread, args: Args) -> Res {
    /// Those that fit 62 bits.
    const FEW: [i64; 20] = {
        let (mut table, mut n) = ([1; 20], 1);
        while n < 20 {
            table[n] = table[n - 1] * n as i64;
            n += 1;
        }
        table
    };
    if let Some(known) = one(t, "factorial", args)?.as_small().and_then(|n| FEW.get(usize::try_from(n).ok()?)) {
        return Ok(Value::small(*known));
    }
    let x = numeric::index(t, one(t, "factorial", args)?)?;
    if let Ok(small) = u64::try_from(&x)
        && small <= i64::MAX as u64
    {
        numeric::check_bits(t, num::cost::factorial_bits(small))?;
    }
    int::from_big(t, numeric::compute(t, |poll| num::factorial(&x, poll))?)
}

pub(super) fn comb(t: &Thread, args: Args) -> Res {
    let (a, b) = two(t, "comb", args)?;
    let (total, count) = (numeric::index(t, a)?, numeric::index(t, b)?);
    let fewest = count.clone().min(&total - &count);
    check_falling(t, &total, &fewest)?;
    int::from_big(t, numeric::compute(t, |poll| num::comb(&total, &count, poll))?)
}

pub(super) fn perm(t: &Thread, args: Args) -> Res {
    super::no_keywords(t, "perm", args)?;
    let a = args.expect_positional(t, "perm", 1, 2)?;
    let Some(k) = a.get(1).and_then(Value::non_none) else {
        return factorial(t, Args::pos(&a[..1]));
    };
    let (total, count) = (numeric::index(t, &a[0])?, numeric::index(t, k)?);
    if total >= count {
        check_falling(t, &total, &count)?;
    }
    int::from_big(t, numeric::compute(t, |poll| num::perm(&total, &count, poll))?)
}

/// Refuses a product of `count` numbers up to `total` that the heap has no room for.
fn check_falling(t: &Thread, total: &IBig, count: &IBig) -> Res<()> {
    match u64::try_from(count) {
        Ok(count) => numeric::check_bits(t, num::math::comb_bits(total, count)),
        // Negative or beyond 64 bits: the function itself refuses it.
        Err(_) => Ok(()),
    }
}
