//! Quoted-printable.

use super::{ascii_arg, flag_arg};
use crate::input::Input;
use typhon_object::error::Res;
use typhon_object::types::bytes;
use typhon_object::{Thread, Value};

const LINE_MAX: usize = 76;

pub(super) fn decode(t: &Thread, a: &[Value]) -> Res {
    let data = ascii_arg(t, &a[0])?;
    let header = flag_arg(t, &a[1], false)?;
    let mut out = Vec::with_capacity(data.len());
    let digit = |i: usize| data.get(i).and_then(|&b| char::from(b).to_digit(16));
    let mut i = 0;
    while i < data.len() {
        match data[i] {
            b'=' => {
                i += 1;
                match data.get(i) {
                    None => break,
                    Some(b'\n' | b'\r') => {
                        // A soft line break: everything up to the line's end goes.
                        while i < data.len() && data[i] != b'\n' {
                            i += 1;
                        }
                        i += 1;
                    }
                    Some(b'=') => {
                        out.push(b'=');
                        i += 1;
                    }
                    Some(_) => match (digit(i), digit(i + 1)) {
                        (Some(high), Some(low)) => {
                            out.push((high << 4 | low) as u8);
                            i += 2;
                        }
                        _ => out.push(b'='),
                    },
                }
            }
            b'_' if header => {
                out.push(b' ');
                i += 1;
            }
            b => {
                out.push(b);
                i += 1;
            }
        }
    }
    bytes::from_vec(t, out)
}

/// What the encoder is asked for.
struct Mode {
    tabs: bool,
    text: bool,
    header: bool,
}

/// Whether byte `i` must be escaped, `column` being where it would stand in its line.
fn must_escape(data: &[u8], i: usize, column: usize, mode: &Mode) -> bool {
    let (b, next) = (data[i], data.get(i + 1));
    match b {
        b'=' | 127.. => true,
        b'_' => mode.header,
        // A dot alone on its line would end an SMTP message.
        b'.' => column == 0 && matches!(next, None | Some(b'\n' | b'\r' | 0)),
        b'\r' | b'\n' => !mode.text,
        b'\t' | b' ' if next.is_none() => true,
        b'\t' | b' ' => mode.tabs,
        0..=32 => true,
        _ => false,
    }
}

pub(super) fn encode(t: &Thread, a: &[Value]) -> Res {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let data = Input::get(t, &a[0])?;
    let mode =
        Mode { tabs: flag_arg(t, &a[1], false)?, text: flag_arg(t, &a[2], true)?, header: flag_arg(t, &a[3], false)? };
    t.check_alloc(data.len().saturating_mul(4))?;
    // Line ends come out as the first one in the input is.
    let crlf = data.iter().position(|&b| b == b'\n').is_some_and(|i| i > 0 && data[i - 1] == b'\r');
    let line_end: &[u8] = if crlf { b"\r\n" } else { b"\n" };
    let mut out = Vec::with_capacity(data.len());
    let (mut i, mut column) = (0, 0);
    let escape = |out: &mut Vec<u8>, b: u8| out.extend([b'=', HEX[b as usize >> 4], HEX[b as usize & 15]]);
    while i < data.len() {
        let b = data[i];
        if must_escape(&data, i, column, &mode) {
            if column + 3 >= LINE_MAX {
                out.push(b'=');
                out.extend(line_end);
                column = 0;
            }
            escape(&mut out, b);
            i += 1;
            column += 3;
            continue;
        }
        let ends_line = b == b'\n' || b == b'\r' && data.get(i + 1) == Some(&b'\n');
        if mode.text && ends_line {
            // White space before the line's end must not stand bare.
            if let Some(&last @ (b' ' | b'\t')) = out.last() {
                out.pop();
                escape(&mut out, last);
            }
            out.extend(line_end);
            i += if b == b'\r' { 2 } else { 1 };
            column = 0;
            continue;
        }
        let line_ends_next = matches!(data.get(i + 1), None | Some(b'\n'));
        if !line_ends_next && column + 1 >= LINE_MAX {
            out.push(b'=');
            out.extend(line_end);
            column = 0;
        }
        column += 1;
        out.push(if mode.header && b == b' ' { b'_' } else { b });
        i += 1;
    }
    bytes::from_vec(t, out)
}
