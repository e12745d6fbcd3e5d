//! BaseException: construction, text, attributes, methods.

use super::{Exception, add_note};
use crate::args::Args;
use crate::attr;
use crate::dict::Dict;
use crate::error::{self, Res};
use crate::ids;
use crate::names;
use crate::native::{GetSetDef, MethodDef, def, getset};
use crate::ops;
use crate::payload;
use crate::process;
use crate::slots::{InitFn, NewFn};
use crate::store::Slot;
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::tuple::{self, Tuple};
use crate::ty::{TypeObject, flag, type_of};
use crate::types::type_;
use crate::value::Value;
use std::cell::{Cell, RefCell};

pub(super) const METHODS: &[MethodDef] = &[
    def("with_traceback", "($self, object, /)", with_traceback, "Set self.__traceback__ to tb and return self."),
    def("add_note", "($self, object, /)", note, "Add a note to the exception"),
    def("__reduce__", "($self, /)", |t, a| reduce(t, &a[0], super::args(&a[0])), ""),
    def("__setstate__", "($self, object, /)", set_state, ""),
];

pub(super) const GETSET: &[GetSetDef] = &[
    getset("args", |_, v| Ok(super::args(v)), set_args, ""),
    getset("__traceback__", |_, v| or_none(super::traceback(v)), set_traceback, ""),
    getset("__context__", |_, v| or_none(super::context(v)), set_context, "exception context"),
    getset("__cause__", |_, v| or_none(super::cause(v)), set_cause, "exception cause"),
    getset("__suppress_context__", |_, v| Ok(Value::bool(v.expect::<Exception>().suppress.get())), set_suppress, ""),
    getset("__dict__", type_::instance_dict, type_::set_instance_dict, ""),
];

fn or_none(v: Value) -> Res {
    Ok(v.present().unwrap_or(Value::NONE))
}

/// A bare exception of class `class` with these arguments.
pub(super) fn make(t: &Thread, class: &Value, args: &[Value]) -> Res {
    let args = tuple::new(t, args)?;
    payload::new_for(t, class, |header| Exception {
        header,
        args: Slot::new(args),
        traceback: Slot::empty(),
        cause: Slot::empty(),
        context: Slot::empty(),
        dict: Slot::empty(),
        suppress: Cell::new(false),
        settled: Cell::new(false),
        fields: RefCell::new(Vec::new()),
    })
}

/// What calling one of the built-in types gives that are constructed as BaseException is.
pub(crate) fn make_plain(t: &Thread, ty: &TypeObject, args: &[Value]) -> Option<Res> {
    let (as_new, as_init): (NewFn, InitFn) = (new, init);
    let slots = ty.slots();
    let plain = !ty.is_heap_type()
        && slots.new.is_some_and(|f| std::ptr::fn_addr_eq(f, as_new))
        && slots.init.is_some_and(|f| std::ptr::fn_addr_eq(f, as_init));
    plain.then(|| ty.with_value(|class| make(t, class, args)))
}

pub(super) fn new(t: &Thread, class: &Value, a: Args<'_>) -> Res {
    make(t, class, a.positional())
}

pub(super) fn init(t: &Thread, v: &Value, a: Args<'_>) -> Res<()> {
    a.no_keywords(t, &type_of(v).name())?;
    put_args(t, v, a.values)
}

/// Sets `args` without looking at keywords.
pub(super) fn put_args(t: &Thread, v: &Value, args: &[Value]) -> Res<()> {
    let x = v.expect::<Exception>();
    // What `__new__` was given as well is there already.
    // SAFETY: nothing is stored while the arguments are compared.
    let same = unsafe { x.args.peek() }
        .exact::<Tuple>()
        .is_some_and(|old| old.len() == args.len() && old.items().iter().zip(args).all(|(old, new)| old.is(new)));
    if same {
        return Ok(());
    }
    x.args.set(&x.header, tuple::new(t, args)?);
    Ok(())
}

/// The arguments, copied out.
pub(super) fn items(v: &Value) -> Vec<Value> {
    super::args(v).downcast::<Tuple>().map(|a| a.items().to_vec()).unwrap_or_default()
}

pub(super) fn repr(t: &Thread, v: &Value) -> Res {
    let name = type_of(v).short_name();
    match &items(v)[..] {
        [one] => strs::new(t, &format!("{name}({})", ops::repr_text(t, one)?)),
        all => {
            let args = tuple::new(t, all)?;
            strs::new(t, &format!("{name}{}", ops::repr_text(t, &args)?))
        }
    }
}

pub(super) fn str(t: &Thread, v: &Value) -> Res {
    match &items(v)[..] {
        [] => Ok(process::empty_str().clone()),
        [one] => ops::str(t, one),
        all => ops::str(t, &tuple::new(t, all)?),
    }
}

fn with_traceback(t: &Thread, a: &[Value]) -> Res {
    set_traceback(t, &a[0], Some(&a[1]))?;
    Ok(a[0].clone())
}

fn note(t: &Thread, a: &[Value]) -> Res {
    if a[1].downcast::<Str>().is_none() {
        let got = if a[1].is_none() { "None".to_string() } else { type_of(&a[1]).name() };
        return Err(error::type_error(t, format_args!("add_note() argument must be str, not {got}")));
    }
    add_note(t, &a[0], &a[1])?;
    Ok(Value::NONE)
}

/// (class, args) and the dict, if there is anything in it.
pub(super) fn reduce(t: &Thread, v: &Value, args: Value) -> Res {
    let class = type_of(v).value();
    let dict = v.expect::<Exception>().dict.get();
    if dict.is_absent() {
        return tuple::from_array(t, [class, args]);
    }
    tuple::from_array(t, [class, args, dict])
}

fn set_state(t: &Thread, a: &[Value]) -> Res {
    if a[1].is_none() {
        return Ok(Value::NONE);
    }
    let Some(state) = a[1].downcast::<Dict>() else { return Err(error::type_error(t, "state is not a dictionary")) };
    for (key, value) in state.items() {
        attr::set(t, &a[0], &names::intern(t, &key), Some(&value))?;
    }
    Ok(Value::NONE)
}

fn needed<'a>(t: &Thread, value: Option<&'a Value>, name: &str) -> Res<&'a Value> {
    value.ok_or_else(|| error::type_error(t, format_args!("{name} may not be deleted")))
}

fn set_args(t: &Thread, v: &Value, value: Option<&Value>) -> Res<()> {
    let items = ops::collect(t, needed(t, value, "args")?)?;
    put_args(t, v, &items)
}

fn set_traceback(t: &Thread, v: &Value, value: Option<&Value>) -> Res<()> {
    let value = needed(t, value, "__traceback__")?;
    if value.is_none() {
        super::set_traceback(v, Value::ABSENT);
        return Ok(());
    }
    if value.header().is_none_or(|h| h.shape().0 != ids::TRACEBACK) {
        return Err(error::type_error(t, "__traceback__ must be a traceback or None"));
    }
    super::set_traceback(v, value.clone());
    Ok(())
}

fn exception_or_none(t: &Thread, value: &Value, what: &str) -> Res {
    if value.is_none() {
        return Ok(Value::ABSENT);
    }
    if !type_of(value).has_flag(flag::EXCEPTION) {
        return Err(error::type_error(t, format_args!("exception {what} must be None or derive from BaseException")));
    }
    Ok(value.clone())
}

fn set_context(t: &Thread, v: &Value, value: Option<&Value>) -> Res<()> {
    let context = exception_or_none(t, needed(t, value, "__context__")?, "context")?;
    super::set_context(t, v, context);
    Ok(())
}

fn set_cause(t: &Thread, v: &Value, value: Option<&Value>) -> Res<()> {
    let cause = exception_or_none(t, needed(t, value, "__cause__")?, "cause")?;
    super::set_cause(t, v, cause);
    Ok(())
}

fn set_suppress(t: &Thread, v: &Value, value: Option<&Value>) -> Res<()> {
    let Some(value) = value else { return Err(error::type_error(t, "can't delete numeric/char attribute")) };
    if !value.is_bool() {
        return Err(error::type_error(t, "attribute value type must be bool"));
    }
    v.expect::<Exception>().suppress.set(value.is_true());
    Ok(())
}
