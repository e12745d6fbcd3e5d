//! _decimal: the module behind `decimal`.
//!
//! The arithmetic is `typhon_num::decimal`'s; here are the objects, the contexts, and which condition is an exception.

mod construct;
mod context;
mod context_methods;
mod manager;
mod methods;
mod number;
mod signals;
mod state;
mod value;

use typhon_num::decimal::{Context, EMAX_MAX, EMIN_MIN, ETINY_MIN, PREC_MAX, Rounding};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::native::{ModuleDef, def, raw};
use typhon_object::thread::Thread;
use typhon_object::types::module;
use typhon_object::{Value, convert, names, strs};

/// The widest interchange format.
const IEEE_BITS_MAX: i64 = 512;

/// _decimal.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_decimal",
    doc: "C decimal arithmetic module",
    functions: &[
        def("getcontext", "($module, /)", |t, _| context::current(t), "Get the current default context."),
        def("setcontext", "($module, context, /)", set_context, "Set a new default context."),
        raw(
            "localcontext",
            "($module, /, ctx=None, **kwargs)",
            manager::local_context,
            "Return a context manager for a copy of the supplied context.\n\nThat will set the default context to a copy of ctx on entry to the with-statement and restore the previous default context when exiting the with-statement. If no context is supplied, a copy of the current default context is used.",
        ),
        def(
            "IEEEContext",
            "($module, bits, /)",
            ieee_context,
            "Return a context, initialized as one of the IEEE interchange formats.\n\nThe argument must be a multiple of 32 and less than IEEE_CONTEXT_MAX_BITS.",
        ),
    ],
    types: &[
        ("Decimal", &number::DECIMAL),
        ("Context", &context::CONTEXT),
        ("", &signals::SIGNAL_DICT_MIXIN),
        ("", &manager::MANAGER),
    ],
    init: Some(init),
};

fn init(t: &Thread, module: &Value) -> Res<()> {
    let dict = module::dict_of(t, module);
    let put = |name: &str, v: Value| Dict::of(&dict).set_str(t, &names::intern_text(t, name), v);
    for (name, class) in signals::named(t)? {
        put(name, class)?;
    }
    let state = state::get(t)?;
    let templates = state.templates.get().into_iter().flatten();
    for (name, template) in ["DefaultContext", "BasicContext", "ExtendedContext"].iter().zip(templates) {
        put(name, template.clone())?;
    }
    let numbers = [
        ("MAX_PREC", PREC_MAX),
        ("MAX_EMAX", EMAX_MAX),
        ("MIN_EMIN", EMIN_MIN),
        ("MIN_ETINY", ETINY_MIN),
        ("IEEE_CONTEXT_MAX_BITS", IEEE_BITS_MAX),
    ];
    for (name, n) in numbers {
        put(name, convert::from_i64(t, n)?)?;
    }
    for (_, name) in Rounding::ALL {
        put(name, names::intern_static(name))?;
    }
    put("HAVE_CONTEXTVAR", Value::TRUE)?;
    put("HAVE_THREADS", Value::TRUE)?;
    put("__version__", strs::new(t, "1.70")?)?;
    put("__libmpdec_version__", strs::new(t, "2.5.1")?)?;
    put("DecimalTuple", state::tuple_class(t)?)?;
    state::join_numbers(t)
}

fn set_context(t: &Thread, a: &[Value]) -> Res {
    context::set_current(t, &a[0])?;
    Ok(Value::NONE)
}

fn ieee_context(t: &Thread, a: &[Value]) -> Res {
    let bits = convert::to_isize(t, &a[0])? as i64;
    if bits <= 0 || bits > IEEE_BITS_MAX || bits % 32 != 0 {
        return Err(error::value_error(
            t,
            format_args!("argument must be a multiple of 32, with a maximum of {IEEE_BITS_MAX}"),
        ));
    }
    let emax = 3 * (1 << (bits / 16 + 3));
    let settings = Context {
        prec: 9 * (bits / 32) - 2,
        emax,
        emin: 1 - emax,
        rounding: Rounding::HalfEven,
        clamp: true,
        traps: 0,
        ..Context::python()
    };
    context::new(t, settings)
}
