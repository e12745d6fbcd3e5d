//! Recording: one iteration of a running loop becomes a trace, while it is carried out.
//!
//! Before each instruction the recorder writes down what it will do, from its specialized opcode and from what the registers
//! hold; then the interpreter's own body carries it out ([`typhon_interp::eval::follow`]). What has no translation here is
//! written down as that: the machine code has the interpreter carry it out. So any instruction can be recorded that does not
//! end the frame, and the recording can be given up anywhere: the interpreter goes on where it has come to.
//!
//! | module | noun |
//! |---|---|
//! | `begin` | the frames that a trace begins with |
//! | `real` | what values are in the iteration that is followed |
//! | `recorded` | what comes of it |
//! | `regs` | the registers: what the trace knows that they hold, and what memory holds |
//! | `level` | a frame of the trace
//! | `exits` | guards, and where the interpreter goes on |
//! | `opaque` | instructions that the interpreter carries out |
//! | `flow` | moves, jumps, iteration; which opcode is whose |
//! | `fresh` | objects that nobody else has yet |
//! | `heirs` | lists and tuples, of Python classes, too |
//! | `arith` | numbers |
//! | `objects` | lists, tuples, attributes, globals, cells |
//! | `attributes` | attributes and methods |
//! | `arguments` | which parameter gets what |
//! | `calls` | calls of Python functions, and their returns |
//! | `turns` | generators that a loop goes through
//! | `returns` | the return of the frame that a trace begins with |
//! | `containers` | what helpers do with containers and texts |
//! | `iterate` | iteration |
//! | `natives` | calls of natives |

mod arguments;
mod arith;
mod attributes;
mod begin;
mod calls;
mod containers;
mod exits;
mod flow;
mod fresh;
mod heirs;
mod iterate;
mod iterators;
mod level;
mod natives;
mod numbers;
mod numeric;
mod objects;
mod opaque;
mod real;
mod recorded;
mod regs;
mod returns;
mod turns;

use crate::abort::{Abort, Reason};
use crate::lower::{COUNTERS, Plan};
use crate::worth::{self, Worth};
use fresh::Fresh;
use level::{Level, PLAIN, REAL};
use real::Real;
pub use real::{is_kind, kind_of};
pub use recorded::Recorded;
use regs::Regs;
use rustc_hash::FxHashSet;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;
use typhon_interp::eval::follow::Running;
use typhon_interp::frame::Kind as FrameKind;
use typhon_interp::tier::{At, Hot, Went};
use typhon_interp::unit::Unit;
use typhon_isa::{Opcode, Word};
use typhon_jit_ir::build::Builder;
use typhon_jit_ir::snapshot::place_number;
use typhon_jit_ir::{Alias, Arg, Const, End, Op, Place, Slot, SnapId, Trace, Ty, word};
use typhon_object::error::Exc;
use typhon_object::{Value, type_of};

/// Registers that a trace carries at most.
const CARRIED_MAX: usize = 128;
/// How far behind the first frame's registers a callee's may lie.
pub const REGISTERS_MAX: usize = 4000;
/// Frames that a trace has at most.
pub const FRAMES_MAX: usize = 12;
/// Instructions of an iteration at most.
const ITERATION_MAX: usize = 1500;
/// Instructions of a trace at most.
const INSTRUCTIONS_MAX: usize = 4000;
/// Instructions of a way at most: another one goes on behind it.
const WAY_MAX: usize = 1500;
/// What a way must save that is cut short.
const CUT_MIN: i64 = 6 * worth::TRANSLATED;
/// What a way costs that is not gone at all: more than going back to the interpreter and coming again.
const WAY_MIN: i64 = -(worth::ENTRY + worth::EXIT);
/// What a function's way costs that is called by itself.
const CALL_MIN: i64 = worth::ENTRY + worth::EXIT;
/// How often a loop in the loop goes round in a trace.
const INNER_MAX: u32 = 8;

/// Where snapshots say how often the loop has gone round: no register of any frame.
pub const ROUNDS: Slot = Slot { frame: COUNTERS, reg: 0 };
/// Where snapshots say what the record of the frame at a depth owns that has none yet: its function.
pub const fn function_of(depth: usize) -> Slot {
    Slot { frame: COUNTERS, reg: 2 * depth as u16 - 1 }
}

/// The same: what it owns for its caller.
pub const fn extra_of(depth: usize) -> Slot {
    Slot { frame: COUNTERS, reg: 2 * depth as u16 }
}

/// The offset in a snapshot that says: the frame's record says where it goes on, and memory holds its registers.
pub const BY_FRAME: u32 = Went::BY_FRAME;
/// The same: the frame that the trace began with has returned, and its caller goes on.
pub const RETURNED: u32 = Went::BY_FRAME - 1;

/// Records the loop that stands at `at`, from its header or, as a bridge, `from` where a trace was left, whose frames have their
/// records: the way from there to the header is the trace's head. If there is no loop behind it, or the header of another loop
/// in between that has a trace, or what no trace does, the way to there is a trace by itself. What is recorded is carried out: the record of the running frame says how far it has come; what an instruction has
/// raised there comes back, too.
pub fn record(at: &At<'_>, from: &[Place], sight: Sight<'_>) -> (Result<Recorded, Abort>, Option<Exc>) {
    let mut recorder = match Recorder::new(at, from, sight) {
        Ok(recorder) => recorder,
        Err(abort) => return (Err(abort), None),
    };
    let begins = matches!(from, [place] if place.offset == at.target());
    let mut way = None;
    let done = if from.is_empty() {
        recorder.begin_loop(false);
        let closed = recorder.follow().and_then(|_| recorder.close());
        closed.map(|closed| Recorded { way: Some(closed.trace.clone()), ..closed })
    } else {
        recorder.way().and_then(|(found, to)| {
            if to.is_none() || to != at.header() {
                // Optimizing makes it cheaper, but what it saves is known.
                let least = if at.hot == Hot::Call && begins && to.is_none() { CALL_MIN } else { WAY_MIN };
                let worthless = found.plan.worth.way <= least && !recorder.sight.worthless;
                return if worthless { recorder.abort(Reason::Worthless) } else { Ok(found) };
            }
            way = Some(found);
            recorder.begin_loop(true);
            recorder.follow()?;
            let closed = recorder.close()?;
            let begun = way.as_ref().and_then(|way| way.way.clone());
            Ok(Recorded { way: begun, ..closed })
        })
    };
    match done {
        Ok(recorded) => (Ok(recorded), None),
        Err(abort) => match way {
            Some(way) => (Ok(Recorded { raised: recorder.raised.take(), ..way }), None),
            None => (Err(abort), recorder.raised.take()),
        },
    }
}

/// What a recorder is told of the isolate's other traces.
#[derive(Clone, Copy)]
pub struct Sight<'a> {
    /// Whether another loop of the frame that entered the trace has one, by its header.
    pub has_trace: &'a dyn Fn(u32) -> bool,
    /// Whether another loop of that frame, which has none, may have one before long.
    pub awaits: &'a dyn Fn(u32) -> bool,
    /// Whether loops are recorded of which the interpreter carries most out.
    pub worthless: bool,
    /// Functions that are not taken along any more, by their code's address. A stranger at such an address is only run slower.
    pub apart: &'a RefCell<FxHashSet<usize>>,
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
    sight: Sight<'a>,
    running: Running<'a>,
    /// Whether other threads run meanwhile.
    parallel: bool,
    b: Builder,
    thread: Arg,
    /// The record of the first frame.
    frame: Arg,
    regs: Regs,
    fresh: Fresh,
    levels: Vec<Level>,
    /// The word that asks the thread to look up.
    wake: Arg,
    /// How often the loop has gone round.
    rounds: Arg,
    /// It has begun.
    looping: bool,
    /// The first frame has returned.
    returned: bool,
    path: u64,
    /// The snapshot of the running instruction, if it has one yet.
    snap: Option<SnapId>,
    word: Word,
    /// How often loops in the loop have gone round, by frame and offset.
    inner: BTreeMap<(usize, u32), u32>,
    /// The longest function that was taken along, and its code's address.
    longest: Option<(usize, usize)>,
    kept: Vec<Arc<Unit>>,
    classes: Vec<Value>,
    private: bool,
    lasting: Vec<u64>,
    opaque: Vec<Opcode>,
    /// Where it begins, as a number; and of a way, in the code of the frame that entered the trace.
    start: u64,
    began: Option<u32>,
    worth: Worth,
    raised: Option<Exc>,
}

impl<'a> Recorder<'a> {
    /// The trace's beginning.
    fn new(at: &'a At<'a>, from: &[Place], sight: Sight<'a>) -> Result<Self, Abort> {
        let offset = from.last().map_or(at.target(), |place| place.offset);
        let abort = |reason| Err(Abort { reason, offset, opcode: None });
        let running = Running::on(at.t);
        running.go_to(offset);
        let mut b = Builder::new();
        let [thread, base, wake, frame] = [(); 4].map(|()| Arg::from(b.input(Ty::Ptr)));
        if at.unit.register_count > CARRIED_MAX {
            return abort(Reason::Wide);
        }
        if running.is_seen(from.len().max(1)) {
            return abort(Reason::Frame);
        }
        let Some(levels) = begin::levels(&running, at, from, &mut b, frame) else { return abort(Reason::Frame) };
        let top = levels.iter().map(Level::top).max().unwrap_or_default();
        let start = if from.is_empty() { u64::from(at.target()) } else { place_number(from) };
        let mut recorder = Self {
            at,
            sight,
            running,
            parallel: at.t.is_parallel(),
            b,
            thread,
            frame,
            wake,
            regs: Regs::new(at, base, top),
            fresh: Fresh::default(),
            rounds: Arg::int(0),
            looping: false,
            returned: false,
            // Ways that begin in other frames are others.
            path: if from.len() > 1 { start } else { 0 },
            snap: None,
            word: Word::default(),
            inner: BTreeMap::new(),
            longest: None,
            // Their constants may be named, by whatever thread.
            kept: levels.iter().map(|level| Arc::clone(&level.unit)).collect(),
            classes: Vec::new(),
            // Frames are what they are in this isolate.
            private: levels.len() > 1,
            lasting: Vec::new(),
            opaque: Vec::new(),
            levels,
            start,
            began: from.first().map(|place| place.offset),
            worth: Worth { bridge: !from.is_empty(), ..Worth::default() },
            raised: None,
        };
        recorder.open_windows();
        Ok(recorder)
    }

    /// Goes to a header, or as far as traces go: that is a trace, and which header it is.
    fn way(&mut self) -> Result<(Recorded, Option<u32>), Abort> {
        let to = match self.follow() {
            Ok(to) => Some(to),
            Err(abort) if self.may_cut(abort) => None,
            Err(abort) => return Err(abort),
        };
        let end = match to {
            Some(RETURNED) => self.snapshot(RETURNED, BTreeMap::new()),
            _ => self.end_of_way(to),
        };
        let mut trace = self.b.trace().clone();
        trace.end = End::Leave(end);
        let way = Some(trace.clone());
        Ok((Recorded { way, ..self.recorded(trace, !self.path) }, to))
    }

    /// Where the interpreter goes on behind a way: at a header, or where the recording has come to.
    fn end_of_way(&mut self, to: Option<u32>) -> SnapId {
        let offset = to.unwrap_or_else(|| self.running.offset());
        self.running.go_to(offset);
        self.level_mut().offset = offset;
        self.snap = None;
        if place_number(&self.frames(offset)) == self.start {
            // It has come round.
            self.rounds = Arg::int(1);
        }
        self.exit()
    }

    /// Whether a way may end before the instruction at which recording it was given up, which has not been carried out.
    fn may_cut(&self, abort: Abort) -> bool {
        matches!(abort.reason, Reason::Opcode | Reason::Long | Reason::Nested) && self.worth.way >= CUT_MIN
    }

    /// At the header. From here on, what the loop writes is carried, and nobody asks the thread to look up.
    fn begin_loop(&mut self, bridge: bool) {
        self.level_mut().offset = self.at.target();
        self.snap = None;
        self.looping = true;
        self.regs.begin_loop(self.at, &mut self.b);
        // The way to the header counts as a round.
        self.rounds = self.b.param(Ty::Int, Arg::int(i64::from(bridge))).into();
        let wake = self.wake;
        let asked = self.b.mem(Op::Load32, Ty::Int, Alias::Thread, &[wake], 0);
        let quiet = self.op(Op::IEq, &[asked.into(), Arg::int(0)]);
        self.guard(quiet);
        self.ask_whose();
    }

    fn recorded(&self, trace: Trace, path: u64) -> Recorded {
        let (live_in, kept, classes) = (self.regs.live_in(), self.kept.clone(), self.classes.clone());
        Recorded {
            trace,
            way: None,
            reads: if self.looping { self.regs.reads() } else { Vec::new() },
            live_in,
            path,
            raised: None,
            kept,
            classes,
            private: self.private,
            lasting: self.lasting.clone(),
            opaque: self.opaque.clone(),
            plan: Plan { start: self.start, worth: self.worth },
        }
    }

    /// Goes through the instructions, carrying them out, until it comes to the header or, on the way there, to that of another
    /// loop that has a trace: which one; or until the first frame returns.
    fn follow(&mut self) -> Result<u32, Abort> {
        for n in 0..ITERATION_MAX {
            let offset = self.running.offset();
            self.level_mut().offset = offset;
            self.snap = None;
            self.path = (self.path.rotate_left(5) ^ u64::from(offset)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let outermost = self.levels.len() == 1;
            // Who begins at a header is not there yet: if no way counted as a round, exits would take it for headway.
            if n > 0
                && outermost
                && (Some(offset) == self.at.header() || !self.looping && (self.sight.has_trace)(offset))
            {
                return Ok(offset);
            }
            let left = self.looping && outermost && !(self.at.target()..=self.at.offset).contains(&offset);
            let Some(word) = self.unit().word(offset as usize) else { return self.abort(Reason::Opcode) };
            self.word = word;
            let Some(op) = Opcode::from_u8(word.op()) else { return self.abort(Reason::Opcode) };
            if left {
                return self.abort(Reason::Leaves);
            }
            if matches!(op, Opcode::JumpBack | Opcode::JumpBackCounted) {
                if self.jump_back()? {
                    return Ok(self.at.target());
                }
                continue;
            }
            if op == Opcode::ResumeCounted {
                // Nobody looks for machine code here while its way is followed.
                self.running.go_to(offset + 1);
                continue;
            }
            if self.b.trace().insts.len() > if self.looping { INSTRUCTIONS_MAX } else { WAY_MAX } {
                return self.too_long();
            }
            let (before, depth) = (self.b.trace().insts.len(), self.levels.len());
            let done = match op {
                Opcode::Call | Opcode::CallMethod | Opcode::CallKw | Opcode::CallKnown | Opcode::CallMethodKnown => {
                    self.call(op)
                }
                Opcode::Return | Opcode::ReturnConst => self.ret(op),
                Opcode::ForIterGen => self.resume(),
                Opcode::Send => self.send(),
                Opcode::Yield => self.suspend(offset + 1),
                Opcode::ReturnGenerator => self.make_generator(),
                Opcode::GetItemPython => self.call_getitem(),
                Opcode::LoadAttrProperty => self.call_property(),
                Opcode::SetItem if self.sets_item(word.a()) => self.call_setitem(),
                _ if op.info().name.starts_with("Binary") && self.is_instance(word.b()) => {
                    self.call_operator(op.info().operands[2] == "i")
                }
                _ => self.instruction(op).and_then(|next| self.carry_out(next)),
            };
            match done {
                Err(abort) if abort.reason.is_local() => {
                    let saved = self.opaque(op)?;
                    self.opaque.push(op);
                    self.is_worth(saved);
                }
                done => {
                    done?;
                    let calls = self.b.trace().insts[before..].iter().filter(|inst| inst.op == Op::Call).count();
                    let more = interpreted(op, self.levels.len().cmp(&depth));
                    self.is_worth(worth::TRANSLATED + more + calls as i64 * worth::HELPER);
                }
            }
            self.regs.flush_windows(&mut self.b);
            if self.returned {
                return Ok(RETURNED);
            }
        }
        self.too_long()
    }

    /// There is too much: without the longest function it may be little enough.
    fn too_long<T>(&mut self) -> Result<T, Abort> {
        let open = self.levels.get(1).map(|level| (self.size() - level.begun, Arc::as_ptr(&level.unit) as usize));
        match open.max(self.longest) {
            Some((size, unit)) if size > self.size() / 4 && self.looping => {
                self.sight.apart.borrow_mut().insert(unit);
                self.abort(Reason::Callee)
            }
            _ => self.abort(Reason::Long),
        }
    }

    fn size(&self) -> usize {
        self.b.trace().insts.len()
    }

    /// Whether a register holds an object of a Python class.
    fn is_instance(&self, r: usize) -> bool {
        let v = self.value(r);
        v.is_object() && type_of(v).is_heap_type()
    }

    /// Whether a register holds an object of a Python class that has its own way to set items.
    fn sets_item(&self, r: usize) -> bool {
        self.is_instance(r) && heirs::row_of(self.value(r), heirs::Use::Written).is_none()
    }

    /// An instruction has been recorded that saves so much.
    fn is_worth(&mut self, saved: i64) {
        let sum = if self.looping { &mut self.worth.round } else { &mut self.worth.way };
        *sum += saved;
    }

    /// A backward jump; whether it is the loop's own. One of another loop is taken as often as that goes round now.
    fn jump_back(&mut self) -> Result<bool, Abort> {
        let target = (self.offset() + 2).saturating_add_signed(self.word.bc());
        if self.levels.len() == 1 && Some(target) == self.at.header() {
            return Ok(true);
        }
        if self.goes_round(target) && (self.sight.awaits)(target) {
            return self.abort(Reason::Outer);
        }
        let times = self.inner.entry((self.levels.len(), target)).or_default();
        *times += 1;
        if *times > INNER_MAX {
            if self.levels.len() == 1 {
                return self.abort(Reason::Nested);
            }
            self.sight.apart.borrow_mut().insert(Arc::as_ptr(&self.level().unit) as usize);
            return self.abort(Reason::Callee);
        }
        if self.at.t.breaker.any() {
            return self.abort(if self.parallel { Reason::Parallel } else { Reason::Frame });
        }
        self.running.go_to(target);
        Ok(false)
    }

    /// Lets the interpreter do what was written down.
    fn carry_out(&mut self, next: u32) -> Result<(), Abort> {
        let height = self.running.height();
        self.step()?;
        // Who begins with its free variables counts behind them, which steps go past.
        let counts = self.unit().word(next as usize).is_some_and(|w| w.op() == Opcode::ResumeCounted as u8);
        if self.running.height() != height || !(next..=next + u32::from(counts)).contains(&self.running.offset()) {
            return self.abort(Reason::Surprise);
        }
        Ok(())
    }

    /// Carries out the instruction.
    fn step(&mut self) -> Result<(), Abort> {
        if let Err(e) = self.running.step() {
            self.raised = Some(e);
            return self.abort(Reason::Raised);
        }
        self.is_as_before()
    }

    /// As many threads run at the same time as when the recording began: one, or several.
    fn is_as_before(&self) -> Result<(), Abort> {
        if self.at.t.is_parallel() == self.parallel { Ok(()) } else { self.abort(Reason::Parallel) }
    }

    /// The trace: what was carried out, and round it goes.
    fn close(&mut self) -> Result<Recorded, Abort> {
        // Where the jump would have gone.
        self.running.go_to(self.at.target());
        if !self.regs.is_stable(self.at) {
            return self.abort(Reason::Unstable);
        }
        let mut again = self.regs.again(&mut self.b);
        again.push(self.b.op(Op::IAdd, &[self.rounds, Arg::int(1)], None).into());
        if self.worth.round <= 0 && !self.sight.worthless {
            return self.abort(Reason::Worthless);
        }
        let trace = std::mem::replace(&mut self.b, Builder::new()).finish(End::Again(again));
        Ok(self.recorded(self.without_unused(self.regs.without_unwritten(trace)), self.path))
    }

    fn abort<T>(&self, reason: Reason) -> Result<T, Abort> {
        Err(Abort { reason, offset: self.offset(), opcode: Opcode::from_u8(self.word.op()) })
    }

    fn level(&self) -> &Level {
        self.levels.last().unwrap_or_else(|| unreachable!("the first frame stays"))
    }

    fn level_mut(&mut self) -> &mut Level {
        self.levels.last_mut().unwrap_or_else(|| unreachable!("the first frame stays"))
    }

    fn unit(&self) -> &Unit {
        &self.level().unit
    }

    /// The offset of the running instruction.
    fn offset(&self) -> u32 {
        self.level().offset
    }

    /// Extra word `i` of the running instruction.
    fn extra(&self, i: u32) -> u64 {
        self.unit().word((self.offset() + 1 + i) as usize).map_or(0, |w| w.0)
    }

    /// Where the registers of the running frame end.
    fn top(&self) -> usize {
        self.level().top()
    }

    /// Where the registers end that are anybody's: a caller may have more of them than a frame that begins among its
    /// temporaries.
    fn end_of_all(&self) -> usize {
        self.levels.iter().map(Level::top).max().unwrap_or_default()
    }
}

/// What the interpreter needs for an instruction beside what it does for any, by what became of the frames.
fn interpreted(op: Opcode, levels: Ordering) -> i64 {
    match (op, levels) {
        (Opcode::ForIterGen | Opcode::Send | Opcode::Yield, _) => worth::TURNED,
        (_, Ordering::Greater) => worth::CALLED,
        (_, Ordering::Less) => worth::RETURNED,
        _ if op.info().name.contains("Attr") => worth::ATTRIBUTE,
        _ => 0,
    }
}
