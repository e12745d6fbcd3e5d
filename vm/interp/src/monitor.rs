//! sys.monitoring (PEP 669): tools, the events they ask for, and their callbacks.

use crate::watch;
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use typhon_isa::Code;
use typhon_object::error::{self, Res};
use typhon_object::{Thread, Value, call};

/// Tools that Python code may use.
pub const TOOLS: usize = 6;

/// An event, by its bit in an event set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "named as in sys.monitoring.events")]
pub enum Event {
    PyStart,
    PyResume,
    PyReturn,
    PyYield,
    Call,
    Line,
    Instruction,
    Jump,
    BranchLeft,
    BranchRight,
    StopIteration,
    Raise,
    ExceptionHandled,
    PyUnwind,
    PyThrow,
    Reraise,
    CReturn,
    CRaise,
    Branch,
}

/// Names of the events, by bit.
pub const EVENTS: &[&str] = &[
    "PY_START",
    "PY_RESUME",
    "PY_RETURN",
    "PY_YIELD",
    "CALL",
    "LINE",
    "INSTRUCTION",
    "JUMP",
    "BRANCH_LEFT",
    "BRANCH_RIGHT",
    "STOP_ITERATION",
    "RAISE",
    "EXCEPTION_HANDLED",
    "PY_UNWIND",
    "PY_THROW",
    "RERAISE",
    "C_RETURN",
    "C_RAISE",
    "BRANCH",
];

/// Events that belong to a place in the code and may be disabled there.
const LOCAL: u32 = (1 << Event::Raise as u32) - 1;
const C_EVENTS: u32 = 1 << Event::CReturn as u32 | 1 << Event::CRaise as u32;
const BRANCHES: u32 = 1 << Event::BranchLeft as u32 | 1 << Event::BranchRight as u32;
const BRANCH: u32 = 1 << Event::Branch as u32;

/// An isolate's tools.
#[derive(Default)]
struct Monitoring {
    names: RefCell<[Option<Value>; TOOLS]>,
    events: Cell<[u32; TOOLS]>,
    /// Local events, by the code's address; the code is kept so that the address stays its own.
    local: RefCell<FxHashMap<usize, (Arc<Code>, [u32; TOOLS])>>,
    callbacks: RefCell<FxHashMap<(usize, u8), Value>>,
    /// Tools that disabled an event at a place.
    disabled: RefCell<FxHashMap<(usize, u32, u8), (Arc<Code>, u8)>>,
    constants: RefCell<Option<(Value, Value)>>,
}

impl Monitoring {
    fn all_events(&self) -> u32 {
        let global = self.events.get().iter().fold(0, |a, b| a | b);
        self.local.borrow().values().flat_map(|(_, sets)| sets.iter()).fold(global, |a, b| a | b)
    }

    /// Tools that want an event in a code: global and local together.
    fn tools(&self, code: &Arc<Code>, event: Event) -> u8 {
        let local = self.local.borrow().get(&(Arc::as_ptr(code) as usize)).map_or([0; TOOLS], |(_, sets)| *sets);
        // C_RETURN and C_RAISE come with CALL.
        let bit = match event {
            Event::CReturn | Event::CRaise => 1 << Event::Call as u32,
            event => 1 << event as u32,
        };
        let events = self.events.get();
        (0..TOOLS).filter(|&i| (events[i] | local[i]) & bit != 0).fold(0, |a, i| a | 1 << i)
    }
}

/// Whether any tool wants any event.
pub(crate) fn active(t: &Thread) -> bool {
    t.get_state::<Monitoring>().is_some_and(|m| m.all_events() != 0)
}

/// Whether a tool wants this event in this code.
pub(crate) fn wants(t: &Thread, code: &Arc<Code>, event: Event) -> bool {
    t.get_state::<Monitoring>().is_some_and(|m| m.tools(code, event) != 0)
}

/// Calls the callbacks of an event.
pub(crate) fn fire(
    t: &Thread,
    busy: &Cell<u32>,
    code: &Arc<Code>,
    shown: Value,
    event: Event,
    offset: u32,
    rest: &[Value],
) -> Res<()> {
    if busy.get() != 0 {
        return Ok(());
    }
    let m = t.state::<Monitoring>();
    let tools = m.tools(code, event);
    let place = (Arc::as_ptr(code) as usize, offset, event as u8);
    let mut args = Vec::with_capacity(rest.len() + 1);
    args.push(shown);
    args.extend_from_slice(rest);
    for tool in (0..TOOLS).rev().filter(|i| tools & 1 << i != 0) {
        if m.disabled.borrow().get(&place).is_some_and(|(_, tools)| tools & 1 << tool != 0) {
            continue;
        }
        let branch = matches!(event, Event::BranchLeft | Event::BranchRight);
        let callback = m.callbacks.borrow().get(&(tool, event as u8)).cloned();
        let callback = match callback {
            None if branch => m.callbacks.borrow().get(&(tool, Event::Branch as u8)).cloned(),
            callback => callback,
        };
        let Some(callback) = callback else { continue };
        busy.set(busy.get() + 1);
        let r = call::call(t, &callback, &args);
        busy.set(busy.get() - 1);
        if !r?.is(&disable(t)) {
            continue;
        }
        if LOCAL & 1 << event as u32 == 0 && !matches!(event, Event::CReturn | Event::CRaise) {
            drop(m.callbacks.borrow_mut().remove(&(tool, event as u8)));
            let name = EVENTS[event as usize];
            return Err(error::value_error(t, format_args!("Cannot disable {name} events. Callback removed.")));
        }
        m.disabled.borrow_mut().entry(place).or_insert_with(|| (Arc::clone(code), 0)).1 |= 1 << tool;
    }
    Ok(())
}

fn constants(t: &Thread) -> (Value, Value) {
    let m = t.state::<Monitoring>();
    // A thread that is watched asks between two natives.
    t.as_native(|| {
        if let Some(c) = &*m.constants.borrow() {
            return c.clone();
        }
        let object = || call::call0(t, &typhon_object::types::object::OBJECT.ty().value()).unwrap_or(Value::NONE);
        let made = (object(), object());
        *m.constants.borrow_mut() = Some(made.clone());
        made
    })
}

/// `sys.monitoring.DISABLE`.
pub fn disable(t: &Thread) -> Value {
    constants(t).0
}

/// `sys.monitoring.MISSING`.
pub fn missing(t: &Thread) -> Value {
    constants(t).1
}

fn check_tool(t: &Thread, tool: i64) -> Res<usize> {
    match usize::try_from(tool) {
        Ok(i) if i < TOOLS => Ok(i),
        _ => Err(error::value_error(t, format_args!("invalid tool {tool} (must be between 0 and 5)"))),
    }
}

fn check_used(t: &Thread, m: &Monitoring, tool: usize) -> Res<()> {
    match m.names.borrow()[tool] {
        Some(_) => Ok(()),
        None => Err(error::value_error(t, format_args!("tool {tool} is not in use"))),
    }
}

/// `use_tool_id(tool, name)`.
pub fn use_tool(t: &Thread, tool: i64, name: &Value) -> Res<()> {
    let tool = check_tool(t, tool)?;
    if name.downcast::<typhon_object::strs::Str>().is_none() {
        return Err(error::value_error(t, "tool name must be a str"));
    }
    let m = t.state::<Monitoring>();
    if m.names.borrow()[tool].is_some() {
        return Err(error::value_error(t, format_args!("tool {tool} is already in use")));
    }
    m.names.borrow_mut()[tool] = Some(name.clone());
    Ok(())
}

/// `clear_tool_id(tool)`: forgets its events and callbacks.
pub fn clear_tool(t: &Thread, tool: i64) -> Res<()> {
    let tool = check_tool(t, tool)?;
    let m = t.state::<Monitoring>();
    if m.names.borrow()[tool].is_none() {
        return Ok(());
    }
    let mut events = m.events.get();
    events[tool] = 0;
    m.events.set(events);
    m.local.borrow_mut().retain(|_, (_, sets)| {
        sets[tool] = 0;
        sets.iter().any(|&s| s != 0)
    });
    m.disabled.borrow_mut().retain(|_, (_, tools)| {
        *tools &= !(1 << tool);
        *tools != 0
    });
    let gone: Vec<Value> =
        (0..EVENTS.len() as u8).filter_map(|e| m.callbacks.borrow_mut().remove(&(tool, e))).collect();
    drop(gone);
    watch::update_all(t)
}

/// `free_tool_id(tool)`.
pub fn free_tool(t: &Thread, tool: i64) -> Res<()> {
    clear_tool(t, tool)?;
    let index = check_tool(t, tool)?;
    let old = t.state::<Monitoring>().names.borrow_mut()[index].take();
    drop(old);
    Ok(())
}

/// `get_tool(tool)`.
pub fn get_tool(t: &Thread, tool: i64) -> Res {
    let tool = check_tool(t, tool)?;
    Ok(t.state::<Monitoring>().names.borrow()[tool].clone().unwrap_or(Value::NONE))
}

/// `register_callback(tool, event, function)`: returns the one before.
pub fn register(t: &Thread, tool: i64, event: i64, f: &Value) -> Res {
    let tool = check_tool(t, tool)?;
    if event <= 0 || event.count_ones() != 1 {
        return Err(error::value_error(t, "The callback can only be set for one event at a time"));
    }
    let bit = event.trailing_zeros() as u8;
    if bit as usize >= EVENTS.len() {
        return Err(error::value_error(t, format_args!("invalid event {event}")));
    }
    let m = t.state::<Monitoring>();
    let old = if f.is_none() {
        m.callbacks.borrow_mut().remove(&(tool, bit))
    } else {
        m.callbacks.borrow_mut().insert((tool, bit), f.clone())
    };
    Ok(old.unwrap_or(Value::NONE))
}

/// An event set as tools give it: BRANCH means both branches, the C events need CALL.
fn event_set(t: &Thread, set: i64, what: &str, allowed: u32) -> Res<u32> {
    let invalid = || error::value_error(t, format_args!("invalid {what} set {:#x}", set as u32));
    let mut set = u32::try_from(set).map_err(|_| invalid())?;
    if set >= 1 << EVENTS.len() {
        return Err(invalid());
    }
    if set & C_EVENTS != 0 {
        if set & C_EVENTS != C_EVENTS || set & 1 << Event::Call as u32 == 0 {
            return Err(error::value_error(t, "cannot set C_RETURN or C_RAISE events independently"));
        }
        set &= !C_EVENTS;
    }
    if set & BRANCH != 0 {
        set = set & !BRANCH | BRANCHES;
    }
    if set & !allowed != 0 {
        return Err(invalid());
    }
    Ok(set)
}

/// `get_events(tool)`.
pub fn get_events(t: &Thread, tool: i64) -> Res<u32> {
    let tool = check_tool(t, tool)?;
    Ok(t.state::<Monitoring>().events.get()[tool])
}

/// `set_events(tool, set)`.
pub fn set_events(t: &Thread, tool: i64, set: i64) -> Res<()> {
    let tool = check_tool(t, tool)?;
    let set = event_set(t, set, "event", u32::MAX)?;
    let m = t.state::<Monitoring>();
    check_used(t, m, tool)?;
    let mut events = m.events.get();
    events[tool] = set;
    m.events.set(events);
    watch::update_all(t)
}

/// `get_local_events(tool, code)`.
pub fn get_local_events(t: &Thread, tool: i64, code: &Arc<Code>) -> Res<u32> {
    let tool = check_tool(t, tool)?;
    let m = t.state::<Monitoring>();
    let set = m.local.borrow().get(&(Arc::as_ptr(code) as usize)).map_or(0, |(_, sets)| sets[tool]);
    Ok(set)
}

/// `set_local_events(tool, code, set)`.
pub fn set_local_events(t: &Thread, tool: i64, code: &Arc<Code>, set: i64) -> Res<()> {
    let tool = check_tool(t, tool)?;
    let set = event_set(t, set, "local event", LOCAL)?;
    let m = t.state::<Monitoring>();
    check_used(t, m, tool)?;
    let key = Arc::as_ptr(code) as usize;
    m.local.borrow_mut().entry(key).or_insert_with(|| (Arc::clone(code), [0; TOOLS])).1[tool] = set;
    m.local.borrow_mut().retain(|_, (_, sets)| sets.iter().any(|&s| s != 0));
    watch::update_all(t)
}

/// `restart_events()`: what was disabled is enabled again.
pub fn restart(t: &Thread) {
    let old = t.state::<Monitoring>().disabled.take();
    drop(old);
}

/// `_all_events()`: for each event that somebody wants, the tools as a bit set.
pub fn all_events(t: &Thread) -> Vec<(&'static str, u32)> {
    let events = t.state::<Monitoring>().events.get();
    let tools = |e: usize| (0..TOOLS).filter(|&i| events[i] & 1 << e != 0).fold(0, |a, i| a | 1 << i);
    EVENTS.iter().enumerate().map(|(e, name)| (*name, tools(e))).filter(|(_, tools)| *tools != 0).collect()
}
