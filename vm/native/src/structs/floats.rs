//! Floats of 2 and 4 bytes.

/// The bits of a double as a single; a NaN keeps its payload.
pub(super) fn narrow_bits(x: f64, narrow: f32) -> u32 {
    if !x.is_nan() {
        return narrow.to_bits();
    }
    let bits = x.to_bits();
    let (sign, payload) = ((bits >> 63) as u32, (bits >> 29) as u32 & 0x007f_ffff);
    let payload = if payload == 0 { 0x0040_0000 } else { payload };
    sign << 31 | 0x7f80_0000 | payload
}

/// A single as a double; a NaN keeps its payload.
pub(super) fn widened(bits: u32) -> f64 {
    let x = f32::from_bits(bits);
    if !x.is_nan() {
        return f64::from(x);
    }
    f64::from_bits(u64::from(bits >> 31) << 63 | 0x7ff0_0000_0000_0000 | u64::from(bits & 0x007f_ffff) << 29)
}

/// The bits of a double as a half, rounded half to even; `None` if it is too large.
pub(super) fn half_bits(x: f64) -> Option<u16> {
    let bits = x.to_bits();
    let sign = ((bits >> 48) & 0x8000) as u16;
    if x.is_nan() {
        let payload = (bits >> 42) as u16 & 0x3ff;
        return Some(sign | 0x7c00 | if payload == 0 { 0x200 } else { payload });
    }
    if x.is_infinite() {
        return Some(sign | 0x7c00);
    }
    // In units of the smallest subnormal half, 2^-24; rounding to the mantissa's width there or above.
    let a = x.abs();
    if a == 0.0 {
        return Some(sign);
    }
    let exponent = ((a.to_bits() >> 52) as i32 - 1023).max(-14);
    let unit = f64::from_bits(((exponent - 10 + 1023) as u64) << 52);
    let steps = (a / unit).round_ties_even() as u32;
    let (steps, exponent) = if steps == 2048 { (1024, exponent + 1) } else { (steps, exponent) };
    if exponent > 15 {
        return None;
    }
    let out = if steps < 1024 { steps } else { ((exponent + 15) as u32) << 10 | (steps - 1024) };
    Some(sign | out as u16)
}

/// A half as a double.
pub(super) fn from_half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 != 0 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), bits & 0x3ff);
    match exponent {
        0x1f if fraction == 0 => sign * f64::INFINITY,
        0x1f => f64::from_bits(u64::from(bits >> 15) << 63 | 0x7ff0_0000_0000_0000 | u64::from(fraction) << 42),
        0 => sign * f64::from(fraction) * 2f64.powi(-24),
        _ => sign * f64::from(fraction + 1024) * 2f64.powi(exponent - 25),
    }
}
