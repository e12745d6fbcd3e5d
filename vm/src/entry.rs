//! The entry point: what of a program is called, once the program has run as a module like any other.

use typhon_object::error::{self, Res};
use typhon_object::types::exceptions as exc;
use typhon_object::{Args, Thread, Value, attr, call, strs};
use typhon_stdlib::{compile, text};

/// What the program's module is called meanwhile. It is found by that name from then on, for what looks for the module of a class.
const NAME: &str = "__program__";

/// Runs the program in `main` and calls what is at the end of `path` with the inputs as keywords.
pub(crate) fn call(t: &Thread, main: &Value, code: &Value, path: &str, inputs: Vec<(&String, Value)>) -> Res {
    let before = text::get(t, main, "__name__");
    if let Some(module) = text::loaded(t, "__main__") {
        text::put(t, &t.modules().get(), NAME, module)?;
    }
    text::put(t, main, "__name__", strs::new(t, NAME)?)?;
    let ran = compile::run(t, code, main, main);
    if let Some(before) = before {
        text::put(t, main, "__name__", before)?;
    }
    ran?;
    let callable = find(t, main, path)?;
    let (names, values): (Vec<_>, Vec<_>) = inputs.into_iter().unzip();
    let names = names.into_iter().map(|name| text::name(t, name)).collect::<Vec<_>>();
    call::call_args(t, &callable, Args { values: &values, names: &names })
}

fn find(t: &Thread, main: &Value, path: &str) -> Res {
    let mut parts = path.split('.');
    let first = parts.next().unwrap_or_default();
    let Some(mut found) = text::get(t, main, first) else {
        return Err(error::new(t, &exc::NAME_ERROR, format_args!("name '{first}' is not defined")));
    };
    for part in parts {
        found = attr::get_text(t, &found, part)?;
    }
    Ok(found)
}
