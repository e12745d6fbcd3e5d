//! Iterators over the places of a code object: its lines and its positions.
//!
//! Offsets are in bytes as `f_lasti` gives them, and tools divide them by the two bytes of CPython's code unit. So
//! `co_positions` has four rows a word.

use std::cell::Cell;
use std::sync::Arc;
use typhon_isa::{Code, Opcode, Position};
use typhon_object::error::Res;
use typhon_object::header::Header;
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Thread, Value, payload, tuple};

/// Rows of `co_positions` a word.
const UNITS: usize = 4;

/// The iterator of `co_positions`.
#[repr(C)]
pub struct Positions {
    header: Header,
    code: Arc<Code>,
    at: Cell<usize>,
    /// Index behind the row of positions that `shown` tells.
    row: Cell<usize>,
    shown: Slot,
}

typhon_object::payload!(Positions => POSITIONS {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.shown.peek() });
    }
});

/// positions_iterator.
pub static POSITIONS: TypeDef = TypeDef {
    name: "positions_iterator",
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(|_, v| Ok(v.clone())), next: Some(next_position), ..Slots::NONE },
    ..TypeDef::of::<Positions>()
};

/// `co_positions()`.
pub(crate) fn positions(t: &Thread, code: &Arc<Code>) -> Res {
    let code = Arc::clone(code);
    payload::new(t, |header| Positions {
        header,
        code,
        at: Cell::new(0),
        row: Cell::new(usize::MAX),
        shown: Slot::empty(),
    })
}

fn next_position(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<Positions>();
    let word = it.at.get() / UNITS;
    if word >= it.code.words.len() {
        return Ok(Value::ABSENT);
    }
    it.at.set(it.at.get() + 1);
    let mut row = it.row.get();
    let passed = |row: usize| it.code.positions.get(row).is_some_and(|p| p.start as usize <= word);
    if row == usize::MAX || passed(row) {
        row = if row == usize::MAX { 0 } else { row };
        while passed(row) {
            row += 1;
        }
        it.row.set(row);
        let p = row.checked_sub(1).map_or(Position::default(), |i| it.code.positions[i]);
        it.shown.set(&it.header, shown(t, p)?);
    }
    Ok(it.shown.get())
}

fn shown(t: &Thread, p: Position) -> Res {
    if p.line == 0 {
        return tuple::from_array(t, [Value::NONE, Value::NONE, Value::NONE, Value::NONE]);
    }
    tuple::from_array(t, [p.line, p.end_line, p.col, p.end_col].map(|n| Value::small(i64::from(n))))
}

/// The iterator of `co_lines`.
#[repr(C)]
pub struct Lines {
    header: Header,
    code: Arc<Code>,
    at: Cell<usize>,
}

typhon_object::payload!(Lines => LINES);

/// line_iterator.
pub static LINES: TypeDef = TypeDef {
    name: "line_iterator",
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(|_, v| Ok(v.clone())), next: Some(next_line), ..Slots::NONE },
    ..TypeDef::of::<Lines>()
};

/// `co_lines()`.
pub(crate) fn lines(t: &Thread, code: &Arc<Code>) -> Res {
    let code = Arc::clone(code);
    payload::new(t, |header| Lines { header, code, at: Cell::new(0) })
}

fn next_line(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<Lines>();
    let positions = &it.code.positions;
    let mut at = it.at.get();
    let Some(first) = positions.get(at) else { return Ok(Value::ABSENT) };
    while positions.get(at).is_some_and(|p| p.line == first.line) {
        at += 1;
    }
    it.at.set(at);
    let end = positions.get(at).map_or(it.code.words.len() as u32, |p| p.start);
    let line = if first.line == 0 { Value::NONE } else { Value::small(i64::from(first.line)) };
    tuple::from_array(t, [Value::small(i64::from(first.start) * 8), Value::small(i64::from(end) * 8), line])
}

/// `co_branches()`: where each conditional jump is, where it goes on, and where it jumps to.
pub(crate) fn branches(t: &Thread, code: &Arc<Code>) -> Res {
    let mut rows = Vec::new();
    let mut at = 0;
    while let Some(&word) = code.words.get(at) {
        let Some(op) = Opcode::from_u8(word.op()) else { break };
        let next = at + 1 + op.extra();
        if crate::watch::is_branch(op)
            && let Some(offset) = crate::jump::offset_at(code, at, op)
        {
            let target = next as i64 + i64::from(offset);
            let row = [at as i64, next as i64, target].map(|words| Value::small(words * 8));
            rows.push(tuple::from_array(t, row)?);
        }
        at = next;
    }
    let rows = tuple::from_vec(t, rows)?;
    typhon_object::ops::iter(t, &rows)
}
