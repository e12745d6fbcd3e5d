//! Coroutines: what `await` needs besides the generator machinery.

use crate::generator::{self, as_generator};
use crate::generator_type;
use typhon_isa::CodeFlags;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::def;
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions as exc;
use typhon_object::{Thread, Value, attr, call, names, payload, type_of};

/// `coroutine.__await__()`: an iterator over the coroutine.
#[repr(C)]
pub struct CoroutineWrapper {
    header: Header,
    coroutine: Slot,
}

typhon_object::payload!(CoroutineWrapper => COROUTINE_WRAPPER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.coroutine.peek() });
    }
});

fn inner(v: &Value) -> Value {
    v.expect::<CoroutineWrapper>().coroutine.get()
}

/// coroutine_wrapper.
pub static COROUTINE_WRAPPER: TypeDef = TypeDef {
    name: "coroutine_wrapper",
    flags: flag::NO_NEW,
    slots: Slots {
        iter: Some(|_, v| Ok(v.clone())),
        next: Some(|t, v| generator::result(t, generator::send(t, &inner(v), &Value::NONE))),
        ..Slots::NONE
    },
    methods: &[
        def("send", "($self, arg, /)", |t, a| generator_type::send_method(t, &[inner(&a[0]), a[1].clone()]), ""),
        def(
            "throw",
            "($self, type, value=None, traceback=None, /)",
            |t, a| generator_type::throw_method(t, &[inner(&a[0]), a[1].clone(), a[2].clone(), a[3].clone()]),
            "",
        ),
        def("close", "($self, /)", |t, a| generator::close(t, &inner(&a[0])), ""),
    ],
    ..TypeDef::of::<CoroutineWrapper>()
};

/// The `__await__` slot of coroutines.
pub(crate) fn await_wrapper(t: &Thread, v: &Value) -> Res {
    payload::new(t, |header| CoroutineWrapper { header, coroutine: Slot::new(v.clone()) })
}

/// `cr_origin` of a coroutine made now.
pub(crate) fn origin(t: &Thread) -> Res {
    let depth = crate::frame::interp(t).origin_depth.get();
    if depth <= 0 {
        return Ok(Value::ABSENT);
    }
    crate::frame_object::origin(t, depth as usize)
}

/// "coroutine 'f' was never awaited": `warnings` says it, with the place where the coroutine was made if that is known.
pub(crate) fn warn_never_awaited(t: &Thread, v: &Value, qualname: &Value) {
    let told = (t.hooks.import)(t, "warnings")
        .and_then(|m| attr::get_opt(t, &m, &names::intern_text(t, "_warn_unawaited_coroutine")))
        .and_then(|f| f.map(|f| call::call1(t, &f, v)).transpose());
    match told {
        Ok(Some(_)) => return,
        Ok(None) => {}
        Err(e) => {
            let warned = e.is(&exc::RUNTIME_WARNING);
            error::unraisable(t, e, "while finalizing coroutine", v);
            if warned {
                return;
            }
        }
    }
    let text = format!("coroutine '{}' was never awaited", typhon_object::strs::display(qualname));
    if let Err(e) = (t.hooks.warn)(t, &exc::RUNTIME_WARNING.ty().value(), &text, 1) {
        error::unraisable(t, e, "while finalizing coroutine", v);
    }
}

/// The iterator that `await v` drives; `kind` 1 and 2 are for what `async with` awaits.
pub fn awaitable(t: &Thread, v: &Value, kind: u8) -> Res {
    if let Some(g) = as_generator(v) {
        let flags = g.unit().code.flags;
        if flags & CodeFlags::COROUTINE != 0 {
            if g.delegate().is_some() {
                return Err(error::runtime_error(t, "coroutine is being awaited already"));
            }
            return Ok(v.clone());
        }
        if flags & CodeFlags::ITERABLE_COROUTINE != 0 {
            return Ok(v.clone());
        }
    }
    let name = type_of(v).name();
    let Some(f) = type_of(v).slots().await_ else {
        return Err(match kind {
            1 | 2 => {
                let which = if kind == 1 { "__aenter__" } else { "__aexit__" };
                let text =
                    format!("'async with' received an object from {which} that does not implement __await__: {name}");
                error::type_error(t, text)
            }
            _ => error::type_error(t, format_args!("'{name}' object can't be awaited")),
        });
    };
    let it = f(t, v)?;
    if as_generator(&it).is_some_and(|g| g.unit().code.flags & CodeFlags::COROUTINE != 0) {
        return Err(error::type_error(t, "__await__() returned a coroutine"));
    }
    if type_of(&it).slots().next.is_none() {
        let name = type_of(&it).name();
        return Err(error::type_error(t, format_args!("__await__() returned non-iterator of type '{name}'")));
    }
    Ok(it)
}
