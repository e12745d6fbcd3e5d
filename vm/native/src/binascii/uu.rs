//! uuencoding, a line at a time.

use super::{ascii_arg, fail, flag_arg};
use crate::input::Input;
use typhon_object::error::Res;
use typhon_object::types::bytes;
use typhon_object::{Thread, Value};

pub(super) fn encode(t: &Thread, a: &[Value]) -> Res {
    let data = Input::get(t, &a[0])?;
    let backtick = flag_arg(t, &a[1], false)?;
    if data.len() > 45 {
        return Err(fail(t, "At most 45 bytes at once"));
    }
    let digit = |v: u32| if v == 0 && backtick { b'`' } else { v as u8 + b' ' };
    let mut out = vec![digit(data.len() as u32)];
    for chunk in data.chunks(3) {
        let word = chunk.iter().fold(0u32, |w, &b| w << 8 | u32::from(b)) << (8 * (3 - chunk.len()));
        out.extend((0..4).map(|i| digit(word >> (18 - 6 * i) & 63)));
    }
    out.push(b'\n');
    bytes::from_vec(t, out)
}

pub(super) fn decode(t: &Thread, a: &[Value]) -> Res {
    let text = ascii_arg(t, &a[0])?;
    let Some((&first, rest)) = text.split_first() else { return Err(fail(t, "Missing length byte")) };
    let len = usize::from(first.wrapping_sub(b' ') & 63);
    let mut out = Vec::with_capacity(len);
    let (mut bits, mut word, mut at) = (0, 0u32, 0);
    while out.len() < len {
        // A line may lack its trailing blanks.
        let b = rest.get(at).copied().unwrap_or(b'\n');
        at += usize::from(at < rest.len());
        let value = match b {
            b'\n' | b'\r' => 0,
            // 64 steps above a blank stands for a blank.
            b' '..=b'`' => u32::from(b - b' ') & 63,
            _ => return Err(fail(t, "Illegal char")),
        };
        word = word << 6 | value;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((word >> bits) as u8);
            word &= (1 << bits) - 1;
        }
    }
    // Blanks and line ends may follow, and a surplus digit that pads the group.
    match rest[at..].iter().find(|&&b| !matches!(b, b' ' | b'`' | b'\n' | b'\r')) {
        Some(_) => Err(fail(t, "Trailing garbage")),
        None => bytes::from_vec(t, out),
    }
}
