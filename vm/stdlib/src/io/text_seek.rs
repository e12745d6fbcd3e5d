//! Positions of text streams.
//!
//! A position in text is a position in bytes and what the decoder must be told to get from there to the character: its
//! flags, how many bytes to feed it, how many of the characters that come out to skip, and whether the input ends there.
//! All of it is packed into one int, the cookie that `tell` gives and `seek` takes.

use super::text::{self, TextIO};
use super::{base, method, unsupported};
use dashu_int::IBig;
use typhon_object::strs::Str;
use typhon_object::types::{bytes, exceptions, int};
use typhon_object::{Res, Thread, Value, convert, error, ops};

/// What a cookie says.
#[derive(Default, Clone, Copy)]
struct Cookie {
    start: u64,
    flags: u32,
    feed: u32,
    skip: u32,
    need_eof: bool,
}

impl Cookie {
    fn pack(self, t: &Thread) -> Res {
        let low = u128::from(self.start) | u128::from(self.flags) << 64 | u128::from(self.feed) << 96;
        let high = u64::from(self.skip) | u64::from(self.need_eof) << 32;
        int::from_big(t, (IBig::from(high) << 128) + IBig::from(low))
    }

    fn unpack(t: &Thread, v: &Value) -> Res<Self> {
        let v = convert::to_index(t, v)?;
        let big = int::to_big(&v).unwrap_or_default();
        let high = u64::try_from(&(big.clone() >> 128)).map_err(|_| too_large(t))?;
        let low = big - (IBig::from(high) << 128);
        let low = u128::try_from(&low).map_err(|_| too_large(t))?;
        Ok(Self {
            start: low as u64,
            flags: (low >> 64) as u32,
            feed: (low >> 96) as u32,
            skip: high as u32,
            need_eof: high >> 32 != 0,
        })
    }
}

fn too_large(t: &Thread) -> error::Exc {
    error::overflow_error(t, "Python int too large to convert")
}

fn decoded_len(t: &Thread, s: &TextIO, data: &[u8], last: bool) -> Res<usize> {
    Ok(s.decode(t, data, last)?.expect::<Str>().len())
}

/// `tell()`.
pub fn tell(t: &Thread, a: &[Value]) -> Res {
    let s = text::open(t, &a[0])?;
    if !s.seekable.get() {
        return Err(unsupported(t, "underlying stream is not seekable"));
    }
    if !s.telling.get() {
        return Err(error::new(t, &exceptions::OS_ERROR, "telling position disabled by next() call"));
    }
    s.write_out(t)?;
    method(t, &a[0], "flush", &[])?;
    let at = method(t, &s.buffer.get(), "tell", &[])?;
    let snapshot = s.snapshot.borrow().clone();
    let Some((flags, input)) = snapshot.filter(|_| s.can_read.get()) else { return Ok(at) };
    let start = base::position(t, &at)? - input.len() as i64;
    let used = s.used.get();
    if used == 0 || s.decoded.is_absent() {
        return Cookie { start: start as u64, flags: flags as u32, ..Cookie::default() }.pack(t);
    }
    let saved = s.decoder_state(t)?;
    let found = find(t, s, start, flags, &input, used);
    s.set_decoder_state(t, &saved.0, saved.1)?;
    found?.pack(t)
}

/// Finds the last point before character `used` of `input` where the decoder holds nothing back, and what leads on from
/// there.
fn find(t: &Thread, s: &TextIO, start: i64, flags: u64, input: &[u8], used: usize) -> Res<Cookie> {
    let mut left = used;
    // First a guess from the ratio of bytes to characters, made smaller until it is safe.
    let mut skip_bytes = ((s.ratio.get() * left as f64) as usize).min(input.len());
    let mut back = 1;
    let mut cookie = Cookie { start: start as u64, flags: flags as u32, ..Cookie::default() };
    loop {
        s.set_decoder_state(t, b"", flags)?;
        if skip_bytes == 0 {
            break;
        }
        let n = decoded_len(t, s, &input[..skip_bytes], false)?;
        if n <= left {
            let (held, now) = s.decoder_state(t)?;
            if held.is_empty() {
                cookie.flags = now as u32;
                left -= n;
                break;
            }
            skip_bytes -= held.len().min(skip_bytes);
            back = 1;
        } else {
            skip_bytes -= back.min(skip_bytes);
            back *= 2;
        }
    }
    cookie.start = (start + skip_bytes as i64) as u64;
    cookie.skip = left as u32;
    if left == 0 {
        return Ok(cookie);
    }
    // Byte by byte from there, keeping the last safe point.
    let (mut fed, mut made) = (0_usize, 0_usize);
    let mut safe = cookie;
    for byte in &input[skip_bytes..] {
        t.poll()?;
        fed += 1;
        made += decoded_len(t, s, std::slice::from_ref(byte), false)?;
        let (held, now) = s.decoder_state(t)?;
        if held.is_empty() && made <= left {
            safe.start += fed as u64;
            left -= made;
            safe.flags = now as u32;
            (fed, made) = (0, 0);
        }
        if made >= left {
            safe.skip = left as u32;
            safe.feed = fed as u32;
            return Ok(safe);
        }
    }
    made += decoded_len(t, s, b"", true)?;
    safe.need_eof = true;
    if made < left {
        return Err(error::new(t, &exceptions::OS_ERROR, "can't reconstruct logical file position"));
    }
    safe.skip = left as u32;
    safe.feed = fed as u32;
    Ok(safe)
}

/// `seek(cookie, whence=0)`.
pub fn seek(t: &Thread, a: &[Value]) -> Res {
    let this = &a[0];
    let s = text::open(t, this)?;
    if !s.seekable.get() {
        return Err(unsupported(t, "underlying stream is not seekable"));
    }
    let whence = match a[2].opt() {
        Some(w) => convert::to_i32(t, w)?,
        None => 0,
    };
    let mut cookie = a[1].clone();
    let zero = ops::eq(t, &cookie, &Value::small(0))?;
    match whence {
        0 => {}
        1 if !zero => return Err(unsupported(t, "can't do nonzero cur-relative seeks")),
        1 => {
            method(t, this, "flush", &[])?;
            cookie = method(t, this, "tell", &[])?;
        }
        2 if !zero => return Err(unsupported(t, "can't do nonzero end-relative seeks")),
        2 => return seek_end(t, this, s),
        _ => {
            return Err(error::value_error(t, format_args!("invalid whence ({whence}, should be 0, 1 or 2)")));
        }
    }
    if ops::compare_bool(t, &cookie, &Value::small(0), ops::CompareOp::Lt)? {
        let shown = ops::repr_text(t, &cookie)?;
        return Err(error::value_error(t, format_args!("negative seek position {shown}")));
    }
    method(t, this, "flush", &[])?;
    let to = Cookie::unpack(t, &cookie)?;
    method(t, &s.buffer.get(), "seek", &[convert::from_u64(t, to.start)?])?;
    s.forget_decoded();
    if s.can_read.get() {
        restore(t, s, to)?;
    }
    s.reset_encoder(t, to.start == 0 && to.flags == 0)?;
    Ok(cookie)
}

fn seek_end(t: &Thread, this: &Value, s: &TextIO) -> Res {
    method(t, this, "flush", &[])?;
    s.forget_decoded();
    s.reset_decoder(t)?;
    let at = method(t, &s.buffer.get(), "seek", &[Value::small(0), Value::small(2)])?;
    let at_start = ops::eq(t, &at, &Value::small(0))?;
    s.reset_encoder(t, at_start)?;
    Ok(at)
}

fn restore(t: &Thread, s: &TextIO, to: Cookie) -> Res<()> {
    if to.start == 0 && to.flags == 0 {
        s.reset_decoder(t)?;
    } else {
        s.set_decoder_state(t, b"", u64::from(to.flags))?;
    }
    if to.skip == 0 {
        return Ok(());
    }
    let input = method(t, &s.buffer.get(), "read", &[Value::small(i64::from(to.feed))])?;
    let Some(data) = bytes::peek(&input).filter(|_| input.downcast::<bytes::Bytes>().is_some()) else {
        let ty = typhon_object::type_of(&input).name();
        return Err(error::type_error(
            t,
            format_args!("underlying read() should have returned a bytes object, not '{ty}'"),
        ));
    };
    s.snapshot.replace(Some((u64::from(to.flags), data.to_vec())));
    let text = s.decode(t, data, to.need_eof)?;
    if text.expect::<Str>().len() < to.skip as usize {
        return Err(error::new(t, &exceptions::OS_ERROR, "can't restore logical file position"));
    }
    s.set_decoded(text);
    s.used.set(to.skip as usize);
    Ok(())
}
