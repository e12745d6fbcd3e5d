//! Many: the functions over several numbers.

use super::{no_keywords, numeric, one, two};
use typhon_num::Stop;
use typhon_num::int as num;
use typhon_num::real::{FloatSum, ProductSum, SumError, vector_norm};
use typhon_object::error::{self, Res};
use typhon_object::thread::Thread;
use typhon_object::tuple::Tuple;
use typhon_object::types::int;
use typhon_object::types::tuple_::TUPLE;
use typhon_object::{Args, Value, call, convert, ops};

/// Items between polls.
const POLL_EVERY: usize = 1_024;

fn floats(t: &Thread, values: &[Value]) -> Res<Vec<f64>> {
    t.check_alloc(size_of_val(values))?;
    let mut out = Vec::with_capacity(values.len());
    for piece in values.chunks(POLL_EVERY) {
        t.poll()?;
        for v in piece {
            out.push(numeric::real(t, v)?);
        }
    }
    Ok(out)
}

fn norm(t: &Thread, values: &[f64]) -> Res<f64> {
    let mut stopped = Ok(());
    let length = vector_norm(values, &mut || {
        stopped = t.check_stop();
        if stopped.is_ok() { Ok(()) } else { Err(Stop) }
    });
    // A sum is given up for a stop alone.
    stopped.map(|()| length.unwrap_or_default())
}

pub(super) fn hypot(t: &Thread, args: Args) -> Res {
    no_keywords(t, "hypot", args)?;
    convert::from_f64(t, norm(t, &floats(t, args.values)?)?)
}

pub(super) fn dist(t: &Thread, args: Args) -> Res {
    let (p, q) = two(t, "dist", args)?;
    let as_tuple = |v: &Value| match v.downcast::<Tuple>() {
        Some(_) => Ok(v.clone()),
        None => call::call(t, &TUPLE.ty().value(), std::slice::from_ref(v)),
    };
    let (p, q) = (as_tuple(p)?, as_tuple(q)?);
    let (p, q) = (p.expect::<Tuple>().items(), q.expect::<Tuple>().items());
    if p.len() != q.len() {
        return Err(error::value_error(t, "both points must have the same number of dimensions"));
    }
    t.check_alloc(size_of_val(p))?;
    let mut gaps = Vec::with_capacity(p.len());
    for (i, (a, b)) in p.iter().zip(q).enumerate() {
        if i % POLL_EVERY == 0 {
            t.poll()?;
        }
        gaps.push((numeric::real(t, a)? - numeric::real(t, b)?).abs());
    }
    convert::from_f64(t, norm(t, &gaps)?)
}

pub(super) fn fsum(t: &Thread, args: Args) -> Res {
    let seq = one(t, "fsum", args)?;
    let mut sum = FloatSum::default();
    let failed = |e| match e {
        SumError::Infinities => error::value_error(t, "-inf + inf in fsum"),
        SumError::Overflow => error::overflow_error(t, "intermediate overflow in fsum"),
    };
    ops::for_each(t, seq, |v| sum.add(numeric::real(t, &v)?).map_err(failed))?;
    convert::from_f64(t, sum.total().map_err(failed)?)
}

pub(super) fn prod(t: &Thread, a: &[Value]) -> Res {
    let mut total = a[1].opt().cloned().unwrap_or(Value::small(1));
    ops::for_each(t, &a[0], |v| {
        let quick = match (total.as_small(), v.as_small()) {
            (Some(x), Some(y)) => x.checked_mul(y).and_then(Value::try_small),
            _ => None,
        };
        total = match (quick, numeric::exact_float(&total), numeric::exact_float(&v)) {
            (Some(product), ..) => product,
            (_, Some(x), Some(y)) => convert::from_f64(t, x * y)?,
            _ => multiply(t, &total, &v)?,
        };
        Ok(())
    })?;
    Ok(total)
}

/// `a * b`, ints without a detour.
fn multiply(t: &Thread, a: &Value, b: &Value) -> Res {
    let exact = |v: &Value| if numeric::is_exact_int(v) { int::to_big(v) } else { None };
    match (exact(a), exact(b)) {
        (Some(x), Some(y)) => {
            numeric::check_bits(t, num::cost::mul_bits(&x, &y))?;
            int::from_big(t, numeric::compute(t, |poll| Ok(num::mul(&x, &y, poll)?))?)
        }
        _ => match (numeric::exact_float(a), numeric::exact_float(b), mixed(a, b)) {
            (None, None, _) | (.., None) => ops::binary(t, ops::MUL, a, b),
            (.., Some((x, y))) => convert::from_f64(t, x * y),
        },
    }
}

/// `a + b`, ints and floats without a detour.
fn add(t: &Thread, a: &Value, b: &Value) -> Res {
    let number = |v: &Value| numeric::exact_float(v).or_else(|| v.as_small().map(|i| i as f64));
    match (numeric::is_exact_int(a) && numeric::is_exact_int(b), number(a), number(b)) {
        (true, ..) => {
            let sum = int::to_big(a).unwrap_or_default() + int::to_big(b).unwrap_or_default();
            int::from_big(t, sum)
        }
        (_, Some(x), Some(y)) => convert::from_f64(t, x + y),
        _ => ops::binary(t, ops::ADD, a, b),
    }
}

/// The running state of a sum of products. Ints are summed as ints and floats in extended precision, each only until
/// the first pair that does not fit; from then on pairs are multiplied and added as the operators do it.
struct Products {
    total: Value,
    ints: Option<i64>,
    floats: Option<ProductSum>,
    floats_used: bool,
}

impl Products {
    fn push(&mut self, t: &Thread, a: &Value, b: &Value) -> Res<()> {
        if let Some(sum) = self.ints {
            let next = match (a.as_small(), b.as_small()) {
                (Some(x), Some(y)) => x.checked_mul(y).and_then(|p| p.checked_add(sum)),
                _ => None,
            };
            if next.is_some() {
                self.ints = next;
                return Ok(());
            }
            self.end_ints(t)?;
        }
        if let Some(mut sum) = self.floats {
            if let Some((x, y)) = mixed(a, b) {
                sum.add(x, y);
                if sum.is_finite() {
                    (self.floats, self.floats_used) = (Some(sum), true);
                    return Ok(());
                }
            }
            self.end_floats(t)?;
        }
        self.total = add(t, &self.total, &multiply(t, a, b)?)?;
        Ok(())
    }

    fn end_ints(&mut self, t: &Thread) -> Res<()> {
        if let Some(sum) = self.ints.take() {
            self.total = add(t, &self.total, &convert::from_i64(t, sum)?)?;
        }
        Ok(())
    }

    fn end_floats(&mut self, t: &Thread) -> Res<()> {
        if let Some(sum) = self.floats.take()
            && self.floats_used
        {
            self.total = add(t, &self.total, &convert::from_f64(t, sum.total())?)?;
        }
        Ok(())
    }
}

/// Two floats, or a float and an int.
fn mixed(a: &Value, b: &Value) -> Option<(f64, f64)> {
    let (x, y) = (numeric::exact_float(a), numeric::exact_float(b));
    let whole = |v: &Value| if numeric::is_exact_int(v) { num::to_f64(&int::to_big(v)?).ok() } else { None };
    match (x, y) {
        (Some(x), Some(y)) => Some((x, y)),
        (Some(x), None) => Some((x, whole(b)?)),
        (None, Some(y)) => Some((whole(a)?, y)),
        (None, None) => None,
    }
}

pub(super) fn sumprod(t: &Thread, args: Args) -> Res {
    let (p, q) = two(t, "sumprod", args)?;
    let (p, q) = (ops::iter_at_once(t, p)?, ops::iter_at_once(t, q)?);
    let mut sum =
        Products { total: Value::small(0), ints: Some(0), floats: Some(ProductSum::default()), floats_used: false };
    for i in 0usize.. {
        if i % POLL_EVERY == 0 {
            t.poll()?;
        }
        match (ops::next(t, &p)?, ops::next(t, &q)?) {
            (None, None) => break,
            (Some(a), Some(b)) => sum.push(t, &a, &b)?,
            _ => return Err(error::value_error(t, "Inputs are not the same length")),
        }
    }
    sum.end_ints(t)?;
    sum.end_floats(t)?;
    Ok(sum.total)
}
