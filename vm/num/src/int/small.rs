//! Small: the same arithmetic on machine words, `None` where the result does not fit or is an error.

/// `a // b`.
pub fn floor_div(a: i64, b: i64) -> Option<i64> {
    let q = a.checked_div(b)?;
    Some(if (a % b != 0) && ((a < 0) != (b < 0)) { q - 1 } else { q })
}

/// `a % b`.
pub fn modulo(a: i64, b: i64) -> Option<i64> {
    if b == 0 {
        return None;
    }
    let r = a.wrapping_rem(b);
    Some(if r != 0 && ((r < 0) != (b < 0)) { r + b } else { r })
}

/// `a ** exp`.
pub fn pow(a: i64, exp: u64) -> Option<i64> {
    match a {
        0 if exp > 0 => Some(0),
        0 | 1 => Some(1),
        -1 => Some(if exp & 1 == 1 { -1 } else { 1 }),
        _ => a.checked_pow(u32::try_from(exp).ok()?),
    }
}

/// `a << shift`.
pub fn shl(a: i64, shift: u64) -> Option<i64> {
    if a == 0 {
        return Some(0);
    }
    if shift >= 63 {
        return None;
    }
    let shifted = a << shift;
    (shifted >> shift == a).then_some(shifted)
}

/// `a >> shift`.
pub fn shr(a: i64, shift: u64) -> i64 {
    a >> shift.min(63)
}

/// `gcd(a, b)`, never negative; `u64` because of `gcd(i64::MIN, 0)`.
pub fn gcd(a: i64, b: i64) -> u64 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    if a == 0 || b == 0 {
        return a | b;
    }
    let twos = (a | b).trailing_zeros();
    a >>= a.trailing_zeros();
    while b != 0 {
        b >>= b.trailing_zeros();
        if a > b {
            std::mem::swap(&mut a, &mut b);
        }
        b -= a;
    }
    a << twos
}

/// `isqrt(n)`.
pub fn isqrt(n: u64) -> u64 {
    n.isqrt()
}

/// `pow(base, exp, modulus)` for operands that fit: the result has the modulus's sign.
pub fn pow_mod(base: i64, exp: u64, modulus: i64) -> Option<i64> {
    let m = modulus.unsigned_abs();
    if m == 0 {
        return None;
    }
    let m128 = u128::from(m);
    let mut b = (i128::from(base).rem_euclid(i128::from(m))) as u128;
    let (mut r, mut e) = (1 % m128, exp);
    while e > 0 {
        if e & 1 == 1 {
            r = r * b % m128;
        }
        b = b * b % m128;
        e >>= 1;
    }
    let r = r as i128;
    i64::try_from(if modulus < 0 && r != 0 { r - m as i128 } else { r }).ok()
}
