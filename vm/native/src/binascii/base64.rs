//! Base 64.

use super::{ascii_arg, fail, flag_arg};
use crate::input::Input;
use typhon_object::error::Res;
use typhon_object::types::bytes;
use typhon_object::{Exc, Thread, Value};

/// So many characters or groups are looked at between two looks at the breaker.
const POLL_EVERY: usize = 1 << 14;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const VALUES: [u8; 256] = {
    let mut table = [255; 256];
    let mut i = 0;
    while i < 64 {
        table[ALPHABET[i] as usize] = i as u8;
        i += 1;
    }
    table
};

pub(super) fn encode(t: &Thread, a: &[Value]) -> Res {
    let data = Input::get(t, &a[0])?;
    let newline = flag_arg(t, &a[1], true)?;
    t.check_alloc(data.len() / 3 * 4 + 8)?;
    let mut out = Vec::with_capacity(data.len() / 3 * 4 + 8);
    let digit = |word: u32, shift: u32| ALPHABET[(word >> shift & 63) as usize];
    let (groups, rest) = data.as_chunks::<3>();
    for piece in groups.chunks(POLL_EVERY) {
        t.check_stop()?;
        out.extend(piece.iter().flat_map(|&[a, b, c]| {
            let word = u32::from(a) << 16 | u32::from(b) << 8 | u32::from(c);
            [digit(word, 18), digit(word, 12), digit(word, 6), digit(word, 0)]
        }));
    }
    for chunk in rest.chunks(3) {
        let word = chunk.iter().fold(0u32, |w, &b| w << 8 | u32::from(b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = ALPHABET[(word >> (18 - 6 * i) & 63) as usize];
            out.push(if i > chunk.len() { b'=' } else { digit });
        }
    }
    if newline {
        out.push(b'\n');
    }
    bytes::from_vec(t, out)
}

pub(super) fn decode(t: &Thread, a: &[Value]) -> Res {
    let text = ascii_arg(t, &a[0])?;
    let strict = flag_arg(t, &a[1], false)?;
    if strict && text.first() == Some(&b'=') {
        return Err(fail(t, "Leading padding not allowed"));
    }
    t.check_alloc(text.len() / 4 * 3 + 3)?;
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    // Digits in the group so far, the bits they left over, equal signs since the last digit. Outside strict mode a digit
    // after equal signs goes on with the group as if they were not there.
    let (mut quad, mut left, mut pads) = (0, 0u8, 0);
    let whole = decode_groups(t, &text, &mut out)?;
    for (n, &b) in text[whole..].iter().enumerate() {
        if n % POLL_EVERY == POLL_EVERY - 1 {
            t.check_stop()?;
        }
        if b == b'=' {
            pads += 1;
            if strict && (quad == 0 || quad >= 2 && quad + pads > 4) {
                return Err(fail(t, "Excess padding not allowed"));
            }
            if strict && quad == 1 {
                return Err(lone_digit(t, out.len()));
            }
            continue;
        }
        let value = VALUES[b as usize];
        if value == 255 {
            if strict {
                return Err(fail(t, "Only base64 data is allowed"));
            }
            continue;
        }
        if strict && pads > 0 {
            let complete = quad + pads >= 4;
            return Err(fail(
                t,
                if complete { "Excess data after padding" } else { "Discontinuous padding not allowed" },
            ));
        }
        pads = 0;
        match quad {
            0 => left = value,
            1 => {
                out.push(left << 2 | value >> 4);
                left = value & 15;
            }
            2 => {
                out.push(left << 4 | value >> 2);
                left = value & 3;
            }
            _ => out.push(left << 6 | value),
        }
        quad = (quad + 1) % 4;
    }
    match quad {
        0 => bytes::from_vec(t, out),
        1 => Err(lone_digit(t, out.len())),
        _ if quad + pads >= 4 => bytes::from_vec(t, out),
        _ => Err(fail(t, "Incorrect padding")),
    }
}

/// Decodes whole groups of four digits up to the first that holds anything else; gives the length of the text used.
fn decode_groups(t: &Thread, text: &[u8], out: &mut Vec<u8>) -> Res<usize> {
    let (groups, _) = text.as_chunks::<4>();
    let mut used = 0;
    for (n, group) in groups.iter().enumerate() {
        if n % POLL_EVERY == POLL_EVERY - 1 {
            t.check_stop()?;
        }
        let [a, b, c, d] = group.map(|digit| VALUES[digit as usize]);
        // What is no digit has the high bits set.
        if (a | b | c | d) & 0xc0 != 0 {
            break;
        }
        out.extend_from_slice(&[a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
        used += 4;
    }
    Ok(used)
}

/// The error of a group of one digit after `len` bytes.
fn lone_digit(t: &Thread, len: usize) -> Exc {
    let n = len / 3 * 4 + 1;
    fail(
        t,
        format_args!(
            "Invalid base64-encoded string: number of data characters ({n}) cannot be 1 more than a multiple of 4"
        ),
    )
}
