//! Items: values to bytes and back.

use super::format::{Format, Kind, Run};
use super::{fail, floats};
use typhon_object::error::{self, Res};
use typhon_object::types::bytearray::ByteArray;
use typhon_object::types::{bytes, complex, exceptions, int};
use typhon_object::{Thread, Value, attr, call, convert, names::n, ops, type_of};

/// The bytes of a bytes or bytearray argument of `c`, `s` and `p`.
fn with_bytes<R>(v: &Value, f: impl FnOnce(&[u8]) -> R) -> Option<R> {
    match bytes::peek(v) {
        Some(b) => Some(f(b)),
        None => v.downcast::<ByteArray>().map(|b| f(b.as_slice())),
    }
}

/// Packs values into `out`, which is zeroed and of the format's size.
pub(super) fn pack(t: &Thread, format: &Format, values: &[Value], out: &mut [u8]) -> Res<()> {
    let mut values = values.iter();
    for run in &format.runs {
        let end = run.at + run.size * run.count * if run.kind == Kind::Complex { 2 } else { 1 };
        let Some(room) = out.get_mut(run.at..end) else { return Err(fail(t, "a format larger than its buffer")) };
        if matches!(run.kind, Kind::Text | Kind::Pascal) {
            let Some(v) = values.next() else { return Err(fail(t, "too few values")) };
            pack_text(t, run, v, room)?;
            continue;
        }
        let width = if run.kind == Kind::Complex { 2 * run.size } else { run.size };
        for (i, slot) in room.chunks_exact_mut(width).enumerate() {
            let Some(v) = values.next() else { return Err(fail(t, "too few values")) };
            pack_one(t, format, run, v, slot)?;
            if i % 1024 == 1023 {
                t.poll()?;
            }
        }
    }
    Ok(())
}

fn pack_text(t: &Thread, run: &Run, v: &Value, room: &mut [u8]) -> Res<()> {
    let copied = with_bytes(v, |b| {
        if run.kind == Kind::Text {
            let n = b.len().min(room.len());
            room[..n].copy_from_slice(&b[..n]);
        } else if let Some((len, room)) = room.split_first_mut() {
            let n = b.len().min(room.len());
            room[..n].copy_from_slice(&b[..n]);
            *len = n.min(255) as u8;
        }
    });
    copied.ok_or_else(|| fail(t, format_args!("argument for '{}' must be a bytes object", char::from(run.code))))
}

fn pack_one(t: &Thread, format: &Format, run: &Run, v: &Value, slot: &mut [u8]) -> Res<()> {
    match run.kind {
        Kind::Int | Kind::Uint | Kind::Address => {
            let word = integer(t, run, v)?;
            store(slot, word, format.big_endian);
        }
        Kind::Bool => slot[0] = u8::from(ops::truth(t, v)?),
        Kind::Char => match bytes::peek(v).or(v.downcast::<ByteArray>().map(ByteArray::as_slice)) {
            Some(&[c]) => slot[0] = c,
            _ => return Err(fail(t, "char format requires a bytes object of length 1")),
        },
        Kind::Float => {
            let x = convert::to_f64(t, v).map_err(|e| reworded(t, e, "required argument is not a float"))?;
            store_float(t, slot, x, format, run.size, false)?;
        }
        Kind::Complex => {
            let (re, im) = complex_value(t, v)?;
            let (a, b) = slot.split_at_mut(run.size);
            store_float(t, a, re, format, run.size, format.native || !format.big_endian)?;
            store_float(t, b, im, format, run.size, format.native || !format.big_endian)?;
        }
        Kind::Text | Kind::Pascal => {}
    }
    Ok(())
}

fn reworded(t: &Thread, e: typhon_object::Exc, text: &str) -> typhon_object::Exc {
    if e.is_stopped() { e } else { fail(t, text) }
}

fn complex_value(t: &Thread, v: &Value) -> Res<(f64, f64)> {
    if let Some(parts) = complex::parts(v) {
        return Ok(parts);
    }
    if let Some(r) = call::special(t, v, n::__complex__(), &[])
        && let Some(parts) = complex::parts(&r?)
    {
        return Ok(parts);
    }
    let x = convert::to_f64(t, v).map_err(|e| reworded(t, e, "required argument is not a complex"))?;
    Ok((x, 0.0))
}

/// An integer argument as the word to store.
fn integer(t: &Thread, run: &Run, v: &Value) -> Res<u64> {
    if let Some(i) = v.as_small()
        && run.size < 8
    {
        let bits = 8 * run.size as u32;
        let fits = if run.kind == Kind::Int { i >> (bits - 1) == i >> 63 } else { i >> bits == 0 };
        if fits {
            return Ok(i as u64);
        }
    }
    let v = if int::is_int(v) {
        v.clone()
    } else if type_of(v).slots().index.is_some() {
        convert::to_index(t, v)?
    } else {
        return Err(fail(t, "required argument is not an integer"));
    };
    if run.kind == Kind::Address {
        let word = int::to_u64(&v).or(int::to_i64(&v).map(|i| i as u64));
        return word.ok_or_else(|| fail(t, "int too large to convert"));
    }
    let bits = run.size as u32 * 8;
    let refused = |low: i128, high: i128| {
        let code = char::from(run.code);
        fail(t, format_args!("'{code}' format requires {low} <= number <= {high}"))
    };
    if run.kind == Kind::Int {
        let (low, high) = (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1);
        match int::to_i64(&v) {
            Some(i) if (low..=high).contains(&i128::from(i)) => Ok(i as u64),
            _ => Err(refused(low, high)),
        }
    } else {
        let high = (1i128 << bits) - 1;
        match int::to_u64(&v) {
            Some(i) if i128::from(i) <= high => Ok(i),
            _ => Err(refused(0, high)),
        }
    }
}

fn store(slot: &mut [u8], word: u64, big_endian: bool) {
    let n = slot.len();
    if big_endian {
        slot.copy_from_slice(&word.to_be_bytes()[8 - n..]);
    } else {
        slot.copy_from_slice(&word.to_le_bytes()[..n]);
    }
}

fn store_float(t: &Thread, slot: &mut [u8], x: f64, format: &Format, size: usize, saturate: bool) -> Res<()> {
    let word = match size {
        8 => x.to_bits(),
        4 => {
            let narrow = x as f32;
            if narrow.is_infinite() && x.is_finite() && !saturate {
                return Err(error::overflow_error(t, "float too large to pack with f format"));
            }
            u64::from(floats::narrow_bits(x, narrow))
        }
        _ => match floats::half_bits(x) {
            Some(bits) => u64::from(bits),
            None => return Err(error::overflow_error(t, "float too large to pack with e format")),
        },
    };
    store(slot, word, format.big_endian);
    Ok(())
}

fn load(slot: &[u8], big_endian: bool) -> u64 {
    let fold = |w: u64, &b: &u8| w << 8 | u64::from(b);
    if big_endian { slot.iter().fold(0, fold) } else { slot.iter().rev().fold(0, fold) }
}

fn load_float(slot: &[u8], big_endian: bool) -> f64 {
    let word = load(slot, big_endian);
    match slot.len() {
        8 => f64::from_bits(word),
        4 => floats::widened(word as u32),
        _ => floats::from_half(word as u16),
    }
}

/// The values in `data`, which has the format's size.
pub(super) fn unpack(t: &Thread, format: &Format, data: &[u8]) -> Res<Vec<Value>> {
    t.check_alloc(format.len.saturating_mul(16))?;
    let mut out = Vec::with_capacity(format.len);
    for run in &format.runs {
        let width = if run.kind == Kind::Complex { 2 * run.size } else { run.size };
        let Some(part) = data.get(run.at..run.at + width * run.count) else {
            return Err(fail(t, "a format larger than its buffer"));
        };
        match run.kind {
            Kind::Text => out.push(bytes::new(t, part)?),
            Kind::Pascal => {
                let text = match part.split_first() {
                    Some((&n, rest)) => &rest[..usize::from(n).min(rest.len())],
                    None => &[],
                };
                out.push(bytes::new(t, text)?);
            }
            _ => {
                for (i, slot) in part.chunks_exact(width).enumerate() {
                    out.push(unpack_one(t, format, run, slot)?);
                    if i % 1024 == 1023 {
                        t.poll()?;
                    }
                }
            }
        }
    }
    Ok(out)
}

fn unpack_one(t: &Thread, format: &Format, run: &Run, slot: &[u8]) -> Res {
    let big = format.big_endian;
    match run.kind {
        Kind::Int => {
            let shift = 64 - 8 * slot.len() as u32;
            convert::from_i64(t, ((load(slot, big) << shift) as i64) >> shift)
        }
        Kind::Uint | Kind::Address => convert::from_u64(t, load(slot, big)),
        Kind::Bool => Ok(Value::bool(slot[0] != 0)),
        Kind::Char => bytes::new(t, slot),
        Kind::Float => convert::from_f64(t, load_float(slot, big)),
        Kind::Complex => {
            let (a, b) = slot.split_at(run.size);
            complex::new(t, load_float(a, big), load_float(b, big))
        }
        Kind::Text | Kind::Pascal => Ok(Value::NONE),
    }
}

/// The `Struct` RuntimeError, and an attribute that is not there; used by the table.
pub(super) fn text_of_format(t: &Thread, v: &Value) -> Res<Vec<u8>> {
    if let Some(s) = v.downcast::<typhon_object::strs::Str>() {
        if let Some(ascii) = s.as_ascii() {
            return Ok(ascii.as_bytes().to_vec());
        }
        let encoded = call::call(t, &attr::get_text(t, v, "encode")?, &[typhon_object::strs::new(t, "ascii")?])?;
        return Ok(bytes::peek(&encoded).unwrap_or_default().to_vec());
    }
    match bytes::peek(v) {
        Some(b) => Ok(b.to_vec()),
        None => {
            let name = type_of(v).name();
            let text = format_args!("Struct() argument 1 must be a str or bytes object, not {name}");
            Err(error::new(t, &exceptions::TYPE_ERROR, text))
        }
    }
}
