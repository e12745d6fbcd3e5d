//! dict: filling from mappings, pairs and keyword arguments.

use crate::args::Args;
use crate::attr;
use crate::call;
use crate::dict::Dict;
use crate::error::{self, Exc, Res};
use crate::names::{self, n};
use crate::ops;
use crate::strs;
use crate::thread::Thread;
use crate::ty::type_of;
use crate::types::exceptions::TYPE_ERROR;
use crate::value::Value;

/// `dict(...)` and `dict.update(...)`: at most one positional argument, then keywords.
pub(super) fn from_args(t: &Thread, v: &Value, args: Args<'_>, function: &str) -> Res<()> {
    let positional = args.positional();
    if positional.len() > 1 {
        return Err(error::type_error(
            t,
            format_args!("{function} expected at most 1 argument, got {}", positional.len()),
        ));
    }
    if let Some(arg) = positional.first() {
        update(t, v, arg)?;
    }
    for (key, value) in args.keywords() {
        Dict::of(v).set(t, key, value)?;
    }
    Ok(())
}

/// Takes over the items of a mapping or of an iterable of pairs.
pub fn update(t: &Thread, v: &Value, arg: &Value) -> Res<()> {
    if arg.exact::<Dict>().is_some() {
        return merge(t, Dict::of(v), Dict::of(arg));
    }
    if let Some(dict) = arg.downcast::<Dict>()
        && iterates_plainly(arg)
    {
        return merge(t, Dict::of(v), dict);
    }
    match attr::get_opt(t, arg, n::keys())? {
        Some(keys) => from_mapping(t, Dict::of(v), arg, &keys),
        None => from_pairs(t, Dict::of(v), arg),
    }
}

/// A dict subclass that iterates as dict does.
fn iterates_plainly(v: &Value) -> bool {
    match (type_of(v).slots().iter, super::DICT.slots.iter) {
        (Some(x), Some(y)) => std::ptr::fn_addr_eq(x, y),
        _ => false,
    }
}

fn merge(t: &Thread, to: &Dict, from: &Dict) -> Res<()> {
    if std::ptr::eq(to, from) {
        return Ok(());
    }
    let changes = from.changes();
    to.merge(t, from, true)?;
    // What other threads change meanwhile does not come in: the items are taken at one moment.
    if from.changes() != changes && !t.has_siblings() {
        return Err(error::runtime_error(t, "dict mutated during update"));
    }
    Ok(())
}

fn from_mapping(t: &Thread, to: &Dict, mapping: &Value, keys: &Value) -> Res<()> {
    let keys = call::call0(t, keys)?;
    let it = ops::iter(t, &keys)?;
    while let Some(key) = ops::next(t, &it)? {
        let value = ops::getitem(t, mapping, &key)?;
        to.set(t, &key, &value)?;
        t.poll()?;
    }
    Ok(())
}

/// Fills from pairs: of equal keys the last one counts.
fn from_pairs(t: &Thread, to: &Dict, pairs: &Value) -> Res<()> {
    let it = ops::iter(t, pairs)?;
    let mut i = 0u64;
    while let Some(pair) = ops::next(t, &it)? {
        if let Some(tuple) = pair.exact::<crate::tuple::Tuple>()
            && let [key, value] = tuple.items()
        {
            to.set(t, key, value)?;
        } else {
            let items = match ops::collect(t, &pair) {
                Err(e) if e.is(&TYPE_ERROR) => return Err(no_sequence(t, &pair, e, i)),
                r => r?,
            };
            let [key, value] = items.as_slice() else {
                let len = items.len();
                return Err(error::value_error(
                    t,
                    format_args!("dictionary update sequence element #{i} has length {len}; 2 is required"),
                ));
            };
            to.set(t, key, value)?;
        }
        i += 1;
        if i.is_multiple_of(256) {
            t.poll()?;
        }
    }
    Ok(())
}

/// The TypeError of an element that is no sequence, with a note that says which.
#[cold]
fn no_sequence(t: &Thread, pair: &Value, e: Exc, i: u64) -> Exc {
    let e = if type_of(pair).slots().iter.is_none() { error::type_error(t, "object is not iterable") } else { e };
    let noted = strs::new(t, &format!("Cannot convert dictionary update sequence element #{i} to a sequence"))
        .and_then(|note| call::method(t, e.value(), &names::intern_text(t, "add_note"), &[note]));
    match noted {
        Ok(_) => e,
        Err(other) => other,
    }
}
