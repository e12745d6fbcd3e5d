//! property.

use super::staticmethod::is_abstract;
use crate::args::Args;
use crate::attr;
use crate::call;
use crate::error::{self, Exc, Res};
use crate::header::Header;
use crate::ids;
use crate::names::{self, n};
use crate::native::{MethodDef, def, getset, getter, member, member_rw, raw};
use crate::ops;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::suggest;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag, type_of};
use crate::types::exceptions::ATTRIBUTE_ERROR;
use crate::value::Value;
use std::cell::Cell;

/// A computed attribute.
#[repr(C)]
pub struct Property {
    pub(crate) header: Header,
    /// The function that reads it.
    pub fget: Slot,
    fset: Slot,
    fdel: Slot,
    doc: Slot,
    name: Slot,
    /// The doc was taken from the getter.
    doc_of_getter: Cell<bool>,
}

crate::payload!(Property => PROPERTY {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for slot in [&self.fget, &self.fset, &self.fdel, &self.doc, &self.name] {
            // SAFETY: the collector's visitor stores nothing.
            visit(unsafe { slot.peek() });
        }
    }
    fn clear(&self) {
        for slot in [&self.fget, &self.fset, &self.fdel, &self.doc] {
            drop(slot.take());
        }
    }
});

/// property.
pub static PROPERTY: TypeDef = TypeDef {
    name: "property",
    doc: "Property attribute.\n\n  fget\n    function to be used for getting an attribute value\n  fset\n    function to be used for setting an attribute value\n  fdel\n    function to be used for del'ing an attribute\n  doc\n    docstring\n\nTypical use is to define a managed attribute x:\n\nclass C(object):\n    def getx(self): return self._x\n    def setx(self, value): self._x = value\n    def delx(self): del self._x\n    x = property(getx, setx, delx, \"I'm the 'x' property.\")\n\nDecorators make defining new properties or modifying existing ones easy:\n\nclass C(object):\n    @property\n    def x(self):\n        \"I am the 'x' property.\"\n        return self._x\n    @x.setter\n    def x(self, value):\n        self._x = value\n    @x.deleter\n    def x(self):\n        del self._x",
    signature: "(fget=None, fset=None, fdel=None, doc=None)",
    id: ids::PROPERTY,
    flags: flag::BASETYPE,
    slots: Slots { new: Some(new), init: Some(init), get: Some(get), set: Some(set), ..Slots::NONE },
    methods: METHODS,
    members: &[
        member("fget", std::mem::offset_of!(Property, fget), ""),
        member("fset", std::mem::offset_of!(Property, fset), ""),
        member("fdel", std::mem::offset_of!(Property, fdel), ""),
        member_rw("__doc__", std::mem::offset_of!(Property, doc), ""),
    ],
    getset: &[
        getset("__name__", name, set_name_attribute, ""),
        getter("__isabstractmethod__", is_abstract_property, ""),
    ],
    ..TypeDef::of::<Property>()
};

const METHODS: &[MethodDef] = &[
    def(
        "getter",
        "($self, object, /)",
        |t, a| copy(t, &a[0], Some(&a[1]), None, None),
        "Descriptor to obtain a copy of the property with a different getter.",
    ),
    def(
        "setter",
        "($self, object, /)",
        |t, a| copy(t, &a[0], None, Some(&a[1]), None),
        "Descriptor to obtain a copy of the property with a different setter.",
    ),
    def(
        "deleter",
        "($self, object, /)",
        |t, a| copy(t, &a[0], None, None, Some(&a[1])),
        "Descriptor to obtain a copy of the property with a different deleter.",
    ),
    raw("__set_name__", "($self, owner, name, /)", set_name, "Method to set name of a property."),
];

/// The getter of an exact property, absent if it has none.
#[inline]
pub fn getter_of(v: &Value) -> Value {
    v.exact::<Property>().map_or(Value::ABSENT, |p| p.fget.get())
}

fn me(v: &Value) -> &Property {
    v.expect::<Property>()
}

fn new(t: &Thread, class: &Value, _: Args<'_>) -> Res {
    payload::new_for(t, class, |header| Property {
        header,
        fget: Slot::empty(),
        fset: Slot::empty(),
        fdel: Slot::empty(),
        doc: Slot::empty(),
        name: Slot::empty(),
        doc_of_getter: Cell::new(false),
    })
}

fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    const NAMES: [&str; 4] = ["fget", "fset", "fdel", "doc"];
    let positional = args.positional();
    if args.values.len() > 4 {
        let n = args.values.len();
        return Err(error::type_error(t, format_args!("property() takes at most 4 arguments ({n} given)")));
    }
    let mut given: [Value; 4] = std::array::from_fn(|i| positional.get(i).cloned().unwrap_or(Value::NONE));
    for (keyword, value) in args.keywords() {
        let key = crate::strs::display(keyword);
        match NAMES.iter().position(|k| *k == key) {
            Some(i) if i < positional.len() => {
                let at = i + 1;
                return Err(error::type_error(
                    t,
                    format_args!("argument for property() given by name ('{key}') and position ({at})"),
                ));
            }
            Some(i) => given[i] = value.clone(),
            None => return Err(suggest::unexpected_keyword(t, "property", keyword, NAMES.into_iter())),
        }
    }
    let p = me(v);
    let [fget, fset, fdel, doc] = given;
    for (slot, value) in [(&p.fget, &fget), (&p.fset, &fset), (&p.fdel, &fdel)] {
        slot.set(&p.header, if value.is_none() { Value::ABSENT } else { value.clone() });
    }
    p.name.set(&p.header, Value::ABSENT);
    p.doc_of_getter.set(false);
    let mut text = doc;
    if text.is_none()
        && !fget.is_none()
        && let Some(found) = attr::get_opt(t, &fget, n::__doc__())?.filter(|d| !d.is_none())
    {
        p.doc_of_getter.set(true);
        text = found;
    }
    if v.exact::<Property>().is_some() {
        p.doc.set(&p.header, if text.is_none() { Value::ABSENT } else { text });
        return Ok(());
    }
    // A subclass has a `__doc__` of its own in the way: the text goes where its instances keep attributes. Where they keep
    // none, a text given to the constructor is dropped, and one found on the getter is an error.
    match attr::set(t, v, n::__doc__(), Some(&text)) {
        Err(e) if e.is(&ATTRIBUTE_ERROR) && !p.doc_of_getter.get() => Ok(()),
        r => r,
    }
}

/// A property like this one with some functions exchanged, through the class's constructor.
fn copy(t: &Thread, v: &Value, fget: Option<&Value>, fset: Option<&Value>, fdel: Option<&Value>) -> Res {
    let p = me(v);
    let pick = |new: Option<&Value>, old: &Slot| match new {
        Some(f) if !f.is_none() => f.clone(),
        _ => old.get().present().unwrap_or(Value::NONE),
    };
    let (fget, fset, fdel) = (pick(fget, &p.fget), pick(fset, &p.fset), pick(fdel, &p.fdel));
    let doc = if p.doc_of_getter.get() && !fget.is_none() {
        Value::NONE
    } else {
        p.doc.get().present().unwrap_or(Value::NONE)
    };
    let class = type_of(v).value();
    let made = call::call(t, &class, &[fget, fset, fdel, doc])?;
    if let Some(q) = made.downcast::<Property>() {
        q.name.set(&q.header, p.name.get());
    }
    Ok(made)
}

/// The property's name, or its getter's.
fn find_name(t: &Thread, p: &Property) -> Res<Option<Value>> {
    if let Some(name) = p.name.get().present() {
        return Ok(Some(name));
    }
    match p.fget.get().present() {
        Some(f) => attr::get_opt(t, &f, n::__name__()),
        None => Ok(None),
    }
}

#[cold]
fn refuse(t: &Thread, v: &Value, obj: &Value, what: &str) -> Exc {
    let text = || -> Res<String> {
        let class = ops::repr_text(t, &type_of(obj).qualname.get())?;
        Ok(match find_name(t, me(v))? {
            Some(name) => format!("property {} of {class} object has no {what}", ops::repr_text(t, &name)?),
            None => format!("property of {class} object has no {what}"),
        })
    };
    match text() {
        Ok(text) => error::new(t, &ATTRIBUTE_ERROR, text),
        Err(e) => e,
    }
}

fn get(t: &Thread, v: &Value, obj: Option<&Value>, _: Option<&Value>) -> Res {
    let Some(obj) = obj else { return Ok(v.clone()) };
    let f = me(v).fget.get();
    if f.is_absent() {
        return Err(refuse(t, v, obj, "getter"));
    }
    call::call1(t, &f, obj)
}

fn set(t: &Thread, v: &Value, obj: &Value, value: Option<&Value>) -> Res<()> {
    let p = me(v);
    let (f, what) = if value.is_some() { (p.fset.get(), "setter") } else { (p.fdel.get(), "deleter") };
    if f.is_absent() {
        return Err(refuse(t, v, obj, what));
    }
    match value {
        Some(value) => call::call(t, &f, &[obj.clone(), value.clone()]),
        None => call::call1(t, &f, obj),
    }
    .map(drop)
}

fn name(t: &Thread, v: &Value) -> Res {
    match find_name(t, me(v))? {
        Some(name) => Ok(name),
        None => Err(error::no_attribute(t, v, n::__name__())),
    }
}

fn set_name_attribute(_: &Thread, v: &Value, value: Option<&Value>) -> Res<()> {
    me(v).name.set(&me(v).header, value.cloned().unwrap_or_default());
    Ok(())
}

fn set_name(t: &Thread, args: Args<'_>) -> Res {
    let [this, _, name] = args.values else {
        let n = args.values.len().saturating_sub(1);
        return Err(error::type_error(
            t,
            format_args!("__set_name__() takes 2 positional arguments but {n} were given"),
        ));
    };
    me(this).name.set(&me(this).header, names::intern(t, name));
    Ok(Value::NONE)
}

fn is_abstract_property(t: &Thread, v: &Value) -> Res {
    let p = me(v);
    for f in [&p.fget, &p.fset, &p.fdel] {
        let f = f.get();
        if !f.is_absent() && is_abstract(t, &f)? {
            return Ok(Value::TRUE);
        }
    }
    Ok(Value::FALSE)
}
