//! Raising, matching and handling exceptions.

use super::machine::{Flow, M, Stop};
use typhon_isa::Word;
use typhon_object::error::{self, Exc, Res};
use typhon_object::list::List;
use typhon_object::names::{self, n};
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::flag;
use typhon_object::types::exceptions as exc;
use typhon_object::{Thread, TypeObject, Value, attr, call, ops, strs, type_of};

#[inline(always)]
pub(crate) fn raise(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let e = match w.kind() {
        0 => match m.it.handled().present() {
            Some(e) => return Err(Stop::Reraise(Exc::new(e))),
            None => Err(error::runtime_error(m.t, "No active exception to reraise")),
        },
        1 => {
            let v = m.held_b(w);
            instance(m.t, &v, "exceptions must derive from BaseException").map(Exc::new)
        }
        _ => {
            let (v, cause) = (m.held_b(w), m.held_c(w));
            raise_from(m.t, &v, &cause)
        }
    };
    match e {
        Ok(e) => {
            chain(m.t, m.it, &e);
            Err(Stop::Raise(e))
        }
        Err(e) => Err(Stop::Raise(e)),
    }
}

/// An exception that is raised by name takes what is being handled as its context, whatever its context was.
#[inline(never)]
pub(crate) fn chain(t: &Thread, it: &crate::frame::Interp, e: &Exc) {
    if e.is_stopped() {
        return;
    }
    exc::settle(e.value());
    let handled = it.handled();
    if !handled.is_absent() {
        set_context(t, e.value(), handled);
    }
}

/// An exception that a native raised and no frame has seen yet takes it too, unless the native gave it one.
pub(crate) fn chain_native(t: &Thread, it: &crate::frame::Interp, e: &Exc) {
    if e.is_stopped() || exc::is_settled(e.value()) {
        return;
    }
    if exc::context(e.value()).is_absent() {
        chain(t, it, e);
    } else {
        exc::settle(e.value());
    }
}

/// An exception instance from an instance or a class; anything else is a TypeError with this text.
#[inline(never)]
pub(crate) fn instance(t: &Thread, v: &Value, refusal: &str) -> Res {
    if type_of(v).has_flag(flag::EXCEPTION) {
        return Ok(v.clone());
    }
    if is_exception_class(v) {
        return construct(t, v, &[]);
    }
    Err(error::type_error(t, refusal))
}

/// An instance of an exception class.
pub(crate) fn construct(t: &Thread, class: &Value, args: &[Value]) -> Res {
    let e = call::call(t, class, args)?;
    if type_of(&e).has_flag(flag::EXCEPTION) {
        return Ok(e);
    }
    let (class, got) = (ops::repr_text(t, class)?, ops::repr_text(t, &type_of(&e).value())?);
    let text = format!("calling {class} should have returned an instance of BaseException, not {got}");
    Err(error::type_error(t, text))
}

#[inline(never)]
fn raise_from(t: &Thread, v: &Value, cause: &Value) -> Res<Exc> {
    let e = instance(t, v, "exceptions must derive from BaseException")?;
    let cause = if cause.is_none() {
        Value::ABSENT
    } else {
        instance(t, cause, "exception causes must derive from BaseException")?
    };
    exc::set_cause(t, &e, cause);
    Ok(Exc::new(e))
}

fn is_exception_class(v: &Value) -> bool {
    v.downcast::<TypeObject>().is_some_and(|c| c.has_flag(flag::EXCEPTION))
}

#[inline(always)]
pub(crate) fn reraise(m: &mut M<'_>, w: Word) -> Flow {
    let v = m.operand(w.a(), w.x() & typhon_isa::word::KILL_A != 0);
    m.save();
    Err(Stop::Reraise(Exc::new(v)))
}

/// PushExc: the exception in `a` is now the handled one; the one before goes to `a + 1`.
#[inline(always)]
pub(crate) fn push_exc(m: &mut M<'_>, w: Word) -> Flow {
    let e = m.reg(w.a()).clone();
    let before = m.it.top_handling().replace(e);
    m.set(w.a() + 1, before);
    Ok(())
}

#[inline(always)]
pub(crate) fn pop_exc(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let before = m.take(w.a() + 1);
    let now = m.it.top_handling().replace(before);
    let own = m.take(w.a());
    drop(now);
    drop(own);
    Ok(())
}

#[inline(always)]
pub(crate) fn check_exc(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let matches = matches(m.t, m.reg(w.b()), m.reg(w.c()))?;
    m.kill_c(w);
    m.set(w.a(), Value::bool(matches));
    Ok(())
}

#[inline(never)]
fn matches(t: &Thread, e: &Value, class: &Value) -> Res<bool> {
    if let Some(classes) = class.downcast::<Tuple>() {
        for c in classes.items() {
            check_class(t, c)?;
        }
        return Ok(classes.items().iter().any(|c| is_instance_of(e, c)));
    }
    check_class(t, class)?;
    Ok(is_instance_of(e, class))
}

fn is_instance_of(e: &Value, class: &Value) -> bool {
    class.downcast::<TypeObject>().is_some_and(|c| type_of(e).is_subtype(c))
}

fn check_class(t: &Thread, class: &Value) -> Res<()> {
    if is_exception_class(class) {
        return Ok(());
    }
    Err(error::type_error(t, "catching classes that do not inherit from BaseException is not allowed"))
}

#[inline(always)]
pub(crate) fn check_group(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let (e, class) = (m.held_b(w), m.held_c(w));
    let (matched, rest) = split(m.t, &e, &class)?;
    if !matched.is_none() {
        // The clause handles its part: that is what a bare `raise` raises again.
        let before = m.it.top_handling().replace(matched.clone());
        drop(before);
    }
    m.set(w.a() + 1, rest);
    m.set(w.a(), matched);
    Ok(())
}

#[inline(never)]
fn split(t: &Thread, e: &Value, class: &Value) -> Res<(Value, Value)> {
    check_group_classes(t, class)?;
    if e.is_none() {
        return Ok((Value::NONE, Value::NONE));
    }
    if matches(t, e, class)? {
        if type_of(e).is_subtype(exc::BASE_EXCEPTION_GROUP.ty()) {
            return Ok((e.clone(), Value::NONE));
        }
        // A naked exception is caught as a group of one.
        let group = new_group(t, "", std::slice::from_ref(e))?;
        let tb = exc::traceback(e);
        exc::set_traceback(&group, tb);
        return Ok((group, Value::NONE));
    }
    if type_of(e).is_subtype(exc::BASE_EXCEPTION_GROUP.ty()) {
        let f = attr::get(t, e, &names::intern_text(t, "split"))?;
        let pair = call::call1(t, &f, class)?;
        let Some(items) = pair.downcast::<Tuple>().map(Tuple::items) else {
            let (ty, got) = (type_of(e).name(), type_of(&pair).name());
            return Err(error::type_error(t, format_args!("{ty}.split must return a tuple, not {got}")));
        };
        let [matched, rest, ..] = items else {
            let (ty, got) = (type_of(e).name(), items.len());
            return Err(error::type_error(
                t,
                format_args!("{ty}.split must return a 2-tuple, got tuple of size {got}"),
            ));
        };
        return Ok((matched.clone(), rest.clone()));
    }
    Ok((Value::NONE, e.clone()))
}

fn check_group_classes(t: &Thread, class: &Value) -> Res<()> {
    let group = exc::BASE_EXCEPTION_GROUP.ty();
    let one = |c: &Value| -> Res<()> {
        if !is_exception_class(c) {
            return Err(error::type_error(t, "catching classes that do not inherit from BaseException is not allowed"));
        }
        if c.downcast::<TypeObject>().is_some_and(|c| c.is_subtype(group)) {
            return Err(error::type_error(
                t,
                "catching ExceptionGroup with except* is not allowed. Use except instead.",
            ));
        }
        Ok(())
    };
    match class.downcast::<Tuple>() {
        Some(classes) => classes.items().iter().try_for_each(one),
        None => one(class),
    }
}

/// What an `except*` statement raises in the end: the unhandled rest and whatever its clauses raised.
pub(crate) fn prep_reraise_star(t: &Thread, original: &Value, raised: &Value) -> Res {
    let list = raised.downcast::<List>().map(List::to_vec).unwrap_or_default();
    let items: Vec<Value> = list.into_iter().filter(|e| !e.is_none()).collect();
    if items.is_empty() {
        return Ok(Value::NONE);
    }
    if !type_of(original).is_subtype(exc::BASE_EXCEPTION_GROUP.ty()) {
        // A naked exception: at most one thing was raised.
        return Ok(items[0].clone());
    }
    let (mut new, mut again) = (Vec::new(), Vec::new());
    for e in items {
        let same = same_metadata(&e, original);
        if same && type_of(&e).is_subtype(exc::BASE_EXCEPTION_GROUP.ty()) { again.push(e) } else { new.push(e) }
    }
    let mut parts = Vec::new();
    if !again.is_empty() {
        parts.push(project_all(t, original, &again)?);
    }
    if new.is_empty() {
        return Ok(parts.pop().unwrap_or(Value::NONE));
    }
    new.extend(parts);
    if let [one] = new.as_slice() {
        return Ok(one.clone());
    }
    new_group(t, "", &new)
}

/// A group of these exceptions.
fn new_group(t: &Thread, message: &str, items: &[Value]) -> Res {
    let list = List::from_slice(t, items)?;
    let class = exc::BASE_EXCEPTION_GROUP.ty().value();
    call::call(t, &class, &[strs::new(t, message)?, list])
}

/// Same notes, traceback, cause and context: parts of one group that was split.
fn same_metadata(a: &Value, b: &Value) -> bool {
    let notes =
        |v: &Value| v.header().and_then(|h| attr::instance_get(type_of(v), h, n::__notes__())).unwrap_or_default();
    notes(a).is(&notes(b))
        && exc::traceback(a).is(&exc::traceback(b))
        && exc::cause(a).is(&exc::cause(b))
        && exc::context(a).is(&exc::context(b))
}

/// The part of `original` whose leaves are in any of `parts`.
fn project_all(t: &Thread, original: &Value, parts: &[Value]) -> Res {
    let mut leaves = Vec::new();
    for part in parts {
        collect_leaves(t, part, &mut leaves)?;
    }
    Ok(project(t, original, &leaves)?.unwrap_or(Value::NONE))
}

fn children(v: &Value) -> Option<Value> {
    if !type_of(v).is_subtype(exc::BASE_EXCEPTION_GROUP.ty()) {
        return None;
    }
    exc::field(v, "exceptions")
}

fn collect_leaves(t: &Thread, v: &Value, out: &mut Vec<u64>) -> Res<()> {
    t.check_stack("in exception group")?;
    match children(v) {
        Some(items) => items.expect::<Tuple>().items().iter().try_for_each(|c| collect_leaves(t, c, out)),
        None => {
            out.push(v.bits());
            Ok(())
        }
    }
}

fn project(t: &Thread, v: &Value, leaves: &[u64]) -> Res<Option<Value>> {
    t.check_stack("in exception group")?;
    let Some(items) = children(v) else { return Ok(leaves.contains(&v.bits()).then(|| v.clone())) };
    let mut kept = Vec::new();
    for item in items.expect::<Tuple>().items() {
        kept.extend(project(t, item, leaves)?);
    }
    if kept.is_empty() {
        return Ok(None);
    }
    let list = List::from_vec(t, kept)?;
    let group = call::method(t, v, &names::intern_text(t, "derive"), &[list])?;
    exc::set_traceback(&group, exc::traceback(v));
    exc::set_context(t, &group, exc::context(v));
    exc::set_cause(t, &group, exc::cause(v));
    if let Some(notes) = notes(t, v)? {
        attr::set(t, &group, n::__notes__(), Some(&notes))?;
    }
    Ok(Some(group))
}

#[inline(always)]
pub(crate) fn with_except(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = exit(m.t, m.reg(w.b()), m.reg(w.b() + 1), m.reg(w.c()))?;
    m.set(w.a(), v);
    Ok(())
}

#[inline(never)]
fn exit(t: &Thread, f: &Value, this: &Value, e: &Value) -> Res {
    let tb = exc::traceback(e).present().unwrap_or(Value::NONE);
    let class = type_of(e).value();
    let mut args = vec![class, e.clone(), tb];
    if !this.is_absent() {
        args.insert(0, this.clone());
    }
    call::call(t, f, &args)
}

#[inline(always)]
pub(crate) fn end_async_for(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let e = m.held(w.a(), w.x() & typhon_isa::word::KILL_A != 0);
    if type_of(&e).is_subtype(exc::STOP_ASYNC_ITERATION.ty()) {
        return Ok(());
    }
    Err(Stop::Reraise(Exc::new(e)))
}

#[inline(always)]
pub(crate) fn cleanup_throw(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let e = m.held_b(w);
    if type_of(&e).is_subtype(exc::STOP_ITERATION.ty()) {
        let v = exc::field(&e, "value").unwrap_or(Value::NONE);
        m.set(w.a(), v);
        return Ok(());
    }
    Err(Stop::Reraise(Exc::new(e)))
}

/// Sets `__context__` of a freshly raised exception to the one being handled, breaking cycles as CPython does.
#[inline(never)]
pub(crate) fn set_context(t: &Thread, e: &Value, handled: Value) {
    if handled.is(e) {
        return;
    }
    // Floyd's cycle detection over the chain of contexts.
    let mut at = handled.clone();
    let mut slow = handled.clone();
    let mut step = false;
    loop {
        let next = exc::context(&at);
        if next.is_absent() || next.is_none() {
            break;
        }
        if next.is(e) {
            exc::set_context(t, &at, Value::ABSENT);
            break;
        }
        at = next;
        if at.is(&slow) {
            break;
        }
        if step {
            slow = exc::context(&slow);
        }
        step = !step;
    }
    exc::set_context(t, e, handled);
}

/// `sys.exc_info()`.
pub fn exc_info(t: &Thread, handled: &Value) -> Res {
    if handled.is_absent() {
        return tuple::from_array(t, [Value::NONE, Value::NONE, Value::NONE]);
    }
    let tb = exc::traceback(handled).present().unwrap_or(Value::NONE);
    tuple::from_array(t, [type_of(handled).value(), handled.clone(), tb])
}

/// The notes of an exception (`__notes__`), for those who print it.
pub fn notes(t: &Thread, e: &Value) -> Res<Option<Value>> {
    attr::get_opt(t, e, n::__notes__())
}
