//! Throwing into generators and coroutines, and closing them.

use crate::eval::exception::{construct, instance};
use crate::frame::{Kind, interp};
use crate::frame_object::{self, FrameObject};
use crate::generator::{self, Generator, Resumed, State, as_generator, me, throw_in};
use typhon_object::error::{self, Exc, Res};
use typhon_object::names::n;
use typhon_object::tuple::Tuple;
use typhon_object::ty::{TypeObject, flag};
use typhon_object::types::exceptions as exc;
use typhon_object::{Thread, Value, attr, call, type_of};

/// `throw()` with delegation, as CPython's `_gen_throw`.
pub(crate) fn throw(t: &Thread, v: &Value, e: Exc) -> Res<Resumed> {
    let g = me(v);
    let Some(inner) = g.delegate() else { return throw_in(t, v, e) };
    t.check_stack("")?;
    if e.is(&exc::GENERATOR_EXIT) {
        let closed = standing(t, v, g, || close_iter(t, &inner));
        return match closed {
            Ok(()) => throw_in(t, v, e),
            Err(e) => throw_in(t, v, e),
        };
    }
    match standing(t, v, g, || throw_delegate(t, &inner, e)) {
        Ok(Ok(value)) => Ok(Resumed::Yield(value)),
        Ok(Err(e)) | Err(e) => throw_in(t, v, e),
    }
}

/// Runs `f` with the suspended generator's frame on the stack, so that what it delegates to is seen to run inside it.
fn standing<R>(t: &Thread, v: &Value, g: &Generator, f: impl FnOnce() -> Res<R>) -> Res<R> {
    let it = interp(t);
    generator::push(t, it, (v, g, State::Suspended), Kind::Entry, 0, 0)?;
    let fp = it.fp.get();
    let out = f();
    frame_object::settle(t, it, fp);
    // SAFETY: whatever `f` pushed it has popped, so the frame on top is the one pushed above, and it owns its words.
    unsafe {
        if let Some(object) = Value::from_ref(&(*fp).object).downcast::<FrameObject>() {
            object.suspend(g);
        }
        let owner = Value::from_raw(std::mem::replace(&mut (*fp).generator, 0));
        generator::pop(t, it, fp, g);
        g.set_state(State::Suspended);
        drop(owner);
    }
    out
}

/// Throws into what is delegated to. `Ok(Ok)`: it yielded; `Ok(Err)`: raise this in the generator itself.
fn throw_delegate(t: &Thread, inner: &Value, e: Exc) -> Res<Result<Value, Exc>> {
    if as_generator(inner).is_some() && !type_of(inner).has_flag(flag::HEAP) {
        return match throw(t, inner, e)? {
            Resumed::Yield(v) => Ok(Ok(v)),
            Resumed::Return(v) => Ok(Err(error::stop_iteration(t, v))),
        };
    }
    let throw = typhon_object::names::intern_text(t, "throw");
    match attr::get_opt(t, inner, &throw)? {
        Some(f) => call::call1(t, &f, e.value()).map(Ok),
        None => Ok(Err(e)),
    }
}

/// Closes what is delegated to.
fn close_iter(t: &Thread, inner: &Value) -> Res<()> {
    if as_generator(inner).is_some() {
        return close(t, inner).map(drop);
    }
    match attr::get_opt(t, inner, n::close()) {
        Ok(Some(f)) => call::call0(t, &f).map(drop),
        Ok(None) => Ok(()),
        Err(e) => {
            error::unraisable(t, e, "while closing generator", inner);
            Ok(())
        }
    }
}

/// `close()`: GeneratorExit at the yield; returns the value of a return it provokes (3.13+).
pub(crate) fn close(t: &Thread, v: &Value) -> Res {
    let g = me(v);
    match g.state() {
        State::Finished => return Ok(Value::NONE),
        State::Running => return Err(generator::running(t, g)),
        state => {
            if !g.claim(state) {
                return Err(generator::running(t, g));
            }
            let suspended = state == State::Suspended;
            if !suspended
                || !(g.unit().is_guarded(g.ip.get()) || g.stands_at().is_some() || interp(t).watch.active.get())
            {
                // Nobody could notice that an exception is thrown in.
                g.finish();
                return Ok(Value::NONE);
            }
            g.set_state(state);
        }
    }
    let exit = error::with_args(t, exc::GENERATOR_EXIT.ty(), &[]);
    match throw(t, v, exit) {
        Ok(Resumed::Return(value)) => Ok(value),
        Ok(Resumed::Yield(_)) => Err(error::runtime_error(t, format_args!("{} ignored GeneratorExit", g.kind_name()))),
        Err(e) if e.is(&exc::STOP_ITERATION) => Ok(exc::field(e.value(), "value").unwrap_or(Value::NONE)),
        Err(e) if e.is(&exc::GENERATOR_EXIT) => Ok(Value::NONE),
        Err(e) => Err(e),
    }
}

/// What `throw(type, value, tb)`'s arguments mean.
pub(crate) fn thrown(t: &Thread, typ: &Value, value: &Value, tb: &Value) -> Res<Exc> {
    if !tb.is_absent() && !tb.is_none() && tb.downcast::<crate::traceback::Traceback>().is_none() {
        return Err(error::type_error(t, "throw() third argument must be a traceback object"));
    }
    if !value.is_absent() {
        let text = "the (type, exc, tb) signature of throw() is deprecated, use the single-arg signature instead.";
        (t.hooks.warn)(t, &exc::DEPRECATION_WARNING.ty().value(), text, 1)?;
    }
    let made = if let Some(class) = typ.downcast::<TypeObject>().filter(|c| c.has_flag(flag::EXCEPTION)) {
        let made = match value.non_none() {
            Some(v) if type_of(v).is_subtype(class) => Ok(v.clone()),
            Some(v) => match v.downcast::<Tuple>() {
                Some(args) => construct(t, typ, args.items()),
                None => construct(t, typ, std::slice::from_ref(v)),
            },
            None => instance(t, typ, ""),
        };
        match made {
            Ok(made) => made,
            Err(e) if e.is_stopped() => return Err(e),
            // An exception that cannot be made is thrown in, as the error that says so.
            Err(e) => e.into_value(),
        }
    } else if type_of(typ).has_flag(flag::EXCEPTION) {
        if value.non_none().is_some() {
            return Err(error::type_error(t, "instance exception may not have a separate value"));
        }
        typ.clone()
    } else {
        let name = type_of(typ).name();
        return Err(error::type_error(
            t,
            format_args!("exceptions must be classes or instances deriving from BaseException, not {name}"),
        ));
    };
    if let Some(tb) = tb.non_none() {
        exc::set_traceback(&made, tb.clone());
    }
    Ok(Exc::new(made))
}
