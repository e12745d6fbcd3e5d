//! math and cmath against rows written by CPython 3.14 (`gen/math_rows.py`, `gen/cmath_rows.py`).

use typhon_native::MODULES;
use typhon_num::{IBig, float_text};
use typhon_object::args::Args;
use typhon_object::error::{self, Exc, Res};
use typhon_object::list::List;
use typhon_object::native;
use typhon_object::thread::{Hooks, Thread};
use typhon_object::types::{complex, float, int};
use typhon_object::{Value, convert, names, ops, process, strs, tuple};

fn with_thread<R>(f: impl FnOnce(&Thread) -> R) -> R {
    process::set_up();
    let hooks = Hooks {
        on_breaker: |_| Ok(()),
        unraisable: |_, _, _, _| {},
        warn: |_, _, _, _| Ok(()),
        import: |t, _| Err(error::system_error(t, "no imports here")),
        handled: |_| Value::ABSENT,
        super_frame: |t| Err(error::runtime_error(t, "super(): no current frame")),
        globals: |_| Value::ABSENT,
    };
    let t = Thread::new(hooks, 64 << 20);
    let out = t.attach(1 << 20, f);
    t.close();
    out
}

/// `f1.8p+0` float, `i5` int, `b1` bool, `sx` str, `cRE,IM` complex, `(..)` list.
fn read(t: &Thread, text: &str) -> Value {
    let (kind, rest) = text.split_at(1);
    match kind {
        "f" => convert::from_f64(t, float_text::from_hex(rest).unwrap()).unwrap(),
        "i" => int::from_big(t, rest.parse::<IBig>().unwrap()).unwrap(),
        "b" => Value::bool(rest == "1"),
        "s" => strs::new(t, rest).unwrap(),
        "c" => {
            let (re, im) = rest.split_once(';').unwrap();
            complex::new(t, float_text::from_hex(re).unwrap(), float_text::from_hex(im).unwrap()).unwrap()
        }
        _ => {
            let inner = rest.strip_suffix(')').unwrap();
            let items = if inner.is_empty() { Vec::new() } else { inner.split(',').map(|i| read(t, i)).collect() };
            List::from_vec(t, items).unwrap()
        }
    }
}

fn show(v: &Value) -> String {
    if v.is_bool() {
        return format!("b{}", u8::from(v.is_true()));
    }
    if let Some(x) = float::as_f64(v) {
        return format!("f{}", float_text::to_hex(x));
    }
    if let Some(n) = int::to_big(v) {
        return format!("i{n}");
    }
    if let Some(items) = v.downcast::<tuple::Tuple>() {
        return format!("({})", items.items().iter().map(show).collect::<Vec<_>>().join(","));
    }
    if let Some((re, im)) = complex::parts(v) {
        return format!("c{};{}", float_text::to_hex(re), float_text::to_hex(im));
    }
    panic!("{v:?}")
}

fn error_text(t: &Thread, e: &Exc) -> String {
    format!("!{:?}: {}", e, strs::display(&ops::str(t, e.value()).unwrap()))
}

fn run(t: &Thread, module: &str, a: &[&str]) -> Res {
    let def = MODULES.iter().find(|m| m.name == module).unwrap();
    let def = def.functions.iter().find(|f| f.name == a[0]).unwrap();
    let mut values = Vec::new();
    let mut keys = Vec::new();
    for text in &a[1..] {
        match text.split_once('=') {
            Some((key, value)) => {
                keys.push(names::intern_text(t, key));
                values.push(read(t, value));
            }
            None => values.push(read(t, text)),
        }
    }
    native::call_def(t, def, native::signature_of(t, def, false), Args { values: &values, names: &keys })
}

/// Functions that the C library computes; another library than CPython's may differ in the last digits.
const FROM_LIBM: &str = " acos acosh asin asinh atan atan2 atanh cbrt cos cosh erf erfc exp exp2 expm1 log log10 log1p \
                         log2 pow sin sinh tan tanh ";

fn near(name: &str, got: &str, want: &str) -> bool {
    let units = match name {
        "gamma" | "lgamma" => 32,
        // Complex functions combine several of the library's, and may cancel.
        _ if want.starts_with('c') || name == "phase" || name == "polar" => 64,
        _ if FROM_LIBM.contains(&format!(" {name} ")) => 2,
        _ => return false,
    };
    let parts = |text: &str| -> Option<Vec<f64>> {
        let text = text.trim_matches(['(', ')', 'c']).replace(",f", ";");
        text.trim_start_matches('f').split(';').map(|x| float_text::from_hex(x).ok()).collect()
    };
    let close = |x: f64, y: f64| x.to_bits().abs_diff(y.to_bits()) <= units || (x.is_nan() && y.is_nan());
    match (parts(got), parts(want)) {
        (Some(got), Some(want)) => got.len() == want.len() && got.iter().zip(&want).all(|(x, y)| close(*x, *y)),
        _ => false,
    }
}

fn check(module: &str, rows: &str) {
    with_thread(|t| {
        let mut wrong = Vec::new();
        for line in rows.lines() {
            let (call, want) = line.rsplit_once('\t').unwrap();
            let a: Vec<&str> = call.split('\t').collect();
            let got = match run(t, module, &a) {
                Ok(v) => show(&v),
                Err(e) => error_text(t, &e),
            };
            if got != want && !near(a[0], &got, want) {
                wrong.push(format!("{call}\n  want {want}\n  got  {got}"));
            }
        }
        assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
    });
}

#[test]
fn math_equals_cpython() {
    check("math", include_str!("data/math.txt"));
}

#[test]
fn cmath_equals_cpython() {
    check("cmath", include_str!("data/cmath.txt"));
}
