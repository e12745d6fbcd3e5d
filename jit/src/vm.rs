//! The VM's objects for machine code: the helpers it calls, and what exits make.

use crate::helpers;
use crate::runtime::{Frames, Functions, Runtime};
use std::cell::RefCell;
use std::mem::offset_of;
use typhon_interp::eval::follow::{Running, Turn};
use typhon_interp::frame::{Frame, Kind};
use typhon_jit_ir::run::Heap;
use typhon_jit_ir::word::Word;
use typhon_object::error::{Exc, Res};
use typhon_object::process::zero;
use typhon_object::quiet::ends_quietly;
use typhon_object::shape::ShapeId;
use typhon_object::thread::current;
use typhon_object::tuple::{self, Tuple};
use typhon_object::{Thread, Value, convert, ids, payload};

/// Which input of a trace is the address of the record of its frame.
pub const INPUT_RECORD: usize = 3;

/// What machine code must know of this VM.
pub const RUNTIME: Runtime = Runtime {
    functions: Functions {
        Alloc: alloc,
        Float: float,
        Retain: retain,
        RetainAll: retain_all,
        Release: release,
        End: end,
        Quiet: quiet,
        Step: step,
        Push: push,
        Pop: pop,
        Suspend: suspend,
        MayEnd: may_end,
        EndTurn: end_turn,
        Generator: generator,
        MayReturn: may_return,
        Return: return_,
        Poll: poll,
        Instance: helpers::instance,
        Native: helpers::native,
        Make: helpers::make,
        Build: helpers::build,
        ListPush: helpers::list_push,
        ListPushOwn: helpers::list_push_own,
        Len: helpers::len,
        Truth: helpers::truth,
        Member: helpers::member,
        Equal: helpers::equal,
        Order: helpers::order,
        Binary: helpers::binary,
        DictGet: helpers::dict_get,
        DictPut: helpers::dict_put,
        SetAdd: helpers::set_add,
        StrItem: helpers::str_item,
        Part: helpers::part,
        Item: helpers::item,
        Stride: helpers::stride,
        PutItem: helpers::put_item,
        SetPart: helpers::set_part,
        Iter: helpers::iter,
        Next: helpers::next,
        AttrPut: helpers::attr_put,
        ListPut: helpers::list_put,
        CellPut: helpers::cell_put,
        FloatMod: float_mod,
        FloatFloorDiv: float_floor_div,
        FloatPow: float_pow,
    },
    float_shape: ids::FLOAT,
    tag: Some(Thread::TAG as i32),
    registers: Some(1),
    zeros: Some(zeros),
    frames: Some(Frames {
        record: INPUT_RECORD,
        size: size_of::<Frame>() as i32,
        registers: offset_of!(Frame, base) as i32,
    }),
};

fn zeros() -> [u64; 2] {
    [false, true].map(|negative| zero(negative).bits())
}

/// The thread that machine code was entered with.
pub(crate) fn thread<'t>(word: u64) -> &'t Thread {
    // SAFETY: machine code passes on its input of this name, which `Jit` gives it: the running thread, which outlives the
    // call.
    unsafe { &*(word as *const Thread) }
}

/// A new object with empty fields: of a type written in Rust whose fields may be empty, or of a Python class whose instances are laid
/// out as object's, with a shape of that class. A tuple has as many items as there is room for.
extern "C" fn alloc(t: u64, shape: i64, size: i64) -> u64 {
    make(thread(t), ShapeId(shape as u32), size as usize).map_or(0, Value::into_raw)
}

fn make(t: &Thread, shape: ShapeId, size: usize) -> Res {
    if shape.0 == ids::TUPLE {
        return tuple::unfilled(t, size.saturating_sub(Tuple::ITEMS) / 8);
    }
    // SAFETY: the place of a trace keeps the classes whose instances it makes, and types written in Rust stay.
    let made = payload::new_empty(t, unsafe { shape.get().ty.as_ref() })?;
    if let Some(header) = made.header() {
        header.set_shape(shape);
    }
    Ok(made)
}

extern "C" fn float(t: u64, x: f64) -> u64 {
    // Without memory the trace is left, and the interpreter finds out by itself.
    convert::from_f64(thread(t), x).map_or(0, Value::into_raw)
}

extern "C" fn retain(word: u64) {
    std::mem::forget(Value::from_ref(&word).clone());
}

extern "C" fn retain_all(at: u64, count: i64) {
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: an exit has left so many words there, of values that the trace holds.
    (0..count).for_each(|i| retain(unsafe { (at as *const u64).add(i).read() }));
}

extern "C" fn release(word: u64) {
    // SAFETY: the trace gives up a reference that it owns.
    let v = unsafe { Value::from_raw(word) };
    match current() {
        // The trace has asked, but for one of several references that it gives up at once. Beside other threads what is heard
        // of waits by itself.
        Some(t) if !t.is_parallel() && !ends_quietly(&v) => t.own_state::<Aside>().parked.borrow_mut().push(v),
        _ => drop(v),
    }
}

extern "C" fn end(word: u64) {
    // SAFETY: the trace gives up a reference that it owns.
    drop(unsafe { Value::from_raw(word) });
}

/// What machine code has put aside until it is left.
#[derive(Default)]
pub struct Aside {
    /// What would not die quietly.
    parked: RefCell<Vec<Value>>,
    /// What an instruction has raised that a trace had carried out: the trace is about to be left.
    raised: RefCell<Option<Exc>>,
}

impl Aside {
    /// Nobody relies on registers of machine code now: what waits for that may die.
    #[inline]
    pub fn let_die(&self) {
        if !self.parked.borrow().is_empty() {
            drop(self.parked.take());
        }
    }

    /// Whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.parked.borrow().is_empty() && self.raised.borrow().is_none()
    }

    /// What was raised.
    #[inline]
    pub fn take_raised(&self) -> Option<Exc> {
        if self.raised.borrow().is_some() { self.raised.take() } else { None }
    }
}

extern "C" fn quiet(word: u64) -> bool {
    ends_quietly(Value::from_ref(&word))
}

/// See [`typhon_jit_ir::Helper::Step`] and [`Step`] for the operands.
extern "C" fn step(t: u64, from: i64, unit: u64, at: i64) -> bool {
    let t = thread(t);
    let how = Step::unpack(from, at);
    let running = Running::on(t);
    let (height, parallel) = (running.height(), t.is_parallel());
    running.go_to(how.from);
    let aside = t.own_state::<Aside>();
    // The registers are in memory, and the frames have their records.
    let done = t.while_tame(false, || {
        aside.let_die();
        running.step()?;
        let called = !how.enters && running.height() == height + 1 && running.is_callee();
        if called { running.finish_call() } else { Ok(()) }
    });
    if let Err(e) = done {
        aside.raised.replace(Some(e));
        return false;
    }
    let same = unit == 0 || std::ptr::from_ref(running.unit()) as u64 == unit;
    running.height().wrapping_add_signed(-how.deeper) == height
        && same
        && running.offset() == how.at
        && !running.is_seen(how.frames)
        && t.is_parallel() == parallel
}

/// A call whose frame the trace has, as a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entered {
    /// The first register of the callee, counted from the first frame's.
    pub base: usize,
    /// The offset of the instruction that calls.
    pub offset: u32,
    /// The register of its frame that takes the result.
    pub dst: usize,
    /// How many words belong to the instruction behind its first.
    pub skip: usize,
    /// What becomes of the result.
    pub kind: Kind,
}

impl Entered {
    /// The callee as a snapshot names it: without the offset, which is its caller's place.
    pub fn code(self) -> u32 {
        self.base as u32 & 0xfff
            | (self.dst as u32 & 0xfff) << 12
            | (self.skip as u32 & 7) << 24
            | (self.kind as u32) << 27
    }

    /// From what a snapshot names.
    pub fn of(code: u32, offset: u32) -> Self {
        let [base, dst, skip] = [code & 0xfff, code >> 12 & 0xfff, code >> 24 & 7].map(|n| n as usize);
        let kind = Kind::ALL.get((code >> 27) as usize).copied().unwrap_or(Kind::Call);
        Self { base, offset, dst, skip, kind }
    }

    /// Whether the frame is a generator's, whose registers lie in it.
    pub fn is_turn(self) -> bool {
        matches!(self.kind, Kind::ForIter | Kind::Send)
    }

    /// As one operand.
    pub fn pack(self) -> i64 {
        i64::from(self.code()) | i64::from(self.offset) << 32
    }

    /// From one operand.
    fn unpack(site: i64) -> Self {
        Self::of(site as u32, (site >> 32) as u32)
    }

    /// Makes the frame's record, behind that of the frame on top, which calls the function, or takes up the generator.
    ///
    /// # Safety
    /// As for [`Running::push`], or for [`Running::resume`]: `registers` are those of the trace's first frame.
    pub unsafe fn push(self, running: &Running<'_>, function: u64, registers: *mut u64, made: u64) {
        let how = (self.kind, self.dst as u16, self.skip as u8);
        if self.is_turn() {
            // SAFETY: passed on to the caller.
            return unsafe { running.resume(function, self.offset, how) };
        }
        let base = registers.wrapping_add(self.base);
        // SAFETY: passed on to the caller.
        unsafe { running.push(function, base, self.offset, how, made) }
    }
}

extern "C" fn push(t: u64, function: u64, registers: u64, site: i64, made: u64) {
    let entered = Entered::unpack(site);
    // SAFETY: the trace has asked for a function, and says where its registers lie. Whoever entered it saw that there is room.
    unsafe { entered.push(&Running::on(thread(t)), function, registers as *mut u64, made) }
}

extern "C" fn pop(t: u64) {
    Running::on(thread(t)).pop();
}

extern "C" fn suspend(t: u64, offset: i64) {
    Running::on(thread(t)).suspend(offset as u32);
}

extern "C" fn may_end(g: u64) -> bool {
    Turn::may_end(Value::from_ref(&g))
}

extern "C" fn end_turn(g: u64) {
    Turn::end(Value::from_ref(&g), |v| release(v.into_raw()));
}

extern "C" fn generator(t: u64, function: u64, registers: u64, how: i64) -> u64 {
    let Entered { base, offset, .. } = Entered::unpack(how);
    let base = (registers as *mut u64).wrapping_add(base);
    // SAFETY: the trace has asked for a function, in whose frame's registers lie its arguments.
    unsafe { Running::on(thread(t)).generator(function, base, offset) }.map_or(0, Value::into_raw)
}

extern "C" fn may_return(t: u64) -> bool {
    Running::on(thread(t)).may_leave()
}

extern "C" fn return_(t: u64, value: u64) {
    // SAFETY: the trace hands over a reference that it owns.
    let value = unsafe { Value::from_raw(value) };
    release(Running::on(thread(t)).leave(value).into_raw());
}

/// What a step in a trace is to do, and where it must come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// The instruction's offset.
    pub from: u32,
    /// Whether a Python function that it calls is entered only; else it is run to its end.
    pub enters: bool,
    /// Where the frame on top goes on afterwards.
    pub at: u32,
    /// How many frames more there are.
    pub deeper: isize,
    /// How many frames are the trace's afterwards.
    pub frames: usize,
}

impl Step {
    /// As two operands.
    pub fn pack(self) -> (i64, i64) {
        let from = i64::from(self.from) | i64::from(self.enters) << 32;
        (from, i64::from(self.at) | (self.deeper as i64 + 1) << 32 | (self.frames as i64) << 40)
    }

    fn unpack(from: i64, at: i64) -> Self {
        Self {
            from: from as u32,
            enters: from >> 32 != 0,
            at: at as u32,
            deeper: (at >> 32 & 0xff) as isize - 1,
            frames: (at >> 40) as usize,
        }
    }
}

extern "C" fn poll(t: u64) -> bool {
    !thread(t).breaker.any()
}

extern "C" fn float_mod(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest == 0.0 {
        0.0_f64.copysign(b)
    } else if (rest < 0.0) != (b < 0.0) {
        rest + b
    } else {
        rest
    }
}

extern "C" fn float_floor_div(a: f64, b: f64) -> f64 {
    let quotient = (a - float_mod(a, b)) / b;
    if quotient == 0.0 {
        return 0.0_f64.copysign(a / b);
    }
    let floor = quotient.floor();
    if quotient - floor > 0.5 { floor + 1.0 } else { floor }
}

extern "C" fn float_pow(a: f64, b: f64) -> f64 {
    a.powf(b)
}

/// Where an exit makes what its snapshot names.
pub struct Objects<'t>(pub &'t Thread);

impl Heap for Objects<'_> {
    type Error = Exc;

    fn make(&mut self, shape: u32, size: u32, refs: u32) -> Result<Word, Exc> {
        let made = make(self.0, ShapeId(shape), size as usize)?;
        (1..refs).for_each(|_| std::mem::forget(made.clone()));
        Ok(Word(made.into_raw()))
    }

    fn fill(&mut self, object: Word, offset: i32, bits: u64) -> Result<(), Exc> {
        let offset = usize::try_from(offset).unwrap_or_default();
        // SAFETY: the object was made just now, with such a slot, which is empty.
        unsafe { (object.0 as *mut u8).add(offset).cast::<u64>().write(bits) };
        Ok(())
    }

    fn float(&mut self, x: f64) -> Result<Word, Exc> {
        convert::from_f64(self.0, x).map(|v| Word(v.into_raw()))
    }

    fn long(&mut self, i: i64) -> Result<Word, Exc> {
        convert::from_i64(self.0, i).map(|v| Word(v.into_raw()))
    }

    fn retain(&mut self, word: Word) -> Result<(), Exc> {
        retain(word.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;
    use typhon_jit_ir::word;
    use typhon_object::types::range_iter::RangeIter;

    #[test]
    fn words_are_the_same_words() {
        for i in [0, 1, -1, word::INT_MAX, word::INT_MIN, word::INT_MAX + 1, word::INT_MIN - 1, 12_345] {
            assert_eq!(Value::try_small(i).map(Value::into_raw), Word::int(i).map(|w| w.0));
        }
        for x in [0.5, -1.0, 1e77, 1e78, 1e-77, 0.0, -0.0, f64::INFINITY, f64::NAN, 5e-324] {
            assert_eq!(Value::try_float(x).map(Value::into_raw), Word::flt(x).map(|w| w.0));
        }
        let specials = [
            (Value::ABSENT, Word::ABSENT),
            (Value::NONE, Word::NONE),
            (Value::TRUE, Word::TRUE),
            (Value::FALSE, Word::FALSE),
        ];
        for (value, word) in specials {
            assert_eq!(value.bits(), word.0);
            assert!(!value.is_object() && !word.is_obj());
        }
    }

    #[test]
    fn layouts_are_what_the_recorder_says() {
        assert_eq!(typhon_rc::RcHeader::OWNER_OFFSET, word::OWNER_OFFSET as usize);
        assert_eq!(typhon_rc::RcHeader::LOCAL_OFFSET, word::COUNT_OFFSET as usize);
        assert_eq!(offset_of!(RangeIter, next), word::HEADER_SIZE as usize);
        assert_eq!(size_of::<typhon_object::header::Header>(), word::HEADER_SIZE as usize);
    }

    #[test]
    fn floats_divide_as_in_python() {
        assert_eq!(float_mod(-7.5, 2.0), 0.5);
        assert_eq!(float_mod(7.5, -2.0), -0.5);
        assert!(float_mod(4.0, -2.0).is_sign_negative());
        assert_eq!(float_floor_div(-7.5, 2.0), -4.0);
        assert_eq!(float_floor_div(7.0, 2.0), 3.0);
    }
}
