//! gc.

use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::gc::{self, Gc};
use typhon_object::list::List;
use typhon_object::names;
use typhon_object::native::{ModuleDef, def, raw};
use typhon_object::types::module;
use typhon_object::{Args, Thread, Value, convert, strs, tuple};

/// gc.
pub static MODULE: ModuleDef = ModuleDef {
    name: "gc",
    doc: "This module provides access to the garbage collector for reference cycles.",
    functions: &[
        def(
            "enable",
            "($module, /)",
            |t, _| {
                Gc::of(t).set_enabled(t, true);
                Ok(Value::NONE)
            },
            "Enable automatic garbage collection.",
        ),
        def(
            "disable",
            "($module, /)",
            |t, _| {
                Gc::of(t).set_enabled(t, false);
                Ok(Value::NONE)
            },
            "Disable automatic garbage collection.",
        ),
        def(
            "isenabled",
            "($module, /)",
            |t, _| Ok(Value::bool(Gc::of(t).is_enabled())),
            "Returns true if automatic garbage collection is enabled.",
        ),
        def(
            "collect",
            "($module, /, generation=2)",
            collect,
            "Run the garbage collector.\n\nThe number of unreachable objects is returned.",
        ),
        def(
            "get_count",
            "($module, /)",
            |t, _| triple(t, Gc::of(t).counts(t)),
            "Return a three-tuple of the current collection counts.",
        ),
        def(
            "get_threshold",
            "($module, /)",
            |t, _| triple(t, Gc::of(t).thresholds()),
            "Return the current collection thresholds.",
        ),
        raw(
            "set_threshold",
            "(threshold0, [threshold1, [threshold2]])",
            set_threshold,
            "Set the collection thresholds (the collection frequency).",
        ),
        def(
            "get_debug",
            "($module, /)",
            |t, _| Ok(Value::small(i64::from(Gc::of(t).debug()))),
            "Get the garbage collection debugging flags.",
        ),
        def(
            "set_debug",
            "($module, flags, /)",
            |t, a| {
                Gc::of(t).set_debug(convert::to_i32(t, &a[0])? as u32);
                Ok(Value::NONE)
            },
            "Set the garbage collection debugging flags.",
        ),
        def(
            "get_objects",
            "($module, /, generation=None)",
            get_objects,
            "Return a list of objects tracked by the collector (excluding the list returned).",
        ),
        raw(
            "get_referrers",
            "(*objs)",
            |t, a| List::from_vec(t, gc::referrers(t, a.values)),
            "Return the list of objects that directly refer to any of 'objs'.",
        ),
        raw(
            "get_referents",
            "(*objs)",
            |t, a| List::from_vec(t, gc::referents(a.values)),
            "Return the list of objects that are directly referred to by 'objs'.",
        ),
        def(
            "is_tracked",
            "($module, obj, /)",
            |_, a| Ok(Value::bool(gc::is_tracked(&a[0]))),
            "Returns true if the object is tracked by the garbage collector.",
        ),
        def(
            "is_finalized",
            "($module, obj, /)",
            |_, a| Ok(Value::bool(gc::is_finalized(&a[0]))),
            "Returns true if the object has been already finalized by the GC.",
        ),
        def(
            "freeze",
            "($module, /)",
            |t, _| {
                Gc::of(t).freeze(t);
                Ok(Value::NONE)
            },
            "Freeze all current tracked objects and ignore them for future collections.",
        ),
        def(
            "unfreeze",
            "($module, /)",
            |t, _| {
                Gc::of(t).unfreeze();
                Ok(Value::NONE)
            },
            "Unfreeze all objects in the permanent generation.",
        ),
        def(
            "get_freeze_count",
            "($module, /)",
            |t, _| Ok(convert::from_usize(Gc::of(t).frozen())),
            "Return the number of objects in the permanent generation.",
        ),
        def("get_stats", "($module, /)", stats, "Return a list of dictionaries containing per-generation statistics."),
    ],
    types: &[],
    init: Some(init),
};

fn init(t: &Thread, m: &Value) -> Res<()> {
    let flags = [
        ("DEBUG_STATS", 1),
        ("DEBUG_COLLECTABLE", 2),
        ("DEBUG_UNCOLLECTABLE", 4),
        ("DEBUG_SAVEALL", 32),
        ("DEBUG_LEAK", 38),
    ];
    let dict = module::dict_of(t, m);
    let d = Dict::of(&dict);
    for (name, n) in flags {
        d.set_str(t, &names::intern_text(t, name), Value::small(n))?;
    }
    d.set_str(t, &names::intern_text(t, "garbage"), Gc::of(t).garbage(t)?)?;
    d.set_str(t, &names::intern_text(t, "callbacks"), Gc::of(t).callbacks(t)?)
}

fn triple(t: &Thread, n: [isize; 3]) -> Res {
    tuple::from_array(t, n.map(|n| Value::small(n as i64)))
}

fn collect(t: &Thread, a: &[Value]) -> Res {
    let generation = match a[0].opt() {
        Some(g) => convert::to_i32(t, g)?,
        None => 2,
    };
    if !(0..=2).contains(&generation) {
        return Err(error::value_error(t, "invalid generation"));
    }
    Ok(convert::from_usize(gc::collect(t, generation as usize)?))
}

fn set_threshold(t: &Thread, a: Args<'_>) -> Res {
    let values = a.expect_positional(t, "gc.set_threshold", 1, 3)?;
    let mut to = Gc::of(t).thresholds();
    for (slot, v) in to.iter_mut().zip(values) {
        *slot = convert::to_i32(t, v)? as isize;
    }
    Gc::of(t).set_thresholds(t, to);
    Ok(Value::NONE)
}

fn stats(t: &Thread, _: &[Value]) -> Res {
    let list = List::create(t)?;
    for s in Gc::of(t).stats() {
        let d = Dict::create(t);
        for (name, n) in
            [("collections", s.collections), ("collected", s.collected), ("uncollectable", s.uncollectable)]
        {
            Dict::of(&d).set(t, &strs::new(t, name)?, &convert::from_usize(n))?;
        }
        list.expect::<List>().push(t, d)?;
    }
    Ok(list)
}

/// All collections are full ones, so every generation shows every object.
fn get_objects(t: &Thread, a: &[Value]) -> Res {
    if let Some(generation) = a[0].non_none() {
        let n = convert::to_isize(t, generation)?;
        if n < 0 {
            return Err(error::value_error(t, "generation parameter cannot be negative"));
        }
        if n > 2 {
            let text = "generation parameter must be less than the number of available generations (3)";
            return Err(error::value_error(t, text));
        }
    }
    List::from_vec(t, gc::objects(t))
}
