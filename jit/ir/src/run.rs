//! The interpreter of traces: what a trace means. The optimizer's passes and the machine code are tested against it.

use crate::arg::{Arg, Const, Var};
use crate::helper::Helper;
use crate::op::{Form, Op, Outcome, Width};
use crate::snapshot::{Slot, SnapId, Src};
use crate::trace::{End, Imm, Inst, Trace};
use crate::word::{FLOAT_OFFSET, SHAPE_OFFSET, Word};
use std::collections::BTreeMap;

/// Why a trace cannot go on: a fault in it, never an outcome.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Trap {
    /// Memory that is not there.
    #[error("address {0:#x} is not mapped")]
    Memory(u64),
    /// The trace is not well formed.
    #[error("instruction {0} has no such operands")]
    Malformed(u32),
    /// It went round too often.
    #[error("more steps than allowed")]
    Endless,
}

/// What a trace runs in.
pub trait World {
    /// Reads memory.
    fn load(&mut self, at: u64, width: Width) -> Result<u64, Trap>;
    /// Writes memory.
    fn store(&mut self, at: u64, width: Width, bits: u64) -> Result<(), Trap>;
    /// Whether objects of this shape are floats.
    fn is_float_shape(&self, shape: u64) -> bool;
    /// Calls a runtime helper.
    fn call(&mut self, helper: Helper, args: &[Const]) -> Result<u64, Trap>;
}

/// Where values are boxed and objects made when a trace is left.
pub trait Heap {
    /// What goes wrong.
    type Error;
    /// A new object, zeroed, with some references.
    fn make(&mut self, shape: u32, size: u32, refs: u32) -> Result<Word, Self::Error>;
    /// Writes a field of a new object.
    fn fill(&mut self, object: Word, offset: i32, bits: u64) -> Result<(), Self::Error>;
    /// A float that fits no word.
    fn float(&mut self, x: f64) -> Result<Word, Self::Error>;
    /// An int that fits no word.
    fn long(&mut self, i: i64) -> Result<Word, Self::Error>;
    /// One reference more.
    fn retain(&mut self, word: Word) -> Result<(), Self::Error>;
}

/// How a trace was left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Left {
    /// By which snapshot.
    pub snap: SnapId,
    /// At which instruction; `None`: at its end.
    pub at: Option<Var>,
    /// What its operands and its parents' were.
    pub values: BTreeMap<Var, Const>,
}

/// Runs a trace until it is left, for at most `steps` instructions.
pub fn run(trace: &Trace, inputs: &[Const], world: &mut impl World, steps: u64) -> Result<Left, Trap> {
    let mut machine = Machine { trace, values: vec![None; trace.insts.len()], world, steps };
    for (v, c) in trace.inputs.iter().zip(inputs) {
        machine.values[v.index()] = Some(*c);
    }
    let (snap, at) = machine.go()?;
    let values = trace.insts.iter().enumerate().filter_map(|(i, _)| {
        let v = Var(u32::try_from(i).ok()?);
        Some((v, machine.values[i]?))
    });
    Ok(Left { snap, at, values: values.collect() })
}

/// The words of the registers that a snapshot names; makes what it says is to be made.
pub fn rebuild<H: Heap>(
    trace: &Trace,
    snap: SnapId,
    value: impl Fn(Arg) -> Option<Const>,
    heap: &mut H,
) -> Result<BTreeMap<Slot, Word>, H::Error> {
    let mut rebuild = Rebuild { trace, value, heap, boxed: BTreeMap::new(), made: BTreeMap::new() };
    for arg in &trace.snap(snap).owes {
        if let Some(Const::Val(word)) = (rebuild.value)(*arg) {
            rebuild.heap.retain(word)?;
        }
    }
    let resolved = trace.resolved(snap);
    resolved.into_iter().map(|(slot, (owner, src))| Ok((slot, rebuild.slot(owner, src)?))).collect()
}

struct Rebuild<'t, V, H> {
    trace: &'t Trace,
    value: V,
    heap: &'t mut H,
    /// What was boxed: one value is one object, however many registers hold it.
    boxed: BTreeMap<Var, Word>,
    /// The virtual objects of snapshots.
    made: BTreeMap<SnapId, Vec<Word>>,
}

impl<V: Fn(Arg) -> Option<Const>, H: Heap> Rebuild<'_, V, H> {
    fn slot(&mut self, owner: SnapId, src: Src) -> Result<Word, H::Error> {
        if !self.made.contains_key(&owner) {
            let trace = self.trace;
            let virtuals = &trace.snap(owner).virtuals;
            let objects = virtuals.iter().map(|v| self.heap.make(v.shape, v.size, v.refs)).collect::<Result<_, _>>()?;
            self.made.insert(owner, objects);
            for (i, v) in virtuals.iter().enumerate() {
                for (_, offset, src) in &v.fields {
                    let word = self.word(owner, *src)?;
                    self.heap.fill(self.made[&owner][i], *offset, word.0)?;
                }
            }
        }
        self.word(owner, src)
    }

    fn word(&mut self, owner: SnapId, src: Src) -> Result<Word, H::Error> {
        let (arg, raw) = match src {
            Src::Virtual(i) => return Ok(self.made[&owner].get(i as usize).copied().unwrap_or(Word::ABSENT)),
            Src::Arg(arg) => (arg, false),
            Src::Raw(arg) => (arg, true),
        };
        let word = match (self.value)(arg) {
            Some(c) if raw => return Ok(Word(c.bits())),
            Some(Const::Val(word)) => return Ok(word),
            Some(Const::Bool(b)) => return Ok(Word::bool(b)),
            Some(Const::Ptr(p)) => return Ok(Word(p)),
            None => return Ok(Word::ABSENT),
            Some(Const::Int(i)) => match Word::int(i) {
                Some(word) => return Ok(word),
                None => self.boxed(arg, |heap| heap.long(i))?,
            },
            Some(Const::Flt(bits)) => match Word::flt(f64::from_bits(bits)) {
                Some(word) => return Ok(word),
                None => self.boxed(arg, |heap| heap.float(f64::from_bits(bits)))?,
            },
        };
        Ok(word)
    }

    fn boxed(&mut self, arg: Arg, make: impl FnOnce(&mut H) -> Result<Word, H::Error>) -> Result<Word, H::Error> {
        let Some(v) = arg.var() else { return make(self.heap) };
        if let Some(word) = self.boxed.get(&v) {
            self.heap.retain(*word)?;
            return Ok(*word);
        }
        let word = make(self.heap)?;
        self.boxed.insert(v, word);
        Ok(word)
    }
}

impl Left {
    /// What an operand was when the trace was left.
    pub fn value(&self, arg: Arg) -> Option<Const> {
        match arg {
            Arg::Const(c) => Some(c),
            Arg::Var(v) => self.values.get(&v).copied(),
        }
    }
}

struct Machine<'t, W> {
    trace: &'t Trace,
    values: Vec<Option<Const>>,
    world: &'t mut W,
    steps: u64,
}

/// What an instruction did.
enum Did {
    Gave(Const),
    Nothing,
    Left,
}

impl<W: World> Machine<'_, W> {
    fn go(&mut self) -> Result<(SnapId, Option<Var>), Trap> {
        let trace = self.trace;
        if let Some(left) = self.list(&trace.head)? {
            return Ok(left);
        }
        let Some(looped) = &trace.looped else { return self.end() };
        let mut carried: Vec<Arg> = looped.params.iter().map(|(_, init)| *init).collect();
        loop {
            let next = carried.iter().map(|arg| self.value(*arg)).collect::<Result<Vec<_>, _>>()?;
            for ((v, _), c) in looped.params.iter().zip(next) {
                self.values[v.index()] = Some(c);
            }
            if let Some(left) = self.list(&looped.body)? {
                return Ok(left);
            }
            match &trace.end {
                End::Again(args) => carried.clone_from(args),
                _ => return self.end(),
            }
        }
    }

    fn end(&self) -> Result<(SnapId, Option<Var>), Trap> {
        // What a limb goes on in is not here.
        self.trace.end.leaves().map(|id| (id, None)).ok_or(Trap::Malformed(u32::MAX))
    }

    fn list(&mut self, list: &[Var]) -> Result<Option<(SnapId, Option<Var>)>, Trap> {
        for v in list {
            self.steps = self.steps.checked_sub(1).ok_or(Trap::Endless)?;
            let inst = self.trace.inst(*v);
            match self.inst(*v, inst)? {
                Did::Gave(c) => self.values[v.index()] = Some(c),
                Did::Nothing => {}
                Did::Left => return Ok(inst.exit.map(|snap| (snap, Some(*v)))),
            }
        }
        // An iteration without instructions is a step, too.
        self.steps = self.steps.checked_sub(1).ok_or(Trap::Endless)?;
        Ok(None)
    }

    fn value(&self, arg: Arg) -> Result<Const, Trap> {
        match arg {
            Arg::Const(c) => Ok(c),
            Arg::Var(v) => self.values[v.index()].ok_or(Trap::Malformed(v.0)),
        }
    }

    fn inst(&mut self, v: Var, inst: &Inst) -> Result<Did, Trap> {
        let args = inst.args.iter().map(|arg| self.value(*arg)).collect::<Result<Vec<_>, _>>()?;
        match inst.op.eval(&args) {
            Outcome::Is(c) => return Ok(Did::Gave(c)),
            Outcome::Exits => return Ok(Did::Left),
            Outcome::Unknown => {}
        }
        let bits = |i: usize| args.get(i).map_or(0, |c| c.bits());
        let gave = |bits: u64| Const::of(inst.ty, bits).map_or(Did::Nothing, Did::Gave);
        let word = Word(bits(0));
        Ok(match (inst.op, inst.imm) {
            (Op::Guard, _) => {
                if args.first() == Some(&Const::Bool(true)) {
                    Did::Nothing
                } else {
                    Did::Left
                }
            }
            (_, Imm::Mem(_, off)) if inst.is_load() => {
                let word = self.world.load(address(inst, &args, off), inst.op.width())?;
                // What is signed, and what is not, the table says.
                gave(if inst.op == Op::LoadX32 { word as i32 as i64 as u64 } else { word })
            }
            (_, Imm::Mem(_, off)) if inst.is_store() => {
                let at = address(inst, &args, off);
                self.world.store(at, inst.op.width(), args.last().map_or(0, |c| c.bits()))?;
                Did::Nothing
            }
            (Op::IsFlt, _) => Did::Gave(Const::Bool(self.is_flt(word)?)),
            (Op::UnboxFlt, _) if word.is_flt() => Did::Gave(Const::flt(word.to_flt())),
            (Op::UnboxFlt, _) => gave(self.world.load(word.0.wrapping_add(FLOAT_OFFSET as u64), Width::Word)?),
            (Op::BoxFlt, _) => match Word::flt(f64::from_bits(bits(1))) {
                Some(word) => Did::Gave(Const::Val(word)),
                None => self.made(Helper::Float, &args)?,
            },
            (Op::New, Imm::New(shape, size)) => {
                let how = [args[0], Const::Int(i64::from(shape)), Const::Int(i64::from(size))];
                self.made(Helper::Alloc, &how)?
            }
            (Op::Retain | Op::Release, _) => {
                let helper = if inst.op == Op::Retain { Helper::Retain } else { Helper::Release };
                if word.is_obj() {
                    self.world.call(helper, &args)?;
                }
                Did::Nothing
            }
            (Op::Quiet, _) => Did::Gave(Const::Bool(!word.is_obj() || self.world.call(Helper::Quiet, &args)? != 0)),
            (Op::Call, Imm::Call(helper)) => gave(self.world.call(helper, &args)?),
            _ => return Err(Trap::Malformed(v.0)),
        })
    }

    fn made(&mut self, helper: Helper, args: &[Const]) -> Result<Did, Trap> {
        let word = Word(self.world.call(helper, args)?);
        Ok(if word == Word::ABSENT { Did::Left } else { Did::Gave(Const::Val(word)) })
    }

    fn is_flt(&mut self, word: Word) -> Result<bool, Trap> {
        if !word.is_obj() {
            return Ok(word.is_flt());
        }
        let shape = self.world.load(word.0 + SHAPE_OFFSET as u64, Width::Half)?;
        Ok(self.world.is_float_shape(shape))
    }
}

fn address(inst: &Inst, args: &[Const], off: i32) -> u64 {
    let base = args.first().map_or(0, |c| c.bits());
    let index = match inst.op.form() {
        Form::Index => args.get(1).map_or(0, |c| c.bits()).wrapping_mul(inst.op.width().bytes().into()),
        _ => 0,
    };
    base.wrapping_add(index).wrapping_add_signed(i64::from(off))
}
