//! Pattern matching.

use super::machine::{Flow, M};
use typhon_isa::Word;
use typhon_object::error::{self, Res};
use typhon_object::names::n;
use typhon_object::strs::{self, Str};
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::flag;
use typhon_object::{Thread, TypeObject, Value, attr, call, ops, type_of};

#[inline(always)]
pub(crate) fn has_flag(m: &mut M<'_>, w: Word, bit: u32) -> Flow {
    let yes = type_of(m.reg(w.b())).has_flag(bit);
    m.set(w.a(), Value::bool(yes));
    Ok(())
}

#[inline(always)]
pub(crate) fn keys(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = match_keys(m.t, m.reg(w.b()), m.reg(w.c()))?;
    m.set(w.a(), v);
    Ok(())
}

#[inline(never)]
fn match_keys(t: &Thread, subject: &Value, keys: &Value) -> Res {
    let keys = keys.expect::<Tuple>().items();
    let mut values = Vec::with_capacity(keys.len());
    let mut seen: Vec<Value> = Vec::new();
    // `get` with a default of our own, so that `__missing__` is not called.
    let missing = typhon_object::payload::new_plain(t, typhon_object::types::object::OBJECT.ty())?;
    let get = attr::get(t, subject, n::get())?;
    for key in keys {
        for other in &seen {
            if ops::eq(t, other, key)? {
                let text = ops::repr_text(t, key)?;
                return Err(error::value_error(t, format_args!("mapping pattern checks duplicate key ({text})")));
            }
        }
        seen.push(key.clone());
        let v = call::call(t, &get, &[key.clone(), missing.clone()])?;
        if v.is(&missing) {
            return Ok(Value::NONE);
        }
        values.push(v);
    }
    tuple::from_vec(t, values)
}

#[inline(always)]
pub(crate) fn class(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let extra = m.extra(0);
    let (names, count) = (m.constant(extra as u32 as usize), (extra >> 32) as usize);
    let v = match_class(m.t, m.reg(w.b()), m.reg(w.c()), names, count)?;
    m.kill_bc(w);
    m.set(w.a(), v);
    m.advance(1);
    Ok(())
}

#[inline(never)]
fn match_class(t: &Thread, subject: &Value, class: &Value, names: &Value, count: usize) -> Res {
    let Some(ty) = class.downcast::<TypeObject>() else {
        return Err(error::type_error(t, "called match pattern must be a class"));
    };
    if !ops::isinstance(t, subject, class)? {
        return Ok(Value::NONE);
    }
    let mut seen: Vec<Value> = Vec::new();
    let mut out = Vec::new();
    if count > 0 {
        let args = attr::get_opt(t, class, n::__match_args__())?;
        let itself = args.is_none() && ty.has_flag(flag::MATCH_SELF);
        let names = match &args {
            Some(a) => match a.exact::<Tuple>() {
                Some(a) => a.items().to_vec(),
                None => {
                    let (ty, got) = (ty.name(), type_of(a).name());
                    return Err(error::type_error(t, format_args!("{ty}.__match_args__ must be a tuple (got {got})")));
                }
            },
            None => Vec::new(),
        };
        let allowed = if itself { 1 } else { names.len() };
        if count > allowed {
            let (ty, s) = (ty.name(), if allowed == 1 { "" } else { "s" });
            return Err(error::type_error(
                t,
                format_args!("{ty}() accepts {allowed} positional sub-pattern{s} ({count} given)"),
            ));
        }
        if itself {
            out.push(subject.clone());
        }
        for name in names.iter().take(count) {
            if name.downcast::<Str>().is_none() {
                let got = type_of(name).name();
                return Err(error::type_error(t, format_args!("__match_args__ elements must be strings (got {got})")));
            }
            match attribute(t, subject, ty, name, &mut seen)? {
                Some(v) => out.push(v),
                None => return Ok(Value::NONE),
            }
        }
    }
    for name in names.expect::<Tuple>().items() {
        match attribute(t, subject, ty, name, &mut seen)? {
            Some(v) => out.push(v),
            None => return Ok(Value::NONE),
        }
    }
    tuple::from_vec(t, out)
}

fn attribute(t: &Thread, subject: &Value, ty: &TypeObject, name: &Value, seen: &mut Vec<Value>) -> Res<Option<Value>> {
    if seen.iter().any(|s| strs::eq(s, name)) {
        let (ty, name) = (ty.name(), ops::repr_text(t, name)?);
        return Err(error::type_error(t, format_args!("{ty}() got multiple sub-patterns for attribute {name}")));
    }
    seen.push(name.clone());
    attr::get_opt(t, subject, name)
}
