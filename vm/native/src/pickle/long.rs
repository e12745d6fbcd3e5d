//! Ints of any size as little-endian two's complement of the fewest bytes.

use dashu_int::{IBig, UBig};
use typhon_object::error::Res;
use typhon_object::types::int;
use typhon_object::{Thread, Value};

/// The bytes of an int; none for 0.
pub(super) fn encode(t: &Thread, v: &Value) -> Res<Vec<u8>> {
    if let Some(i) = int::to_i64(v) {
        if i == 0 {
            return Ok(Vec::new());
        }
        let mut out = i.to_le_bytes().to_vec();
        trim(&mut out, i < 0);
        return Ok(out);
    }
    let big = int::to_big(v).unwrap_or_default();
    let negative = int::is_negative(v);
    // -n is !(n - 1) in two's complement.
    let magnitude = if negative { -big - IBig::from(1) } else { big };
    let magnitude = UBig::try_from(magnitude).unwrap_or_default();
    let mut out = magnitude.to_le_bytes().to_vec();
    t.check_alloc(out.len() * 2)?;
    if negative {
        out.iter_mut().for_each(|b| *b = !*b);
    }
    out.push(if negative { 0xff } else { 0 });
    trim(&mut out, negative);
    Ok(out)
}

/// Drops bytes that only repeat the sign.
fn trim(out: &mut Vec<u8>, negative: bool) {
    let fill = if negative { 0xff } else { 0 };
    while out.len() > 1 && out[out.len() - 1] == fill && (out[out.len() - 2] & 0x80 != 0) == negative {
        out.pop();
    }
}

/// The int of bytes.
pub(super) fn decode(t: &Thread, data: &[u8]) -> Res {
    let negative = data.last().is_some_and(|b| b & 0x80 != 0);
    if data.len() <= 8 {
        let mut word = [if negative { 0xff } else { 0 }; 8];
        word[..data.len()].copy_from_slice(data);
        return typhon_object::convert::from_i64(t, i64::from_le_bytes(word));
    }
    t.check_alloc(data.len() * 2)?;
    if !negative {
        return int::from_big(t, IBig::from(UBig::from_le_bytes(data)));
    }
    let inverted: Vec<u8> = data.iter().map(|b| !b).collect();
    int::from_big(t, -IBig::from(UBig::from_le_bytes(&inverted)) - IBig::from(1))
}
