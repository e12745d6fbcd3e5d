//! ModuleSpec: where a module comes from.
//!
//! The class of `importlib.machinery.ModuleSpec`, written here so that an import needs no Python code. The loader of a
//! built-in module or a source file is an object of importlib's own Python classes, made when somebody asks for it.

use std::cell::Cell;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::native::{getset, getter, member_rw};
use typhon_object::ops::{self, CompareOp};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::Str;
use typhon_object::ty::{TypeDef, flag, type_of};
use typhon_object::{Args, Thread, Value, attr, call, payload, strs};

/// Which loader a spec has before it is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lazy {
    /// None is missing.
    Made,
    /// `BuiltinImporter`.
    Builtin,
    /// `SourceFileLoader`.
    File,
}

/// A module spec.
#[repr(C)]
pub struct Spec {
    header: Header,
    dict: Slot,
    name: Slot,
    loader: Slot,
    origin: Slot,
    /// `submodule_search_locations`.
    pub search: Slot,
    state: Slot,
    cached: Slot,
    pending: Slot,
    located: Cell<bool>,
    /// The module's code is running.
    pub initializing: Cell<bool>,
    lazy: Cell<Lazy>,
}

typhon_object::payload!(Spec => SPEC {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for slot in [&self.dict, &self.name, &self.loader, &self.origin, &self.search, &self.state, &self.cached, &self.pending] {
            // SAFETY: the collector's visitor stores nothing.
            visit(unsafe { slot.peek() });
        }
    }
    fn clear(&self) {
        for slot in [&self.dict, &self.loader, &self.search, &self.state, &self.pending] {
            drop(slot.take());
        }
    }
});

/// ModuleSpec.
pub static SPEC: TypeDef = TypeDef {
    name: "_frozen_importlib.ModuleSpec",
    doc: "The specification for a module, used for loading.",
    signature: "(name, loader, *, origin=None, loader_state=None, is_package=None)",
    flags: flag::BASETYPE | flag::WEAKREFS,
    dict_offset: std::mem::offset_of!(Spec, dict),
    slots: Slots { repr: Some(repr), compare: Some(compare), new: Some(new_slot), init: Some(init), ..Slots::NONE },
    getset: &[
        getset("loader", loader, set_loader, ""),
        getter("parent", parent, "The name of the module's parent."),
        getset("has_location", |_, v| Ok(Value::bool(me(v).located.get())), set_located, ""),
        getset("_set_fileattr", |_, v| Ok(Value::bool(me(v).located.get())), set_located, ""),
        getset("cached", cached, set_cached, ""),
        getset("_cached", |_, v| Ok(none(me(v).cached.get())), set_cached, ""),
        getset("_initializing", |_, v| Ok(Value::bool(me(v).initializing.get())), set_initializing, ""),
        getter("_uninitialized_submodules", pending, ""),
    ],
    members: &[
        member_rw("name", std::mem::offset_of!(Spec, name), ""),
        member_rw("origin", std::mem::offset_of!(Spec, origin), ""),
        member_rw("submodule_search_locations", std::mem::offset_of!(Spec, search), ""),
        member_rw("loader_state", std::mem::offset_of!(Spec, state), ""),
    ],
    ..TypeDef::of::<Spec>()
};

fn me(v: &Value) -> &Spec {
    v.expect::<Spec>()
}

fn none(v: Value) -> Value {
    v.present().unwrap_or(Value::NONE)
}

/// A new spec; `search` is the package's path list or None.
pub fn new(t: &Thread, name: &Value, origin: Value, search: Value, lazy: Lazy, loader: Value) -> Res {
    payload::new(t, |header| Spec {
        header,
        dict: Slot::empty(),
        name: Slot::new(name.clone()),
        loader: Slot::new(loader),
        origin: Slot::new(origin),
        search: Slot::new(search),
        state: Slot::new(Value::NONE),
        cached: Slot::empty(),
        pending: Slot::empty(),
        located: Cell::new(lazy != Lazy::Builtin),
        initializing: Cell::new(false),
        lazy: Cell::new(lazy),
    })
}

fn new_slot(t: &Thread, class: &Value, _: Args<'_>) -> Res {
    payload::new_for(t, class, |header| Spec {
        header,
        dict: Slot::empty(),
        name: Slot::new(Value::NONE),
        loader: Slot::new(Value::NONE),
        origin: Slot::new(Value::NONE),
        search: Slot::new(Value::NONE),
        state: Slot::new(Value::NONE),
        cached: Slot::empty(),
        pending: Slot::empty(),
        located: Cell::new(false),
        initializing: Cell::new(false),
        lazy: Cell::new(Lazy::Made),
    })
}

fn init(t: &Thread, v: &Value, a: Args<'_>) -> Res<()> {
    let s = me(v);
    let position = a.positional();
    let get = |i: usize, key: &str| position.get(i).or_else(|| a.keyword(key)).cloned();
    for (i, key) in ["name", "loader"].into_iter().enumerate() {
        if get(i, key).is_none() {
            return Err(error::type_error(
                t,
                format_args!("ModuleSpec.__init__() missing 1 required positional argument: '{key}'"),
            ));
        }
    }
    s.name.set(&s.header, get(0, "name").unwrap_or(Value::NONE));
    s.loader.set(&s.header, get(1, "loader").unwrap_or(Value::NONE));
    s.origin.set(&s.header, a.keyword("origin").cloned().unwrap_or(Value::NONE));
    s.state.set(&s.header, a.keyword("loader_state").cloned().unwrap_or(Value::NONE));
    if let Some(p) = a.keyword("is_package")
        && ops::truth(t, p)?
    {
        s.search.set(&s.header, List::create(t)?);
    }
    Ok(())
}

fn loader(t: &Thread, v: &Value) -> Res {
    let s = me(v);
    if s.loader.is_absent() {
        let made = match s.lazy.get() {
            Lazy::Made => Value::NONE,
            Lazy::Builtin => attr::get_text(t, &super::bootstrap(t)?, "BuiltinImporter")?,
            Lazy::File => {
                let class = attr::get_text(t, &super::pristine::external(t)?, "SourceFileLoader")?;
                call::call(t, &class, &[s.name.get(), s.origin.get()])?
            }
        };
        s.loader.set(&s.header, made);
    }
    Ok(s.loader.get())
}

fn set_loader(_: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    me(v).loader.set(&me(v).header, x.cloned().unwrap_or(Value::NONE));
    Ok(())
}

fn parent(t: &Thread, v: &Value) -> Res {
    let s = me(v);
    let name = s.name.get();
    if !s.search.get().is_none() {
        return Ok(name);
    }
    match name.downcast::<Str>() {
        Some(_) => {
            let text = strs::display(&name);
            strs::new(t, text.rsplit_once('.').map_or("", |(parent, _)| parent))
        }
        None => Err(error::type_error(t, "module name must be a string")),
    }
}

fn set_located(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    me(v).located.set(ops::truth(t, x.unwrap_or(&Value::FALSE))?);
    Ok(())
}

fn set_initializing(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    me(v).initializing.set(ops::truth(t, x.unwrap_or(&Value::FALSE))?);
    Ok(())
}

fn cached(t: &Thread, v: &Value) -> Res {
    let s = me(v);
    if s.cached.is_absent()
        && s.located.get()
        && let Some(origin) = s.origin.get().downcast::<Str>()
    {
        let path = origin.to_lossy();
        if let Some(stem) = path.strip_suffix(".py") {
            let (folder, stem) = stem.rsplit_once('/').map_or(("", stem), |(f, s)| (f, s));
            let sep = if folder.is_empty() { "" } else { "/" };
            let tag = crate::sys::CACHE_TAG;
            s.cached.set(&s.header, strs::new(t, &format!("{folder}{sep}__pycache__/{stem}.{tag}.pyc"))?);
        }
    }
    Ok(none(s.cached.get()))
}

fn set_cached(_: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    me(v).cached.set(&me(v).header, x.filter(|x| !x.is_none()).cloned().unwrap_or_default());
    Ok(())
}

/// The list of submodules whose code is running.
pub fn pending(t: &Thread, v: &Value) -> Res {
    let s = me(v);
    if s.pending.is_absent() {
        s.pending.set(&s.header, List::create(t)?);
    }
    Ok(s.pending.get())
}

fn repr(t: &Thread, v: &Value) -> Res {
    let s = me(v);
    let mut out = format!("{}(name={}", type_of(v).name(), ops::repr_text(t, &s.name.get())?);
    out += &format!(", loader={}", ops::repr_text(t, &loader(t, v)?)?);
    if !s.origin.get().is_none() {
        out += &format!(", origin={}", ops::repr_text(t, &s.origin.get())?);
    }
    if !s.search.get().is_none() {
        out += &format!(", submodule_search_locations={}", ops::repr_text(t, &s.search.get())?);
    }
    out.push(')');
    strs::new(t, &out)
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let (Some(x), Some(y), CompareOp::Eq | CompareOp::Ne) = (a.downcast::<Spec>(), b.downcast::<Spec>(), op) else {
        return Ok(Value::NOT_IMPLEMENTED);
    };
    let mut same = x.located.get() == y.located.get();
    for (p, q) in [(&x.name, &y.name), (&x.origin, &y.origin), (&x.search, &y.search)] {
        same = same && ops::eq(t, &p.get(), &q.get())?;
    }
    same = same && ops::eq(t, &loader(t, a)?, &loader(t, b)?)? && ops::eq(t, &cached(t, a)?, &cached(t, b)?)?;
    Ok(Value::bool(same == (op == CompareOp::Eq)))
}

impl Spec {
    /// The loader, if it has been made.
    pub fn made_loader(&self) -> Option<Value> {
        self.loader.get().present()
    }
}
