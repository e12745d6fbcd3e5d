//! JSON strings: text in quotes.

use super::str_arg;
use typhon_object::error::Res;
use typhon_object::strs::{Str, StrBuilder, Units};
use typhon_object::{Thread, Value};

/// What must be escaped below 256: bit 0 in any text, bit 1 in ASCII text.
const ESCAPES: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut c = 0;
    while c < 256 {
        let always = c < 0x20 || c == b'"' as usize || c == b'\\' as usize;
        table[c] = if always {
            3
        } else if c >= 0x7f {
            2
        } else {
            0
        };
        c += 1;
    }
    table
};

/// Up to this length a text is looked through in one go.
const SHORT: usize = 1 << 10;

/// `encode_basestring` or `encode_basestring_ascii`.
pub(super) fn quoted(t: &Thread, v: &Value, ascii: bool) -> Res {
    let s = str_arg(t, v)?;
    let mut out = StrBuilder::with_capacity(s.len() + 2);
    push_quoted(t, &mut out, s, ascii)?;
    out.finish(t)
}

/// Appends a text in quotes, escaped.
pub(super) fn push_quoted(t: &Thread, out: &mut StrBuilder, s: &Str, ascii: bool) -> Res<()> {
    let mask = if ascii { 2 } else { 1 };
    if let Units::Latin1(text) = s.units()
        && text.len() <= SHORT
        && text.iter().all(|&c| ESCAPES[usize::from(c)] & mask == 0)
    {
        out.push_between(b'"', text, b'"');
        return Ok(());
    }
    t.check_alloc(s.len())?;
    out.push_units(Units::Latin1(b"\""));
    match s.units() {
        Units::Latin1(text) => push_latin1(t, out, text, mask)?,
        wide if ascii => {
            for (i, c) in wide.iter().enumerate() {
                if c < 256 && ESCAPES[c as usize] & mask == 0 {
                    out.push(c);
                } else {
                    push_escape(out, c);
                }
                if i % 4096 == 4095 {
                    t.check_alloc(out.len())?;
                    t.poll()?;
                }
            }
        }
        wide => {
            let mut from = 0;
            for (i, c) in wide.iter().enumerate() {
                if c < 256 && ESCAPES[c as usize] & mask != 0 {
                    out.push_units(wide.slice(from, i));
                    push_escape(out, c);
                    from = i + 1;
                }
            }
            out.push_units(wide.slice(from, wide.len()));
        }
    }
    out.push_units(Units::Latin1(b"\""));
    Ok(())
}

fn push_latin1(t: &Thread, out: &mut StrBuilder, text: &[u8], mask: u8) -> Res<()> {
    let mut rest = text;
    while let Some(n) = rest.iter().position(|&c| ESCAPES[usize::from(c)] & mask != 0) {
        out.push_units(Units::Latin1(&rest[..n]));
        push_escape(out, u32::from(rest[n]));
        rest = &rest[n + 1..];
        if n == 0 && out.len().is_multiple_of(1024) {
            t.check_alloc(out.len())?;
            t.poll()?;
        }
    }
    out.push_units(Units::Latin1(rest));
    Ok(())
}

fn push_escape(out: &mut StrBuilder, c: u32) {
    let short = match c {
        0x22 => b'"',
        0x5c => b'\\',
        0x08 => b'b',
        0x0c => b'f',
        0x0a => b'n',
        0x0d => b'r',
        0x09 => b't',
        0..0x1_0000 => return push_hex(out, c),
        _ => {
            let c = c - 0x1_0000;
            push_hex(out, 0xd800 + (c >> 10));
            return push_hex(out, 0xdc00 + (c & 0x3ff));
        }
    };
    out.push_units(Units::Latin1(&[b'\\', short]));
}

fn push_hex(out: &mut StrBuilder, c: u32) {
    let digit = |shift: u32| b"0123456789abcdef"[(c >> shift & 15) as usize];
    out.push_units(Units::Latin1(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]));
}
