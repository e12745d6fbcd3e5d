//! The `ascii` codec.

use super::{Outcome, Sink, Unit, encode_below, error, rest};

/// Bytes per unit at most.
pub const MAX_EXPANSION: usize = 1;

/// Decodes ASCII. No byte waits for another, so there is no `last`.
pub fn decode(input: &[u8], from: usize, sink: &mut impl Sink) -> Outcome<usize> {
    let rest = rest(input, from);
    let good = u8::ascii_prefix(rest);
    sink.push_latin1(&rest[..good]);
    if good < rest.len() {
        return error(from + good, from + good + 1, "ordinal not in range(128)");
    }
    Ok(from + good)
}

/// Encodes to ASCII.
pub fn encode<U: Unit>(s: &[U], from: usize, out: &mut Vec<u8>) -> Outcome<()> {
    encode_below(s, from, 0x80, "ordinal not in range(128)", out)
}
