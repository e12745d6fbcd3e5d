//! sys.monitoring.

use crate::small::namespace;
use crate::{registry, text};
use std::sync::Arc;
use typhon_interp::code::CodeObject;
use typhon_interp::monitor;
use typhon_isa::Code;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::native::{ModuleDef, def};
use typhon_object::types::module;
use typhon_object::{Thread, Value, call, convert, strs};

/// sys.monitoring; it is an attribute of sys and cannot be imported under its own name.
static MODULE: ModuleDef = ModuleDef {
    name: "sys.monitoring",
    doc: "",
    functions: &[
        def(
            "use_tool_id",
            "($module, tool_id, name, /)",
            |t, a| done(monitor::use_tool(t, tool(t, &a[0])?, &a[1])),
            "",
        ),
        def("clear_tool_id", "($module, tool_id, /)", |t, a| done(monitor::clear_tool(t, tool(t, &a[0])?)), ""),
        def("free_tool_id", "($module, tool_id, /)", |t, a| done(monitor::free_tool(t, tool(t, &a[0])?)), ""),
        def("get_tool", "($module, tool_id, /)", |t, a| monitor::get_tool(t, tool(t, &a[0])?), ""),
        def(
            "register_callback",
            "($module, tool_id, event, func, /)",
            |t, a| monitor::register(t, tool(t, &a[0])?, tool(t, &a[1])?, &a[2]),
            "",
        ),
        def(
            "get_events",
            "($module, tool_id, /)",
            |t, a| Ok(Value::small(i64::from(monitor::get_events(t, tool(t, &a[0])?)?))),
            "",
        ),
        def(
            "set_events",
            "($module, tool_id, event_set, /)",
            |t, a| done(monitor::set_events(t, tool(t, &a[0])?, tool(t, &a[1])?)),
            "",
        ),
        def("get_local_events", "($module, tool_id, code, /)", get_local_events, ""),
        def("set_local_events", "($module, tool_id, code, event_set, /)", set_local_events, ""),
        def(
            "restart_events",
            "($module, /)",
            |t, _| {
                monitor::restart(t);
                Ok(Value::NONE)
            },
            "",
        ),
        def("_all_events", "($module, /)", all_events, ""),
    ],
    types: &[],
    init: None,
};

fn done(r: Res<()>) -> Res {
    r.map(|()| Value::NONE)
}

fn tool(t: &Thread, v: &Value) -> Res<i64> {
    convert::to_i32(t, v).map(i64::from)
}

fn code_of(t: &Thread, v: &Value) -> Res<Arc<Code>> {
    match v.downcast::<CodeObject>() {
        Some(c) => Ok(Arc::clone(&c.code)),
        None => Err(error::type_error(t, "code must be a code object")),
    }
}

fn get_local_events(t: &Thread, a: &[Value]) -> Res {
    let code = code_of(t, &a[1])?;
    Ok(Value::small(i64::from(monitor::get_local_events(t, tool(t, &a[0])?, &code)?)))
}

fn set_local_events(t: &Thread, a: &[Value]) -> Res {
    let code = code_of(t, &a[1])?;
    done(monitor::set_local_events(t, tool(t, &a[0])?, &code, tool(t, &a[2])?))
}

fn all_events(t: &Thread, _: &[Value]) -> Res {
    let d = Dict::create(t);
    for (name, tools) in monitor::all_events(t) {
        text::put(t, &d, name, Value::small(i64::from(tools)))?;
    }
    Ok(d)
}

/// The isolate's `sys.monitoring`.
pub(super) fn make(t: &Thread) -> Res {
    let m = registry::instantiate(t, &MODULE)?;
    let dict = module::dict_of(t, &m);
    text::put(t, &dict, "__name__", strs::new(t, "sys.monitoring")?)?;
    text::put(t, &dict, "__doc__", Value::NONE)?;
    text::put(t, &dict, "DISABLE", monitor::disable(t))?;
    text::put(t, &dict, "MISSING", monitor::missing(t))?;
    for (name, id) in [("DEBUGGER_ID", 0), ("COVERAGE_ID", 1), ("PROFILER_ID", 2), ("OPTIMIZER_ID", 5)] {
        text::put(t, &dict, name, Value::small(id))?;
    }
    let events = call::call0(t, &namespace::NAMESPACE.ty().value())?;
    for (bit, name) in monitor::EVENTS.iter().enumerate() {
        namespace::set(t, &events, name, &Value::small(1 << bit))?;
    }
    namespace::set(t, &events, "NO_EVENTS", &Value::small(0))?;
    text::put(t, &dict, "events", events)?;
    Ok(m)
}
