//! _decimal against rows written by CPython 3.14 (`gen/decimal_rows.py`).

use typhon_native::MODULES;
use typhon_native::decimal::MODULE;
use typhon_num::IBig;
use typhon_object::error::{self, Res};
use typhon_object::thread::{Hooks, Thread};
use typhon_object::types::int;
use typhon_object::{Value, attr, call, convert, ops, process, strs};

const CONTEXTS: [(i64, &str, i64, i64, i64, i64); 4] = [
    (28, "ROUND_HALF_EVEN", -999_999, 999_999, 1, 0),
    (5, "ROUND_DOWN", -20, 20, 0, 1),
    (3, "ROUND_05UP", -99, 99, 1, 0),
    (9, "ROUND_CEILING", -9, 9, 1, 1),
];

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

fn class(name: &str) -> Value {
    MODULE.types.iter().find(|(n, _)| *n == name).unwrap().1.ty().value()
}

fn function(t: &Thread, name: &str, args: &[Value]) -> Res {
    let def = MODULE.functions.iter().find(|f| f.name == name).unwrap();
    let f = typhon_object::native::new_function(t, def, Value::NONE, Value::NONE)?;
    call::call(t, &f, args)
}

fn read(t: &Thread, text: &str) -> Res {
    let (kind, body) = text.split_at(1);
    match kind {
        "d" => call::call1(t, &class("Decimal"), &strs::new(t, body)?),
        "i" => int::from_big(t, body.parse::<IBig>().unwrap()),
        "f" => convert::from_f64(t, body.parse().unwrap()),
        _ => strs::new(t, body),
    }
}

fn context(t: &Thread, (prec, rounding, emin, emax, capitals, clamp): (i64, &str, i64, i64, i64, i64)) -> Res {
    let number = Value::small;
    let args = [number(prec), strs::new(t, rounding)?, number(emin), number(emax), number(capitals), number(clamp)];
    call::call(t, &class("Context"), &args)
}

fn answer(t: &Thread, context: &Value, row: &[&str]) -> Res<String> {
    let args = row[3].split('|').map(|a| read(t, a)).collect::<Res<Vec<_>>>()?;
    call::call0(t, &attr::get_text(t, context, "clear_flags")?)?;
    let result = match row[0] {
        "c" => call::call(t, &attr::get_text(t, context, row[2])?, &args)?,
        _ => call::call(t, &attr::get_text(t, &args[0], row[2])?, &args[1..])?,
    };
    ops::repr_text(t, &result)
}

#[test]
fn answers_as_cpython() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    with_thread(|t| {
        let types: Vec<_> = MODULE.types.iter().map(|(_, def)| *def).collect();
        process::ensure_types(&types);
        for line in include_str!("data/decimal.txt").lines() {
            let row: Vec<&str> = line.split('\t').collect();
            let context = context(t, CONTEXTS[row[1].parse::<usize>().unwrap()]).unwrap();
            function(t, "setcontext", std::slice::from_ref(&context)).unwrap();
            let got = match answer(t, &context, &row) {
                Ok(text) => text,
                Err(e) => {
                    let text = strs::display(&ops::str(t, e.value()).unwrap());
                    format!("!{e:?}: {text}")
                }
            };
            let after = ops::repr_text(t, &context).unwrap();
            let after = after.split("flags=").nth(1).and_then(|f| f.split(", traps").next()).unwrap();
            seen += 1;
            if got != row[4] || after != row[5] {
                wrong.push(format!("{line}\n    {got}\n    {after}"));
            }
        }
    });
    assert!(seen > 2_000, "{seen}");
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}

#[test]
fn is_listed() {
    assert!(MODULES.iter().any(|m| m.name == "_decimal"));
}
