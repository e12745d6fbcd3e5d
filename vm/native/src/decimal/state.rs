//! State: what an isolate's `decimal` keeps: exception classes, template contexts, the current context.

use super::{context, signals};
use std::cell::{OnceCell, RefCell};
use typhon_num::decimal::{Context, Rounding, status};
use typhon_object::error::Res;
use typhon_object::thread::Thread;
use typhon_object::{Value, attr, call, strs, tuple};

/// The module's part of an isolate.
#[derive(Default)]
pub(super) struct State {
    /// In the order of [`signals::CLASSES`].
    pub(super) classes: OnceCell<Vec<Value>>,
    /// DefaultContext, BasicContext, ExtendedContext.
    pub(super) templates: OnceCell<[Value; 3]>,
    /// The class of `flags` and `traps`.
    pub(super) signal_dict: OnceCell<Value>,
    /// The named tuple of `as_tuple`.
    pub(super) tuple_class: OnceCell<Value>,
    /// `numbers.Rational`.
    pub(super) rational: OnceCell<Value>,
}

/// The running thread's context, once somebody has asked for it.
#[derive(Default)]
pub(super) struct Current(pub(super) RefCell<Option<Value>>);

/// The isolate's state, its classes and templates made.
pub(super) fn get(t: &Thread) -> Res<&State> {
    let state = t.state::<State>();
    if state.classes.get().is_none() {
        let classes = signals::make(t)?;
        state.classes.get_or_init(|| classes);
    }
    if state.templates.get().is_none() {
        let plain = Context { flags: 0, ..Context::python() };
        let basic =
            status::IEEE_INVALID | status::DIVISION_BY_ZERO | status::OVERFLOW | status::UNDERFLOW | status::CLAMPED;
        let basic = Context { prec: 9, rounding: Rounding::HalfUp, traps: basic, ..plain.clone() };
        let extended = Context { prec: 9, traps: 0, ..plain.clone() };
        let made = [context::new(t, plain)?, context::new(t, basic)?, context::new(t, extended)?];
        state.templates.get_or_init(|| made);
    }
    Ok(state)
}

/// The class behind `context.flags`: the native mapping, made a `MutableMapping`.
pub(super) fn signal_dict_class(t: &Thread) -> Res {
    let state = get(t)?;
    if let Some(class) = state.signal_dict.get() {
        return Ok(class.clone());
    }
    let abc = (t.hooks.import)(t, "collections.abc")?;
    let mapping = attr::get_text(t, &abc, "MutableMapping")?;
    let class = signals::new_class(t, "SignalDict", vec![signals::SIGNAL_DICT_MIXIN.ty().value(), mapping])?;
    Ok(state.signal_dict.get_or_init(|| class).clone())
}

/// `DecimalTuple`.
pub(super) fn tuple_class(t: &Thread) -> Res {
    let state = get(t)?;
    if let Some(class) = state.tuple_class.get() {
        return Ok(class.clone());
    }
    let collections = (t.hooks.import)(t, "collections")?;
    let namedtuple = attr::get_text(t, &collections, "namedtuple")?;
    let args = [strs::new(t, "DecimalTuple")?, strs::new(t, "sign digits exponent")?, strs::new(t, "decimal")?];
    let names = [typhon_object::names::intern_static("module")];
    let class = call::call_args(t, &namedtuple, typhon_object::args::Args { values: &args, names: &names })?;
    Ok(state.tuple_class.get_or_init(|| class).clone())
}

/// Lets `numbers` know Decimal, and remembers what a fraction is.
pub(super) fn join_numbers(t: &Thread) -> Res<()> {
    let numbers = (t.hooks.import)(t, "numbers")?;
    let number = attr::get_text(t, &numbers, "Number")?;
    let register = attr::get_text(t, &number, "register")?;
    call::call1(t, &register, &super::number::DECIMAL.ty().value())?;
    let rational = attr::get_text(t, &numbers, "Rational")?;
    get(t)?.rational.get_or_init(|| rational);
    Ok(())
}

/// A tuple of the exception classes that are signals.
pub(super) fn signal_tuple(t: &Thread) -> Res {
    let state = get(t)?;
    let classes = state.classes.get().map_or(&[][..], Vec::as_slice);
    tuple::new(t, classes.get(1..10).unwrap_or(&[]))
}
