//! BaseExceptionGroup: split, subgroup, derive.

use super::{self as exc, base, field, fields};
use crate::args::Args;
use crate::attr;
use crate::call;
use crate::error::{self, Res};
use crate::list::List;
use crate::names::{self, n};
use crate::native::{MethodDef, def};
use crate::ops;
use crate::slots::Slots;
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::tuple::{self, Tuple};
use crate::ty::{TypeObject, flag, type_of};
use crate::types::generic_alias;
use crate::value::Value;

pub(super) const SLOTS: Slots = Slots { new: Some(new), str: Some(str), repr: Some(repr), ..Slots::NONE };

/// Behind the fields that attributes show: the repr of a sequence that is neither list nor tuple, as it was given.
const GIVEN: usize = 2;

pub(super) const METHODS: &[MethodDef] = &[
    def("__class_getitem__", "($type, object, /)", |t, a| generic_alias::new(t, &a[0], &a[1]), "See PEP 585").class(),
    def("derive", "($self, excs, /)", derive, ""),
    def("split", "($self, matcher, /)", split, ""),
    def("subgroup", "($self, matcher, /)", subgroup, ""),
];

fn new(t: &Thread, class: &Value, a: Args<'_>) -> Res {
    let ty = class.expect::<TypeObject>();
    let [message, excs] = a.positional() else {
        let n = a.positional().len();
        return Err(error::type_error(
            t,
            format_args!("BaseExceptionGroup.__new__() takes exactly 2 arguments ({n} given)"),
        ));
    };
    if message.downcast::<Str>().is_none() {
        let got = if message.is_none() { "None".to_string() } else { type_of(message).name() };
        return Err(error::type_error(
            t,
            format_args!("BaseExceptionGroup.__new__() argument 1 must be str, not {got}"),
        ));
    }
    if !ops::is_sequence(excs) {
        return Err(error::type_error(t, "second argument (exceptions) must be a sequence"));
    }
    let plain = excs.downcast::<List>().is_some() || excs.downcast::<Tuple>().is_some();
    let given = if plain { Value::ABSENT } else { ops::repr(t, excs)? };
    let items = ops::collect(t, excs)?;
    if items.is_empty() {
        return Err(error::value_error(t, "second argument (exceptions) must be a non-empty sequence"));
    }
    let mut bare = false;
    for (i, item) in items.iter().enumerate() {
        if !type_of(item).has_flag(flag::EXCEPTION) {
            return Err(error::value_error(
                t,
                format_args!("Item {i} of second argument (exceptions) is not an exception"),
            ));
        }
        bare |= !type_of(item).is_subtype(exc::EXCEPTION.ty());
    }
    let mut chosen = class.clone();
    if std::ptr::eq(ty, exc::BASE_EXCEPTION_GROUP.ty()) {
        if !bare {
            chosen = exc::EXCEPTION_GROUP.ty().value();
        }
    } else if bare && std::ptr::eq(ty, exc::EXCEPTION_GROUP.ty()) {
        return Err(error::type_error(t, "Cannot nest BaseExceptions in an ExceptionGroup"));
    } else if bare && ty.is_subtype(exc::EXCEPTION.ty()) {
        return Err(error::type_error(t, format_args!("Cannot nest BaseExceptions in '{}'", ty.name())));
    }
    let v = base::make(t, &chosen, a.positional())?;
    fields::put(&v, "message", message.clone());
    fields::put(&v, "exceptions", tuple::from_vec(t, items)?);
    if !given.is_absent() {
        exc::set_field_at(v.expect::<exc::Exception>(), GIVEN, given);
    }
    Ok(v)
}

/// The members as they are, looking like the argument that they came from.
fn repr(t: &Thread, v: &Value) -> Res {
    let name = type_of(v).short_name();
    let message = ops::repr_text(t, &field(v, "message").unwrap_or(Value::NONE))?;
    let given = v.expect::<exc::Exception>().fields.borrow().get(GIVEN).cloned().and_then(Value::present);
    let shown = match given {
        Some(given) => strs::display(&given),
        None => {
            let members = members(v);
            let listed = matches!(&base::items(v)[..], [_, second] if second.downcast::<List>().is_some());
            let shown = if listed { List::from_vec(t, members)? } else { tuple::from_vec(t, members)? };
            ops::repr_text(t, &shown)?
        }
    };
    strs::new(t, &format!("{name}({message}, {shown})"))
}

fn members(v: &Value) -> Vec<Value> {
    let list = field(v, "exceptions");
    list.as_ref().and_then(|e| e.downcast::<Tuple>()).map(|e| e.items().to_vec()).unwrap_or_default()
}

fn str(t: &Thread, v: &Value) -> Res {
    let message = strs::display(&field(v, "message").unwrap_or(Value::NONE));
    let n = members(v).len();
    let s = if n == 1 { "" } else { "s" };
    strs::new(t, &format!("{message} ({n} sub-exception{s})"))
}

fn is_group(v: &Value) -> bool {
    type_of(v).is_subtype(exc::BASE_EXCEPTION_GROUP.ty())
}

fn derive(t: &Thread, a: &[Value]) -> Res {
    let class = exc::BASE_EXCEPTION_GROUP.ty().value();
    call::call(t, &class, &[field(&a[0], "message").unwrap_or(Value::NONE), a[1].clone()])
}

/// A group like `of` with other members; `None` for no members.
fn subset(t: &Thread, of: &Value, items: Vec<Value>) -> Res<Option<Value>> {
    if items.is_empty() {
        return Ok(None);
    }
    let list = List::from_vec(t, items)?;
    let made = call::method(t, of, &names::intern_text(t, "derive"), &[list])?;
    if !is_group(&made) {
        return Err(error::type_error(t, "derive must return an instance of BaseExceptionGroup"));
    }
    let tb = exc::traceback(of);
    if !tb.is_absent() {
        exc::set_traceback(&made, tb);
    }
    exc::set_context(t, &made, exc::context(of));
    exc::set_cause(t, &made, exc::cause(of));
    if let Some(notes) = attr::get_opt(t, of, n::__notes__())? {
        // A copy, so that the parts can be annotated each on its own.
        if ops::is_sequence(&notes) {
            let copy = List::from_vec(t, ops::collect(t, &notes)?)?;
            attr::set(t, &made, n::__notes__(), Some(&copy))?;
        }
    }
    Ok(Some(made))
}

/// How exceptions are chosen.
enum Matcher<'a> {
    /// By class or tuple of classes.
    Types(&'a Value),
    /// By a function.
    Call(&'a Value),
    /// By identity.
    Among(&'a [Value]),
}

fn matcher<'a>(t: &Thread, v: &'a Value) -> Res<Matcher<'a>> {
    let is_class = |c: &Value| c.downcast::<TypeObject>().is_some_and(|ty| ty.has_flag(flag::EXCEPTION));
    if is_class(v) || v.downcast::<Tuple>().is_some_and(|all| all.items().iter().all(is_class)) {
        return Ok(Matcher::Types(v));
    }
    if call::is_callable(v) && v.downcast::<TypeObject>().is_none() {
        return Ok(Matcher::Call(v));
    }
    Err(error::type_error(
        t,
        "expected an exception type, a tuple of exception types, or a callable (other than a class)",
    ))
}

fn matches(t: &Thread, v: &Value, m: &Matcher<'_>) -> Res<bool> {
    match m {
        Matcher::Types(types) => {
            let is = |c: &Value| c.downcast::<TypeObject>().is_some_and(|ty| type_of(v).is_subtype(ty));
            Ok(is(types) || types.downcast::<Tuple>().is_some_and(|all| all.items().iter().any(is)))
        }
        Matcher::Call(f) => ops::truth(t, &call::call1(t, f, v)?),
        Matcher::Among(list) => Ok(!is_group(v) && list.iter().any(|x| x.is(v))),
    }
}

/// What matches and, if wanted, what does not.
fn partition(t: &Thread, v: &Value, m: &Matcher<'_>, rest: bool) -> Res<(Option<Value>, Option<Value>)> {
    t.check_stack("in exceptiongroup_split_recursive")?;
    if matches(t, v, m)? {
        return Ok((Some(v.clone()), None));
    }
    if !is_group(v) {
        return Ok((None, rest.then(|| v.clone())));
    }
    let (mut yes, mut no) = (Vec::new(), Vec::new());
    for member in members(v) {
        let (a, b) = partition(t, &member, m, rest)?;
        yes.extend(a);
        no.extend(b);
    }
    let yes = subset(t, v, yes)?;
    let no = if rest { subset(t, v, no)? } else { None };
    Ok((yes, no))
}

fn split(t: &Thread, a: &[Value]) -> Res {
    let (yes, no) = split_by(t, &a[0], &a[1])?;
    tuple::from_array(t, [yes.unwrap_or(Value::NONE), no.unwrap_or(Value::NONE)])
}

/// `group.split(matcher)`: what `except*` does with a group.
pub(super) fn split_by(t: &Thread, group: &Value, by: &Value) -> Res<(Option<Value>, Option<Value>)> {
    partition(t, group, &matcher(t, by)?, true)
}

fn subgroup(t: &Thread, a: &[Value]) -> Res {
    let (yes, _) = partition(t, &a[0], &matcher(t, &a[1])?, false)?;
    Ok(yes.unwrap_or(Value::NONE))
}

/// The part of a group that consists of the given leaf exceptions: how `except*` puts what was not handled together again.
pub(super) fn projection(t: &Thread, group: &Value, keep: &[Value]) -> Res<Option<Value>> {
    let mut leaves = Vec::new();
    for e in keep {
        collect_leaves(t, e, &mut leaves)?;
    }
    Ok(partition(t, group, &Matcher::Among(&leaves), false)?.0)
}

fn collect_leaves(t: &Thread, e: &Value, out: &mut Vec<Value>) -> Res<()> {
    t.check_stack("in exceptiongroup_split_recursive")?;
    if !is_group(e) {
        out.push(e.clone());
        return Ok(());
    }
    members(e).iter().try_for_each(|m| collect_leaves(t, m, out))
}
