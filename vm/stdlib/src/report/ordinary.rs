//! Ordinary reports: what the library's `traceback` module says, without loading it.
//!
//! Loading it takes hundreds of times as long as most programs that end with an exception run. What only that module
//! knows (groups, misspelt keywords, colours, hooks of the program in `traceback` or `linecache`) is left to it.

use super::stack::{self, Sources};
use super::{suggest, syntax};
use crate::text as words;
use rustc_hash::FxHashSet;
use typhon_object::dict::Dict;
use typhon_object::error::Res;
use typhon_object::list::List;
use typhon_object::names::n;
use typhon_object::strs;
use typhon_object::tuple::Tuple;
use typhon_object::types::exceptions as exc;
use typhon_object::{Thread, Value, attr, ops, type_of};

const CAUSE: &str = "\nThe above exception was the direct cause of the following exception:\n\n";
const CONTEXT: &str = "\nDuring handling of the above exception, another exception occurred:\n\n";

/// The text of an exception, its causes and contexts first. `None` if it takes the library's module.
pub(super) fn text(t: &Thread, e: &Value, tb: Option<&Value>) -> Res<Option<String>> {
    if !is_alone(t) {
        return Ok(None);
    }
    let Some(links) = chain(t, e)? else { return Ok(None) };
    let (mut out, mut sources) = (String::new(), Sources::default());
    for (i, link) in links.iter().enumerate().rev() {
        let own = exc::traceback(&link.exception).present().unwrap_or(Value::NONE);
        let tb = tb.filter(|_| i == 0).cloned().unwrap_or(own);
        let Some(one) = report(t, &link.exception, &tb, &mut sources)? else { return Ok(None) };
        out += link.after.unwrap_or_default();
        out += &one;
    }
    Ok(Some(out))
}

/// Whether nothing of the program's may have a say.
fn is_alone(t: &Thread) -> bool {
    let is_empty = |v: &Value| v.downcast::<Dict>().is_some_and(Dict::is_empty);
    let unused = |cache: &str| match words::loaded(t, "linecache") {
        Some(m) => words::entry(t, &m, cache).is_some_and(|v| is_empty(&v)),
        None => true,
    };
    let limited = words::loaded(t, "sys").is_none_or(|sys| words::entry(t, &sys, "tracebacklimit").is_some());
    words::loaded(t, "traceback").is_none() && unused("cache") && unused("_interactive_cache") && !limited
}

/// An exception of a chain, and what is said between the one that came before and it.
struct Link {
    exception: Value,
    after: Option<&'static str>,
}

/// The exception and what it came of, the latest first.
fn chain(t: &Thread, e: &Value) -> Res<Option<Vec<Link>>> {
    let (mut links, mut seen) = (Vec::new(), FxHashSet::default());
    let mut next = Some(e.clone());
    while let Some(e) = next.take() {
        t.poll()?;
        seen.insert(e.bits());
        if !is_ordinary(t, &e)? {
            return Ok(None);
        }
        let Some([cause, context, suppressed]) = origins(t, &e)? else { return Ok(None) };
        let fresh = |v: &Value| !v.is_none() && !seen.contains(&v.bits());
        let (of, after) = if fresh(&cause) {
            (Some(cause), Some(CAUSE))
        } else if !ops::truth(t, &suppressed)? && fresh(&context) {
            (Some(context), Some(CONTEXT))
        } else {
            (None, None)
        };
        links.push(Link { exception: e, after });
        next = of;
    }
    Ok(Some(links))
}

/// `__cause__`, `__context__` and `__suppress_context__`; `None` if the class has made something odd of them.
fn origins(t: &Thread, e: &Value) -> Res<Option<[Value; 3]>> {
    let mut out = [Value::NONE, Value::NONE, Value::NONE];
    for (at, name) in out.iter_mut().zip(["__cause__", "__context__", "__suppress_context__"]) {
        *at = attr::get_text(t, e, name)?;
    }
    let [cause, context, _] = &out;
    let fits = |v: &Value| v.is_none() || type_of(v).is_subtype(exc::BASE_EXCEPTION.ty());
    Ok((fits(cause) && fits(context)).then_some(out))
}

fn is_ordinary(t: &Thread, e: &Value) -> Res<bool> {
    let ty = type_of(e);
    if ty.is_subtype(exc::BASE_EXCEPTION_GROUP.ty()) {
        return Ok(false);
    }
    let names_from = || attr::get_opt(t, e, &words::name(t, "name_from"));
    Ok(!ty.is_subtype(exc::IMPORT_ERROR.ty()) || names_from()?.is_none_or(|v| v.is_none()))
}

/// One exception with its frames.
fn report(t: &Thread, e: &Value, tb: &Value, sources: &mut Sources) -> Res<Option<String>> {
    let Some(frames) = stack::text(t, tb, sources)? else { return Ok(None) };
    let mut out = String::new();
    if !frames.is_empty() {
        out += "Traceback (most recent call last):\n";
        out += &frames;
    }
    let class = super::name_of(t, e);
    if type_of(e).is_subtype(exc::SYNTAX_ERROR.ty()) {
        let Some(lines) = syntax::text(t, e, &class)? else { return Ok(None) };
        out += &lines;
    } else {
        let message = said(t, e, "exception")? + &suggest::hint(t, e, tb)?;
        out += &class;
        if !message.is_empty() {
            out += ": ";
            out += &message;
        }
        out.push('\n');
    }
    match attr::get_opt(t, e, n::__notes__())? {
        None => {}
        Some(notes) if notes.is_none() => {}
        Some(notes) => {
            let items = match (notes.exact::<List>(), notes.exact::<Tuple>()) {
                (Some(list), _) => list.to_vec(),
                (_, Some(tuple)) => tuple.items().to_vec(),
                _ => return Ok(None),
            };
            for note in items {
                out += &said(t, &note, "note")?;
                out.push('\n');
            }
        }
    }
    Ok(Some(out))
}

/// `str(v)`, or that it failed.
fn said(t: &Thread, v: &Value, what: &str) -> Res<String> {
    match ops::str(t, v) {
        Ok(text) => Ok(strs::display(&text)),
        Err(e) if e.is_stopped() => Err(e),
        Err(_) => Ok(format!("<{what} str() failed>")),
    }
}
