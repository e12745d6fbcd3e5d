//! One code object in the making: instructions with labels, registers, constants, names and handlers.
//!
//! Instructions refer to labels; `assemble` removes what cannot be reached and checks that cannot fail, then fixes
//! offsets. Temporaries are a stack above the named registers: `top` is the first free one.

use crate::error::{ErrorKind, SyntaxError};
use crate::symtable::ScopeId;
use indexmap::IndexSet;
use ruff_python_ast::name::Name;
use ruff_text_size::{TextRange, TextSize};
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::sync::Arc;
use typhon_isa::code::Local;
use typhon_isa::word::{KILL_A, KILL_B, KILL_C, KIND_SHIFT, NO_REG};
use typhon_isa::{Const, Opcode};

/// Registers, names and the like that fit an operand, with room to spare.
pub(crate) const OPERAND_MAX: usize = 65_000;

/// A place that instructions jump to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Label(pub(crate) u32);

impl Label {
    pub(crate) const NONE: Self = Self(u32::MAX);
}

/// A handler row in the making; `NONE` is "not covered".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cover(pub(crate) u32);

impl Cover {
    pub(crate) const NONE: Self = Self(u32::MAX);
}

/// The source range of an instruction; `NONE` is "artificial".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Loc {
    pub(crate) start: TextSize,
    pub(crate) end: TextSize,
}

impl Loc {
    pub(crate) const NONE: Self = Self { start: TextSize::new(u32::MAX), end: TextSize::new(u32::MAX) };
}

impl From<TextRange> for Loc {
    fn from(range: TextRange) -> Self {
        Self { start: range.start(), end: range.end() }
    }
}

/// A value in a register: a named local that stays, or a temporary that dies with its use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Val {
    pub(crate) reg: u16,
    pub(crate) temp: bool,
}

impl Val {
    pub(crate) const fn temp(reg: u16) -> Self {
        Self { reg, temp: true }
    }

    pub(crate) const fn kept(reg: u16) -> Self {
        Self { reg, temp: false }
    }

    pub(crate) const fn none() -> Self {
        Self { reg: NO_REG, temp: false }
    }

    /// The same register, not consumed by the use.
    pub(crate) const fn keep(self) -> Self {
        Self { reg: self.reg, temp: false }
    }
}

/// One instruction in the making.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inst {
    pub(crate) op: Opcode,
    pub(crate) x: u8,
    pub(crate) a: u16,
    pub(crate) b: u16,
    pub(crate) c: u16,
    pub(crate) extra: u64,
    pub(crate) target: Label,
    pub(crate) loc: Loc,
    pub(crate) cover: Cover,
}

impl Inst {
    /// `b` and `c` as one operand.
    pub(crate) fn set_bc(&mut self, bc: u32) {
        (self.b, self.c) = (bc as u16, (bc >> 16) as u16);
    }
}

/// Constants in order, each once.
#[derive(Default)]
pub(crate) struct Consts {
    pub(crate) list: Vec<Const>,
    index: FxHashMap<Const, u32>,
}

impl Consts {
    pub(crate) fn add(&mut self, value: Const) -> u32 {
        if let Some(&index) = self.index.get(&value) {
            return index;
        }
        let index = self.reserve();
        self.list[index as usize] = value.clone();
        self.index.insert(value, index);
        index
    }

    /// A slot that is filled in later.
    pub(crate) fn reserve(&mut self) -> u32 {
        self.list.push(Const::None);
        self.list.len() as u32 - 1
    }
}

/// What an exception in a covered instruction leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) target: Label,
    pub(crate) depth: u16,
}

/// The instruction stream and tables of one code object.
pub(crate) struct Emitter {
    pub(crate) insts: Vec<Inst>,
    pub(crate) labels: Vec<u32>,
    pub(crate) rows: Vec<Row>,
    pub(crate) cover: Cover,
    pub(crate) consts: Consts,
    pub(crate) names: IndexSet<Arc<str>, FxBuildHasher>,
    pub(crate) locals: Vec<Local>,
    pub(crate) regs: FxHashMap<(ScopeId, Name), u16>,
    /// Parameters and closure variables: bound on entry.
    pub(crate) bound_on_entry: Vec<u16>,
    pub(crate) top: u16,
    top_max: u16,
    overflow: bool,
    pub(crate) loc: Loc,
}

impl Emitter {
    pub(crate) fn new(locals: Vec<Local>, regs: FxHashMap<(ScopeId, Name), u16>) -> Self {
        let top = locals.len().min(OPERAND_MAX) as u16;
        Self {
            overflow: locals.len() > OPERAND_MAX,
            insts: Vec::new(),
            labels: Vec::new(),
            rows: Vec::new(),
            cover: Cover::NONE,
            consts: Consts::default(),
            names: IndexSet::default(),
            locals,
            regs,
            bound_on_entry: Vec::new(),
            top,
            top_max: top,
            loc: Loc::NONE,
        }
    }

    /// Registers that the frame needs.
    pub(crate) fn register_count(&self) -> u16 {
        self.top_max
    }

    /// The error of a code object whose operands do not fit.
    pub(crate) fn check_limits(&self) -> Result<(), SyntaxError> {
        if self.overflow || self.names.len() > OPERAND_MAX {
            return Err(SyntaxError::bare(ErrorKind::Memory, "too many names or values in one code block"));
        }
        Ok(())
    }

    // --- registers

    /// Takes the first free temporary.
    pub(crate) fn alloc(&mut self) -> u16 {
        self.alloc_n(1)
    }

    /// Takes `n` temporaries in a row and returns the first.
    pub(crate) fn alloc_n(&mut self, n: usize) -> u16 {
        let first = self.top;
        if usize::from(first) + n > OPERAND_MAX {
            self.overflow = true;
            return first;
        }
        self.top += n as u16;
        self.top_max = self.top_max.max(self.top);
        first
    }

    /// The temporaries below `top` are in use, and no others: also one that nobody has taken yet, where something is built.
    pub(crate) fn set_top(&mut self, top: u16) {
        self.top = top;
        self.top_max = self.top_max.max(top);
    }

    // --- labels

    pub(crate) fn label(&mut self) -> Label {
        self.labels.push(u32::MAX);
        Label(self.labels.len() as u32 - 1)
    }

    /// The label stands here.
    pub(crate) fn bind(&mut self, label: Label) {
        self.labels[label.0 as usize] = self.insts.len() as u32;
    }

    /// A label that stands here.
    pub(crate) fn here(&mut self) -> Label {
        let label = self.label();
        self.bind(label);
        label
    }

    // --- handlers

    /// A new handler at `target` with temporaries from `depth` on dropped.
    pub(crate) fn row(&mut self, target: Label, depth: u16) -> Cover {
        self.rows.push(Row { target, depth });
        Cover(self.rows.len() as u32 - 1)
    }

    // --- instructions

    pub(crate) fn push(&mut self, op: Opcode, kind: u8, a: u16, b: u16, c: u16) -> &mut Inst {
        let (loc, cover) = (self.loc, self.cover);
        self.insts.push(Inst { op, x: kind << KIND_SHIFT, a, b, c, extra: 0, target: Label::NONE, loc, cover });
        let last = self.insts.len() - 1;
        &mut self.insts[last]
    }

    /// An instruction with a destination and up to two sources.
    pub(crate) fn op3(&mut self, op: Opcode, kind: u8, a: u16, b: Val, c: Val) -> &mut Inst {
        let x = if b.temp { KILL_B } else { 0 } | if c.temp { KILL_C } else { 0 };
        let inst = self.push(op, kind, a, b.reg, c.reg);
        inst.x |= x;
        inst
    }

    /// An instruction with three sources.
    pub(crate) fn op3s(&mut self, op: Opcode, kind: u8, a: Val, b: Val, c: Val) -> &mut Inst {
        let inst = self.op3(op, kind, a.reg, b, c);
        if a.temp {
            inst.x |= KILL_A;
        }
        inst
    }

    /// An instruction with one source in `b` and a number in `c`.
    pub(crate) fn op2(&mut self, op: Opcode, kind: u8, a: u16, b: Val, c: u16) -> &mut Inst {
        let inst = self.push(op, kind, a, b.reg, c);
        if b.temp {
            inst.x |= KILL_B;
        }
        inst
    }

    /// An instruction on register `a` only.
    pub(crate) fn op1(&mut self, op: Opcode, a: u16) -> &mut Inst {
        self.push(op, 0, a, 0, 0)
    }

    /// An instruction whose only operand is the source `a`.
    pub(crate) fn use1(&mut self, op: Opcode, a: Val) -> &mut Inst {
        let inst = self.push(op, 0, a.reg, 0, 0);
        if a.temp {
            inst.x |= KILL_A;
        }
        inst
    }

    pub(crate) fn move_(&mut self, to: u16, from: Val) {
        if to != from.reg {
            self.op2(Opcode::Move, 0, to, from, 0);
        }
    }

    pub(crate) fn clear(&mut self, reg: u16) {
        self.op1(Opcode::Clear, reg);
    }

    /// Drops a value if it is a temporary.
    pub(crate) fn discard(&mut self, val: Val) {
        if val.temp {
            self.clear(val.reg);
        }
    }

    pub(crate) fn load_const(&mut self, to: u16, value: Const) {
        if let Const::Int(i) = value
            && let Ok(i) = i32::try_from(i)
        {
            self.op1(Opcode::LoadInt, to).set_bc(i as u32);
            return;
        }
        let index = self.consts.add(value);
        self.op1(Opcode::LoadConst, to).set_bc(index);
    }

    /// A place that a line event may name though nothing happens there; `assemble` drops it where a neighbour serves.
    pub(crate) fn mark(&mut self) {
        self.push(Opcode::Nop, 0, 0, 0, 0);
    }

    /// A reraise that leaves the frame, if it does, at the place where the exception was raised.
    pub(crate) fn reraise_from_where_it_was(&mut self, exc: Val) {
        self.use1(Opcode::Reraise, exc).x |= 1 << KIND_SHIFT;
    }

    pub(crate) fn jump(&mut self, target: Label) {
        self.push(Opcode::Jump, 0, 0, 0, 0).target = target;
    }

    pub(crate) fn jump_back(&mut self, target: Label) {
        self.push(Opcode::JumpBack, 0, 0, 0, 0).target = target;
    }

    /// A conditional jump on `cond`.
    pub(crate) fn branch(&mut self, op: Opcode, cond: Val, target: Label) {
        self.use1(op, cond).target = target;
    }

    pub(crate) fn name(&mut self, name: &str) -> u16 {
        if let Some(index) = self.names.get_index_of(name) {
            return index as u16;
        }
        let (index, _) = self.names.insert_full(name.into());
        if index > OPERAND_MAX {
            self.overflow = true;
        }
        index as u16
    }
}
