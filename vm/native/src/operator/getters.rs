//! attrgetter, itemgetter and methodcaller.

use typhon_object::args::Args;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{def, getter};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str};
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::TypeDef;
use typhon_object::{Thread, Value, attr, call, names, ops, payload, type_of};

/// A getter of kind `K`: 0 attributes, 1 items, 2 a method.
#[repr(C)]
pub(super) struct Getter<const K: usize> {
    header: Header,
    /// The constructor's positional arguments.
    args: Slot,
    /// For attributes a tuple of tuples of names; for a method a dict of keywords or nothing.
    more: Slot,
}

macro_rules! kinds {
    ($($kind:literal, $def:ident, $name:literal, $signature:literal, $new:path, $call:path, $repr:path, $reduce:path, $doc:literal;)*) => {$(
        typhon_object::payload!(Getter<$kind> => $def {
            fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
                visit(&self.args.get());
                visit(&self.more.get());
            }
        });

        pub(super) static $def: TypeDef = TypeDef {
            name: $name,
            doc: $doc,
            signature: $signature,
            slots: Slots { new: Some($new), call: Some($call), repr: Some($repr), ..Slots::NONE },
            methods: &[def("__reduce__", "($self, /)", $reduce, "Return state information for pickling")],
            getset: &[getter("__text_signature__", |t, _| strs::new(t, "(obj, /)"), "")],
            ..TypeDef::of::<Getter<$kind>>()
        };
    )*};
}
kinds! {
    0, ATTR_GETTER, "operator.attrgetter", "(attr, /, *attrs)", new_attr, call_attr, repr_plain::<0>, reduce_plain::<0>,
        "Return a callable object that fetches the given attribute(s) from its operand.\nAfter f = attrgetter('name'), the call f(r) returns r.name.\nAfter g = attrgetter('name', 'date'), the call g(r) returns (r.name, r.date).\nAfter h = attrgetter('name.first', 'name.last'), the call h(r) returns\n(r.name.first, r.name.last).";
    1, ITEM_GETTER, "operator.itemgetter", "(item, /, *items)", new_item, call_item, repr_plain::<1>, reduce_plain::<1>,
        "Return a callable object that fetches the given item(s) from its operand.\nAfter f = itemgetter(2), the call f(r) returns r[2].\nAfter g = itemgetter(2, 5, 3), the call g(r) returns (r[2], r[5], r[3])";
    2, METHOD_CALLER, "operator.methodcaller", "(name, /, *args, **kwargs)", new_method, call_method, repr_method, reduce_method,
        "Return a callable object that calls the given method on its operand.\nAfter f = methodcaller('name'), the call f(r) returns r.name().\nAfter g = methodcaller('name', 'date', foo=1), the call g(r) returns\nr.name('date', foo=1).";
}

fn make<const K: usize>(t: &Thread, class: &Value, args: &[Value], more: Value) -> Res
where
    Getter<K>: payload::Payload,
{
    let args = tuple::new(t, args)?;
    payload::new_for(t, class, |header| Getter::<K> { header, args: Slot::new(args), more: Slot::new(more) })
}

fn items_of(v: &Value) -> &[Value] {
    v.downcast::<Tuple>().map_or(&[], Tuple::items)
}

fn at_least_one(t: &Thread, args: Args<'_>, name: &str) -> Res<()> {
    args.no_keywords(t, name)?;
    if args.values.is_empty() {
        return Err(error::type_error(t, format_args!("{name} expected 1 argument, got 0")));
    }
    Ok(())
}

fn new_attr(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    at_least_one(t, args, "attrgetter")?;
    let mut paths = Vec::with_capacity(args.values.len());
    for name in args.values {
        let Some(s) = name.downcast::<Str>() else {
            return Err(error::type_error(t, "attribute name must be a string"));
        };
        let (mut parts, mut from) = (Vec::new(), 0);
        for (i, c) in s.units().iter().chain([u32::from(b'.')]).enumerate() {
            if c == u32::from(b'.') {
                let part = strs::substring(t, name, from, i)?;
                parts.push(names::intern(t, &part));
                from = i + 1;
            }
        }
        paths.push(tuple::from_vec(t, parts)?);
    }
    let paths = tuple::from_vec(t, paths)?;
    make::<0>(t, class, args.values, paths)
}

fn new_item(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    at_least_one(t, args, "itemgetter")?;
    make::<1>(t, class, args.values, Value::ABSENT)
}

fn new_method(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let given = args.positional();
    let Some(name) = given.first() else {
        return Err(error::type_error(t, "methodcaller needs at least one argument, the method name"));
    };
    if name.downcast::<Str>().is_none() {
        return Err(error::type_error(t, "method name must be a string"));
    }
    let keywords = if args.has_keywords() { Dict::create(t) } else { Value::ABSENT };
    for (key, value) in args.keywords() {
        Dict::of(&keywords).set(t, key, value)?;
    }
    let mut given = given.to_vec();
    given[0] = names::intern(t, &given[0]);
    make::<2>(t, class, &given, keywords)
}

fn one_operand<'a>(t: &Thread, args: Args<'a>, name: &str) -> Res<&'a Value> {
    args.no_keywords(t, name)?;
    match args.values {
        [operand] => Ok(operand),
        _ => Err(error::type_error(t, format_args!("{name} expected 1 argument, got {}", args.values.len()))),
    }
}

fn follow(t: &Thread, operand: &Value, path: &Value) -> Res {
    items_of(path).iter().try_fold(operand.clone(), |v, name| attr::get(t, &v, name))
}

fn call_attr(t: &Thread, v: &Value, args: Args<'_>) -> Res {
    let operand = one_operand(t, args, "attrgetter")?;
    let paths = v.expect::<Getter<0>>().more.get();
    match items_of(&paths) {
        [path] => follow(t, operand, path),
        paths => tuple::from_vec(t, paths.iter().map(|p| follow(t, operand, p)).collect::<Res<Vec<_>>>()?),
    }
}

fn call_item(t: &Thread, v: &Value, args: Args<'_>) -> Res {
    let operand = one_operand(t, args, "itemgetter")?;
    let keys = v.expect::<Getter<1>>().args.get();
    match items_of(&keys) {
        [key] => ops::getitem(t, operand, key),
        keys => tuple::from_vec(t, keys.iter().map(|k| ops::getitem(t, operand, k)).collect::<Res<Vec<_>>>()?),
    }
}

fn call_method(t: &Thread, v: &Value, args: Args<'_>) -> Res {
    let operand = one_operand(t, args, "methodcaller")?;
    let m = v.expect::<Getter<2>>();
    let (given, keywords) = (m.args.get(), m.more.get());
    let Some((name, rest)) = items_of(&given).split_first() else { return Ok(Value::NONE) };
    let Some(keywords) = keywords.present() else { return call::method(t, operand, name, rest) };
    let f = attr::get(t, operand, name)?;
    let (keys, values): (Vec<_>, Vec<_>) = Dict::of(&keywords).items().into_iter().unzip();
    let all: Vec<Value> = rest.iter().cloned().chain(values).collect();
    call::call_args(t, &f, Args { values: &all, names: &keys })
}

fn full_name(v: &Value) -> String {
    typhon_object::types::iters::full_name(type_of(v))
}

fn shown(t: &Thread, v: &Value, parts: &[String]) -> Res {
    strs::new(t, &format!("{}({})", full_name(v), parts.join(", ")))
}

fn repr_plain<const K: usize>(t: &Thread, v: &Value) -> Res
where
    Getter<K>: payload::Payload,
{
    t.check_stack("while getting the repr of an object")?;
    let args = v.expect::<Getter<K>>().args.get();
    let parts = items_of(&args).iter().map(|a| ops::repr_text(t, a)).collect::<Res<Vec<_>>>()?;
    shown(t, v, &parts)
}

fn repr_method(t: &Thread, v: &Value) -> Res {
    let m = v.expect::<Getter<2>>();
    let mut parts = items_of(&m.args.get()).iter().map(|a| ops::repr_text(t, a)).collect::<Res<Vec<_>>>()?;
    if let Some(keywords) = m.more.get().present() {
        for (key, value) in Dict::of(&keywords).items() {
            parts.push(format!("{}={}", strs::display(&key), ops::repr_text(t, &value)?));
        }
    }
    shown(t, v, &parts)
}

fn reduce_plain<const K: usize>(t: &Thread, a: &[Value]) -> Res
where
    Getter<K>: payload::Payload,
{
    tuple::from_array(t, [type_of(&a[0]).value(), a[0].expect::<Getter<K>>().args.get()])
}

fn reduce_method(t: &Thread, a: &[Value]) -> Res {
    let m = a[0].expect::<Getter<2>>();
    let class = type_of(&a[0]).value();
    let Some(keywords) = m.more.get().present() else { return tuple::from_array(t, [class, m.args.get()]) };
    let partial = attr::get_text(t, &(t.hooks.import)(t, "functools")?, "partial")?;
    let given = m.args.get();
    let (name, rest) = match items_of(&given).split_first() {
        Some((name, rest)) => (name.clone(), tuple::new(t, rest)?),
        None => (Value::NONE, tuple::new(t, &[])?),
    };
    let (keys, values): (Vec<_>, Vec<_>) = Dict::of(&keywords).items().into_iter().unzip();
    let all: Vec<Value> = [class, name].into_iter().chain(values).collect();
    let made = call::call_args(t, &partial, Args { values: &all, names: &keys })?;
    tuple::from_array(t, [made, rest])
}
