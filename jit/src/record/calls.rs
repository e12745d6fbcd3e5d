//! Calls of Python functions with plain parameters: by name, as methods of operators, and as the `__init__` of classes.
//!
//! The callee's registers are the trace's, and its frame's record is not made: an exit in it makes it (`vm::Entered`), and so
//! does the trace before an instruction that the interpreter carries out there.

use super::arguments::Window;
use super::{ABSENT, Abort, FrameKind, Level, Real, Reason, Recorder, extra_of, function_of};
use crate::vm::Entered;
use std::collections::BTreeMap;
use std::sync::Arc;
use typhon_interp::eval::follow::{getitem_of, init_of, operator_of, setitem_of};
use typhon_interp::function::Function;
use typhon_interp::unit::Unit;
use typhon_isa::word::{KILL_A, KILL_B, KILL_C};
use typhon_isa::{BinaryKind, Opcode};
use typhon_jit_ir::word::Word;
use typhon_jit_ir::{Alias, Arg, Const, Helper, Op, Slot, Src, Ty};
use typhon_object::types::property::Property;
use typhon_object::{TypeObject, Value, ids};

/// Who is called with what.
pub(super) struct Callee {
    /// Its function, whose reference the frame takes over.
    pub(super) function: Arg,
    pub(super) unit: Arc<Unit>,
    /// Where the arguments lie, in registers of the running frame, and how many there are that are given by their place.
    pub(super) first: usize,
    pub(super) count: usize,
    /// The new instance, of which the frame has a reference of its own, if it is a class's `__init__`.
    pub(super) made: Option<Arg>,
}

impl Recorder<'_> {
    /// A call that is taken along; then it has been carried out, too.
    pub(super) fn call(&mut self, op: Opcode) -> Result<(), Abort> {
        let (at, count) = (self.word.b(), self.word.c());
        let method = matches!(op, Opcode::CallMethod | Opcode::CallMethodKnown | Opcode::CallKw);
        let (first, count) = match method {
            false => (at + 1, count),
            // Whether there is an object in front is known of the register that LoadMethod has written.
            true => match self.reg(at + 1).arg {
                Arg::Const(Const::Val(Word::ABSENT)) => (at + 2, count),
                arg => {
                    let none = self.op(Op::Same, &[arg, Arg::Const(Const::Val(Word::ABSENT))]);
                    if self.value(at + 1).is_absent() {
                        self.guard(none);
                        (at + 2, count)
                    } else {
                        let some = self.op(Op::Not, &[none]);
                        self.guard(some);
                        (at + 1, count + 1)
                    }
                }
            },
        };
        let window = Window { at, first, count, names: self.keywords(op) };
        let shape = self.value(at).header().map_or(0, |h| h.shape().0);
        match shape {
            ids::FUNCTION => return self.call_function(&window),
            ids::METHOD if !method || first == at + 2 => return self.call_bound(&window),
            _ => {}
        }
        match init_of(self.at.t, self.value(at)) {
            Some(init) => self.call_class(&init, &window),
            None if self.is_instance(at) => self.call_instance(&window),
            None if window.names.is_empty() => self.call_native(at, first, count),
            None => self.abort(Reason::Type),
        }
    }

    /// The function's code is what it was, in the thread that has this copy of it. The function itself may point to another
    /// thread's.
    pub(super) fn has_unit(&mut self, function: Arg, f: &Function, unit: &Arc<Unit>) {
        self.has_shape(function, ids::FUNCTION);
        let now = self.load(Ty::Ptr, Alias::Code, function, Function::UNIT);
        let theirs = f.kept_unit();
        let same = self.op(Op::PEq, &[now, Arg::Const(Const::Ptr(Arc::as_ptr(&theirs) as u64))]);
        self.guard(same);
        let here = Arg::Const(Const::Ptr(std::ptr::from_ref(self.at.t) as u64));
        let here = self.op(Op::PEq, &[self.thread, here]);
        self.guard(here);
        self.private = true;
        if !Arc::ptr_eq(&theirs, unit) {
            self.kept.push(theirs);
        }
        self.kept.push(Arc::clone(unit));
    }

    /// The unit of a function that is taken along with registers from `base` on.
    pub(super) fn takes(&self, f: &Function, base: usize) -> Result<Arc<Unit>, Abort> {
        let Some(unit) = self.running.unit_of(f) else { return self.abort(Reason::Type) };
        if unit.simple { self.may_enter(unit, base) } else { self.abort(Reason::Type) }
    }

    /// The same of one that may have parameters that take the rest of the arguments.
    pub(super) fn takes_all(&self, f: &Function, base: usize) -> Result<Arc<Unit>, Abort> {
        let Some(unit) = self.running.unit_of(f) else { return self.abort(Reason::Type) };
        // A generator's callee gets its arguments elsewhere.
        let plain = unit.simple || self.level().turn.is_none() && !makes_generator(&unit);
        if plain { self.may_enter(unit, base) } else { self.abort(Reason::Type) }
    }

    fn may_enter(&self, unit: Arc<Unit>, base: usize) -> Result<Arc<Unit>, Abort> {
        // A generator's registers lie apart, wherever those of frames above it begin.
        let apart = self.running.is_generator_below(self.levels.len() - 1);
        if apart || !self.may_take(&unit, base, !self.parallel && makes_generator(&unit)) {
            return self.abort(Reason::Type);
        }
        Ok(unit)
    }

    /// Where a callee's registers begin whose arguments lie in the registers from `first` on.
    pub(super) fn callee_at(&self, first: usize) -> usize {
        if self.level().turn.is_some() { self.top() } else { self.index(first) }
    }

    /// Takes the arguments of a call out of a generator's registers, which its callee's do not lie over.
    fn take_arguments(&mut self, first: usize, count: usize) -> Vec<Arg> {
        let all = if self.level().turn.is_some() { first..first + count } else { 0..0 };
        all.map(|r| {
            let arg = self.reg(r).arg;
            self.take(r);
            arg
        })
        .collect()
    }

    fn call_function(&mut self, window: &Window) -> Result<(), Abort> {
        let at = window.at;
        let Some(f) = self.value(at).exact::<Function>().map(std::ptr::from_ref) else {
            return self.abort(Reason::Type);
        };
        // SAFETY: the register keeps the function while the call is looked at, and nothing runs meanwhile.
        let f = unsafe { &*f };
        let unit = self.takes_all(f, self.callee_at(window.first))?;
        let binding = self.binding(f, window)?;
        let function = self.reg(at).arg;
        self.has_unit(function, f, &unit);
        let mut filled = self.filled(f, function, window, &binding);
        filled.extend(self.rest(window, &binding));
        self.take(at);
        if window.first > at + 1 {
            self.take(at + 1);
        }
        self.enter(Callee { function, unit, first: window.first, count: binding.given, made: None }, &filled)
    }

    /// A class: the instance takes the register in front of the arguments.
    fn call_class(&mut self, init: &Value, window: &Window) -> Result<(), Abort> {
        let at = window.at;
        let callable = self.value(at).clone();
        let (Some(f), Some(class)) = (init.exact::<Function>(), callable.downcast::<TypeObject>()) else {
            return self.abort(Reason::Type);
        };
        let version = class.version.get();
        let inner = window.with_object();
        let unit = self.takes_all(f, self.callee_at(inner.first))?;
        let binding = self.binding(f, &inner)?;
        if version == 0 {
            return self.abort(Reason::Type);
        }
        let class_now = Arg::Const(Const::Val(Word(self.value(at).bits())));
        let class = self.reg(at).arg;
        let same = self.op(Op::Same, &[class, class_now]);
        self.guard(same);
        // Another class may lie where this one did: it has another version.
        self.has_shape(class_now, ids::TYPE);
        self.has_version(class_now, version);
        // The class has its `__init__` as long as it has its version.
        let function = Arg::Const(Const::Val(Word(init.bits())));
        self.has_unit(function, f, &unit);
        let mut filled = self.filled(f, function, &inner, &binding);
        self.may_release(class);
        let made = self.new_instance(class_now, &callable)?;
        filled.extend(self.rest(&inner, &binding));
        self.retain(function);
        self.retain(made);
        self.take(at);
        self.b.op(Op::Release, &[class], None);
        if inner.first > at {
            self.take(at + 1);
        }
        self.put(inner.first, made);
        self.enter(Callee { function, unit, first: inner.first, count: binding.given, made: Some(made) }, &filled)
    }

    /// A new instance of a class. One whose end concerns nobody need not be made at all.
    fn new_instance(&mut self, class_now: Arg, callable: &Value) -> Result<Arg, Abort> {
        let Some(class) = callable.downcast::<TypeObject>() else { return self.abort(Reason::Type) };
        if class.has_finalizer() {
            let made = Arg::from(self.b.call(Helper::Instance, &[self.thread, class_now]));
            self.is_present(made);
            return Ok(made);
        }
        self.classes.push(callable.clone());
        let size = u32::try_from(class.basic_size()).unwrap_or(u32::MAX);
        let exit = self.exit();
        Ok(self.b.new_object(class.root_shape().0, size, self.thread, exit).into())
    }

    /// The arguments are in place but for what is `filled`: the interpreter makes the call, and the trace goes on in the callee.
    pub(super) fn enter(&mut self, callee: Callee, filled: &[(Arg, bool)]) -> Result<(), Abort> {
        let Callee { function, unit, first, count, made } = callee;
        let base = self.callee_at(first);
        let named = filled.iter().filter(|(_, owned)| *owned).count();
        let moved = self.take_arguments(first, count + named);
        let kind = if made.is_some() { FrameKind::Init } else { FrameKind::Call };
        let (dst, skip) = (self.word.a(), Opcode::Call.extra());
        let level =
            Level { kind, dst, skip, plain: true, function: Some(function), made, ..Level::real(unit, base, 0) };
        self.enter_level_of(Level { real: false, ..level }, count)?;
        for (i, arg) in moved.into_iter().take(count).enumerate() {
            self.put(i, arg);
        }
        self.fill(count, filled);
        self.has_begun()
    }

    /// The interpreter enters the frame, in whose first registers `count` arguments are.
    fn enter_level_of(&mut self, level: Level, count: usize) -> Result<(), Abort> {
        let height = self.running.height();
        self.step()?;
        let (base, locals) = (level.base, level.unit.local_count);
        let entered = self.running.height() == height + 1
            && std::ptr::eq(self.running.unit(), Arc::as_ptr(&level.unit))
            && std::ptr::eq(self.running.registers(), self.at.registers().wrapping_add(base));
        if !entered {
            return self.abort(Reason::Surprise);
        }
        self.regs.open(base + count, base + locals);
        let begun = self.size();
        self.levels.push(Level { offset: self.running.offset(), begun, ..level });
        Ok(())
    }

    fn has_begun(&self) -> Result<(), Abort> {
        if self.offset() == self.start_of() { Ok(()) } else { self.abort(Reason::Surprise) }
    }

    /// A `__getitem__`, which takes over the operands that die.
    pub(super) fn call_getitem(&mut self) -> Result<(), Abort> {
        let w = self.word;
        let Some(f) = getitem_of(self.at.t, self.value(w.b())) else { return self.abort(Reason::Type) };
        let moved = |bit: u8, r: usize| (w.x() & bit != 0).then_some(r);
        let object = self.same_type(w.b())?;
        let args = [(object, moved(KILL_B, w.b())), (self.reg(w.c()).arg, moved(KILL_C, w.c()))];
        self.enter_special(&f, FrameKind::Call, (w.a(), 1), &args)
    }

    /// A property's getter, which takes over the object if it dies.
    pub(super) fn call_property(&mut self) -> Result<(), Abort> {
        let w = self.word;
        let found = self.running.attribute(Opcode::LoadAttr, self.value(w.b()), w.c());
        let Some((Opcode::LoadAttrProperty, [key, bits, _])) = found else { return self.abort(Reason::Type) };
        // The site may stand for another class: then the interpreter does not enter the getter.
        if key != self.extra(0) || key >> 32 == 0 {
            return self.abort(Reason::Type);
        }
        let Some(getter) = Value::from_ref(&bits).exact::<Property>().map(|p| p.fget.get()) else {
            return self.abort(Reason::Type);
        };
        let object = self.reg(w.b()).arg;
        self.has_type(object, key);
        // A property's getter is not replaced but by `__init__`: then it is another one.
        let of = Arg::Const(Const::Ptr(bits));
        let now = self.load(Ty::Val, Alias::Code, of, std::mem::offset_of!(Property, fget));
        let same = self.op(Op::Same, &[now, Arg::Const(Const::Val(Word(getter.bits())))]);
        self.guard(same);
        let moved = (w.x() & KILL_B != 0).then_some(w.b());
        self.enter_special(&getter, FrameKind::Call, (w.a(), Opcode::LoadAttr.extra()), &[(object, moved)])
    }

    /// A `__setitem__`.
    pub(super) fn call_setitem(&mut self) -> Result<(), Abort> {
        let w = self.word;
        let Some(f) = setitem_of(self.at.t, self.value(w.a())) else { return self.abort(Reason::Type) };
        let object = self.same_type(w.a())?;
        let args = [object, self.reg(w.b()).arg, self.reg(w.c()).arg].map(|arg| (arg, None));
        self.enter_special(&f, FrameKind::Discard, (0, 0), &args)
    }

    /// The left operand's method for a binary operator.
    pub(super) fn call_operator(&mut self, imm: bool) -> Result<(), Abort> {
        let w = self.word;
        let kind = BinaryKind::from_u8(w.kind().min(BinaryKind::IOr as u8));
        let right_now = if imm { Value::small(self.imm().real) } else { self.value(w.c()).clone() };
        let Some((f, frame)) = operator_of(self.at.t, kind, self.value(w.b()), &right_now) else {
            return self.abort(Reason::Type);
        };
        if imm && frame != FrameKind::Binary {
            return self.abort(Reason::Type);
        }
        let left = self.same_type(w.b())?;
        let right = if imm {
            Word::int(self.imm().real).map_or(ABSENT.arg, |word| Arg::Const(Const::Val(word)))
        } else {
            // Whose method comes first depends on its type, too.
            self.same_kind(w.c())?;
            self.reg(w.c()).arg
        };
        let frame = if imm { FrameKind::BinaryImm } else { frame };
        self.enter_special(&f, frame, (0, 0), &[(left, None), (right, None)])
    }

    /// A register's value has the type that it has now.
    fn same_kind(&mut self, r: usize) -> Result<(), Abort> {
        let sym = self.reg(r);
        match sym.real {
            Real::Int(_) => self.int(r).map(|_| ()),
            Real::Flt(_) => self.float(r).map(|_| ()),
            _ => self.same_type(r).map(|_| ()),
        }
    }

    /// A register holds an object of the same shape, whose type is as it is.
    pub(super) fn same_type(&mut self, r: usize) -> Result<Arg, Abort> {
        let key = super::attributes::type_key(self.value(r));
        if key >> 32 == 0 {
            return self.abort(Reason::Type);
        }
        let object = self.reg(r).arg;
        self.has_type(object, key);
        Ok(object)
    }

    /// A method that the instruction enters, in a frame behind the running one; arguments are moved there or copied.
    fn enter_special(
        &mut self,
        f: &Value,
        kind: FrameKind,
        (dst, skip): (usize, usize),
        args: &[(Arg, Option<usize>)],
    ) -> Result<(), Abort> {
        let Some(method) = f.exact::<Function>() else { return self.abort(Reason::Type) };
        let base = self.top();
        let unit = self.takes(method, base)?;
        if unit.arg_count != args.len() {
            return self.abort(Reason::Type);
        }
        // The type has its method as long as it has its version.
        let function = Arg::Const(Const::Val(Word(f.bits())));
        self.has_unit(function, method, &unit);
        self.retain(function);
        for (arg, moved) in args {
            match moved {
                Some(r) => self.take(*r),
                None => self.retain(*arg),
            }
        }
        let level = Level { kind, dst, skip, plain: true, function: Some(function), ..Level::real(unit, base, 0) };
        self.enter_level_of(Level { real: false, ..level }, args.len())?;
        for (i, (arg, _)) in args.iter().enumerate() {
            self.put(i, *arg);
        }
        self.has_begun()
    }

    /// Where a function's body goes on once it has been entered.
    fn start_of(&self) -> u32 {
        let resumes = |w: typhon_isa::Word| [Opcode::Resume as u8, Opcode::ResumeCounted as u8].contains(&w.op());
        let resumes = self.unit().word(0).is_some_and(resumes);
        u32::from(resumes)
    }

    /// The return of a frame that the trace has entered; then it has been carried out, too.
    pub(super) fn ret(&mut self, op: Opcode) -> Result<(), Abort> {
        let [.., caller, level] = &self.levels[..] else { return self.return_to_caller(op) };
        if level.turn.is_some() {
            return self.end_turn(op);
        }
        if !level.plain {
            return self.abort(Reason::Opcode);
        }
        let (locals, top, base, made, real) = (level.unit.local_count, self.top(), level.base, level.made, level.real);
        let caller_top = caller.top();
        let (kind, ended, dst, next) = ending(caller, level);
        let value = match op {
            Opcode::Return => self.reg(self.word.a()).arg,
            _ => self.constant()?,
        };
        let returned = (op == Opcode::Return).then(|| self.word.a());
        self.is_result(kind, value, returned)?;
        self.may_write((0..locals).filter(|r| Some(*r) != returned));
        for i in dst.into_iter().chain(ended.iter().copied()) {
            if let Some(old) = self.regs.owned(&mut self.b, i) {
                self.may_release(old);
            }
        }
        if dst.is_none() {
            self.may_release(value);
        }
        let function = self.function();
        self.may_release(function);
        // From here on it happens.
        match returned {
            Some(r) => self.take(r),
            None => self.retain(value),
        }
        for i in (0..locals).rev().map(|r| base + r) {
            self.end(i);
        }
        self.regs.sweep(&mut self.b, base.max(caller_top), top);
        if real {
            self.b.call(Helper::Pop, &[self.thread]);
        } else {
            self.b.op(Op::Release, &[function], None);
        }
        for i in ended.into_iter().chain(dst) {
            self.end(i);
        }
        self.pop_level();
        match dst {
            Some(dst) => self.regs.set(dst, made.unwrap_or(value)),
            None => {
                self.b.op(Op::Release, &[value], None);
            }
        }
        let height = self.running.height();
        self.step()?;
        if self.running.height() + 1 != height || self.running.offset() != next {
            return self.abort(Reason::Surprise);
        }
        Ok(())
    }

    /// The frame on top is left. Each of its loops counts anew when the function is called again.
    pub(super) fn pop_level(&mut self) {
        let depth = self.levels.len();
        self.inner.retain(|(frame, _), _| *frame < depth);
        if let (Some(level), 2) = (self.levels.pop(), depth) {
            let unit = Arc::as_ptr(&level.unit) as usize;
            self.longest = self.longest.max(Some((self.size() - level.begun, unit)));
        }
    }

    /// The constant that is returned.
    pub(super) fn constant(&mut self) -> Result<Arg, Abort> {
        let i = usize::try_from(self.word.bc()).unwrap_or(usize::MAX);
        let Some(word) = self.unit().consts().get(i).map(Value::bits) else {
            return self.abort(Reason::Opcode);
        };
        self.private |= Word(word).is_obj();
        Ok(Arg::Const(Const::Val(Word(word))))
    }

    /// What is returned is what such a frame returns without further ado.
    pub(super) fn is_result(&mut self, kind: FrameKind, value: Arg, returned: Option<usize>) -> Result<(), Abort> {
        let now = |me: &Self| returned.map(|r| me.value(r).bits());
        match kind {
            FrameKind::Init => {
                if now(self).is_some_and(|bits| bits != Word::NONE.0) {
                    return self.abort(Reason::Raises);
                }
                let none = self.op(Op::Same, &[value, Arg::Const(Const::Val(Word::NONE))]);
                self.guard(none);
            }
            FrameKind::Binary | FrameKind::BinaryImm | FrameKind::Inplace => {
                let not = Value::NOT_IMPLEMENTED.bits();
                if now(self).is_some_and(|bits| bits == not) {
                    return self.abort(Reason::Raises);
                }
                let not = self.op(Op::Same, &[value, Arg::Const(Const::Val(Word(not)))]);
                let sound = self.op(Op::Not, &[not]);
                self.guard(sound);
            }
            _ => {}
        }
        Ok(())
    }

    /// Register `i` of the trace ends.
    pub(super) fn end(&mut self, i: usize) {
        if let Some(old) = self.regs.owned(&mut self.b, i) {
            self.b.op(Op::Release, &[old], None);
        }
        self.regs.kill(i);
    }

    /// Gives the frames of the trace that have no records theirs: somebody is about to look.
    pub(super) fn make_frames(&mut self) {
        let registers = self.regs.base();
        for i in 1..self.levels.len() {
            let (below, level) = (&self.levels[i - 1], &self.levels[i]);
            let (false, Some(function)) = (level.real, level.function) else { continue };
            let (base, offset, kind) = (level.base, below.offset, level.kind);
            let site = Entered { base, offset, dst: level.dst, skip: level.skip, kind }.pack();
            let made = level.made.unwrap_or(Arg::Const(Const::Val(Word::ABSENT)));
            self.b.call(Helper::Push, &[self.thread, function, registers, Arg::int(site), made]);
            self.levels[i].real = true;
        }
    }

    /// What the records of frames that have none yet take over when the trace is left.
    pub(super) fn frames_to_make(&self, slots: &mut BTreeMap<Slot, Src>) {
        for (i, level) in self.levels.iter().enumerate() {
            if let (false, Some(function)) = (level.real, level.function) {
                slots.insert(function_of(i), Src::Arg(function));
                let made = level.made.unwrap_or(Arg::Const(Const::Val(Word::ABSENT)));
                slots.insert(extra_of(i), Src::Arg(made));
            }
        }
    }
}

/// Whether a function makes a generator, and does nothing else.
fn makes_generator(unit: &Unit) -> bool {
    let op = |offset: usize| unit.word(offset).and_then(|word| Opcode::from_u8(word.op()));
    op(usize::from(op(0) == Some(Opcode::CopyFreeVars))) == Some(Opcode::ReturnGenerator)
}

/// What the return of a frame does in its caller: the frame's kind, which registers of the trace end, which one takes the
/// result, and where the caller goes on.
pub(super) fn ending(caller: &Level, level: &Level) -> (FrameKind, Vec<usize>, Option<usize>, u32) {
    let w = caller.unit.word(caller.offset as usize).unwrap_or_default();
    let dying = |all: &[(u8, usize)]| -> Vec<usize> {
        all.iter().filter(|(bit, _)| w.x() & bit != 0).map(|(_, r)| caller.base + r).collect()
    };
    let next = caller.offset + 1;
    match level.kind {
        FrameKind::Discard => (level.kind, dying(&[(KILL_A, w.a()), (KILL_B, w.b()), (KILL_C, w.c())]), None, next + 1),
        FrameKind::Binary | FrameKind::Inplace => {
            (level.kind, dying(&[(KILL_B, w.b()), (KILL_C, w.c())]), Some(caller.base + w.a()), next + 1)
        }
        FrameKind::BinaryImm => (level.kind, dying(&[(KILL_B, w.b())]), Some(caller.base + w.a()), next + 1),
        kind => (kind, Vec::new(), Some(caller.base + level.dst), next + level.skip as u32),
    }
}
