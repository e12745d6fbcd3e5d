//! Contexts: precision, limits, flags and traps, and which one is current.

use super::{context_methods, signals, state, value};
use std::cell::RefCell;
use std::rc::Rc;
use typhon_num::decimal::{Context, EMAX_MAX, EMIN_MIN, PREC_MAX, Rounding, status};
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{GetSetDef, getset};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str};
use typhon_object::thread::Thread;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::int;
use typhon_object::{Value, attr, convert, names, payload};

/// Settings, flags and traps: shared by a context and the mappings that show its flags.
pub(super) type Core = RefCell<Context>;

/// decimal.Context.
#[repr(C)]
pub(super) struct Ctx {
    header: Header,
    core: Rc<Core>,
    flags: Slot,
    traps: Slot,
}

typhon_object::payload!(Ctx => CONTEXT {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        [&self.flags, &self.traps].iter().for_each(|slot| visit(&slot.get()));
    }
    fn clear(&self) {
        drop(self.flags.take());
        drop(self.traps.take());
    }
});

/// decimal.Context.
pub(super) static CONTEXT: TypeDef = TypeDef {
    name: "decimal.Context",
    doc: "The context affects almost all operations and controls rounding, Over/Underflow, raising of exceptions and much more.",
    signature: "(prec=None, rounding=None, Emin=None, Emax=None, capitals=None, clamp=None, flags=None, traps=None)",
    flags: flag::BASETYPE | flag::WEAKREFS,
    slots: Slots { new: Some(construct), init: Some(init), repr: Some(repr), ..Slots::NONE },
    methods: context_methods::METHODS,
    getset: GETSET,
    ..TypeDef::of::<Ctx>()
};

const GETSET: &[GetSetDef] = &[
    getset("prec", |t, v| convert::from_i64(t, core(v).borrow().prec), |t, v, x| set(t, v, "prec", x), ""),
    getset("Emax", |t, v| convert::from_i64(t, core(v).borrow().emax), |t, v, x| set(t, v, "Emax", x), ""),
    getset("Emin", |t, v| convert::from_i64(t, core(v).borrow().emin), |t, v, x| set(t, v, "Emin", x), ""),
    getset(
        "rounding",
        |_, v| Ok(names::intern_static(rounding_name(core(v).borrow().rounding))),
        |t, v, x| set(t, v, "rounding", x),
        "",
    ),
    getset(
        "capitals",
        |_, v| Ok(Value::small(i64::from(core(v).borrow().capitals))),
        |t, v, x| set(t, v, "capitals", x),
        "",
    ),
    getset("clamp", |_, v| Ok(Value::small(i64::from(core(v).borrow().clamp))), |t, v, x| set(t, v, "clamp", x), ""),
    getset("flags", |t, v| view(t, v, false), |t, v, x| set(t, v, "flags", x), ""),
    getset("traps", |t, v| view(t, v, true), |t, v, x| set(t, v, "traps", x), ""),
];

/// What a context shares with its mappings.
pub(super) fn core(v: &Value) -> &Rc<Core> {
    &v.expect::<Ctx>().core
}

/// The settings, for a computation on this thread.
pub(super) fn settings(t: &Thread, ctx: &Value) -> Context {
    Context { digits_max: value::digits_max(t), ..core(ctx).borrow().clone() }
}

/// A context with these settings.
pub(super) fn new(t: &Thread, settings: Context) -> Res {
    let core = Rc::new(RefCell::new(settings));
    payload::new(t, |header| Ctx { header, core, flags: Slot::empty(), traps: Slot::empty() })
}

/// `context.copy()`.
pub(super) fn copy(t: &Thread, ctx: &Value) -> Res {
    let settings = core(ctx).borrow().clone();
    new(t, settings)
}

/// Whether a value is a context.
pub(super) fn is_context(v: &Value) -> bool {
    v.downcast::<Ctx>().is_some()
}

/// The current context; the first one is a copy of DefaultContext without its flags.
pub(super) fn current(t: &Thread) -> Res {
    let current = t.own_state::<state::Current>();
    if let Some(v) = &*current.0.borrow() {
        return Ok(v.clone());
    }
    let state = state::get(t)?;
    let mut settings = match state.templates.get() {
        Some([default, ..]) => core(default).borrow().clone(),
        None => Context::python(),
    };
    settings.flags = 0;
    let made = new(t, settings)?;
    current.0.replace(Some(made.clone()));
    Ok(made)
}

/// `setcontext(ctx)`: a template is never current itself.
pub(super) fn set_current(t: &Thread, ctx: &Value) -> Res<()> {
    if !is_context(ctx) {
        return Err(error::type_error(t, "argument must be a context"));
    }
    let state = state::get(t)?;
    let template = state.templates.get().is_some_and(|all| all.iter().any(|c| c.is(ctx)));
    let next = if template {
        let copied = copy(t, ctx)?;
        core(&copied).borrow_mut().flags = 0;
        copied
    } else {
        ctx.clone()
    };
    let old = t.own_state::<state::Current>().0.replace(Some(next));
    drop(old);
    Ok(())
}

/// An optional context argument: the current one if it is missing or None.
pub(super) fn argument(t: &Thread, v: Option<&Value>) -> Res {
    match v.and_then(Value::non_none) {
        None => current(t),
        Some(v) if is_context(v) => Ok(v.clone()),
        Some(_) => Err(error::type_error(t, "optional argument must be a context")),
    }
}

/// Sets flags without raising.
pub(super) fn note(ctx: &Value, conditions: u32) {
    core(ctx).borrow_mut().flags |= conditions;
}

/// Sets flags, and raises what the context traps.
pub(super) fn raise(t: &Thread, ctx: &Value, conditions: u32) -> Res<()> {
    if conditions == 0 {
        return Ok(());
    }
    if conditions & status::MALLOC_ERROR != 0 {
        return Err(t.memory_error());
    }
    note(ctx, conditions);
    match conditions & core(ctx).borrow().traps {
        0 => Ok(()),
        trapped => Err(signals::exception(t, trapped)),
    }
}

/// The Python name of a rounding.
pub(super) fn rounding_name(rounding: Rounding) -> &'static str {
    Rounding::ALL.iter().find(|(r, _)| *r == rounding).map_or("", |(_, name)| name)
}

/// A rounding argument.
pub(super) fn rounding(t: &Thread, v: &Value) -> Res<Rounding> {
    let named = |name: &str| v.downcast::<Str>().is_some_and(|s| s.eq_text(name));
    match Rounding::ALL.iter().find(|(_, name)| named(name)) {
        Some((rounding, _)) => Ok(*rounding),
        None => Err(error::type_error(
            t,
            "valid values for rounding are:\n  [ROUND_CEILING, ROUND_FLOOR, ROUND_UP, ROUND_DOWN,\n   ROUND_HALF_UP, ROUND_HALF_DOWN, ROUND_HALF_EVEN,\n   ROUND_05UP]",
        )),
    }
}

fn view(t: &Thread, v: &Value, traps: bool) -> Res {
    let this = v.expect::<Ctx>();
    let slot = if traps { &this.traps } else { &this.flags };
    if let Some(made) = slot.get().present() {
        return Ok(made);
    }
    let made = signals::view(t, &this.core, traps)?;
    slot.set(&this.header, made.clone());
    Ok(made)
}

fn ranged(t: &Thread, v: &Value, (low, high): (i64, i64), complaint: &str) -> Res<i64> {
    if !int::is_int(v) {
        return Err(error::type_error(t, "an integer is required"));
    }
    let n = convert::to_isize(t, v)? as i64;
    if n < low || n > high { Err(error::value_error(t, complaint)) } else { Ok(n) }
}

/// Sets an attribute.
fn set(t: &Thread, v: &Value, name: &str, x: Option<&Value>) -> Res<()> {
    let Some(x) = x else {
        return Err(error::attribute_error(t, v, &names::intern_text(t, name), "context attributes cannot be deleted"));
    };
    match name {
        "prec" => {
            let n = ranged(t, x, (1, PREC_MAX), "valid range for prec is [1, MAX_PREC]")?;
            core(v).borrow_mut().prec = n;
        }
        "Emin" => {
            let n = ranged(t, x, (EMIN_MIN, 0), "valid range for Emin is [MIN_EMIN, 0]")?;
            core(v).borrow_mut().emin = n;
        }
        "Emax" => {
            let n = ranged(t, x, (0, EMAX_MAX), "valid range for Emax is [0, MAX_EMAX]")?;
            core(v).borrow_mut().emax = n;
        }
        "rounding" => {
            let rounding = rounding(t, x)?;
            core(v).borrow_mut().rounding = rounding;
        }
        "capitals" => {
            let n = ranged(t, x, (0, 1), "valid values for capitals are 0 or 1")?;
            core(v).borrow_mut().capitals = n == 1;
        }
        "clamp" => {
            let n = ranged(t, x, (0, 1), "valid values for clamp are 0 or 1")?;
            core(v).borrow_mut().clamp = n == 1;
        }
        "flags" => {
            let conditions = signals::from_value(t, x, false)?;
            core(v).borrow_mut().flags = conditions;
        }
        _ => {
            let conditions = signals::from_value(t, x, false)?;
            core(v).borrow_mut().traps = conditions;
        }
    }
    Ok(())
}

/// Parameters of the constructor, in order.
const PARAMETERS: [&str; 8] = ["prec", "rounding", "Emin", "Emax", "capitals", "clamp", "flags", "traps"];

fn construct(t: &Thread, class: &Value, _: Args<'_>) -> Res {
    let state = state::get(t)?;
    let mut settings = match state.templates.get() {
        Some([default, ..]) => core(default).borrow().clone(),
        None => Context::python(),
    };
    settings.capitals = true;
    let core = Rc::new(RefCell::new(settings));
    payload::new_for(t, class, |header| Ctx { header, core, flags: Slot::empty(), traps: Slot::empty() })
}

fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    let positional = args.positional();
    let given = positional.len() + args.keywords().count();
    if given > PARAMETERS.len() {
        return Err(error::type_error(t, format_args!("function takes at most 8 arguments ({given} given)")));
    }
    let mut values: [Option<&Value>; PARAMETERS.len()] = [None; PARAMETERS.len()];
    for (slot, x) in values.iter_mut().zip(positional) {
        *slot = Some(x);
    }
    for (key, x) in args.keywords() {
        let Some(i) = PARAMETERS.iter().position(|p| strs::eq_str(key, p)) else {
            let key = strs::display(key);
            return Err(error::type_error(t, format_args!("this function got an unexpected keyword argument '{key}'")));
        };
        if values[i].replace(x).is_some() {
            return Err(error::type_error(
                t,
                format_args!("argument for function given by name ('{}') and position ({})", PARAMETERS[i], i + 1),
            ));
        }
    }
    for (name, x) in PARAMETERS.iter().zip(values) {
        let Some(x) = x.filter(|x| !x.is_none()) else { continue };
        match *name {
            "flags" => {
                let conditions = signals::from_value(t, x, true)?;
                core(v).borrow_mut().flags = conditions;
            }
            "traps" => {
                let conditions = signals::from_value(t, x, true)?;
                core(v).borrow_mut().traps = conditions;
            }
            name => set(t, v, name, Some(x))?,
        }
    }
    Ok(())
}

/// Applies keyword arguments of `localcontext`.
pub(super) fn apply(t: &Thread, ctx: &Value, key: &Value, x: &Value) -> Res<()> {
    let Some(name) = PARAMETERS.iter().find(|p| strs::eq_str(key, p)) else {
        let key = strs::display(key);
        return Err(error::type_error(t, format_args!("this function got an unexpected keyword argument '{key}'")));
    };
    if x.is_none() { Ok(()) } else { attr::set(t, ctx, &names::intern_text(t, name), Some(x)) }
}

fn repr(t: &Thread, v: &Value) -> Res {
    let c = core(v).borrow().clone();
    strs::new(
        t,
        &format!(
            "Context(prec={}, rounding={}, Emin={}, Emax={}, capitals={}, clamp={}, flags={}, traps={})",
            c.prec,
            rounding_name(c.rounding),
            c.emin,
            c.emax,
            u8::from(c.capitals),
            u8::from(c.clamp),
            signals::shown(c.flags),
            signals::shown(c.traps)
        ),
    )
}
