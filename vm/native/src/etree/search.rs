//! `find` and its like: plain tags here, paths by `xml.etree.ElementPath`.

use super::element::{Element, this};
use typhon_object::error::Res;
use typhon_object::list::List;
use typhon_object::native::{MethodDef, def};
use typhon_object::strs::{self, Str, Units};
use typhon_object::types::bytes;
use typhon_object::{Thread, Value, attr, call, ops};

pub(super) const METHODS: &[MethodDef] = &[
    def("find", "($self, /, path, namespaces=None)", find, ""),
    def("findtext", "($self, /, path, default=None, namespaces=None)", find_text, ""),
    def("findall", "($self, /, path, namespaces=None)", find_all, ""),
    def(
        "iterfind",
        "($self, /, path, namespaces=None)",
        |t, a| by_path(t, "iterfind", &[a[0].clone(), a[1].clone(), or_none(&a[2])]),
        "",
    ),
];

fn or_none(v: &Value) -> Value {
    v.opt().cloned().unwrap_or(Value::NONE)
}

fn by_path(t: &Thread, name: &str, args: &[Value]) -> Res {
    let state = t.state::<super::Factories>();
    let known = state.paths.borrow().clone().present();
    let module = match known {
        Some(module) => module,
        None => {
            let module = (t.hooks.import)(t, "xml.etree.ElementPath")?;
            let old = state.paths.replace(module.clone());
            drop(old);
            module
        }
    };
    call::call(t, &attr::get_text(t, &module, name)?, args)
}

/// Whether a tag may be more than a tag: a path, or one with a wildcard for its namespace.
fn is_path(v: &Value) -> bool {
    let text = v.downcast::<Str>().map(Str::units);
    let Some(units) = text.or_else(|| bytes::peek(v).map(Units::Latin1)) else { return true };
    let at = |i: usize| if i < units.len() { units.at(i) } else { 0 };
    let (open, close, star) = (u32::from(b'{'), u32::from(b'}'), u32::from(b'*'));
    if units.len() >= 3 && at(0) == open && (at(1) == close || (at(1) == star && at(2) == close)) {
        return true;
    }
    let mut inside = false;
    units.iter().any(|c| {
        inside = c == open || inside && c != close;
        !inside && "/*[@.".chars().any(|special| c == u32::from(special))
    })
}

/// Calls `f` with every child of that tag; it says whether to go on.
fn matching(t: &Thread, v: &Value, tag: &Value, mut f: impl FnMut(Value) -> Res<bool>) -> Res<()> {
    let mut i = 0;
    while let Some(child) = this(v).child(i) {
        t.poll()?;
        if let Some(e) = child.downcast::<Element>()
            && ops::eq(t, &e.tag.get(), tag)?
            && !f(child.clone())?
        {
            break;
        }
        i += 1;
    }
    Ok(())
}

fn first(t: &Thread, v: &Value, tag: &Value) -> Res<Option<Value>> {
    let mut found = None;
    matching(t, v, tag, |child| {
        found = Some(child);
        Ok(false)
    })?;
    Ok(found)
}

fn find(t: &Thread, a: &[Value]) -> Res {
    if is_path(&a[1]) || a[2].non_none().is_some() {
        return by_path(t, "find", &[a[0].clone(), a[1].clone(), or_none(&a[2])]);
    }
    Ok(first(t, &a[0], &a[1])?.unwrap_or(Value::NONE))
}

fn find_text(t: &Thread, a: &[Value]) -> Res {
    if is_path(&a[1]) || a[3].non_none().is_some() {
        return by_path(t, "findtext", &[a[0].clone(), a[1].clone(), or_none(&a[2]), or_none(&a[3])]);
    }
    let Some(found) = first(t, &a[0], &a[1])? else { return Ok(or_none(&a[2])) };
    let text = this(&found).text.get();
    if text.is_none() { strs::new(t, "") } else { Ok(text) }
}

fn find_all(t: &Thread, a: &[Value]) -> Res {
    if is_path(&a[1]) || a[2].non_none().is_some() {
        return by_path(t, "findall", &[a[0].clone(), a[1].clone(), or_none(&a[2])]);
    }
    let found = List::create(t)?;
    matching(t, &a[0], &a[1], |child| found.expect::<List>().push(t, child).map(|()| true))?;
    Ok(found)
}
