//! traceback: where an exception passed.
//!
//! Most exceptions are caught in the frame that raises them, and nobody looks at their traceback. So an entry refers to
//! the frame's live record, and the frame object is made when somebody asks or when the frame ends, whichever is first.

use crate::frame::{Frame, Interp};
use crate::frame_object::{self, FrameObject};
use std::cell::Cell;
use typhon_object::error::{self, Exc, Res};
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::native::{def, getset, getter};
use typhon_object::slots::Slots;
use typhon_object::solo::has_siblings;
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
    /// The frame object; absent while `record` stands for it.
    frame: Slot,
    /// The live record of a frame whose object has not been made, null otherwise. The record's `object` names us.
    record: Cell<*mut Frame>,
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

impl Drop for Traceback {
    fn drop(&mut self) {
        let record = self.record.get();
        // With its isolate the record goes too, or has gone.
        if !record.is_null() && typhon_object::thread::current().is_some() {
            // SAFETY: a non-null record is live: a frame that ends takes itself out of the entry first.
            unsafe { (*record).object = 0 };
        }
    }
}

/// The mark of a record's `object` word that names a traceback entry, which it does not own.
const ENTRY: u64 = 1;

/// Whether a record's `object` word names a traceback entry that waits for the frame object.
#[inline(always)]
pub(crate) fn is_entry(object: u64) -> bool {
    object & ENTRY != 0
}

/// Whether anybody beside a frame's record refers to what the record's `object` names, or another thread that has made it may
/// count somebody.
#[inline]
pub(crate) fn is_held(object: u64) -> bool {
    object != 0
        && (is_entry(object)
            || Value::from_ref(&object).header().is_none_or(|h| !h.is_unique() && (h.count() > 1 || has_siblings())))
}

/// Gives a waiting entry the frame object, or nothing if none can be made any more.
///
/// # Safety
/// The word is the `object` word of a live record; it is replaced by the caller.
#[cold]
pub(crate) unsafe fn fulfil(object: u64, frame: Value) {
    if is_entry(object) {
        // SAFETY: an entry that goes away takes its address out of the record.
        let entry = unsafe { &*((object & !ENTRY) as *const Traceback) };
        entry.record.set(std::ptr::null_mut());
        entry.frame.set(&entry.header, frame);
    }
}

impl Traceback {
    /// The frame object.
    pub fn frame(&self, t: &Thread) -> Res {
        let record = self.record.get();
        if record.is_null() {
            return Ok(self.frame.get().present().unwrap_or(Value::NONE));
        }
        frame_object::of(t, crate::frame::interp(t), record)
    }
}

/// traceback.
pub static TRACEBACK: TypeDef = TypeDef {
    name: "traceback",
    doc: "Create a new traceback object.",
    signature: "(tb_next, tb_frame, tb_lasti, tb_lineno)",
    id: typhon_object::ids::TRACEBACK,
    slots: Slots { new: Some(new), ..Slots::NONE },
    getset: &[
        getset("tb_next", |_, v| Ok(me(v).next.get()), set_next, ""),
        getter("tb_frame", |t, v| me(v).frame(t), ""),
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
    let offset = (tb.lasti.get() / 8) as u32;
    let record = tb.record.get();
    if !record.is_null() {
        // SAFETY: a non-null record is live, and its unit with it.
        return i64::from(unsafe { &*(*record).unit }.line_at(offset));
    }
    let frame = tb.frame.get();
    frame.downcast::<FrameObject>().map_or(0, |f| i64::from(f.unit.line_at(offset)))
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
        record: Cell::new(std::ptr::null_mut()),
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
    // SAFETY: the frame is live, and its unit with it.
    let (object, lasti) = unsafe { ((*fp).object, (i64::from((*(*fp).unit).offset_of((*fp).ip)) - 1) * 8) };
    let (frame, record) = match object {
        0 => (Value::ABSENT, fp),
        _ => (frame_object::of(t, it, fp)?, std::ptr::null_mut()),
    };
    let tb = payload::new(t, |header| Traceback {
        header,
        next: Slot::new(next),
        frame: Slot::new(frame),
        record: Cell::new(record),
        lasti: Cell::new(lasti),
        line: Cell::new(-1),
    })?;
    if !record.is_null() {
        // SAFETY: the record is live and has no object; its end takes the address out of the entry.
        unsafe { (*fp).object = tb.bits() | ENTRY };
    }
    exc::set_traceback(e.value(), tb);
    Ok(())
}
