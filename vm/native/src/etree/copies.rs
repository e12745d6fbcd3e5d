//! Copies of elements: shallow and deep ones, and what pickle keeps of one.

use super::element::{Element, check, make, this};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::native::{MethodDef, def};
use typhon_object::strs::{self, Str};
use typhon_object::{Thread, Value, attr, call, convert, names, ops, type_of};

pub(super) const METHODS: &[MethodDef] = &[
    def("__copy__", "($self, /)", copy, ""),
    def("__deepcopy__", "($self, memo, /)", deep_copy, ""),
    def("__getstate__", "($self, /)", get_state, ""),
    def("__setstate__", "($self, state, /)", set_state, ""),
    def("__sizeof__", "($self, /)", size_of, ""),
];

fn copy(t: &Thread, a: &[Value]) -> Res {
    let from = this(&a[0]);
    let made = make(t, from.tag.get(), from.attributes())?;
    let to = this(&made);
    to.text.set(&to.header, from.text.get());
    to.tail.set(&to.header, from.tail.get());
    for child in from.child_vec() {
        to.push(t, child)?;
    }
    Ok(made)
}

fn deep_copy(t: &Thread, a: &[Value]) -> Res {
    if a[1].downcast::<Dict>().is_none() {
        let name = type_of(&a[1]).name();
        return Err(error::type_error(t, format_args!("__deepcopy__() argument must be dict, not {name}")));
    }
    deep(t, &a[0], &a[1])
}

fn deep(t: &Thread, v: &Value, memo: &Value) -> Res {
    t.check_stack("")?;
    t.poll()?;
    let from = this(v);
    let tag = part(t, &from.tag.get(), memo)?;
    let attrib = match from.attributes() {
        absent if absent.is_absent() => absent,
        dict => part(t, &dict, memo)?,
    };
    let made = make(t, tag, attrib)?;
    let to = this(&made);
    to.text.set(&to.header, part(t, &from.text.get(), memo)?);
    to.tail.set(&to.header, part(t, &from.tail.get(), memo)?);
    let mut i = 0;
    while let Some(child) = from.child(i) {
        let copied = part(t, &child, memo)?;
        check(t, &copied)?;
        to.push(t, copied)?;
        i += 1;
    }
    Dict::of(memo).set(t, &convert::from_i64(t, v.id())?, &made)?;
    Ok(made)
}

/// A deep copy of anything that an element holds.
fn part(t: &Thread, v: &Value, memo: &Value) -> Res {
    if v.is_none() || v.exact::<Str>().is_some() {
        return Ok(v.clone());
    }
    if let Some(dict) = v.exact::<Dict>()
        && dict.items().iter().all(|(k, x)| k.exact::<Str>().is_some() && x.exact::<Str>().is_some())
    {
        return dict.copy(t);
    }
    if v.exact::<Element>().is_some() {
        return deep(t, v, memo);
    }
    let deepcopy = attr::get_text(t, &(t.hooks.import)(t, "copy")?, "deepcopy")?;
    call::call(t, &deepcopy, &[v.clone(), memo.clone()])
}

const FIELDS: [&str; 5] = ["tag", "_children", "attrib", "text", "tail"];

fn get_state(t: &Thread, a: &[Value]) -> Res {
    let e = this(&a[0]);
    let attrib = e.attributes().present().unwrap_or_else(|| Dict::create(t));
    let values = [e.tag.get(), List::from_vec(t, e.child_vec())?, attrib, e.text.get(), e.tail.get()];
    let state = Dict::create(t);
    for (name, v) in FIELDS.iter().zip(values) {
        Dict::of(&state).set_str(t, &names::intern_text(t, name), v)?;
    }
    Ok(state)
}

fn set_state(t: &Thread, a: &[Value]) -> Res {
    let Some(state) = a[1].exact::<Dict>() else {
        let shown = ops::repr_text(t, &a[1])?;
        return Err(error::type_error(t, format_args!("Don't know how to unpickle \"{shown}\" as an Element")));
    };
    let mut found: [Value; FIELDS.len()] = Default::default();
    for (key, v) in state.items() {
        match FIELDS.iter().position(|name| strs::eq_str(&key, name)) {
            Some(i) => found[i] = v,
            None => {
                let key = strs::display(&key);
                let text = format_args!("this function got an unexpected keyword argument '{key}'");
                return Err(error::type_error(t, text));
            }
        }
    }
    let [tag, children, attrib, text, tail] = found;
    if tag.is_absent() {
        return Err(error::type_error(t, "tag may not be NULL"));
    }
    let children = match (children.opt(), children.downcast::<List>()) {
        (None, _) => Vec::new(),
        (Some(_), Some(list)) => list.to_vec(),
        _ => return Err(error::type_error(t, "'_children' is not a list")),
    };
    children.iter().try_for_each(|child| check(t, child))?;
    let e = this(&a[0]);
    e.reset();
    let or_none = |v: Value| v.present().unwrap_or(Value::NONE);
    e.tag.set(&e.header, tag);
    e.text.set(&e.header, or_none(text));
    e.tail.set(&e.header, or_none(tail));
    for child in children {
        e.push(t, child)?;
    }
    if attrib.downcast::<Dict>().is_some() {
        e.set_attributes(attrib);
    }
    Ok(Value::NONE)
}

/// What CPython says: five words behind the header, eight more with attributes or children, and a word a child that there
/// is room for.
fn size_of(t: &Thread, a: &[Value]) -> Res {
    let e = this(&a[0]);
    let len = e.len();
    let mut size = 16 + 5 * 8;
    if len > 0 || !e.attributes().is_absent() {
        size += 8 * 8;
    }
    let mut room = 4;
    while room < len {
        let wanted = room + 1;
        room = wanted + (wanted >> 3) + if wanted < 9 { 3 } else { 6 };
    }
    if room > 4 {
        size += 8 * room;
    }
    convert::from_u64(t, size as u64)
}
