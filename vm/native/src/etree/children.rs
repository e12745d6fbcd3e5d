//! An element's children: subscripts, and what adds and removes them.

use super::element::{ELEMENT, Element, check, this};
use typhon_object::error::{self, Exc, Res};
use typhon_object::list::List;
use typhon_object::native::{MethodDef, def};
use typhon_object::types::exceptions::{INDEX_ERROR, TYPE_ERROR};
use typhon_object::types::slice::{self, Slice, position};
use typhon_object::{Thread, Value, convert, ops, type_of};

pub(super) const METHODS: &[MethodDef] = &[
    def("append", "($self, subelement, /)", append, ""),
    def("extend", "($self, elements, /)", extend, ""),
    def("insert", "($self, index, subelement, /)", insert, ""),
    def("remove", "($self, subelement, /)", remove, ""),
];

/// TypeError unless an argument is an element; `which` says where it stands.
fn argument(t: &Thread, v: &Value, which: &str) -> Res<()> {
    if v.downcast::<Element>().is_some() {
        return Ok(());
    }
    let (wanted, name) = (ELEMENT.name, type_of(v).name());
    Err(error::type_error(t, format_args!("{which} must be {wanted}, not {name}")))
}

fn append(t: &Thread, a: &[Value]) -> Res {
    argument(t, &a[1], "append() argument 1")?;
    this(&a[0]).push(t, a[1].clone())?;
    Ok(Value::NONE)
}

/// The elements of an iterable; `refused` is said of what is none.
fn elements(t: &Thread, v: &Value, refused: &str) -> Res<Vec<Value>> {
    match ops::collect(t, v) {
        Err(e) if e.is(&TYPE_ERROR) && type_of(v).slots().iter.is_none() => Err(error::type_error(t, refused)),
        r => r,
    }
}

fn extend(t: &Thread, a: &[Value]) -> Res {
    for child in elements(t, &a[1], "'elements' must be an iterable")? {
        check(t, &child)?;
        this(&a[0]).push(t, child)?;
    }
    Ok(Value::NONE)
}

fn insert(t: &Thread, a: &[Value]) -> Res {
    let at = convert::to_isize(t, &a[1])?;
    argument(t, &a[2], "insert() argument 2")?;
    let list = this(&a[0]).children(t)?;
    let list = list.expect::<List>();
    let len = list.len() as isize;
    let at = if at < 0 { (at + len).max(0) } else { at.min(len) };
    list.insert(t, at as usize, a[2].clone())?;
    Ok(Value::NONE)
}

fn remove(t: &Thread, a: &[Value]) -> Res {
    argument(t, &a[1], "remove() argument")?;
    let e = this(&a[0]);
    let mut i = 0;
    loop {
        let Some(child) = e.child(i) else {
            return Err(error::value_error(t, "Element.remove(x): element not found"));
        };
        if ops::eq(t, &child, &a[1])? {
            break;
        }
        i += 1;
        t.poll()?;
    }
    // The comparison may have taken it away already.
    drop(e.children(t)?.expect::<List>().remove(i));
    Ok(Value::NONE)
}

/// An index, or a slice.
fn key<'a>(t: &Thread, v: &'a Value) -> Res<Result<isize, &'a Slice>> {
    if let Some(slice) = v.exact::<Slice>() {
        return Ok(Err(slice));
    }
    if v.is_small() || type_of(v).slots().index.is_some() {
        return convert::to_index_checked(t, v).map(Ok);
    }
    Err(error::type_error(t, "element indices must be integers"))
}

#[cold]
fn out_of_range(t: &Thread) -> Exc {
    error::new(t, &INDEX_ERROR, "child assignment index out of range")
}

pub(super) fn get(t: &Thread, v: &Value, index: &Value) -> Res {
    let e = this(v);
    match key(t, index)? {
        Ok(i) => match position(i, e.len()).and_then(|i| e.child(i)) {
            Some(child) => Ok(child),
            None => Err(error::index_error(t, "child index out of range")),
        },
        Err(slice) => {
            let picked = slice.bounds(t)?.fit(e.len());
            List::from_vec(t, picked.iter().filter_map(|i| e.child(i)).collect())
        }
    }
}

pub(super) fn set(t: &Thread, v: &Value, index: &Value, new: Option<&Value>) -> Res<()> {
    let e = this(v);
    let i = match key(t, index)? {
        Ok(i) => i,
        Err(slice) => return set_slice(t, e, slice, index, new),
    };
    let Some(i) = position(i, e.len()) else { return Err(out_of_range(t)) };
    let list = e.children(t)?;
    match new {
        Some(new) => {
            check(t, new)?;
            list.expect::<List>().set(i, new.clone());
        }
        None => drop(list.expect::<List>().remove(i)),
    }
    Ok(())
}

fn set_slice(t: &Thread, e: &Element, slice: &Slice, index: &Value, new: Option<&Value>) -> Res<()> {
    let list = e.children(t)?;
    let Some(new) = new else { return ops::delitem(t, &list, index) };
    let new = elements(t, new, "assignment expects an iterable")?;
    let picked: slice::Indices = slice.bounds(t)?.fit(e.len());
    if picked.step != 1 && picked.count != new.len() {
        let (given, room) = (new.len(), picked.count);
        let text = format_args!("attempt to assign sequence of size {given} to extended slice of size {room}");
        return Err(error::value_error(t, text));
    }
    new.iter().try_for_each(|child| check(t, child))?;
    ops::setitem(t, &list, index, &List::from_vec(t, new)?)
}
