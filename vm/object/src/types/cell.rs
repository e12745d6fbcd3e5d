//! cell: a variable shared between scopes.

use crate::args::Args;
use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::native::getset;
use crate::ops::{self, CompareOp};
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::strs;
use crate::thread::Thread;
use crate::ty::{TypeDef, type_of};
use crate::value::Value;

/// A cell.
#[repr(C)]
pub struct Cell {
    pub(crate) header: Header,
    contents: Slot,
}

crate::payload!(Cell => CELL {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.contents.peek() });
    }
    fn clear(&self) {
        drop(self.contents.take());
    }
});

/// cell.
pub static CELL: TypeDef = TypeDef {
    name: "cell",
    doc: "Create a new cell object.\n\n  contents\n    the contents of the cell. If not specified, the cell will be empty,\n    and \nfurther attempts to access its cell_contents attribute will\n    raise a ValueError.",
    signature: "([contents])",
    id: ids::CELL,
    slots: Slots { new: Some(new), repr: Some(repr), compare: Some(compare), ..Slots::NONE },
    getset: &[getset("cell_contents", contents, set_contents, "")],
    outside: false,
    ..TypeDef::of::<Cell>()
};

impl Cell {
    /// A new cell; an absent value makes it empty.
    pub fn create(t: &Thread, contents: Value) -> Res {
        payload::new(t, |header| Self { header, contents: Slot::new(contents) })
    }

    /// The contents; absent if empty.
    #[inline(always)]
    pub fn get(&self) -> Value {
        self.contents.get()
    }

    /// The raw word of the contents.
    #[inline(always)]
    pub fn bits(&self) -> u64 {
        self.contents.bits()
    }

    /// Fills the cell, or empties it with an absent value.
    #[inline(always)]
    pub fn set(&self, v: Value) {
        self.contents.set(&self.header, v);
    }

    /// As [`Cell::replace`], on the running thread `t`.
    #[inline(always)]
    pub fn replace_on(&self, t: &Thread, v: Value) -> Value {
        if t.is_shared() {
            return self.replace(v);
        }
        // SAFETY: it has just been asked.
        unsafe { self.contents.replace_alone(&self.header, v) }
    }

    /// Fills the cell and hands the old contents back.
    #[inline(always)]
    pub fn replace(&self, v: Value) -> Value {
        self.contents.replace(&self.header, v)
    }
}

fn new(t: &Thread, _: &Value, args: Args<'_>) -> Res {
    let a = args.expect_positional(t, "cell", 0, 1)?;
    Cell::create(t, a.first().cloned().unwrap_or_default())
}

fn contents(t: &Thread, v: &Value) -> Res {
    v.expect::<Cell>().get().present().ok_or_else(|| error::value_error(t, "cell is empty"))
}

fn set_contents(_: &Thread, v: &Value, value: Option<&Value>) -> Res<()> {
    v.expect::<Cell>().set(value.cloned().unwrap_or_default());
    Ok(())
}

fn repr(t: &Thread, v: &Value) -> Res {
    let c = v.expect::<Cell>().get();
    if c.is_absent() {
        return strs::new(t, &format!("<cell at {:#x}: empty>", v.id()));
    }
    strs::new(t, &format!("<cell at {:#x}: {} object at {:#x}>", v.id(), type_of(&c).name(), c.id()))
}

/// By contents; an empty cell comes before every other.
fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let (Some(x), Some(y)) = (a.downcast::<Cell>(), b.downcast::<Cell>()) else { return Ok(Value::NOT_IMPLEMENTED) };
    let (x, y) = (x.get(), y.get());
    if x.is_absent() || y.is_absent() {
        return Ok(Value::bool(op.holds(y.is_absent().cmp(&x.is_absent()))));
    }
    ops::compare(t, &x, &y, op)
}
