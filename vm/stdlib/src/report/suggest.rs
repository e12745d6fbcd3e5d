//! Suggestions: what the program may have meant by a name that is not there.

use crate::text as words;
use typhon_interp::traceback::Traceback;
use typhon_object::error::Res;
use typhon_object::strs::{self, Str};
use typhon_object::suggest::closest;
use typhon_object::types::exceptions as exc;
use typhon_object::{Thread, Value, attr, call, ops, type_of};

/// What is appended to the message of a NameError or an AttributeError; empty for any other exception.
pub(super) fn hint(t: &Thread, e: &Value, tb: &Value) -> Res<String> {
    let ty = type_of(e);
    let is_name = ty.is_subtype(exc::NAME_ERROR.ty());
    if !is_name && !ty.is_subtype(exc::ATTRIBUTE_ERROR.ty()) {
        return Ok(String::new());
    }
    let name = attr::get_opt(t, e, &words::name(t, "name"))?.filter(|v| v.downcast::<Str>().is_some());
    let Some(name) = name else { return Ok(String::new()) };
    let wrong = strs::display(&name);
    let found = if is_name { of_names(t, tb, &name, &wrong) } else { of_attributes(t, e, tb, &wrong) };
    let found = quietly(found)?.flatten();
    let known = is_name && is_library(t, &name)?;
    Ok(match (found, known) {
        (Some(name), false) => format!(". Did you mean: '{name}'?"),
        (Some(name), true) => format!(". Did you mean: '{name}'? Or did you forget to import '{wrong}'?"),
        (None, true) => format!(". Did you forget to import '{wrong}'?"),
        (None, false) => String::new(),
    })
}

/// What went wrong on the way to a suggestion is nobody's business, but for the isolate's end.
fn quietly<T>(made: Res<T>) -> Res<Option<T>> {
    match made {
        Ok(made) => Ok(Some(made)),
        Err(e) if e.is_stopped() => Err(e),
        Err(_) => Ok(None),
    }
}

fn is_library(t: &Thread, name: &Value) -> Res<bool> {
    let Some(sys) = words::loaded(t, "sys") else { return Ok(false) };
    ops::contains(t, &attr::get_text(t, &sys, "stdlib_module_names")?, name)
}

/// The frame in which the exception was raised.
fn innermost(t: &Thread, tb: &Value) -> Res<Option<Value>> {
    let mut at = tb.clone();
    while let Some(entry) = at.downcast::<Traceback>() {
        let next = entry.next.get();
        if next.is_none() {
            return entry.frame(t).map(Some);
        }
        at = next;
    }
    Ok(None)
}

/// `self` of a frame.
fn own(t: &Thread, frame: &Value) -> Res<Option<Value>> {
    let (locals, key) = (attr::get_text(t, frame, "f_locals")?, words::name(t, "self"));
    if ops::contains(t, &locals, &key)? { ops::getitem(t, &locals, &key).map(Some) } else { Ok(None) }
}

fn texts(values: Vec<Value>) -> impl Iterator<Item = String> {
    values.into_iter().filter(|v| v.downcast::<Str>().is_some()).map(|v| strs::display(&v))
}

fn of_names(t: &Thread, tb: &Value, name: &Value, wrong: &str) -> Res<Option<String>> {
    let Some(frame) = innermost(t, tb)? else { return Ok(None) };
    let mut names = Vec::new();
    for scope in ["f_locals", "f_globals", "f_builtins"] {
        names.extend(texts(ops::collect(t, &attr::get_text(t, &frame, scope)?)?));
    }
    if let Some(own) = own(t, &frame)?
        && quietly(attr::get_opt(t, &own, name))?.flatten().is_some()
    {
        return Ok(Some(format!("self.{wrong}")));
    }
    Ok(closest(wrong, names.iter().map(String::as_str)))
}

fn of_attributes(t: &Thread, e: &Value, tb: &Value, wrong: &str) -> Res<Option<String>> {
    let obj = attr::get_text(t, e, "obj")?;
    let dir = attr::get_text(t, &obj, "__dir__").and_then(|dir| call::call(t, &dir, &[]));
    let dir = match dir {
        Err(e) if e.is(&exc::TYPE_ERROR) => {
            // The object is a class.
            let of_class = attr::get_text(t, &type_of(&obj).value(), "__dir__")?;
            call::call(t, &of_class, std::slice::from_ref(&obj))?
        }
        made => made?,
    };
    let mut names: Vec<String> = texts(ops::collect(t, &dir)?).collect();
    names.sort_unstable();
    let mut hidden = !wrong.starts_with('_');
    if hidden && let Some(frame) = innermost(t, tb)? {
        hidden = !own(t, &frame)?.is_some_and(|own| own.is(&obj));
    }
    let names = names.iter().map(String::as_str).filter(|name| !(hidden && name.starts_with('_')));
    Ok(closest(wrong, names))
}
