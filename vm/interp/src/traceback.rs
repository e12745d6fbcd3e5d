//! traceback: where an exception passed.

use crate::frame::{Frame, Interp};
use crate::frame_object::{self, FrameObject};
use std::cell::Cell;
use typhon_object::error::{self, Exc, Res};
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::native::{def, getset, getter};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::TypeDef;
use typhon_object::types::exceptions as exc;
use typhon_object::{Thread, Value, convert, payload, strs};

/// One entry; the outermost frame comes first.
#[repr(C)]
pub struct Traceback {
    header: Header,
    /// The entry one call further in, or None.
    pub next: Slot,
    /// The frame.
    pub frame: Slot,
    /// Offset of the instruction, in bytes.
    pub lasti: Cell<i64>,
    /// Line, -1 until computed from `lasti`.
    pub line: Cell<i64>,
}

typhon_object::payload!(Traceback => TRACEBACK {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.next.peek());
            visit(self.frame.peek());
        }
    }
    fn clear(&self) {
        drop(self.next.take());
        drop(self.frame.take());
    }
});

/// traceback.
pub static TRACEBACK: TypeDef = TypeDef {
    name: "traceback",
    doc: "Create a new traceback object.",
    signature: "(tb_next, tb_frame, tb_lasti, tb_lineno)",
    id: typhon_object::ids::TRACEBACK,
    slots: Slots { new: Some(new), ..Slots::NONE },
    getset: &[
        getset("tb_next", |_, v| Ok(me(v).next.get()), set_next, ""),
        getter("tb_frame", |_, v| Ok(me(v).frame.get()), ""),
        getter("tb_lasti", |_, v| Ok(Value::small(me(v).lasti.get())), ""),
        getter("tb_lineno", line, ""),
    ],
    methods: &[def("__dir__", "($self, /)", dir, "")],
    ..TypeDef::of::<Traceback>()
};

fn dir(t: &Thread, _: &[Value]) -> Res {
    let names = ["tb_frame", "tb_next", "tb_lasti", "tb_lineno"];
    List::from_vec(t, names.iter().map(|name| strs::new(t, name)).collect::<Res<_>>()?)
}

fn me(v: &Value) -> &Traceback {
    v.expect::<Traceback>()
}

/// The line of an entry.
pub fn line_of(tb: &Traceback) -> i64 {
    if tb.line.get() >= 0 {
        return tb.line.get();
    }
    let frame = tb.frame.get();
    frame.downcast::<FrameObject>().map_or(0, |f| i64::from(f.line_at((tb.lasti.get() / 8) as u32)))
}

fn line(_: &Thread, v: &Value) -> Res {
    match line_of(me(v)) {
        0 => Ok(Value::NONE),
        n => Ok(Value::small(n)),
    }
}

fn set_next(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    let Some(x) = x else { return Err(error::type_error(t, "can't delete tb_next attribute")) };
    if !x.is_none() && x.downcast::<Traceback>().is_none() {
        let name = typhon_object::type_of(x).name();
        return Err(error::type_error(t, format_args!("expected traceback object, got '{name}'")));
    }
    let mut at = x.clone();
    while let Some(tb) = at.downcast::<Traceback>() {
        if at.is(v) {
            return Err(error::value_error(t, "traceback loop detected"));
        }
        let next = tb.next.get();
        at = next;
    }
    me(v).next.set(&me(v).header, x.clone());
    Ok(())
}

fn new(t: &Thread, _class: &Value, args: typhon_object::Args<'_>) -> Res {
    const NAMES: [&str; 4] = ["tb_next", "tb_frame", "tb_lasti", "tb_lineno"];
    let mut a: [Value; 4] = Default::default();
    for (slot, v) in a.iter_mut().zip(args.positional()) {
        *slot = v.clone();
    }
    for (i, name) in NAMES.iter().enumerate() {
        if let Some(v) = args.keyword(name) {
            a[i] = v.clone();
        }
        if a[i].is_absent() {
            return Err(error::type_error(
                t,
                format_args!("traceback() missing required argument '{name}' (pos {})", i + 1),
            ));
        }
    }
    let [next, frame, lasti, line] = a;
    if !next.is_none() && next.downcast::<Traceback>().is_none() {
        let name = typhon_object::type_of(&next).name();
        return Err(error::type_error(t, format_args!("expected traceback object or None, got '{name}'")));
    }
    if frame.downcast::<FrameObject>().is_none() {
        let name = typhon_object::type_of(&frame).name();
        return Err(error::type_error(t, format_args!("traceback() argument 'tb_frame' must be frame, not {name}")));
    }
    let (lasti, line) = (i64::from(convert::to_i32(t, &lasti)?), i64::from(convert::to_i32(t, &line)?));
    payload::new(t, |header| Traceback {
        header,
        next: Slot::new(next),
        frame: Slot::new(frame),
        lasti: Cell::new(lasti),
        line: Cell::new(line),
    })
}

/// Gives an exception that no frame has seen the running frame as its traceback.
pub fn add_running(t: &Thread, e: &Exc) -> Res<()> {
    if t.interp.get().is_null() || e.is_stopped() || !exc::traceback(e.value()).is_absent() {
        return Ok(());
    }
    let it = crate::frame::interp(t);
    match it.frame_at(0) {
        Some(fp) => add(t, it, fp, e),
        None => Ok(()),
    }
}

/// Adds the frame to the exception's traceback.
pub(crate) fn add(t: &Thread, it: &Interp, fp: *mut Frame, e: &Exc) -> Res<()> {
    let next = exc::traceback(e.value()).present().unwrap_or(Value::NONE);
    let frame = frame_object::of(t, it, fp)?;
    // SAFETY: the frame is live, and its unit with it.
    let lasti = unsafe { (i64::from((*(*fp).unit).offset_of((*fp).ip)) - 1) * 8 };
    let tb = payload::new(t, |header| Traceback {
        header,
        next: Slot::new(next),
        frame: Slot::new(frame),
        lasti: Cell::new(lasti),
        line: Cell::new(-1),
    })?;
    exc::set_traceback(e.value(), tb);
    Ok(())
}
