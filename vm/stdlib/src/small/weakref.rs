//! _weakref.

use typhon_object::convert;
use typhon_object::dict::Dict;
use typhon_object::list::List;
use typhon_object::native::{ModuleDef, def};
use typhon_object::types::weakref::{self, WeakRef};
use typhon_object::types::{weakproxy, weakref::WEAKREF};
use typhon_object::{Res, Thread, Value};

/// _weakref.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_weakref",
    doc: "Weak-reference support module.",
    functions: &[
        def(
            "getweakrefcount",
            "($module, object, /)",
            |t, a| Ok(convert::from_usize(weakref::count(t, &a[0]))),
            "Return the number of weak references to 'object'.",
        ),
        def(
            "getweakrefs",
            "($module, object, /)",
            |t, a| List::from_vec(t, weakref::all(t, &a[0])),
            "Return a list of all weak reference objects pointing to 'object'.",
        ),
        def(
            "proxy",
            "($module, object, callback=None, /)",
            |t, a| weakproxy::new(t, &a[0], a[1].non_none()),
            "Create a proxy object that weakly references 'object'.\n\n'callback', if given, is called with a reference to the\nproxy when 'object' is about to be finalized.",
        ),
        def(
            "_remove_dead_weakref",
            "($module, dct, key, /)",
            remove_dead,
            "Atomically remove key from dict if it points to a dead weakref.",
        ),
    ],
    types: &[
        ("ref", &WEAKREF),
        ("ReferenceType", &WEAKREF),
        ("ProxyType", &weakproxy::PROXY),
        ("CallableProxyType", &weakproxy::CALLABLE_PROXY),
    ],
    init: None,
};

fn remove_dead(t: &Thread, a: &[Value]) -> Res {
    if let Some(d) = a[0].downcast::<Dict>()
        && let Some(v) = d.get(t, &a[1])?
        && v.downcast::<WeakRef>().is_some_and(|w| w.target().is_none())
    {
        // Another thread may have put something else there meanwhile.
        d.remove_same(t, &a[1], &v)?;
    }
    Ok(Value::NONE)
}
