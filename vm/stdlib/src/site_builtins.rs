//! `exit`, `quit`, `help` and their like: builtins that come from Python code, made when a program first asks for one.

use crate::{import, text};
use std::cell::Cell;
use typhon_object::error::Res;
use typhon_object::{Thread, Value, attr, call, strs};

/// They are to be had in this isolate and have not been made.
#[derive(Default)]
struct Offered(Cell<bool>);

const CREDITS: &str = "Thanks to CWI, CNRI, BeOpen, Zope Corporation, the Python Software\nFoundation, and a cast of thousands for supporting Python\ndevelopment.  See www.python.org for more information.";
const LICENSE: &str = "See https://www.python.org/psf/license/";

const NAMES: [&str; 6] = ["exit", "quit", "help", "copyright", "credits", "license"];

/// From now on a program may ask: an isolate that has not imported `site` has them all the same.
pub fn offer(t: &Thread) {
    t.state::<Offered>().0.set(true);
}

/// The hook of a name that is not in `builtins`.
pub fn missing(t: &Thread, builtins: &Value, name: &Value) -> Res<Option<Value>> {
    let asked = NAMES.into_iter().find(|n| strs::eq_str(name, n));
    match asked {
        Some(asked) if builtins.is(&t.builtins().get()) && make(t)? => Ok(text::get(t, builtins, asked)),
        _ => Ok(None),
    }
}

/// Attributes that the module `builtins` makes when asked.
pub fn lazy(t: &Thread, m: &Value, name: &str) -> Res<Option<Value>> {
    if name == "__dict__" {
        make(t)?;
    } else if NAMES.contains(&name) && make(t)? {
        return Ok(text::entry(t, m, name));
    }
    import::lazy(t, m, name)
}

/// Makes them, once; whether it did.
fn make(t: &Thread) -> Res<bool> {
    if !t.state::<Offered>().0.replace(false) {
        return Ok(false);
    }
    let m = import::module_named(t, "_sitebuiltins")?;
    let builtins = t.builtins().get();
    let quitter = attr::get_text(t, &m, "Quitter")?;
    let end = strs::new(t, "Ctrl-D (i.e. EOF)")?;
    for name in ["exit", "quit"] {
        let made = call::call(t, &quitter, &[strs::new(t, name)?, end.clone()])?;
        text::put(t, &builtins, name, made)?;
    }
    let printer = attr::get_text(t, &m, "_Printer")?;
    let sys = import::module_named(t, "sys")?;
    let copyright = attr::get_text(t, &sys, "copyright")?;
    for (name, shown) in
        [("copyright", copyright), ("credits", strs::new(t, CREDITS)?), ("license", strs::new(t, LICENSE)?)]
    {
        let made = call::call(t, &printer, &[strs::new(t, name)?, shown])?;
        text::put(t, &builtins, name, made)?;
    }
    let helper = attr::get_text(t, &m, "_Helper")?;
    text::put(t, &builtins, "help", call::call0(t, &helper)?)?;
    Ok(true)
}
