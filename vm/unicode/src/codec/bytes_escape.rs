//! The escapes of bytes literals: `codecs.escape_decode` and `codecs.escape_encode`.

use super::rest;
use super::unicode_escape::{BadEscape, octal, simple};

/// What to do about `\x` without two digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    Strict,
    Replace,
    Ignore,
}

/// Why the input cannot be decoded; both are ValueErrors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EscapeError {
    /// "Trailing \ in string"
    TrailingBackslash,
    /// "invalid \x escape at position N"
    InvalidHex { position: usize },
}

/// Decodes bytes escapes; `bad` receives the first doubtful one.
pub fn decode(input: &[u8], policy: Policy, out: &mut Vec<u8>, bad: &mut Option<BadEscape>) -> Result<(), EscapeError> {
    let mut at = 0;
    loop {
        let tail = rest(input, at);
        let plain = tail.iter().position(|&byte| byte == b'\\').unwrap_or(tail.len());
        out.extend_from_slice(&tail[..plain]);
        at += plain;
        if plain == tail.len() {
            return Ok(());
        }
        let letter = *input.get(at + 1).ok_or(EscapeError::TrailingBackslash)?;
        match letter {
            b'\n' => at += 2,
            b'0'..=b'7' => {
                let (value, end) = octal(input, at + 1);
                if value > 0o377 {
                    bad.get_or_insert(BadEscape { value, position: at });
                }
                out.push(value as u8);
                at = end;
            }
            b'x' => at = hex_pair(input, at, policy, out)?,
            _ => {
                match simple(letter) {
                    Some(byte) => out.push(byte),
                    None => {
                        bad.get_or_insert(BadEscape { value: u32::from(letter), position: at });
                        out.extend([b'\\', letter]);
                    }
                }
                at += 2;
            }
        }
    }
}

/// Reads the `\x` escape at `at`; returns its end.
fn hex_pair(input: &[u8], at: usize, policy: Policy, out: &mut Vec<u8>) -> Result<usize, EscapeError> {
    let digit = |i: usize| input.get(i).and_then(|&byte| char::from(byte).to_digit(16));
    match (digit(at + 2), digit(at + 3), policy) {
        (Some(high), Some(low), _) => {
            out.push((high << 4 | low) as u8);
            return Ok(at + 4);
        }
        (_, _, Policy::Strict) => return Err(EscapeError::InvalidHex { position: at }),
        (_, _, Policy::Replace) => out.push(b'?'),
        (_, _, Policy::Ignore) => {}
    }
    Ok(at + 2 + usize::from(digit(at + 2).is_some()))
}

/// `codecs.escape_encode`: like `repr` of bytes between single quotes, without them.
pub fn encode(input: &[u8], out: &mut Vec<u8>) {
    for &byte in input {
        crate::repr::push_byte(byte, b'\'', out);
    }
}
