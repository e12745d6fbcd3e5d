//! Binding in place: the arguments of a call already lie where the parameters go, so what remains is to fill gaps.
//!
//! Only calls that succeed are bound here; whatever would be an error is left alone for `call::bind`, which words it.

use crate::call::{bind, zero};
use crate::frame::{Interp, clear_registers};
use crate::function::Function;
use crate::unit::Unit;
use typhon_isa::CodeFlags;
use typhon_object::args::Args;
use typhon_object::dict::Dict;
use typhon_object::error::Res;
use typhon_object::tuple::{self, Tuple};
use typhon_object::{Thread, Value, strs};

/// Binds `n` arguments at `window`, the values of keywords `names` last, and returns where the callee's registers begin:
/// at the window, or at `top` if the window lies in a generator's own block, or if only the general way can do it. The
/// window holds nothing alive afterwards, unless it is the callee's; on an error it is as it was.
#[inline(never)]
pub(crate) fn window(
    t: &Thread,
    it: &Interp,
    f: &Function,
    window: *mut u64,
    top: Option<*mut u64>,
    n: usize,
    names: &[Value],
) -> Res<*mut u64> {
    let unit = f.unit();
    let base = top.unwrap_or(window);
    // SAFETY: address arithmetic within the reserved region, checked before any access.
    it.check_room(t, unsafe { base.add(unit.register_count.max(n) + 1) })?;
    if top.is_some() {
        // SAFETY: room was checked, and the registers at the top hold nothing alive: the values move there.
        unsafe { base.copy_from_nonoverlapping(window, n) };
    }
    let bound = in_place(t, f, unit, base, n, names);
    if matches!(bound, Ok(true)) {
        if top.is_some() {
            // SAFETY: the values have moved.
            unsafe { window.write_bytes(0, n) };
        }
        return Ok(base);
    }
    if top.is_some() {
        // SAFETY: as above. The values are still the window's: copies left here would be dropped as dead temporaries.
        unsafe { base.write_bytes(0, n) };
    }
    bound?;
    // SAFETY: the running frame is live; its top is where free registers begin.
    let free = unsafe { (*it.fp.get()).top };
    // SAFETY: the window's values are alive, and the binder copies them.
    bind(t, it, f, Args { values: unsafe { Value::slice(window, n) }, names }, free)?;
    // SAFETY: the window is the caller's; its arguments have been copied.
    unsafe { clear_registers(window, 0, n) };
    Ok(free)
}

/// Fills the parameters at `base`, where `n` arguments lie. False, with everything as it was, if that cannot be done here.
#[inline(always)]
fn in_place(t: &Thread, f: &Function, unit: &Unit, base: *mut u64, n: usize, names: &[Value]) -> Res<bool> {
    if unit.simple && plainly(f, unit, base, n, names) {
        return Ok(true);
    }
    if names.is_empty() { positional(t, f, unit, base, n) } else { by_keyword(t, f, unit, base, n, names) }
}

/// The defaults of positional parameters, borrowed, and of keyword-only ones.
#[inline(always)]
fn defaults_of(f: &Function) -> (&[Value], Option<&Dict>) {
    // SAFETY: no Python code runs while the defaults are looked at: parameters are found by identity.
    unsafe { (f.defaults.peek().exact::<Tuple>().map_or(&[], Tuple::items), f.kwdefaults.peek().exact::<Dict>()) }
}

/// Most keywords of a call that is bound in the plain way.
const FEW: usize = 4;

/// A function of plain parameters, called with few keywords or none. False, with everything as it was, if it is not that or
/// an argument is missing, unknown or given twice.
#[inline(never)]
fn plainly(f: &Function, unit: &Unit, base: *mut u64, n: usize, names: &[Value]) -> bool {
    let (argc, given) = (unit.arg_count, n - names.len());
    if given > argc || names.len() > FEW || argc > u64::BITS as usize {
        return false;
    }
    let from = given.max(unit.code.posonly_count as usize);
    let Some(params) = unit.locals().get(from..argc) else { return false };
    // Which parameters keywords give a value, and each keyword's parameter.
    let (mut filled, mut places) = (0u64, [0; FEW]);
    for (name, place) in names.iter().zip(&mut places) {
        let Some(p) = params.iter().position(|n| n.is(name)) else { return false };
        *place = from + p;
        if filled & 1 << *place != 0 {
            return false;
        }
        filled |= 1 << *place;
    }
    let (defaults, _) = defaults_of(f);
    let first = argc.saturating_sub(defaults.len());
    if (given..first).any(|i| filled & 1 << i == 0) {
        return false;
    }
    // SAFETY: room was checked. The keywords' values are taken out before anything is written over them; every parameter
    // from `given` on is written once.
    unsafe {
        let mut values = [0; FEW];
        for (i, value) in values.iter_mut().enumerate().take(names.len()) {
            *value = *base.add(given + i);
        }
        for i in given..argc {
            if filled & 1 << i == 0 {
                base.add(i).write(defaults[i - first].clone().into_raw());
            }
        }
        for (value, place) in values.into_iter().zip(places).take(names.len()) {
            base.add(place).write(value);
        }
    }
    zero(base, argc, unit.local_count);
    true
}

/// Only positional arguments.
#[inline(always)]
fn positional(t: &Thread, f: &Function, unit: &Unit, base: *mut u64, n: usize) -> Res<bool> {
    let (argc, kwonly) = (unit.arg_count, unit.code.kwonly_count as usize);
    let varargs = unit.code.flags & CodeFlags::VARARGS != 0;
    let (defaults, kwdefaults) = defaults_of(f);
    let first = argc.saturating_sub(defaults.len());
    if n < first || (n > argc && !varargs) {
        return Ok(false);
    }
    let total = argc + kwonly;
    if (argc..total).any(|i| default_of(unit, kwdefaults, i).is_none()) {
        return Ok(false);
    }
    // SAFETY: room was checked. The arguments behind the parameters move into the tuple; if that fails they stay.
    // What is written over was moved out before, or is dead.
    unsafe {
        let extra = match varargs {
            true => tuple::take(t, base.add(argc.min(n)).cast(), n.saturating_sub(argc))?,
            false => Value::ABSENT,
        };
        for i in n..argc {
            base.add(i).write(defaults[i - first].clone().into_raw());
        }
        for i in argc..total {
            base.add(i).write(default_of(unit, kwdefaults, i).unwrap_or_default().into_raw());
        }
        base.add(total).write(extra.into_raw());
    }
    let mut end = total + usize::from(varargs);
    if unit.code.flags & CodeFlags::VARKEYWORDS != 0 {
        // SAFETY: as above.
        unsafe { base.add(end).write(Dict::create(t).into_raw()) };
        end += 1;
    }
    zero(base, end, unit.local_count);
    Ok(true)
}

/// Most keywords, and most parameters, of a call that is bound in place.
const MAX: usize = 16;

/// The last arguments by keyword.
#[inline(never)]
fn by_keyword(t: &Thread, f: &Function, unit: &Unit, base: *mut u64, n: usize, names: &[Value]) -> Res<bool> {
    let argc = unit.arg_count;
    let (varargs, varkw) = (unit.code.flags & CodeFlags::VARARGS != 0, unit.code.flags & CodeFlags::VARKEYWORDS != 0);
    let (total, given) = (argc + unit.code.kwonly_count as usize, n - names.len());
    if (given > argc && !varargs) || total > MAX || names.len() > MAX {
        return Ok(false);
    }
    // SAFETY: the caller's arguments lie at `base`.
    let values = unsafe { Value::slice(base.add(given), names.len()) };
    // Per parameter the position of its value among the keywords' values, plus one.
    let mut from = [0u8; MAX];
    let rest = if varkw { Dict::create(t) } else { Value::ABSENT };
    if !match_keywords(t, unit, given.min(argc), (names, values), &mut from, &rest)? {
        return Ok(false);
    }
    let (defaults, kwdefaults) = defaults_of(f);
    let first = argc.saturating_sub(defaults.len());
    let missing = |i: usize| i >= given.min(argc) && from[i] == 0;
    if (given..first).any(missing) || (argc..total).any(|i| missing(i) && default_of(unit, kwdefaults, i).is_none()) {
        return Ok(false);
    }
    // SAFETY: as in `positional`; the keywords' values are taken out before anything is written over them.
    unsafe {
        let extra = match varargs {
            true => tuple::take(t, base.add(argc.min(given)).cast(), given.saturating_sub(argc))?,
            false => Value::ABSENT,
        };
        let mut words = [0u64; MAX];
        for (i, word) in words.iter_mut().enumerate().take(names.len()) {
            *word = std::ptr::replace(base.add(given + i), 0);
        }
        for i in given.min(argc)..total {
            let word = match from[i] as usize {
                0 if i < argc => defaults[i - first].clone().into_raw(),
                0 => default_of(unit, kwdefaults, i).unwrap_or_default().into_raw(),
                at => std::mem::replace(&mut words[at - 1], 0),
            };
            base.add(i).write(word);
        }
        base.add(total).write(extra.into_raw());
        if varkw {
            base.add(total + usize::from(varargs)).write(rest.into_raw());
            // What `**kwargs` has copied.
            words.into_iter().take(names.len()).for_each(|word| drop(Value::from_raw(word)));
        }
    }
    zero(base, total + usize::from(varargs) + usize::from(varkw), unit.local_count);
    Ok(true)
}

/// Finds the parameter of every keyword; false if one has none, or has a value already.
#[inline(always)]
fn match_keywords(
    t: &Thread,
    unit: &Unit,
    given: usize,
    (names, values): (&[Value], &[Value]),
    from: &mut [u8; MAX],
    rest: &Value,
) -> Res<bool> {
    let posonly = unit.code.posonly_count as usize;
    let total = unit.arg_count + unit.code.kwonly_count as usize;
    for (i, name) in names.iter().enumerate() {
        // Parameters are interned, and so are keywords, but for odd ones.
        match unit.locals()[posonly..total].iter().position(|n| n.is(name)).map(|p| p + posonly) {
            Some(p) if p >= given && from[p] == 0 => from[p] = i as u8 + 1,
            None if !rest.is_absent() && strs::is_interned(name) => Dict::of(rest).set(t, name, &values[i])?,
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// The default of keyword-only parameter `i`.
fn default_of(unit: &Unit, defaults: Option<&Dict>, i: usize) -> Option<Value> {
    defaults?.get_str(unit.locals().get(i)?)
}
