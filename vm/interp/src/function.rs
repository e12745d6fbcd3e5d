//! function: code, globals, defaults and closure.

use crate::call;
use crate::code::CodeObject;
use crate::frame::interp;
use crate::unit::Unit;
use std::cell::Cell;
use std::sync::Arc;
use typhon_isa::CodeFlags;
use typhon_object::args::Args;
use typhon_object::attr;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::names::n;
use typhon_object::native::{GetSetDef, getset, member};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::Str;
use typhon_object::tuple::Tuple;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{exceptions, method};
use typhon_object::{Thread, Value, payload, strs, type_of};

/// A Python function.
#[repr(C)]
pub struct Function {
    pub(crate) header: Header,
    /// Code, as run by the thread that the function was made in: an `Arc` of its own.
    pub(crate) unit_ptr: Cell<*const Unit>,
    pub(crate) code: Slot,
    pub(crate) globals: Slot,
    pub(crate) builtins: Slot,
    pub(crate) name: Slot,
    pub(crate) qualname: Slot,
    pub(crate) defaults: Slot,
    pub(crate) kwdefaults: Slot,
    pub(crate) closure: Slot,
    pub(crate) annotations: Slot,
    pub(crate) annotate: Slot,
    pub(crate) dict: Slot,
    pub(crate) module: Slot,
    pub(crate) doc: Slot,
    pub(crate) type_params: Slot,
}

typhon_object::payload!(Function => FUNCTION {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for slot in self.slots() {
            // SAFETY: the collector's visitor stores nothing.
            visit(unsafe { slot.peek() });
        }
    }
    fn clear(&self) {
        // Code, globals and name stay: a finalizer of something else in the cycle may still call the function.
        for slot in [&self.defaults, &self.kwdefaults, &self.closure, &self.annotations, &self.annotate, &self.dict,
                     &self.module, &self.doc, &self.type_params] {
            drop(slot.take());
        }
    }
});

impl Function {
    /// Where the address of its code's working copy lies, for machine code.
    pub const UNIT: usize = std::mem::offset_of!(Self, unit_ptr);
    /// Where its globals lie: they are never replaced.
    pub const GLOBALS: usize = std::mem::offset_of!(Self, globals);
    /// Where its builtins lie: they are never replaced.
    pub const BUILTINS: usize = std::mem::offset_of!(Self, builtins);

    /// Where its defaults lie: a tuple, or nothing.
    pub const DEFAULTS: usize = std::mem::offset_of!(Self, defaults);

    /// Where its closure lies: a tuple of cells, or nothing.
    pub const CLOSURE: usize = std::mem::offset_of!(Self, closure);

    /// How many of its last parameters have defaults.
    pub fn default_count(&self) -> usize {
        // SAFETY: nothing runs while the slot is looked at.
        unsafe { self.defaults.peek() }.exact::<Tuple>().map_or(0, Tuple::len)
    }

    fn slots(&self) -> [&Slot; 14] {
        [
            &self.code,
            &self.globals,
            &self.builtins,
            &self.name,
            &self.qualname,
            &self.defaults,
            &self.kwdefaults,
            &self.closure,
            &self.annotations,
            &self.annotate,
            &self.dict,
            &self.module,
            &self.doc,
            &self.type_params,
        ]
    }

    /// The code's working copy, of the thread that the function was made in. Others run their own (`Unit::here`).
    #[inline(always)]
    pub fn unit(&self) -> &Unit {
        // SAFETY: the function holds the Arc behind this pointer; `set_code` keeps what frames run.
        unsafe { &*self.unit_ptr.get() }
    }

    /// The same, to be kept.
    pub fn kept_unit(&self) -> Arc<Unit> {
        // SAFETY: as in `unit`.
        unsafe { Unit::keep(self.unit_ptr.get()) }
    }

    /// The globals dict.
    #[inline(always)]
    pub fn globals(&self) -> &Dict {
        // SAFETY: set at creation to a dict (checked there) and never replaced.
        unsafe { &*(self.globals.bits() as *const Dict) }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // SAFETY: the function's own Arc.
        drop(unsafe { Arc::from_raw(self.unit_ptr.get()) });
    }
}

/// A new function of a code object.
pub fn new(t: &Thread, code: &Value, globals: &Value, builtins: &Value) -> Res {
    let object = code.expect::<CodeObject>();
    let theirs = object.unit(t)?;
    let unit = match t.is_parallel() && theirs.owner != t.own_tag() {
        // A count that other threads take functions by is theirs to change.
        // SAFETY: the thread's table holds it by an Arc.
        true => unsafe { Unit::keep(theirs.here(t, interp(t))?) },
        false => Arc::clone(theirs),
    };
    let module = Dict::of(globals).get_str(n::__name__()).unwrap_or(Value::NONE);
    let doc = unit.doc.clone().unwrap_or(Value::NONE);
    let (name, qualname) = (unit.name.clone(), unit.qualname.clone());
    payload::new(t, |header| Function {
        header,
        unit_ptr: Cell::new(Arc::into_raw(unit)),
        code: Slot::new(code.clone()),
        globals: Slot::new(globals.clone()),
        builtins: Slot::new(builtins.clone()),
        name: Slot::new(name),
        qualname: Slot::new(qualname),
        defaults: Slot::empty(),
        kwdefaults: Slot::empty(),
        closure: Slot::empty(),
        annotations: Slot::empty(),
        annotate: Slot::empty(),
        dict: Slot::empty(),
        module: Slot::new(module),
        doc: Slot::new(doc),
        type_params: Slot::empty(),
    })
}

/// The builtins dict that code with these globals sees.
pub fn builtins_of(t: &Thread, globals: &Dict) -> Value {
    match globals.get_str(n::__builtins__()) {
        Some(v) if v.downcast::<Dict>().is_some() => v,
        Some(v) => match v.header().and_then(|h| attr::dict_word(type_of(&v), h)).map(Slot::get) {
            Some(dict) if dict.downcast::<Dict>().is_some() => dict,
            _ => t.builtins().get(),
        },
        // The running code's, if that has been given its own.
        None => match (t.hooks.globals)(t).downcast::<Dict>() {
            Some(running) if running.get_str(n::__builtins__()).is_some() => builtins_of(t, running),
            _ => t.builtins().get(),
        },
    }
}

/// function.
pub static FUNCTION: TypeDef = TypeDef {
    name: "function",
    doc: "Create a function object.\n\n  code\n    a code object\n  globals\n    the globals dictionary\n  name\n    a string that overrides the name from the code object\n  argdefs\n    a tuple that specifies the default argument values\n  closure\n    a tuple that supplies the bindings for free variables\n  kwdefaults\n    a dictionary that specifies the default keyword argument values",
    id: typhon_object::ids::FUNCTION,
    flags: flag::METHOD_DESCRIPTOR | flag::WEAKREFS,
    dict_offset: std::mem::offset_of!(Function, dict),
    slots: Slots {
        repr: Some(repr),
        call: Some(call::call_function),
        get: Some(get),
        new: Some(construct),
        ..Slots::NONE
    },
    getset: GETSET,
    members: &[
        member("__globals__", std::mem::offset_of!(Function, globals), ""),
        member("__closure__", std::mem::offset_of!(Function, closure), ""),
        member("__builtins__", std::mem::offset_of!(Function, builtins), ""),
        typhon_object::native::member_rw("__doc__", std::mem::offset_of!(Function, doc), ""),
        typhon_object::native::member_rw("__module__", std::mem::offset_of!(Function, module), ""),
    ],
    ..TypeDef::of::<Function>()
};

fn me(v: &Value) -> &Function {
    v.expect::<Function>()
}

fn repr(t: &Thread, v: &Value) -> Res {
    let mut b = strs::StrBuilder::new();
    b.push_str("<function ");
    if let Some(s) = me(v).qualname.get().downcast::<Str>() {
        b.push_value(s);
    }
    b.push_str(&format!(" at {:#x}>", v.id()));
    b.finish(t)
}

fn get(t: &Thread, f: &Value, obj: Option<&Value>, _cls: Option<&Value>) -> Res {
    match obj {
        Some(obj) => method::new(t, f, obj),
        None => Ok(f.clone()),
    }
}

const GETSET: &[GetSetDef] = &[
    getset("__code__", |_, v| Ok(me(v).code.get()), set_code, ""),
    getset("__defaults__", |_, v| Ok(none(me(v).defaults.get())), set_defaults, ""),
    getset("__kwdefaults__", |_, v| Ok(none(me(v).kwdefaults.get())), set_kwdefaults, ""),
    getset("__name__", |_, v| Ok(me(v).name.get()), |t, v, x| set_text(t, v, x, &me(v).name, "__name__"), ""),
    getset(
        "__qualname__",
        |_, v| Ok(me(v).qualname.get()),
        |t, v, x| set_text(t, v, x, &me(v).qualname, "__qualname__"),
        "",
    ),
    getset("__annotations__", annotations, set_annotations, ""),
    getset("__annotate__", |_, v| Ok(none(me(v).annotate.get())), set_annotate, ""),
    getset("__type_params__", type_params, set_type_params, ""),
    getset("__dict__", dict, set_dict, ""),
];

fn none(v: Value) -> Value {
    v.present().unwrap_or(Value::NONE)
}

fn dict(t: &Thread, v: &Value) -> Res {
    attr::instance_dict(t, type_of(v), &me(v).header)
}

fn set_dict(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    match x {
        Some(d) if d.downcast::<Dict>().is_some() => {
            me(v).dict.set(&me(v).header, d.clone());
            Ok(())
        }
        Some(d) => Err(error::type_error(
            t,
            format_args!("__dict__ must be set to a dictionary, not a '{}'", type_of(d).name()),
        )),
        None => Err(error::type_error(t, "cannot delete __dict__")),
    }
}

fn set_text(t: &Thread, v: &Value, x: Option<&Value>, slot: &Slot, name: &str) -> Res<()> {
    match x {
        Some(s) if s.downcast::<Str>().is_some() => {
            slot.set(&me(v).header, s.clone());
            Ok(())
        }
        _ => Err(error::type_error(t, format_args!("{name} must be set to a string object"))),
    }
}

fn set_code(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    let Some((value, object)) = x.and_then(|x| Some((x, x.downcast::<CodeObject>()?))) else {
        return Err(error::type_error(t, "__code__ must be set to a code object"));
    };
    let f = me(v);
    let unit = Arc::clone(object.unit(t)?);
    let (have, want) = (f.unit().code.free_count(), unit.code.free_count());
    if have != want {
        let name = strs::display(&f.name.get());
        return Err(error::value_error(
            t,
            format_args!("{name}() requires a code object with {have} free vars, not {want}"),
        ));
    }
    let kind = CodeFlags::GENERATOR | CodeFlags::COROUTINE | CodeFlags::ASYNC_GENERATOR;
    if (f.unit().code.flags ^ unit.code.flags) & kind != 0 {
        let text =
            "Assigning a code object of non-matching type is deprecated (e.g., from a generator to a plain function)";
        exceptions::DEPRECATION_WARNING.ty().with_value(|category| (t.hooks.warn)(t, category, text, 1))?;
    }
    f.code.set(&f.header, value.clone());
    // Another thread may be about to enter the function.
    t.alone(|| {
        // SAFETY: the function's own Arc.
        let old = unsafe { Arc::from_raw(f.unit_ptr.replace(Arc::into_raw(unit))) };
        crate::unit::replaced(t, old);
    });
    Ok(())
}

fn set_defaults(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    let value = match x {
        None => Value::ABSENT,
        Some(x) if x.is_none() => Value::ABSENT,
        Some(x) if x.downcast::<Tuple>().is_some() => x.clone(),
        Some(_) => return Err(error::type_error(t, "__defaults__ must be set to a tuple object")),
    };
    me(v).defaults.set(&me(v).header, value);
    Ok(())
}

fn set_kwdefaults(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    let value = match x {
        None => Value::ABSENT,
        Some(x) if x.is_none() => Value::ABSENT,
        Some(x) if x.downcast::<Dict>().is_some() => x.clone(),
        Some(_) => return Err(error::type_error(t, "__kwdefaults__ must be set to a dict object")),
    };
    me(v).kwdefaults.set(&me(v).header, value);
    Ok(())
}

fn annotations(t: &Thread, v: &Value) -> Res {
    let f = me(v);
    if let Some(a) = f.annotations.get().present() {
        // `from __future__ import annotations` leaves a tuple of name, value pairs.
        if let Some(pairs) = a.downcast::<Tuple>() {
            let d = Dict::create(t);
            for pair in pairs.items().chunks_exact(2) {
                Dict::of(&d).set(t, &pair[0], &pair[1])?;
            }
            f.annotations.set(&f.header, d.clone());
            return Ok(d);
        }
        return Ok(a);
    }
    let annotate = f.annotate.get();
    let made = if annotate.is_absent() || annotate.is_none() {
        Dict::create(t)
    } else {
        let r = typhon_object::call::call1(t, &annotate, &Value::small(1))?;
        if r.downcast::<Dict>().is_none() {
            let name = type_of(&r).name();
            return Err(error::type_error(t, format_args!("__annotate__ returned non-dict of type '{name}'")));
        }
        r
    };
    f.annotations.set(&f.header, made.clone());
    Ok(made)
}

fn set_annotations(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    let f = me(v);
    let value = match x {
        None => Value::ABSENT,
        Some(x) if x.is_none() => Value::ABSENT,
        Some(x) if x.downcast::<Dict>().is_some() => x.clone(),
        Some(_) => return Err(error::type_error(t, "__annotations__ must be set to a dict object")),
    };
    f.annotations.set(&f.header, value);
    f.annotate.set(&f.header, Value::ABSENT);
    Ok(())
}

fn set_annotate(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    let f = me(v);
    match x {
        None => return Err(error::type_error(t, "__annotate__ cannot be deleted")),
        Some(x) if x.is_none() => f.annotate.set(&f.header, Value::NONE),
        Some(x) if typhon_object::call::is_callable(x) => {
            f.annotate.set(&f.header, x.clone());
            f.annotations.set(&f.header, Value::ABSENT);
        }
        Some(_) => return Err(error::type_error(t, "__annotate__ must be callable or None")),
    }
    Ok(())
}

fn type_params(_: &Thread, v: &Value) -> Res {
    Ok(me(v).type_params.get().present().unwrap_or_else(|| typhon_object::process::empty_tuple().clone()))
}

fn set_type_params(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    match x {
        Some(x) if x.downcast::<Tuple>().is_some() => {
            me(v).type_params.set(&me(v).header, x.clone());
            Ok(())
        }
        _ => Err(error::type_error(t, "__type_params__ must be set to a tuple")),
    }
}

/// `types.FunctionType(code, globals, name=None, argdefs=None, closure=None, kwdefaults=None)`.
fn construct(t: &Thread, _class: &Value, args: Args<'_>) -> Res {
    const NAMES: [&str; 6] = ["code", "globals", "name", "argdefs", "closure", "kwdefaults"];
    let mut a: [Value; 6] = Default::default();
    for (slot, v) in a.iter_mut().zip(args.positional()) {
        *slot = v.clone();
    }
    for (i, name) in NAMES.iter().enumerate() {
        if let Some(v) = args.keyword(name) {
            a[i] = v.clone();
        }
    }
    let [code, globals, name, defaults, closure, kwdefaults] = a;
    let Some(object) = code.downcast::<CodeObject>() else {
        let name = if code.is_absent() { "nothing".to_string() } else { type_of(&code).name() };
        return Err(error::type_error(t, format_args!("function() argument 'code' must be code, not {name}")));
    };
    if globals.downcast::<Dict>().is_none() {
        let got = if globals.is_absent() { "nothing".to_string() } else { type_of(&globals).name() };
        return Err(error::type_error(t, format_args!("function() argument 'globals' must be dict, not {got}")));
    }
    let kinds: [(&Value, &str, fn(&Value) -> bool); 4] = [
        (&name, "arg 3 (name) must be None or string", |v| v.downcast::<Str>().is_some()),
        (&defaults, "arg 4 (defaults) must be None or tuple", |v| v.downcast::<Tuple>().is_some()),
        (&closure, "arg 5 (closure) must be None or tuple", |v| v.downcast::<Tuple>().is_some()),
        (&kwdefaults, "arg 6 (kwdefaults) must be None or dict", |v| v.downcast::<Dict>().is_some()),
    ];
    for (v, refusal, is_kind) in kinds {
        if v.non_none().is_some_and(|v| !is_kind(v)) {
            return Err(error::type_error(t, refusal));
        }
    }
    let free = object.code.free_count();
    let cells = closure.downcast::<Tuple>().map(Tuple::len);
    if free != 0 && cells.is_none() {
        return Err(error::type_error(t, "arg 5 (closure) must be tuple"));
    }
    let cells = cells.unwrap_or_default();
    if cells != free {
        let text = format!("{} requires closure of length {free}, not {cells}", object.code.name);
        return Err(error::value_error(t, text));
    }
    let f = new(t, &code, &globals, &builtins_of(t, Dict::of(&globals)))?;
    let me = me(&f);
    if let Some(name) = name.non_none() {
        set_text(t, &f, Some(name), &me.name, "arg 3 (name)")?;
    }
    if let Some(d) = defaults.non_none() {
        set_defaults(t, &f, Some(d))?;
    }
    if let Some(d) = kwdefaults.non_none() {
        set_kwdefaults(t, &f, Some(d))?;
    }
    if let Some(c) = closure.non_none() {
        me.closure.set(&me.header, c.clone());
    }
    Ok(f)
}

/// An empty tuple of defaults or the function's own.
pub(crate) fn defaults(f: &Function) -> Value {
    f.defaults.get().present().unwrap_or_else(|| typhon_object::process::empty_tuple().clone())
}
