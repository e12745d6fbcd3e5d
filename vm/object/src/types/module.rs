//! module.

use crate::attr;
use crate::call;
use crate::dict::Dict;
use crate::error::{self, Exc, Res};
use crate::header::Header;
use crate::ids;
use crate::list::List;
use crate::names::{self, n};
use crate::native::{def, getset};
use crate::ops;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::strs::{self, Str};
use crate::suggest;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag};
use crate::value::Value;
use std::cell::Cell;

/// Makes an attribute that a module does not have yet; `None` if it has none of that name.
pub type LazyFn = fn(&Thread, &Value, &str) -> Res<Option<Value>>;

/// A module.
#[repr(C)]
pub struct Module {
    header: Header,
    /// The namespace; absent until `__init__` ran on an instance of a subclass.
    pub dict: Slot,
    /// Attributes made on the first request.
    pub lazy: Cell<Option<LazyFn>>,
}

crate::payload!(Module => MODULE {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.dict.peek() });
    }
    fn clear(&self) {
        drop(self.dict.take());
    }
});

/// module.
pub static MODULE: TypeDef = TypeDef {
    name: "module",
    doc: "Create a module object.\n\nThe name must be a string; the optional docstring can have any type.",
    signature: "(name, doc=None)",
    id: ids::MODULE,
    flags: flag::BASETYPE | flag::WEAKREFS,
    dict_offset: std::mem::offset_of!(Module, dict),
    slots: Slots {
        repr: Some(repr),
        getattr: Some(getattr),
        setattr: Some(attr::generic_set),
        init: Some(init),
        new: Some(new_slot),
        ..Slots::NONE
    },
    getset: &[
        getset("__dict__", forced_dict, refuse_dict, ""),
        getset("__annotations__", annotations, set_annotations, ""),
        getset("__annotate__", annotate, set_annotate, ""),
    ],
    methods: &[def("__dir__", "($self, /)", dir, "__dir__() -> list\nspecialized dir() implementation")],
    ..TypeDef::of::<Module>()
};

/// A module around a namespace that has its `__name__`.
pub fn with_dict(t: &Thread, dict: Value) -> Res {
    payload::new(t, |header| Module { header, dict: Slot::new(dict), lazy: Cell::new(None) })
}

/// A new module with CPython's five standard names.
pub fn new(t: &Thread, name: &Value) -> Res {
    let dict = Dict::create(t);
    fill(t, Dict::of(&dict), name, Value::NONE)?;
    with_dict(t, dict)
}

fn fill(t: &Thread, dict: &Dict, name: &Value, doc: Value) -> Res<()> {
    dict.set_str(t, n::__name__(), name.clone())?;
    dict.set_str(t, n::__doc__(), doc)?;
    for name in [n::__package__(), n::__loader__(), n::__spec__()] {
        dict.set_str(t, name, Value::NONE)?;
    }
    Ok(())
}

fn new_slot(t: &Thread, class: &Value, _: crate::Args<'_>) -> Res {
    payload::new_for(t, class, |header| Module { header, dict: Slot::empty(), lazy: Cell::new(None) })
}

fn init(t: &Thread, v: &Value, a: crate::Args<'_>) -> Res<()> {
    let name = a.positional().first().or_else(|| a.keyword("name"));
    let doc = a.positional().get(1).or_else(|| a.keyword("doc")).cloned().unwrap_or(Value::NONE);
    if a.positional().len() > 2 {
        let given = a.values.len();
        return Err(error::type_error(t, format_args!("module() takes at most 2 arguments ({given} given)")));
    }
    if let Some((key, _)) = a.keywords().find(|(k, _)| !strs::eq_str(k, "name") && !strs::eq_str(k, "doc")) {
        return Err(suggest::unexpected_keyword(t, "module", key, ["name", "doc"].into_iter()));
    }
    let Some(name) = name else {
        return Err(error::type_error(t, "module() missing required argument 'name' (pos 1)"));
    };
    if name.downcast::<Str>().is_none() {
        let ty = crate::ty::type_name(name);
        return Err(error::type_error(t, format_args!("module() argument 'name' must be str, not {ty}")));
    }
    let d = dict_of(t, v);
    fill(t, Dict::of(&d), name, doc)
}

/// The namespace of an exact module. It is replaced only when the collector clears a dead module.
#[inline(always)]
pub fn plain_dict(v: &Value) -> Option<&Dict> {
    // SAFETY: a module that somebody holds keeps the namespace that it was made with.
    unsafe { v.exact::<Module>()?.dict.peek() }.exact::<Dict>()
}

/// The namespace as it stands, made empty if there is none.
pub fn dict_of(t: &Thread, v: &Value) -> Value {
    let m = v.expect::<Module>();
    if m.dict.is_absent() {
        m.dict.set(&m.header, Dict::create(t));
    }
    m.dict.get()
}

/// `module.__dict__`: what is lazy is made first, so that the namespace shows everything.
fn forced_dict(t: &Thread, v: &Value) -> Res {
    if let Some(lazy) = v.expect::<Module>().lazy.get() {
        lazy(t, v, "__dict__")?;
    }
    Ok(dict_of(t, v))
}

fn refuse_dict(t: &Thread, _: &Value, _: Option<&Value>) -> Res<()> {
    Err(error::new(t, &super::exceptions::ATTRIBUTE_ERROR, "readonly attribute"))
}

fn getattr(t: &Thread, v: &Value, name: &Value) -> Res {
    match attr::generic_get_opt(t, v, name)? {
        Some(found) => Ok(found),
        None => missing(t, v, name),
    }
}

#[cold]
fn missing(t: &Thread, v: &Value, name: &Value) -> Res {
    let m = v.expect::<Module>();
    let text = strs::display(name);
    if let Some(lazy) = m.lazy.get()
        && let Some(found) = lazy(t, v, &text)?
    {
        return Ok(found);
    }
    let dict = dict_of(t, v);
    let dict = Dict::of(&dict);
    if let Some(hook) = dict.get_str(n::__getattr__()) {
        return call::call1(t, &hook, name);
    }
    Err(no_attribute(t, v, dict, name, &text))
}

fn no_attribute(t: &Thread, v: &Value, dict: &Dict, name: &Value, text: &str) -> Exc {
    let Some(module) = dict.get_str(n::__name__()).filter(|m| m.downcast::<Str>().is_some()) else {
        return error::attribute_error(t, v, name, format_args!("module has no attribute '{text}'"));
    };
    let module = strs::display(&module);
    let spec = dict.get_str(n::__spec__()).filter(|s| !s.is_none());
    let spec_attr = |key: &str| -> Option<Value> {
        let spec = spec.as_ref()?;
        attr::get_opt(t, spec, &names::intern_text(t, key)).ok().flatten().filter(|x| !x.is_none())
    };
    if spec_attr("_initializing").is_some_and(|x| x.is_true()) {
        return match spec_attr("origin").filter(|o| o.downcast::<Str>().is_some()) {
            Some(origin) => error::attribute_error(
                t,
                v,
                name,
                format_args!(
                    "partially initialized module '{module}' from '{}' has no attribute '{text}' (most likely due to a circular import)",
                    strs::display(&origin)
                ),
            ),
            None => error::attribute_error(
                t,
                v,
                name,
                format_args!(
                    "partially initialized module '{module}' has no attribute '{text}' (most likely due to a circular import)"
                ),
            ),
        };
    }
    if let Some(children) = spec_attr("_uninitialized_submodules")
        && matches!(ops::contains(t, &children, name), Ok(true))
    {
        return error::attribute_error(
            t,
            v,
            name,
            format_args!(
                "cannot access submodule '{text}' of module '{module}' (most likely due to a circular import)"
            ),
        );
    }
    error::attribute_error(t, v, name, format_args!("module '{module}' has no attribute '{text}'"))
}

fn dir(t: &Thread, a: &[Value]) -> Res {
    let dict = attr::get(t, &a[0], n::__dict__())?;
    let Some(dict) = dict.downcast::<Dict>() else {
        return Err(error::type_error(t, "<module>.__dict__ is not a dictionary"));
    };
    match dict.get_str(n::__dir__()) {
        Some(f) => call::call0(t, &f),
        None => List::from_vec(t, dict.keys()),
    }
}

fn repr(t: &Thread, v: &Value) -> Res {
    let dict = dict_of(t, v);
    let dict = Dict::of(&dict);
    let get = |name: &Value| dict.get_str(name).filter(|x| !x.is_none());
    let name = match get(n::__name__()) {
        Some(name) => ops::repr_text(t, &name)?,
        None => "'?'".to_string(),
    };
    let mut origin = None;
    let mut located = true;
    let mut loader = None;
    if let Some(spec) = get(n::__spec__()) {
        let field = |key: &str| attr::get_opt(t, &spec, &names::intern_text(t, key));
        origin = field("origin")?.filter(|x| !x.is_none());
        located = matches!(field("has_location")?, Some(x) if x.is_true());
        if origin.is_none() {
            loader = field("loader")?.filter(|x| !x.is_none());
        }
    } else if let Some(file) = get(n::__file__()) {
        origin = Some(file);
    }
    let text = match origin {
        Some(origin) if located => format!("<module {name} from {}>", ops::repr_text(t, &origin)?),
        Some(origin) => format!("<module {name} ({})>", strs::display(&ops::str(t, &origin)?)),
        None => {
            match loader.map_or_else(|| attr::get_opt(t, v, n::__loader__()), |l| Ok(Some(l)))?.filter(|l| !l.is_none())
            {
                Some(loader) if crate::ty::type_name(&loader) == "NamespaceLoader" => {
                    let path = attr::get_text(t, &loader, "_path")?;
                    let list = List::from_vec(t, ops::collect(t, &path)?)?;
                    format!("<module {name} (namespace) from {}>", ops::repr_text(t, &list)?)
                }
                Some(loader) => format!("<module {name} ({})>", ops::repr_text(t, &loader)?),
                None => format!("<module {name}>"),
            }
        }
    };
    strs::new(t, &text)
}

fn annotations(t: &Thread, v: &Value) -> Res {
    let dict = dict_of(t, v);
    let dict = Dict::of(&dict);
    if let Some(a) = dict.get_str(n::__annotations__()) {
        return Ok(a);
    }
    let made = match dict.get_str(n::__annotate__()).filter(call::is_callable) {
        Some(f) => {
            let made = call::call1(t, &f, &Value::small(1))?;
            if made.downcast::<Dict>().is_none() {
                let ty = crate::ty::type_name(&made);
                return Err(error::type_error(t, format_args!("__annotate__ returned non-dict of type '{ty}'")));
            }
            made
        }
        None => Dict::create(t),
    };
    // While the module runs more of them may come.
    let running = match dict.get_str(n::__spec__()).filter(|spec| !spec.is_none()) {
        Some(spec) => attr::get_opt(t, &spec, n::_initializing())?.is_some_and(|x| x.is_true()),
        None => false,
    };
    if !running {
        dict.set_str(t, n::__annotations__(), made.clone())?;
    }
    Ok(made)
}

fn set_annotations(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    let dict = dict_of(t, v);
    let dict = Dict::of(&dict);
    match x {
        Some(x) => {
            dict.set_str(t, n::__annotations__(), x.clone())?;
            dict.remove(t, n::__annotate__())?;
        }
        None => {
            let had = dict.remove(t, n::__annotations__())?.is_some();
            if !had {
                return Err(error::no_attribute(t, v, n::__annotations__()));
            }
            dict.remove(t, n::__annotate__())?;
        }
    }
    Ok(())
}

fn annotate(t: &Thread, v: &Value) -> Res {
    let dict = dict_of(t, v);
    let dict = Dict::of(&dict);
    if let Some(f) = dict.get_str(n::__annotate__()) {
        return Ok(f);
    }
    dict.set_str(t, n::__annotate__(), Value::NONE)?;
    Ok(Value::NONE)
}

fn set_annotate(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    let dict = dict_of(t, v);
    let dict = Dict::of(&dict);
    match x {
        None => Err(error::type_error(t, "cannot delete __annotate__ attribute")),
        Some(f) if !f.is_none() && !call::is_callable(f) => {
            Err(error::type_error(t, "__annotate__ must be callable or None"))
        }
        Some(f) => {
            dict.set_str(t, n::__annotate__(), f.clone())?;
            if !f.is_none() {
                dict.remove(t, n::__annotations__())?;
            }
            Ok(())
        }
    }
}
