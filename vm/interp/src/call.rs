//! Calling Python functions: binding arguments to parameters, and entering the body.

use crate::eval;
use crate::frame::{Frame, Interp, Kind, interp};
use crate::function::{self, Function};
use crate::unit::Unit;
use typhon_isa::CodeFlags;
use typhon_object::args::{ArgBuffer, Args};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Exc, Res};
use typhon_object::tuple::{self, Tuple};
use typhon_object::{Thread, Value, strs, suggest};

/// The call slot of functions: runs the body in a nested run loop.
pub fn call_function(t: &Thread, f: &Value, args: Args<'_>) -> Res {
    let it = interp(t);
    let function = f.expect::<Function>();
    // SAFETY: the record `fp` names is live or the bottom; its `top` is where free registers begin.
    let base = unsafe { (*it.fp.get()).top };
    t.poll_yielding()?;
    let unit = function.unit().here(t, it)?;
    if !plainly(t, it, unit, args.values, args.names.len(), base)? {
        bind(t, it, function, args, base)?;
    }
    push(t, it, f.clone(), unit, base, Kind::Entry, 0, 0);
    eval::run(t, it)
}

/// Runs a code object in namespaces: module bodies, `exec`, `eval`, class bodies.
pub fn run_code(t: &Thread, f: &Value, locals: Option<&Value>) -> Res {
    let it = interp(t);
    let function = f.expect::<Function>();
    // SAFETY: as in `call_function`.
    let base = unsafe { (*it.fp.get()).top };
    t.poll_yielding()?;
    let unit = function.unit().here(t, it)?;
    bind(t, it, function, Args::NONE, base)?;
    push(t, it, f.clone(), unit, base, Kind::Entry, 0, 0);
    if let Some(locals) = locals {
        // SAFETY: the frame was just pushed; it owns this reference until it is popped.
        unsafe { (*it.fp.get()).locals = locals.clone().into_raw() };
    }
    eval::run(t, it)
}

/// Pushes the frame of a function whose arguments are bound at `base`. Room was checked.
#[inline(always)]
pub(crate) fn push(t: &Thread, it: &Interp, f: Value, unit: &Unit, base: *mut u64, kind: Kind, dst: u16, skip: u8) {
    t.depth.set(t.depth.get() + 1);
    // SAFETY: `check_room` vouched for the record and the registers.
    unsafe {
        let fp = it.fp.get().add(1);
        fp.write(Frame {
            unit,
            base,
            ip: unit.start(),
            top: base.add(unit.register_count),
            func: f.into_raw(),
            locals: 0,
            object: 0,
            generator: 0,
            extra: 0,
            dst,
            skip,
            kind,
            watched: 0,
        });
        it.fp.set(fp);
    }
}

/// Checks that there is room for the frame, and binds arguments that are just the parameters; whether they are.
#[inline(always)]
fn plainly(t: &Thread, it: &Interp, unit: &Unit, values: &[Value], keywords: usize, base: *mut u64) -> Res<bool> {
    // SAFETY: address arithmetic within the reserved region, checked by `check_room` before any access.
    it.check_room(t, unsafe { base.add(unit.register_count) })?;
    if !unit.simple || keywords > 0 || values.len() != unit.arg_count {
        return Ok(false);
    }
    for (i, v) in values.iter().enumerate() {
        // SAFETY: parameter registers are within the frame.
        unsafe { base.add(i).write(v.clone().into_raw()) };
    }
    zero(base, values.len(), unit.local_count);
    Ok(true)
}

/// Binds arguments to the parameters of `f` in the registers at `base`, and makes its locals unbound.
///
/// The registers hold nothing alive. On an error they hold nothing alive again.
pub(crate) fn bind(t: &Thread, it: &Interp, f: &Function, args: Args<'_>, base: *mut u64) -> Res<()> {
    let unit = f.unit();
    if plainly(t, it, unit, args.values, args.names.len(), base)? {
        return Ok(());
    }
    let mut out = ArgBuffer::new();
    arrange(t, f, unit, args, &mut out)?;
    let bound = out.len();
    for (i, v) in out.into_iter().enumerate() {
        // SAFETY: as above: one register a parameter.
        unsafe { base.add(i).write(v.into_raw()) };
    }
    zero(base, bound, unit.local_count);
    Ok(())
}

/// Makes registers unbound. They are few: the writes are volatile so that they do not become a call, for which the opcodes'
/// functions would have to save registers.
#[inline(always)]
pub(crate) fn zero(base: *mut u64, from: usize, to: usize) {
    for i in from..to {
        // SAFETY: the caller's frame has these registers, and they hold nothing alive.
        unsafe { base.add(i).write_volatile(0) };
    }
}

/// One value a parameter, as CPython's `initialize_locals`.
fn arrange(t: &Thread, f: &Function, unit: &Unit, args: Args<'_>, out: &mut ArgBuffer) -> Res<()> {
    let code = &*unit.code;
    let (argc, kwonly) = (unit.arg_count, code.kwonly_count as usize);
    let varargs = code.flags & CodeFlags::VARARGS != 0;
    let varkw = code.flags & CodeFlags::VARKEYWORDS != 0;
    let positional = args.positional();
    out.resize_with(code.parameter_count(), || Value::ABSENT);
    for (slot, v) in out.iter_mut().zip(positional.iter().take(argc)) {
        *slot = v.clone();
    }
    if varargs {
        out[argc + kwonly] = tuple::new(t, positional.get(argc..).unwrap_or(&[]))?;
    }
    let kwargs = varkw.then(|| Dict::create(t));
    for (key, value) in args.keywords() {
        if key.downcast::<strs::Str>().is_none() {
            return Err(error::type_error(t, format_args!("{}() keywords must be strings", qualname(f))));
        }
        let names = &unit.locals()[..argc + kwonly];
        let posonly = code.posonly_count as usize;
        let found = names.iter().position(|n| n.is(key)).or_else(|| names.iter().position(|n| strs::eq(n, key)));
        match (found.filter(|&i| i >= posonly), &kwargs) {
            (Some(i), _) if out[i].is_absent() => out[i] = value.clone(),
            (Some(_), _) => {
                return Err(error::type_error(
                    t,
                    format_args!("{}() got multiple values for argument '{}'", qualname(f), strs::display(key)),
                ));
            }
            (None, Some(kwargs)) => Dict::of(kwargs).set(t, key, value)?,
            (None, None) => return Err(unexpected(t, f, unit, args, key)),
        }
    }
    if positional.len() > argc && !varargs {
        return Err(too_many(t, f, unit, positional.len(), out));
    }
    fill_defaults(t, f, unit, out, positional.len())?;
    if let Some(kwargs) = kwargs {
        out[argc + kwonly + usize::from(varargs)] = kwargs;
    }
    Ok(())
}

fn fill_defaults(t: &Thread, f: &Function, unit: &Unit, out: &mut ArgBuffer, given: usize) -> Res<()> {
    let (argc, kwonly) = (unit.arg_count, unit.code.kwonly_count as usize);
    if given < argc {
        let defaults = function::defaults(f);
        let values = defaults.expect::<Tuple>().items();
        let first = argc.saturating_sub(values.len());
        if (given..first).any(|i| out[i].is_absent()) {
            return Err(missing(t, f, unit, out, 0..first, "positional"));
        }
        for i in given.max(first)..argc {
            if out[i].is_absent() {
                out[i] = values[i - first].clone();
            }
        }
    }
    if kwonly > 0 {
        let kwdefaults = f.kwdefaults.get();
        for i in argc..argc + kwonly {
            if out[i].is_absent()
                && let Some(d) = kwdefaults.downcast::<Dict>()
                && let Some(v) = d.get(t, &unit.locals()[i])?
            {
                out[i] = v;
            }
        }
        if (argc..argc + kwonly).any(|i| out[i].is_absent()) {
            return Err(missing(t, f, unit, out, argc..argc + kwonly, "keyword-only"));
        }
    }
    Ok(())
}

fn qualname(f: &Function) -> String {
    strs::display(&f.qualname.get())
}

#[cold]
fn missing(t: &Thread, f: &Function, unit: &Unit, out: &ArgBuffer, range: std::ops::Range<usize>, what: &str) -> Exc {
    let names: Vec<String> =
        range.filter(|&i| out[i].is_absent()).map(|i| format!("'{}'", strs::display(&unit.locals()[i]))).collect();
    let n = names.len();
    let list = match names.as_slice() {
        [one] => one.clone(),
        [a, b] => format!("{a} and {b}"),
        [rest @ .., last] => format!("{}, and {last}", rest.join(", ")),
        [] => String::new(),
    };
    let s = if n == 1 { "" } else { "s" };
    error::type_error(t, format_args!("{}() missing {n} required {what} argument{s}: {list}", qualname(f)))
}

#[cold]
fn too_many(t: &Thread, f: &Function, unit: &Unit, given: usize, out: &ArgBuffer) -> Exc {
    let argc = unit.arg_count;
    let kwonly = unit.code.kwonly_count as usize;
    let kwonly_given = (argc..argc + kwonly).filter(|&i| !out[i].is_absent()).count();
    let defaults = f.defaults.get().downcast::<Tuple>().map_or(0, Tuple::len);
    let (takes, plural) = if defaults > 0 {
        (format!("from {} to {argc}", argc - defaults.min(argc)), true)
    } else {
        (argc.to_string(), argc != 1)
    };
    let given_text = if kwonly_given > 0 {
        let s = |n: usize| if n == 1 { "" } else { "s" };
        format!(
            "{given} positional argument{} (and {kwonly_given} keyword-only argument{}) were",
            s(given),
            s(kwonly_given)
        )
    } else {
        format!("{given} {}", if given == 1 { "was" } else { "were" })
    };
    let s = if plural { "s" } else { "" };
    error::type_error(t, format_args!("{}() takes {takes} positional argument{s} but {given_text} given", qualname(f)))
}

#[cold]
fn unexpected(t: &Thread, f: &Function, unit: &Unit, args: Args<'_>, key: &Value) -> Exc {
    let posonly: Vec<String> = args
        .names
        .iter()
        .filter(|k| unit.locals()[..unit.code.posonly_count as usize].iter().any(|n| strs::eq(n, k)))
        .map(strs::display)
        .collect();
    if !posonly.is_empty() {
        return error::type_error(
            t,
            format_args!(
                "{}() got some positional-only arguments passed as keyword arguments: '{}'",
                qualname(f),
                posonly.join(", ")
            ),
        );
    }
    let candidates: Vec<String> = unit.locals()
        [unit.code.posonly_count as usize..unit.arg_count + unit.code.kwonly_count as usize]
        .iter()
        .map(strs::display)
        .collect();
    suggest::unexpected_keyword(t, &qualname(f), key, candidates.iter().map(String::as_str))
}
