//! Common: decimal operations by name, for the tests that read them from rows.

use typhon_num::decimal::{Arith, Context, Decimal, Rounding, status};
use typhon_num::never;

pub fn rounding(name: &str) -> Rounding {
    match name {
        "up" => Rounding::Up,
        "down" => Rounding::Down,
        "ceiling" => Rounding::Ceiling,
        "floor" => Rounding::Floor,
        "half_up" => Rounding::HalfUp,
        "half_down" => Rounding::HalfDown,
        "half_even" => Rounding::HalfEven,
        "05up" => Rounding::ZeroFiveUp,
        _ => panic!("{name}"),
    }
}

/// Runs an operation by decTest's name: the result's text and the conditions.
pub fn operate(op: &str, context: &Context, args: &[Decimal]) -> Option<(String, u32)> {
    let mut poll = never;
    let mut x = Arith::new(context, &mut poll);
    let a = &args[0];
    let b = args.get(1).unwrap_or(a);
    let result = match op {
        "abs" => x.abs(a),
        "add" => x.add(a, b),
        "and" => x.logical_and(a, b),
        "apply" => x.finalize(a.clone()),
        "compare" => x.compare(a, b),
        "comparesig" => x.compare_signal(a, b),
        "comparetotal" => x.compare_total(a, b),
        "comparetotmag" => x.compare_total_mag(a, b),
        "copy" => Ok(a.clone()),
        "copyabs" => Ok(a.copy_abs()),
        "copynegate" => Ok(a.copy_negate()),
        "copysign" => Ok(a.copy_sign(b)),
        "divide" => x.divide(a, b),
        "divideint" => x.divide_int(a, b),
        "exp" => x.exp(a),
        "fma" => x.fma(a, b, &args[2]),
        "invert" => x.logical_invert(a),
        "ln" => x.ln(a),
        "log10" => x.log10(a),
        "logb" => x.logb(a),
        "max" => x.max(a, b),
        "maxmag" => x.max_mag(a, b),
        "min" => x.min(a, b),
        "minmag" => x.min_mag(a, b),
        "minus" => x.minus(a),
        "multiply" => x.multiply(a, b),
        "nextminus" => x.next_minus(a),
        "nextplus" => x.next_plus(a),
        "nexttoward" => x.next_toward(a, b),
        "or" => x.logical_or(a, b),
        "plus" => x.plus(a),
        "power" if args.len() == 3 => x.power_mod(a, b, &args[2]),
        "power" => x.power(a, b),
        "quantize" => x.quantize(a, b),
        "reduce" => x.normalize(a),
        "remainder" => x.remainder(a, b),
        "remaindernear" => x.remainder_near(a, b),
        "rotate" => x.rotate(a, b),
        "scaleb" => x.scaleb(a, b),
        "shift" => x.shift(a, b),
        "squareroot" => x.sqrt(a),
        "subtract" => x.subtract(a, b),
        "tointegral" => x.to_integral_value(a),
        "tointegralx" => x.to_integral_exact(a),
        "xor" => x.logical_xor(a, b),
        _ => return predicate(op, context, a, b).map(|t| (t, 0)),
    };
    let status = x.status;
    Some((result.unwrap().to_sci(context.capitals, &mut never).unwrap(), status))
}

fn predicate(op: &str, context: &Context, a: &Decimal, b: &Decimal) -> Option<String> {
    let truth = match op {
        "class" => return Some(a.number_class(context).into()),
        "iscanonical" => true,
        "isfinite" => a.is_finite(),
        "isinfinite" => a.is_infinite(),
        "isnan" => a.is_nan(),
        "isnormal" => a.is_normal(context),
        "isqnan" => a.is_qnan(),
        "issigned" => a.negative,
        "issnan" => a.is_snan(),
        "issubnormal" => a.is_subnormal(context),
        "iszero" => a.is_zero(),
        "samequantum" => a.same_quantum(b),
        _ => return None,
    };
    Some(u8::from(truth).to_string())
}

/// Python's signals for a status: one bit each, as libmpdec folds them.
pub fn signals(s: u32) -> u32 {
    let plain = s & !status::IEEE_INVALID;
    if s & status::IEEE_INVALID != 0 { plain | status::INVALID_OPERATION } else { plain }
}

pub fn exact(text: &str) -> Decimal {
    let context = Context::max(1_000_000);
    Arith::new(&context, &mut never).parse(text).unwrap()
}
