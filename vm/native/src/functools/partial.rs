//! functools.partial: a function with some arguments in place.

use super::placeholder;
use smallvec::SmallVec;
use typhon_object::args::{ArgBuffer, Args};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::names::n;
use typhon_object::native::{def, getset, member};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str, StrBuilder};
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{dict_, iters, method, type_};
use typhon_object::{Thread, Value, attr, call, ops, payload, type_of};

/// A partial.
#[repr(C)]
struct Partial {
    header: Header,
    func: Slot,
    args: Slot,
    keywords: Slot,
    dict: Slot,
}

typhon_object::payload!(Partial => PARTIAL {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for slot in [&self.func, &self.args, &self.keywords, &self.dict] {
            visit(&slot.get());
        }
    }
    fn clear(&self) {
        drop(self.dict.take());
        self.func.set(&self.header, Value::NONE);
    }
});

/// functools.partial.
pub(super) static PARTIAL: TypeDef = TypeDef {
    name: "functools.partial",
    doc: "Create a new function with partial application of the given arguments\nand keywords.",
    signature: "(func, /, *args, **keywords)",
    flags: flag::BASETYPE | flag::WEAKREFS,
    dict_offset: std::mem::offset_of!(Partial, dict),
    slots: Slots {
        new: Some(new),
        repr: Some(repr),
        call: Some(call_partial),
        get: Some(|t, v, object, _| match object {
            Some(object) if !object.is_none() => method::new(t, v, object),
            _ => Ok(v.clone()),
        }),
        ..Slots::NONE
    },
    methods: &[
        def("__reduce__", "($self, /)", reduce, ""),
        def("__setstate__", "($self, state, /)", set_state, ""),
        def(
            "__class_getitem__",
            "($type, object, /)",
            iters::class_getitem,
            "partial is generic over the wrapped function's return type",
        )
        .class(),
    ],
    getset: &[getset(
        "__dict__",
        type_::instance_dict,
        |t, v, new| match new {
            Some(_) => type_::set_instance_dict(t, v, new),
            None => Err(error::type_error(t, "cannot delete __dict__")),
        },
        "",
    )],
    members: &[
        member("func", std::mem::offset_of!(Partial, func), "function object to use in future partial calls"),
        member("args", std::mem::offset_of!(Partial, args), "tuple of arguments to future partial calls"),
        member(
            "keywords",
            std::mem::offset_of!(Partial, keywords),
            "dictionary of keyword arguments to future partial calls",
        ),
    ],
    ..TypeDef::of::<Partial>()
};

fn items(v: &Value) -> &[Value] {
    v.downcast::<Tuple>().map_or(&[], Tuple::items)
}

fn check_trailing(t: &Thread, args: &[Value]) -> Res<()> {
    if args.last().is_some_and(placeholder::is_it) {
        return Err(error::type_error(t, "trailing Placeholders are not allowed"));
    }
    Ok(())
}

/// `with` with its placeholders filled from `from`, and what is left of that.
fn fill<'a>(with: &[Value], mut from: &'a [Value], out: &mut ArgBuffer) -> &'a [Value] {
    for v in with {
        match from.split_first() {
            Some((first, rest)) if placeholder::is_it(v) => {
                out.push(first.clone());
                from = rest;
            }
            _ => out.push(v.clone()),
        }
    }
    from
}

fn new(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let Some((func, given)) = args.positional().split_first() else {
        return Err(error::type_error(t, "type 'partial' takes at least one argument"));
    };
    if !call::is_callable(func) {
        return Err(error::type_error(t, "the first argument must be callable"));
    }
    check_trailing(t, given)?;
    if args.keywords().any(|(_, v)| placeholder::is_it(v)) {
        return Err(error::type_error(t, "Placeholder cannot be passed as a keyword argument"));
    }
    let inner = func.downcast::<Partial>().filter(|p| p.dict.is_absent());
    let (func, all, keywords) = match inner {
        Some(inner) => {
            let mut all = ArgBuffer::new();
            let before = inner.args.get();
            let rest = fill(items(&before), given, &mut all);
            all.extend(rest.iter().cloned());
            let keywords = match inner.keywords.get().downcast::<Dict>() {
                Some(dict) => dict.copy(t)?,
                None => Dict::create(t),
            };
            (inner.func.get(), tuple::new(t, &all)?, keywords)
        }
        None => (func.clone(), tuple::new(t, given)?, Dict::create(t)),
    };
    for (name, v) in args.keywords() {
        Dict::of(&keywords).set(t, name, v)?;
    }
    payload::new_for(t, class, |header| Partial {
        header,
        func: Slot::new(func),
        args: Slot::new(all),
        keywords: Slot::new(keywords),
        dict: Slot::empty(),
    })
}

fn call_partial(t: &Thread, v: &Value, args: Args<'_>) -> Res {
    t.check_stack("")?;
    let this = v.expect::<Partial>();
    let (func, before, keywords) = (this.func.get(), this.args.get(), this.keywords.get());
    let before = items(&before);
    let holes = before.iter().filter(|v| placeholder::is_it(v)).count();
    let given = args.positional();
    if given.len() < holes {
        let text = format_args!(
            "missing positional arguments in 'partial' call; expected at least {holes}, got {}",
            given.len()
        );
        return Err(error::type_error(t, text));
    }
    let mut all = ArgBuffer::new();
    let rest = fill(before, given, &mut all);
    all.extend(rest.iter().cloned());
    let own = keywords.downcast::<Dict>().filter(|d| !d.is_empty());
    let Some(own) = own else {
        all.extend(args.keywords().map(|(_, v)| v.clone()));
        return call::call_args(t, &func, Args { values: &all, names: args.names });
    };
    let mut names: SmallVec<[Value; 8]> = SmallVec::new();
    let positional = all.len();
    for (name, _, v) in own.walk(t)? {
        if name.downcast::<Str>().is_none() {
            return Err(error::type_error(t, "keywords must be strings"));
        }
        names.push(strs::exact(t, &name)?);
        all.push(v);
    }
    for (name, v) in args.keywords() {
        match names.iter().position(|known| strs::eq(known, name)) {
            Some(i) => all[positional + i] = v.clone(),
            None => {
                names.push(name.clone());
                all.push(v.clone());
            }
        }
    }
    for name in &mut names {
        *name = typhon_object::names::intern(t, name);
    }
    call::call_args(t, &func, Args { values: &all, names: &names })
}

fn repr(t: &Thread, v: &Value) -> Res {
    let this = v.expect::<Partial>();
    let Some(_shown) = t.show(&this.header) else { return strs::new(t, "...") };
    repr_parts(t, v)
}

fn repr_parts(t: &Thread, v: &Value) -> Res {
    let this = v.expect::<Partial>();
    let class = type_of(v).value();
    let mut out = StrBuilder::new();
    let push = |out: &mut StrBuilder, v: &Value| {
        if let Some(s) = v.downcast::<Str>() {
            out.push_value(s);
        }
    };
    push(&mut out, &attr::get(t, &class, n::__module__())?);
    out.push_str(".");
    push(&mut out, &attr::get(t, &class, n::__qualname__())?);
    out.push_str("(");
    // Kept over the reprs, which may change the partial.
    let (func, args, keywords) = (this.func.get(), this.args.get(), this.keywords.get());
    push(&mut out, &ops::repr(t, &func)?);
    for v in items(&args) {
        out.push_str(", ");
        push(&mut out, &ops::repr(t, v)?);
        t.check_alloc(out.len())?;
    }
    let pairs = keywords.downcast::<Dict>().map_or_else(Vec::new, Dict::items);
    for (name, v) in &pairs {
        out.push_str(", ");
        push(&mut out, &ops::str(t, name)?);
        out.push_str("=");
        push(&mut out, &ops::repr(t, v)?);
        t.check_alloc(out.len())?;
    }
    out.push_str(")");
    out.finish(t)
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let this = a[0].expect::<Partial>();
    let dict = if this.dict.is_absent() { attr::get_opt(t, &a[0], n::__dict__())? } else { Some(this.dict.get()) };
    let dict = dict.filter(|d| d.downcast::<Dict>().is_some_and(|d| !d.is_empty())).unwrap_or(Value::NONE);
    let func = this.func.get();
    let args = tuple::from_array(t, [func.clone()])?;
    let state = tuple::from_array(t, [func, this.args.get(), this.keywords.get(), dict])?;
    tuple::from_array(t, [type_of(&a[0]).value(), args, state])
}

fn set_state(t: &Thread, a: &[Value]) -> Res {
    let this = a[0].expect::<Partial>();
    let invalid = || error::type_error(t, "invalid partial state");
    let Some([func, args, keywords, dict]) = a[1].downcast::<Tuple>().map(Tuple::items) else {
        return Err(invalid());
    };
    let keywords_fit = [keywords, dict].iter().all(|v| v.is_none() || v.downcast::<Dict>().is_some());
    let Some(given) = args.downcast::<Tuple>().filter(|_| call::is_callable(func) && keywords_fit) else {
        return Err(invalid());
    };
    check_trailing(t, given.items())?;
    let args = if args.exact::<Tuple>().is_some() { args.clone() } else { tuple::new(t, given.items())? };
    let keywords = if keywords.exact::<Dict>().is_some() {
        keywords.clone()
    } else {
        let copy = Dict::create(t);
        if !keywords.is_none() {
            dict_::update(t, &copy, keywords)?;
        }
        copy
    };
    this.func.set(&this.header, func.clone());
    this.args.set(&this.header, args);
    this.keywords.set(&this.header, keywords);
    match dict.downcast::<Dict>() {
        Some(_) => type_::set_instance_dict(t, &a[0], Some(dict))?,
        None => type_::set_instance_dict(t, &a[0], None)?,
    }
    Ok(Value::NONE)
}
