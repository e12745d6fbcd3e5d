//! Recording: one iteration of a running loop becomes a trace.
//!
//! This first recorder knows loops over ints and floats in local registers. It does not run the iteration: it goes through
//! the specialized instructions with the values that the registers hold now, and finds out what each would do; nothing is
//! changed, so it can be given up anywhere. What it follows it follows twice: at first to learn which registers the loop
//! writes, which is what the loop of the trace carries.
//!
//! docs/design/007-recorder.md says how the interpreter itself, decorated, takes this one's place.

mod arith;
mod flow;

use crate::abort::{Abort, Reason};
use crate::cache::{Kind, LiveIn};
use crate::lower::COUNTERS;
use std::collections::{BTreeMap, BTreeSet};
use typhon_interp::tier::At;
use typhon_isa::word::{KILL_A, KILL_B, KILL_C};
use typhon_isa::{Opcode, Word};
use typhon_jit_ir::build::Builder;
use typhon_jit_ir::{Alias, Arg, Const, End, Op, Place, Slot, Snap, SnapId, Src, Trace, Ty, word};
use typhon_object::{Value, types::float};

/// Registers that a trace carries at most.
const REGISTERS_MAX: usize = 128;
/// Instructions of an iteration at most.
const ITERATION_MAX: usize = 500;

/// Where snapshots say how often the loop has gone round: no register of any frame.
pub const ROUNDS: Slot = Slot { frame: COUNTERS, reg: 0 };

/// What was recorded.
pub struct Recorded {
    /// The trace. Its inputs are the thread, the registers, and the word that asks the thread to look up.
    pub trace: Trace,
    /// What the registers held that it looks at.
    pub live_in: LiveIn,
    /// Names the way that was followed.
    pub path: u64,
}

/// Records the loop that stands at `at`, from its header or, as a bridge, `from` where a trace was left: the way from there
/// to the header is the trace's head.
pub fn record(at: &At<'_>, from: Option<u32>) -> Result<Recorded, Abort> {
    let written = match Recorder::new(at, from, BTreeSet::new())?.follow() {
        Ok(recorder) => recorder.wrote,
        // The way to the header is worth a trace by itself.
        Err(abort) => return Recorder::way(at, from).map_err(|_| abort),
    };
    let recorder = Recorder::new(at, from, written)?.follow()?;
    let (live_in, path) = (recorder.live_in(), recorder.path);
    Ok(Recorded { trace: recorder.finish(), live_in, path })
}

/// What a value is: what recording needs to know of it.
pub fn kind_of(v: &Value) -> Kind {
    match Real::of(v) {
        Real::Int(_) => Kind::Int,
        Real::Flt(_) => Kind::Float,
        Real::Bool(_) => Kind::Bool,
        Real::Word(_) => v.header().map_or(Kind::Plain, |h| Kind::Shape(h.shape().0)),
    }
}

/// Whether a value is of a kind.
pub fn is_kind(v: &Value, kind: Kind) -> bool {
    match kind {
        Kind::Plain => !v.is_object(),
        kind => kind_of(v) == kind,
    }
}

/// What a register holds in the iteration that is followed.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Real {
    Int(i64),
    Flt(f64),
    Bool(bool),
    /// Anything else, by its word.
    Word(u64),
}

impl Real {
    fn of(v: &Value) -> Self {
        match (v.as_small(), v.as_immediate_float()) {
            (Some(i), _) => Self::Int(i),
            (_, Some(x)) => Self::Flt(x),
            _ if v.is_bool() => Self::Bool(v.is_true()),
            _ => match v.exact::<float::Float>().and_then(|_| float::as_f64(v)) {
                Some(x) => Self::Flt(x),
                None => Self::Word(v.bits()),
            },
        }
    }
}

/// A register: its value in the trace, and in the iteration that is followed.
#[derive(Clone, Copy)]
struct Sym {
    arg: Arg,
    real: Real,
}

/// A number, unboxed: in the trace, and in the iteration that is followed.
#[derive(Clone, Copy)]
struct Num<T> {
    arg: Arg,
    real: T,
}

const ABSENT: Sym = Sym { arg: Arg::Const(Const::Val(word::Word::ABSENT)), real: Real::Word(0) };

struct Recorder<'a> {
    at: &'a At<'a>,
    b: Builder,
    thread: Arg,
    /// Where the word is that asks the thread to look up.
    wake: Arg,
    regs: Vec<Sym>,
    /// What the registers held when the trace began.
    loaded: Vec<Arg>,
    /// The registers that the trace writes, as far as known beforehand, and what its loop carries for each: its kind when the
    /// loop begins, and the value.
    written: BTreeSet<usize>,
    carried: BTreeMap<usize, (Kind, Arg)>,
    /// Those that it has written.
    wrote: BTreeSet<usize>,
    /// Those that it has looked at before it wrote them.
    read: BTreeSet<usize>,
    /// Iterators that were stepped.
    stepped: BTreeSet<u64>,
    /// It begins in the middle of the loop.
    bridge: bool,
    /// The header's snapshot, once the loop has begun.
    header: Option<SnapId>,
    /// How often the loop has gone round.
    rounds: Arg,
    path: u64,
    /// The snapshot of the instruction at `offset`, if it has one yet.
    snap: Option<SnapId>,
    offset: u32,
    word: Word,
}

impl<'a> Recorder<'a> {
    /// The trace's beginning: every register is loaded, and what the trace writes is of the kind that it is of now.
    fn new(at: &'a At<'a>, from: Option<u32>, written: BTreeSet<usize>) -> Result<Self, Abort> {
        let count = at.unit.register_count;
        let offset = from.unwrap_or(at.target);
        let abort = |reason| Err(Abort { reason, offset, opcode: None });
        if count > REGISTERS_MAX {
            return abort(Reason::Wide);
        }
        let mut b = Builder::new();
        let [thread, base, wake] = [(); 3].map(|()| Arg::from(b.input(Ty::Ptr)));
        let entry = b.snap(Snap { frames: vec![Place { code: 0, offset }], ..Snap::default() });
        let mut regs = Vec::new();
        for (i, v) in (0..count).filter_map(|i| Some((i, at.register(i)?))) {
            let offset = i32::try_from(8 * i).unwrap_or(i32::MAX);
            let arg = b.mem(Op::Load, Ty::Val, Alias::Frame, &[base], offset).into();
            regs.push(Sym { arg, real: Real::of(v) });
        }
        for r in &written {
            let Some(kind) = entry_kind(at, *r) else { return abort(Reason::Object) };
            let arg = regs[*r].arg;
            let is = match kind {
                Kind::Int => b.op(Op::IsInt, &[arg], None),
                Kind::Float => b.op(Op::IsFlt, &[arg], None),
                Kind::Bool => b.op(Op::IsBool, &[arg], None),
                Kind::Plain | Kind::Shape(_) => {
                    let is = b.op(Op::IsObj, &[arg], None);
                    b.op(Op::Not, &[is.into()], None)
                }
            };
            b.op(Op::Guard, &[is.into()], Some(entry));
        }
        let loaded = regs.iter().map(|sym| sym.arg).collect();
        let (wrote, read, stepped, carried) = Default::default();
        Ok(Self {
            at,
            b,
            thread,
            wake,
            regs,
            loaded,
            written,
            carried,
            wrote,
            read,
            stepped,
            bridge: from.is_some(),
            header: None,
            rounds: Arg::int(0),
            path: 0,
            snap: None,
            offset,
            word: Word::default(),
        })
    }

    /// Goes to the header, if the trace begins elsewhere, and then through the instructions until the loop goes round.
    fn follow(mut self) -> Result<Self, Abort> {
        if self.bridge {
            self.instructions()?;
        }
        self.begin_loop()?;
        self.instructions()?;
        self.close()
    }

    /// A bridge that ends at the header.
    fn way(at: &'a At<'a>, from: Option<u32>) -> Result<Recorded, Abort> {
        let mut recorder = Recorder::new(at, from, BTreeSet::new())?;
        if recorder.bridge {
            recorder.instructions()?;
        }
        let written = recorder.wrote;
        let mut recorder = Recorder::new(at, from, written)?;
        if !recorder.bridge {
            return recorder.abort(Reason::Leaves);
        }
        recorder.instructions()?;
        (recorder.offset, recorder.snap) = (at.target, None);
        let (live_in, path, end) = (recorder.live_in(), !recorder.path, recorder.exit());
        Ok(Recorded { trace: recorder.b.finish(End::Leave(end)), live_in, path })
    }

    /// Goes through the instructions until it comes to the header.
    fn instructions(&mut self) -> Result<(), Abort> {
        for _ in 0..ITERATION_MAX {
            let Some(word) = self.at.unit.word(self.offset as usize) else { return self.abort(Reason::Opcode) };
            (self.word, self.snap) = (word, None);
            let Some(op) = Opcode::from_u8(word.op()) else { return self.abort(Reason::Opcode) };
            self.path = (self.path.rotate_left(5) ^ u64::from(self.offset)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            match self.instruction(op)? {
                // A bridge may come to the header from before the loop.
                Some(next) if self.header.is_some() || next != self.at.target => self.offset = next,
                _ => return Ok(()),
            }
        }
        self.abort(Reason::Long)
    }

    /// From here on, every written register is carried, and nobody asks the thread to look up.
    fn begin_loop(&mut self) -> Result<(), Abort> {
        (self.offset, self.snap) = (self.at.target, None);
        for r in self.written.clone() {
            let Some(kind) = self.loop_kind(r) else { return self.abort(Reason::Object) };
            self.carried.insert(r, (kind, self.regs[r].arg));
        }
        self.b.begin_loop();
        let mut header = Snap { frames: vec![Place { code: 0, offset: self.offset }], ..Snap::default() };
        for (r, (_, arg)) in &mut self.carried {
            *arg = self.b.param(Ty::Val, *arg).into();
            self.regs[*r].arg = *arg;
            header.slots.insert(slot(*r), Src::Arg(*arg));
        }
        // The way to the header counts as a round.
        self.rounds = self.b.param(Ty::Int, Arg::int(i64::from(self.bridge))).into();
        header.slots.insert(ROUNDS, Src::Arg(self.rounds));
        let header = self.b.snap(header);
        self.header = Some(header);
        let asked = self.b.mem(Op::Load32, Ty::Int, Alias::Thread, &[self.wake], 0);
        let quiet = self.b.op(Op::IEq, &[asked.into(), Arg::int(0)], None);
        self.b.op(Op::Guard, &[quiet.into()], Some(header));
        Ok(())
    }

    /// The kind of what a register holds when the loop begins, if a trace can carry it.
    fn loop_kind(&self, r: usize) -> Option<Kind> {
        let Sym { arg, real } = self.regs[r];
        let local = r < self.at.unit.local_count;
        match real {
            Real::Int(_) if local => Some(Kind::Int),
            Real::Flt(_) if local => Some(Kind::Float),
            Real::Bool(_) if local => Some(Kind::Bool),
            // One that the trace has made may be an object another time; what was there is none, see `entry_kind`.
            Real::Flt(_) => (arg == self.loaded[r]).then_some(Kind::Plain),
            Real::Word(word) if word::Word(word).is_obj() => None,
            _ => Some(Kind::Plain),
        }
    }

    /// The iteration's end must be what its beginning was.
    fn close(self) -> Result<Self, Abort> {
        for r in self.wrote.iter().filter(|r| self.carried.contains_key(r)) {
            let stable = match (self.carried[r].0, self.regs[*r].real) {
                (Kind::Int, Real::Int(_)) | (Kind::Float, Real::Flt(_)) | (Kind::Bool, Real::Bool(_)) => true,
                (Kind::Plain, Real::Int(_) | Real::Bool(_)) => true,
                (Kind::Plain, Real::Word(word)) => !word::Word(word).is_obj(),
                _ => false,
            };
            if !stable {
                return self.abort(Reason::Unstable);
            }
        }
        Ok(self)
    }

    /// The trace: what was carried out, and round it goes.
    fn finish(mut self) -> Trace {
        let mut again: Vec<Arg> = self.written.iter().map(|r| self.regs[*r].arg).collect();
        again.push(self.b.op(Op::IAdd, &[self.rounds, Arg::int(1)], None).into());
        self.b.finish(End::Again(again))
    }

    fn abort<T>(&self, reason: Reason) -> Result<T, Abort> {
        Err(Abort { reason, offset: self.offset, opcode: Opcode::from_u8(self.word.op()) })
    }

    /// The registers that the trace looks at, and what they hold when it begins.
    fn live_in(&self) -> LiveIn {
        let looked_at = self.read.union(&self.written);
        let kinds = looked_at.filter_map(|r| {
            let kind = if self.written.contains(r) { entry_kind(self.at, *r)? } else { kind_of(self.at.register(*r)?) };
            Some((u16::try_from(*r).ok()?, kind))
        });
        kinds.collect()
    }

    /// The snapshot before the running instruction: the interpreter carries it out again.
    fn exit(&mut self) -> SnapId {
        if let Some(id) = self.snap {
            return id;
        }
        let frames = vec![Place { code: 0, offset: self.offset }];
        let mut snap = Snap { parent: self.header, frames, ..Snap::default() };
        let known =
            |r: &usize| if self.header.is_some() { self.carried.get(r).map(|c| c.1) } else { Some(self.loaded[*r]) };
        let held = if self.header.is_some() { &self.written } else { &self.wrote };
        for r in held {
            let arg = self.regs[*r].arg;
            if known(r) != Some(arg) {
                snap.slots.insert(slot(*r), Src::Arg(arg));
            }
        }
        let id = self.b.snap(snap);
        self.snap = Some(id);
        id
    }

    fn guard(&mut self, condition: Arg) {
        let exit = self.exit();
        self.b.op(Op::Guard, &[condition], Some(exit));
    }

    /// An operation, with an exit if it can have one.
    fn op(&mut self, op: Op, args: &[Arg]) -> Arg {
        let exit = op.exits().then(|| self.exit());
        self.b.op(op, args, exit).into()
    }

    fn reg(&mut self, r: usize) -> Sym {
        if !self.wrote.contains(&r) {
            self.read.insert(r);
        }
        self.regs[r]
    }

    /// Writes a register, which takes the value's reference over and gives up the one that it had.
    fn set(&mut self, r: usize, sym: Sym) {
        // Only floats may be objects among what a trace writes over.
        if let Real::Flt(_) = self.regs[r].real {
            self.b.op(Op::Release, &[self.regs[r].arg], None);
        }
        self.place(r, sym);
    }

    /// As `set`, for a register that owns nothing any more.
    fn place(&mut self, r: usize, sym: Sym) {
        self.regs[r] = sym;
        self.wrote.insert(r);
    }

    /// Ends the temporaries of the running instruction that die with it.
    fn kill(&mut self) {
        let (w, x) = (self.word, self.word.x());
        for (bit, r) in [(KILL_A, w.a()), (KILL_B, w.b()), (KILL_C, w.c())] {
            if x & bit != 0 && r < self.regs.len() {
                self.set(r, ABSENT);
            }
        }
    }

    /// The result of the running instruction: its dying operands die first.
    fn result(&mut self, sym: Sym) {
        self.kill();
        self.set(self.word.a(), sym);
    }
}

fn slot(r: usize) -> Slot {
    Slot { frame: 0, reg: u16::try_from(r).unwrap_or(u16::MAX) }
}

/// The kind that a register which the trace writes has when it is entered. `None`: an object that is no float, or one in a
/// temporary.
fn entry_kind(at: &At<'_>, r: usize) -> Option<Kind> {
    let v = at.register(r)?;
    match kind_of(v) {
        Kind::Shape(_) => None,
        Kind::Float if r >= at.unit.local_count && v.is_object() => None,
        _ if r >= at.unit.local_count => Some(Kind::Plain),
        kind => Some(kind),
    }
}
