//! `_isolates`: what `_interpreters` and `_interpqueues` (Python, in `vm/pylib/overlay`) stand on.

mod family;
mod queues;

pub use family::{close, forked, number};
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::native::{ModuleDef, def};
use typhon_object::tuple;
use typhon_object::types::bytes::{self, Bytes};
use typhon_object::types::exceptions;
use typhon_object::{Thread, Value, convert};

/// `_isolates`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_isolates",
    doc: "Isolates of one program, and the queues between them.",
    functions: &[
        def("create", "($module, counted, /)", create, "Make an isolate; its number."),
        def("destroy", "($module, number, /)", destroy, "End an isolate; False if it is busy."),
        def("all", "($module, /)", all, "The numbers of all isolates."),
        def("current", "($module, /)", |t, _| convert::from_i64(t, number(t)), "The number of this isolate."),
        def("ask", "($module, number, request, /)", ask, "Have an isolate do something; None if it is busy."),
        def("is_busy", "($module, number, /)", is_busy, "Whether an isolate is doing something."),
        def("count", "($module, number, more, /)", count, "Count users of an isolate."),
        def("queues", "($module, /)", queues, "The numbers of all queues."),
        def("queue_create", "($module, most, unbound, /)", queue_create, "Make a queue; its number."),
        def("queue_destroy", "($module, number, /)", queue_destroy, "Destroy a queue."),
        def("queue_count", "($module, number, more, /)", queue_count, "Count users of a queue."),
        def("queue_look", "($module, number, /)", queue_look, "(items, most, what becomes of items)."),
        def(
            "queue_put",
            "($module, number, data, unbound, /)",
            queue_put,
            "Put an item in; False if the queue is full.",
        ),
        def("queue_get", "($module, number, /)", queue_get, "(data, what became of it), or None."),
    ],
    types: &[],
    init: None,
};

fn found<T>(t: &Thread, what: Option<T>) -> Res<T> {
    what.ok_or_else(|| error::new(t, &exceptions::LOOKUP_ERROR, "there is none of that number"))
}

fn data(t: &Thread, v: &Value) -> Res<Vec<u8>> {
    match v.downcast::<Bytes>() {
        Some(b) => Ok(b.as_slice().to_vec()),
        None => Err(error::type_error(t, "bytes are asked for")),
    }
}

fn numbers(t: &Thread, all: Vec<i64>) -> Res {
    List::from_vec(t, all.into_iter().map(|n| convert::from_i64(t, n)).collect::<Res<_>>()?)
}

fn create(t: &Thread, a: &[Value]) -> Res {
    let counted = convert::to_bool(t, &a[0])?;
    convert::from_i64(t, family::of(t).0.create(t, counted)?)
}

fn destroy(t: &Thread, a: &[Value]) -> Res {
    let number = convert::to_i64(t, &a[0])?;
    Ok(Value::bool(found(t, family::of(t).0.destroy(t, number))?))
}

fn all(t: &Thread, _: &[Value]) -> Res {
    numbers(t, family::of(t).0.all())
}

fn ask(t: &Thread, a: &[Value]) -> Res {
    let (number, request) = (convert::to_i64(t, &a[0])?, data(t, &a[1])?);
    match found(t, family::of(t).0.ask(t, number, request)?)? {
        Some(answer) => bytes::from_vec(t, answer),
        None => Ok(Value::NONE),
    }
}

fn is_busy(t: &Thread, a: &[Value]) -> Res {
    let number = convert::to_i64(t, &a[0])?;
    Ok(Value::bool(found(t, family::of(t).0.is_busy(number))?))
}

fn count(t: &Thread, a: &[Value]) -> Res {
    let (number, more) = (convert::to_i64(t, &a[0])?, convert::to_i64(t, &a[1])?);
    found(t, family::of(t).0.count(t, number, more))?;
    Ok(Value::NONE)
}

fn queues(t: &Thread, _: &[Value]) -> Res {
    let all = family::of(t).0.queues.lock().numbers();
    numbers(t, all)
}

fn queue_create(t: &Thread, a: &[Value]) -> Res {
    let (most, unbound) = (convert::to_i64(t, &a[0])?, convert::to_i64(t, &a[1])?);
    let number = family::of(t).0.queues.lock().create(most, unbound);
    convert::from_i64(t, number)
}

fn queue_destroy(t: &Thread, a: &[Value]) -> Res {
    let number = convert::to_i64(t, &a[0])?;
    let done = family::of(t).0.queues.lock().destroy(number);
    found(t, done).map(|()| Value::NONE)
}

fn queue_count(t: &Thread, a: &[Value]) -> Res {
    let (number, more) = (convert::to_i64(t, &a[0])?, convert::to_i64(t, &a[1])?);
    let done = family::of(t).0.queues.lock().count(number, more);
    found(t, done).map(|()| Value::NONE)
}

fn queue_look(t: &Thread, a: &[Value]) -> Res {
    let number = convert::to_i64(t, &a[0])?;
    let look = family::of(t).0.queues.lock().look(number);
    let (items, most, unbound) = found(t, look)?;
    tuple::from_array(t, [convert::from_usize(items), convert::from_i64(t, most)?, convert::from_i64(t, unbound)?])
}

fn queue_put(t: &Thread, a: &[Value]) -> Res {
    let (number, unbound) = (convert::to_i64(t, &a[0])?, convert::to_i64(t, &a[2])?);
    let data = data(t, &a[1])?;
    let (family, from) = family::of(t);
    let done = family.queues.lock().put(number, data, from, unbound);
    found(t, done).map(Value::bool)
}

fn queue_get(t: &Thread, a: &[Value]) -> Res {
    let number = convert::to_i64(t, &a[0])?;
    let got = family::of(t).0.queues.lock().get(number);
    let Some((data, unbound)) = found(t, got)? else { return Ok(Value::NONE) };
    let data = data.map_or(Ok(Value::NONE), |data| bytes::from_vec(t, data))?;
    tuple::from_array(t, [data, convert::from_i64(t, unbound)?])
}
