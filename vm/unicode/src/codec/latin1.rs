//! The `latin-1` codec.

use super::{Outcome, Sink, Unit, encode_below};

/// Bytes per unit at most.
pub const MAX_EXPANSION: usize = 1;

/// Decodes latin-1, which cannot fail.
pub fn decode(input: &[u8], sink: &mut impl Sink) {
    sink.push_latin1(input);
}

/// Encodes to latin-1.
pub fn encode<U: Unit>(s: &[U], from: usize, out: &mut Vec<u8>) -> Outcome<()> {
    encode_below(s, from, 0x100, "ordinal not in range(256)", out)
}
