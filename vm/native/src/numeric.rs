//! Numeric: the bridge between `typhon_num` and threads: polls, errors, argument conversions.

use typhon_num::{IBig, NumError, Poll, Stop};
use typhon_object::error::{self, Exc, Res};
use typhon_object::names::n;
use typhon_object::thread::Thread;
use typhon_object::types::{self, float, int};
use typhon_object::{Value, call, convert, type_of};

/// Runs a computation under the thread's poll and turns its error into an exception.
pub fn compute<T>(t: &Thread, f: impl FnOnce(&mut Poll) -> Result<T, NumError>) -> Res<T> {
    let mut raised = None;
    let result = f(&mut || {
        t.poll().map_err(|e| {
            raised = Some(e);
            Stop
        })
    });
    result.map_err(|e| match e {
        NumError::Stop => raised.unwrap_or_else(Exc::stopped),
        e => exception(t, e),
    })
}

/// The exception for an error that is not a stop.
pub fn exception(t: &Thread, e: NumError) -> Exc {
    match e {
        NumError::Stop => Exc::stopped(),
        NumError::ZeroDivision(text) => error::zero_division(t, text),
        NumError::Overflow(text) => error::overflow_error(t, text),
        NumError::Value(text) => error::value_error(t, text),
        NumError::Memory => error::memory_error(t),
    }
}

/// An argument through `__index__`, as a big integer.
pub fn index(t: &Thread, v: &Value) -> Res<IBig> {
    Ok(int::to_big(&convert::to_index(t, v)?).unwrap_or_default())
}

/// Refuses a result of so many bits if the heap has no room for it (and for as much again on the way).
pub fn check_bits(t: &Thread, bits: u64) -> Res<()> {
    let bytes = usize::try_from(bits / 4).unwrap_or(usize::MAX);
    if bytes > 4_096 { t.check_alloc(bytes) } else { Ok(()) }
}

/// A real argument as a float: ints and floats at once, anything else through `__float__` or `__index__`.
pub fn real(t: &Thread, v: &Value) -> Res<f64> {
    if let Some(x) = v.as_immediate_float() {
        return Ok(x);
    }
    if let Some(i) = v.as_small() {
        return Ok(i as f64);
    }
    if is_exact_int(v)
        && let Some(n) = int::as_big(v)
    {
        return typhon_num::int::to_f64(n).map_err(|e| exception(t, e));
    }
    convert::to_f64(t, v)
}

/// Whether `v` is an int and of no subclass.
pub fn is_exact_int(v: &Value) -> bool {
    v.is_small() || std::ptr::eq(type_of(v), int::INT.ty())
}

/// The value of a float of no subclass.
pub fn exact_float(v: &Value) -> Option<f64> {
    v.as_immediate_float().or_else(|| v.exact::<float::Float>().and_then(|_| float::as_f64(v)))
}

/// A complex argument: complex numbers at once, anything else through `__complex__` or as a real.
pub fn complex(t: &Thread, v: &Value) -> Res<(f64, f64)> {
    if let Some(parts) = types::complex::parts(v) {
        return Ok(parts);
    }
    if exact_float(v).is_none()
        && !is_exact_int(v)
        && let Some(r) = call::special(t, v, n::__complex__(), &[])
    {
        let r = r?;
        return types::complex::parts(&r).ok_or_else(|| {
            let (of, got) = (type_of(v).name(), type_of(&r).name());
            error::type_error(t, format_args!("{of}.__complex__() must return a complex, not {got}"))
        });
    }
    Ok((real(t, v)?, 0.0))
}
