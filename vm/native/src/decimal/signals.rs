//! Signals: the exception classes, and the mapping that `Context.flags` and `Context.traps` are.

use super::context::Core;
use super::state;
use std::rc::Rc;
use typhon_num::decimal::status;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Exc, Res};
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::native::def;
use typhon_object::ops::CompareOp;
use typhon_object::slots::Slots;
use typhon_object::thread::Thread;
use typhon_object::ty::{TypeDef, TypeObject, flag};
use typhon_object::types::{exceptions, type_};
use typhon_object::{Value, call, convert, names, ops, payload, strs, tuple};

/// A row: name, bases (rows of this table), a built-in base, the conditions it stands for.
struct Class {
    name: &'static str,
    bases: &'static [usize],
    builtin: Option<&'static TypeDef>,
    conditions: u32,
}

const fn row(name: &'static str, bases: &'static [usize], builtin: Option<&'static TypeDef>, conditions: u32) -> Class {
    Class { name, bases, builtin, conditions }
}

/// DecimalException; the signals in the order in which they are raised; the conditions behind InvalidOperation.
#[rustfmt::skip]
static CLASSES: [Class; 14] = [
    row("DecimalException", &[], Some(&exceptions::ARITHMETIC_ERROR), 0),
    row("InvalidOperation", &[0], None, status::IEEE_INVALID),
    row("FloatOperation", &[0], Some(&exceptions::TYPE_ERROR), status::FLOAT_OPERATION),
    row("DivisionByZero", &[0], Some(&exceptions::ZERO_DIVISION_ERROR), status::DIVISION_BY_ZERO),
    row("Overflow", &[7, 8], None, status::OVERFLOW),
    row("Underflow", &[7, 8, 6], None, status::UNDERFLOW),
    row("Subnormal", &[0], None, status::SUBNORMAL),
    row("Inexact", &[0], None, status::INEXACT),
    row("Rounded", &[0], None, status::ROUNDED),
    row("Clamped", &[0], None, status::CLAMPED),
    row("ConversionSyntax", &[1], None, status::CONVERSION_SYNTAX),
    row("DivisionImpossible", &[1], None, status::DIVISION_IMPOSSIBLE),
    row("DivisionUndefined", &[1], Some(&exceptions::ZERO_DIVISION_ERROR), status::DIVISION_UNDEFINED),
    row("InvalidContext", &[1], None, status::INVALID_CONTEXT),
];

const SIGNALS: std::ops::Range<usize> = 1..10;
const CONDITIONS: std::ops::Range<usize> = 10..14;
const INVALID_OPERATION: usize = 1;
/// Rows in an order in which bases come first.
const ORDER: [usize; 14] = [0, 1, 2, 3, 6, 7, 8, 9, 4, 5, 10, 11, 12, 13];

/// Names in the order of libmpdec's bits, for `repr(context)`.
const SHOWN: [(u32, &str); 15] = [
    (status::CLAMPED, "Clamped"),
    (status::CONVERSION_SYNTAX, "InvalidOperation"),
    (status::DIVISION_BY_ZERO, "DivisionByZero"),
    (status::DIVISION_IMPOSSIBLE, "InvalidOperation"),
    (status::DIVISION_UNDEFINED, "InvalidOperation"),
    (status::FPU_ERROR, "InvalidOperation"),
    (status::INEXACT, "Inexact"),
    (status::INVALID_CONTEXT, "InvalidOperation"),
    (status::INVALID_OPERATION, "InvalidOperation"),
    (status::MALLOC_ERROR, "InvalidOperation"),
    (status::FLOAT_OPERATION, "FloatOperation"),
    (status::OVERFLOW, "Overflow"),
    (status::ROUNDED, "Rounded"),
    (status::SUBNORMAL, "Subnormal"),
    (status::UNDERFLOW, "Underflow"),
];

/// A class of module `decimal`, through the metaclass that its bases ask for.
pub(super) fn new_class(t: &Thread, name: &str, bases: Vec<Value>) -> Res {
    let ns = Dict::create(t);
    Dict::of(&ns).set_str(t, &names::intern_static("__module__"), strs::new(t, "decimal")?)?;
    let args = [strs::new(t, name)?, tuple::from_vec(t, bases)?, ns];
    call::call(t, &type_::TYPE.ty().value(), &args)
}

/// Makes the exception classes.
pub(super) fn make(t: &Thread) -> Res<Vec<Value>> {
    let mut made = vec![Value::ABSENT; CLASSES.len()];
    for i in ORDER {
        let class = &CLASSES[i];
        let mut bases: Vec<Value> = class.bases.iter().map(|&b| made[b].clone()).collect();
        bases.extend(class.builtin.map(|b| b.ty().value()));
        made[i] = new_class(t, class.name, bases)?;
    }
    Ok(made)
}

/// Names and classes, for the module's dict.
pub(super) fn named(t: &Thread) -> Res<Vec<(&'static str, Value)>> {
    let state = state::get(t)?;
    let classes = state.classes.get().map_or(&[][..], Vec::as_slice);
    Ok(CLASSES.iter().map(|c| c.name).zip(classes.iter().cloned()).collect())
}

/// The classes in `rows` that stand for one of the conditions.
fn standing_for(t: &Thread, conditions: u32, rows: std::ops::Range<usize>) -> Res<Vec<Value>> {
    let state = state::get(t)?;
    let classes = state.classes.get().map_or(&[][..], Vec::as_slice);
    let hit = |(class, _): &(&Class, &Value)| class.conditions & conditions != 0;
    Ok(CLASSES.iter().zip(classes).take(rows.end).skip(rows.start).filter(hit).map(|(_, v)| v.clone()).collect())
}

/// The signals raised, as a list.
pub(super) fn as_list(t: &Thread, conditions: u32) -> Res {
    List::from_vec(t, standing_for(t, conditions, SIGNALS)?)
}

/// The exception for trapped conditions: its argument is the list of all of them.
#[cold]
pub(super) fn exception(t: &Thread, trapped: u32) -> Exc {
    let make = || -> Res<Exc> {
        let Some(class) = standing_for(t, trapped, SIGNALS)?.into_iter().next() else {
            return Ok(error::system_error(t, "a condition without a signal"));
        };
        let mut all = Vec::new();
        if trapped & status::INVALID_OPERATION != 0 {
            all.extend(standing_for(t, trapped, INVALID_OPERATION..INVALID_OPERATION + 1)?);
        }
        all.extend(standing_for(t, trapped, CONDITIONS)?);
        all.extend(standing_for(t, trapped, INVALID_OPERATION + 1..SIGNALS.end)?);
        Ok(error::with_args(t, class.expect::<TypeObject>(), &[List::from_vec(t, all)?]))
    };
    make().unwrap_or_else(|e| e)
}

/// `[InvalidOperation, Overflow]`, as `repr(context)` shows conditions.
pub(super) fn shown(conditions: u32) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (bit, name) in SHOWN {
        if conditions & bit != 0 && !names.contains(&name) {
            names.push(name);
        }
    }
    format!("[{}]", names.join(", "))
}

/// The conditions that a signal class stands for; KeyError if it is none.
fn conditions_of(t: &Thread, key: &Value) -> Res<u32> {
    let state = state::get(t)?;
    let classes = state.classes.get().map_or(&[][..], Vec::as_slice);
    let found = SIGNALS.zip(classes.iter().skip(SIGNALS.start)).find(|(_, class)| class.is(key));
    match found {
        Some((i, _)) => Ok(CLASSES[i].conditions),
        None => Err(error::new(
            t,
            &exceptions::KEY_ERROR,
            "valid values for signals are:\n  [InvalidOperation, FloatOperation, DivisionByZero,\n   Overflow, Underflow, Subnormal, Inexact, Rounded,\n   Clamped]",
        )),
    }
}

/// Conditions from a list of signals (where `lists`), a dict or another context's flags.
pub(super) fn from_value(t: &Thread, v: &Value, lists: bool) -> Res<u32> {
    if let Some(list) = v.downcast::<List>().filter(|_| lists) {
        return list.to_vec().iter().try_fold(0, |all, class| Ok(all | conditions_of(t, class)?));
    }
    if let Some(signals) = v.downcast::<SignalDict>() {
        return Ok(signals.read());
    }
    let Some(dict) = v.downcast::<Dict>() else {
        return Err(error::type_error(t, "argument must be a signal dict"));
    };
    if dict.len() != SIGNALS.len() {
        return Err(error::new(t, &exceptions::KEY_ERROR, "invalid signal dict"));
    }
    let mut all = 0;
    for (key, value) in dict.items() {
        let conditions = conditions_of(t, &key)?;
        if ops::truth(t, &value)? {
            all |= conditions;
        }
    }
    Ok(all)
}

/// The view of a context's flags or traps.
#[repr(C)]
pub(super) struct SignalDict {
    header: Header,
    core: Rc<Core>,
    traps: bool,
}

typhon_object::payload!(SignalDict => SIGNAL_DICT_MIXIN);

impl SignalDict {
    fn read(&self) -> u32 {
        let settings = self.core.borrow();
        if self.traps { settings.traps } else { settings.flags }
    }

    fn write(&self, conditions: u32) {
        let mut settings = self.core.borrow_mut();
        if self.traps {
            settings.traps = conditions;
        } else {
            settings.flags = conditions;
        }
    }
}

/// decimal.SignalDictMixin.
pub(super) static SIGNAL_DICT_MIXIN: TypeDef = TypeDef {
    name: "decimal.SignalDictMixin",
    flags: flag::BASETYPE | flag::NO_NEW,
    slots: Slots {
        repr: Some(repr),
        compare: Some(compare),
        iter: Some(|t, _| ops::iter(t, &state::signal_tuple(t)?)),
        len: Some(|_, _| Ok(SIGNALS.len())),
        getitem: Some(|t, v, key| Ok(Value::bool(this(v).read() & conditions_of(t, key)? != 0))),
        setitem: Some(set),
        ..Slots::NONE
    },
    methods: &[def("copy", "($self, /)", |t, a| as_dict(t, this(&a[0]).read()), "")],
    ..TypeDef::of::<SignalDict>()
};

fn this(v: &Value) -> &SignalDict {
    v.expect::<SignalDict>()
}

/// The view of a context's flags or traps.
pub(super) fn view(t: &Thread, core: &Rc<Core>, traps: bool) -> Res {
    let class = state::signal_dict_class(t)?;
    let core = Rc::clone(core);
    payload::new_of(t, class.expect::<TypeObject>(), |header| SignalDict { header, core, traps })
}

fn as_dict(t: &Thread, conditions: u32) -> Res {
    let dict = Dict::create(t);
    let raised = standing_for(t, conditions, SIGNALS)?;
    for class in standing_for(t, u32::MAX, SIGNALS)? {
        let on = raised.iter().any(|r| r.is(&class));
        Dict::of(&dict).set(t, &class, &Value::bool(on))?;
    }
    Ok(dict)
}

fn repr(t: &Thread, v: &Value) -> Res {
    let conditions = this(v).read();
    let raised = standing_for(t, conditions, SIGNALS)?;
    let mut parts = Vec::new();
    for class in standing_for(t, u32::MAX, SIGNALS)? {
        let on = if raised.iter().any(|r| r.is(&class)) { "True" } else { "False" };
        parts.push(format!("{}:{on}", ops::repr_text(t, &class)?));
    }
    strs::new(t, &format!("{{{}}}", parts.join(", ")))
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let other = b.downcast::<SignalDict>().is_some() || b.downcast::<Dict>().is_some();
    if !other || !matches!(op, CompareOp::Eq | CompareOp::Ne) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let equal = this(a).read() == from_value(t, b, false)?;
    Ok(Value::bool(equal == (op == CompareOp::Eq)))
}

fn set(t: &Thread, v: &Value, key: &Value, value: Option<&Value>) -> Res<()> {
    let Some(value) = value else { return Err(error::value_error(t, "signal keys cannot be deleted")) };
    let conditions = conditions_of(t, key)?;
    let on = convert::to_bool(t, value)?;
    let all = this(v).read();
    this(v).write(if on { all | conditions } else { all & !conditions });
    Ok(())
}
