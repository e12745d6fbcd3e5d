//! A unit: one thread's working copy of a code object.
//!
//! The code object is immutable and shared by the process; a unit holds what running it needs and changes: the quickened
//! copy of its instructions with their inline caches, and its constants and names as values. Most functions of a module
//! are never called, so all that is made by the first call: until then a unit begins with the instruction `Begin`, which
//! makes it. Whoever first asks for a code object's unit owns it; other threads run copies of their own (`Copies`).

use crate::code::new_code;
use crate::frame::Interp;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::{Cell, OnceCell, RefCell};
use std::sync::{Arc, Weak};
use typhon_isa::opcode::Intrinsic1Kind;
use typhon_isa::{Code, CodeFlags, Const, Handler, LocalKind, Opcode, Position, Word};
use typhon_object::error::Res;
use typhon_object::types::set_::frozenset;
use typhon_object::types::{complex, int, slice};
use typhon_object::{Thread, Value, convert, names, strs, tuple};
use typhon_qsbr::sync::Mutex;

/// One thread's copy of one code object. Others look at it while its own thread counts who has it: not on the same cache line.
#[repr(align(64))]
pub struct Unit {
    /// What it is a copy of.
    pub code: Arc<Code>,
    /// The tag of the thread that runs it; others look at what never changes only.
    pub owner: u16,
    body: OnceCell<Body>,
    /// Where the body's words begin, or `BEGIN`.
    words_at: Cell<*const Word>,
    /// Where the body's constants begin.
    consts_at: Cell<*const Value>,
    /// Where the body's names begin.
    names_at: Cell<*const Value>,
    /// The constant that is functions' `__doc__`, if there is one.
    pub doc: Option<Value>,
    /// `__name__` and `__qualname__` of functions made from the code, interned.
    pub name: Value,
    /// See `name`.
    pub qualname: Value,
    /// Names of the named registers, interned.
    locals: Box<[Value]>,
    /// Named registers.
    pub local_count: usize,
    /// All registers.
    pub register_count: usize,
    /// Parameters that positional arguments fill.
    pub arg_count: usize,
    /// Only positional-or-keyword parameters: exact calls need no binding.
    pub simple: bool,
}

// SAFETY: the cells are written by the thread that owns the unit, or in its place; what other threads look at is fixed when
// the unit is made. A thread that gets the tag of one that has ended takes its units over.
unsafe impl Send for Unit {}
// SAFETY: as above.
unsafe impl Sync for Unit {}

/// What running a unit needs.
struct Body {
    /// The quickened instructions. Written by the specializer while they run.
    words: Box<[Cell<u64>]>,
    /// Constants as values.
    consts: Box<[Value]>,
    /// Names, interned.
    names: Box<[Value]>,
}

/// The instructions of a unit without a body.
static BEGIN: [Word; 1] = [Word::new(Opcode::Begin, 0, 0, 0, 0)];

/// The isolate's units, by the address of their code: for each the one that was made first.
#[derive(Default)]
pub struct Units {
    map: Mutex<FxHashMap<usize, Weak<Unit>>>,
    /// Units whose functions have been given other code while frames ran them.
    replaced: Mutex<Vec<Arc<Unit>>>,
}

/// How many units a thread remembers that it asked for last.
const RECENT: usize = 128;

/// A thread's own copies of units that other threads own.
pub(crate) struct Copies {
    /// By the address of their code, which they keep.
    all: RefCell<FxHashMap<usize, Arc<Unit>>>,
    /// Those that nobody else had any more are looked for when there are so many.
    sweep_at: Cell<usize>,
    /// Units of others and their copies.
    recent: [Cell<(*const Unit, *const Unit)>; RECENT],
}

impl Copies {
    pub(crate) fn new() -> Self {
        let recent = [const { Cell::new((std::ptr::null(), std::ptr::null())) }; RECENT];
        Self { all: RefCell::default(), sweep_at: Cell::new(64), recent }
    }

    #[inline(always)]
    fn place(&self, unit: &Unit) -> &Cell<(*const Unit, *const Unit)> {
        &self.recent[std::ptr::from_ref(unit) as usize / 64 % RECENT]
    }

    /// The copy of another thread's unit, if it was asked for of late.
    #[inline(always)]
    fn recent(&self, unit: &Unit) -> Option<&Unit> {
        let (of, copy) = self.place(unit).get();
        if !std::ptr::eq(of, unit) {
            return None;
        }
        // SAFETY: what is remembered is in `all`, or `sweep` would have forgotten it.
        let copy = unsafe { &*copy };
        // Another unit may have the place of one that has gone.
        Arc::ptr_eq(&copy.code, &unit.code).then_some(copy)
    }

    /// The copy of another thread's unit.
    #[cold]
    #[inline(never)]
    fn of(&self, t: &Thread, unit: &Unit) -> Res<&Unit> {
        let key = Arc::as_ptr(&unit.code) as usize;
        let known = self.all.borrow().get(&key).map(Arc::as_ptr);
        let copy = match known {
            Some(copy) => copy,
            None => {
                if self.all.borrow().len() >= self.sweep_at.get() {
                    self.sweep(t);
                }
                let copy = Arc::new(t.lasting(|| Unit::new(t, &unit.code))?);
                let at = Arc::as_ptr(&copy);
                self.all.borrow_mut().insert(key, copy);
                at
            }
        };
        self.place(unit).set((unit, copy));
        // SAFETY: in the table, which lets go only of what no frame runs and nobody else has.
        Ok(unsafe { &*copy })
    }

    /// Lets go of copies whose code nobody else has.
    fn sweep(&self, t: &Thread) {
        self.recent.iter().for_each(|place| place.set((std::ptr::null(), std::ptr::null())));
        let running = crate::frame::interp(t).running_units();
        let mut all = self.all.borrow_mut();
        let dead: Vec<_> = all
            .extract_if(|_, copy| {
                let free = Arc::strong_count(copy) == 1 && Arc::strong_count(&copy.code) == 1;
                free && !running.contains(&Arc::as_ptr(copy))
            })
            .collect();
        self.sweep_at.set((all.len() * 2).max(64));
        drop(all);
        drop(dead);
    }

    /// Lets go of all copies: the thread ends.
    pub(crate) fn forget(&self) {
        self.recent.iter().for_each(|place| place.set((std::ptr::null(), std::ptr::null())));
        drop(self.all.take());
    }
}

/// A function has been given other code than `unit`, which frames may be running.
pub(crate) fn replaced(t: &Thread, unit: Arc<Unit>) {
    let mut all = std::mem::take(&mut *t.state::<Units>().replaced.lock());
    all.push(unit);
    // SAFETY: nothing begins, ends or runs while frames are looked at.
    let running: FxHashSet<*const Unit> = unsafe { crate::frame::all_running_units(t) };
    let (kept, gone): (Vec<_>, Vec<_>) = all.into_iter().partition(|unit| running.contains(&Arc::as_ptr(unit)));
    t.state::<Units>().replaced.lock().extend(kept);
    drop(gone);
}

impl Unit {
    /// The unit of a code object in this isolate.
    pub fn of(t: &Thread, code: &Arc<Code>) -> Res<Arc<Self>> {
        let units = t.state::<Units>();
        let key = Arc::as_ptr(code) as usize;
        if let Some(unit) = units.map.lock().get(&key).and_then(Weak::upgrade)
            && Arc::ptr_eq(&unit.code, code)
        {
            return Ok(unit);
        }
        let unit = Arc::new(t.lasting(|| Self::new(t, code))?);
        units.map.lock().insert(key, Arc::downgrade(&unit));
        Ok(unit)
    }

    /// Another hold on a unit.
    ///
    /// # Safety
    /// The unit is one that an `Arc` holds, as all are that run.
    pub unsafe fn keep(unit: *const Self) -> Arc<Self> {
        // SAFETY: the caller's duty.
        unsafe {
            Arc::increment_strong_count(unit);
            Arc::from_raw(unit)
        }
    }

    /// The running thread's own copy: this one, if it owns it.
    ///
    /// # Errors
    /// MemoryError.
    #[inline(always)]
    pub(crate) fn here<'a>(&'a self, t: &Thread, it: &'a Interp) -> Res<&'a Self> {
        match self.at_hand(t, it) {
            Some(unit) => Ok(unit),
            None => it.copies.of(t, self),
        }
    }

    /// The same, if nothing must be made for it.
    #[inline(always)]
    pub(crate) fn at_hand<'a>(&'a self, t: &Thread, it: &'a Interp) -> Option<&'a Self> {
        if self.owner == t.own_tag() { Some(self) } else { it.copies.recent(self) }
    }

    fn new(t: &Thread, code: &Arc<Code>) -> Res<Self> {
        let doc = if code.flags & CodeFlags::HAS_DOCSTRING != 0 { code.consts.first() } else { None };
        let special = CodeFlags::VARARGS | CodeFlags::VARKEYWORDS;
        Ok(Self {
            body: OnceCell::new(),
            words_at: Cell::new(BEGIN.as_ptr()),
            consts_at: Cell::new(std::ptr::null()),
            names_at: Cell::new(std::ptr::null()),
            doc: doc.map(|doc| constant(t, doc)).transpose()?,
            name: names::intern_text(t, &code.name),
            qualname: names::intern_text(t, &code.qualname),
            locals: code.locals.iter().map(|l| names::intern_text(t, &l.name)).collect(),
            local_count: code.locals.len(),
            register_count: code.register_count as usize,
            arg_count: code.arg_count as usize,
            simple: code.flags & special == 0 && code.kwonly_count == 0,
            code: Arc::clone(code),
            owner: t.own_tag(),
        })
    }

    /// Makes what running the code needs, unless that has been done.
    ///
    /// # Errors
    /// MemoryError.
    #[inline]
    pub fn ready(&self, t: &Thread) -> Res<()> {
        if self.body.get().is_some() { Ok(()) } else { self.make_ready(t) }
    }

    #[cold]
    fn make_ready(&self, t: &Thread) -> Res<()> {
        t.lasting(|| self.make_body(t))
    }

    fn make_body(&self, t: &Thread) -> Res<()> {
        let code = &self.code;
        t.check_alloc(code.words.len() * 8 + code.consts.len() * 8)?;
        let mut doc = self.doc.clone();
        let consts = code.consts.iter().map(|c| doc.take().map_or_else(|| constant(t, c), Ok));
        let consts = consts.collect::<Res<Box<[Value]>>>()?;
        let names = code.names.iter().map(|n| names::intern_text(t, n)).collect();
        // Nothing that was called above has run code, so this is still the first time.
        let body = self.body.get_or_init(|| Body { words: crate::tier::words(t, code), consts, names });
        self.words_at.set(body.words.as_ptr().cast());
        self.consts_at.set(body.consts.as_ptr());
        self.names_at.set(body.names.as_ptr());
        Ok(())
    }

    /// Address of the first instruction.
    #[inline(always)]
    pub fn start(&self) -> *const Word {
        self.words_at.get()
    }

    /// How many words before `ip` the unit begins.
    #[inline]
    pub fn offset_of(&self, ip: *const Word) -> u32 {
        (ip as usize).wrapping_sub(self.start() as usize) as u32 / 8
    }

    /// The quickened word at an offset.
    pub fn word(&self, offset: usize) -> Option<Word> {
        self.body.get()?.words.get(offset).map(|w| Word(w.get()))
    }

    /// Constants; none before the unit is [`ready`](Self::ready).
    pub fn consts(&self) -> &[Value] {
        self.body.get().map_or(&[], |body| &body.consts)
    }

    /// Names; none before the unit is [`ready`](Self::ready).
    pub fn names(&self) -> &[Value] {
        self.body.get().map_or(&[], |body| &body.names)
    }

    /// Constant `i`.
    ///
    /// # Safety
    /// An instruction of the unit asks for it, of its own code.
    #[inline(always)]
    pub(crate) unsafe fn constant(&self, i: usize) -> *const Value {
        // SAFETY: instructions run in a unit that is ready only; the compiler keeps `i` in range.
        unsafe { self.consts_at.get().add(i) }
    }

    /// Name `i`.
    ///
    /// # Safety
    /// As for [`Self::constant`].
    #[inline(always)]
    pub(crate) unsafe fn name(&self, i: usize) -> *const Value {
        // SAFETY: as in `constant`.
        unsafe { self.names_at.get().add(i) }
    }

    /// Names of the named registers.
    pub fn locals(&self) -> &[Value] {
        &self.locals
    }

    /// The location of the instruction that *ends* before or at `ip` (a saved ip points behind its instruction's word).
    pub fn position_at(&self, ip: *const Word) -> Position {
        self.code.position(self.offset_of(ip).saturating_sub(1))
    }

    /// The line of the instruction at an offset in words. One without a place of its own goes on at the line before it.
    pub fn line_at(&self, offset: u32) -> u32 {
        let code = &self.code;
        let behind = code.positions.partition_point(|p| p.start <= offset);
        let located = code.positions[..behind].iter().rev().map(|p| p.line).find(|&line| line != 0);
        located.unwrap_or(code.first_line)
    }

    /// The handler of an exception raised by the instruction whose word lies before `ip`.
    pub fn handler_at(&self, ip: *const Word) -> Option<Handler> {
        // A unit that could not be made ready has nowhere to go on.
        self.body.get()?;
        self.code.handler(self.offset_of(ip).saturating_sub(1))
    }

    /// Whether an exception raised by the instruction before `ip` meets a handler of the source's own, not only the one
    /// that every generator's body has against StopIteration.
    pub fn is_guarded(&self, ip: *const Word) -> bool {
        let handler = self.handler_at(ip).and_then(|h| self.word(h.target as usize));
        handler
            .is_some_and(|w| w.op() != Opcode::Intrinsic1 as u8 || w.kind() != Intrinsic1Kind::StopIterationError as u8)
    }

    /// Whether register `i` holds a cell (of this function or an outer one).
    pub fn is_cell(&self, i: usize) -> bool {
        matches!(self.code.locals.get(i).map(|l| l.kind), Some(LocalKind::Cell | LocalKind::Free))
    }
}

/// A constant as a value.
pub fn constant(t: &Thread, c: &Const) -> Res {
    match c {
        Const::None => Ok(Value::NONE),
        Const::Bool(b) => Ok(Value::bool(*b)),
        Const::Ellipsis => Ok(Value::ELLIPSIS),
        Const::Int(i) => convert::from_i64(t, *i),
        Const::BigInt { negative, magnitude } => {
            let big = typhon_num::IBig::from(typhon_num::UBig::from_le_bytes(magnitude));
            int::from_big(t, if *negative { -big } else { big })
        }
        Const::Float(x) => convert::from_f64(t, *x),
        Const::Complex(re, im) => complex::new(t, *re, *im),
        Const::Str(s) => {
            let v = strs::from_wtf8(t, s)?;
            let word = s.len() <= 64 && s.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
            Ok(if word { names::intern(t, &v) } else { v })
        }
        Const::Bytes(b) => typhon_object::types::bytes::new(t, b),
        Const::Tuple(items) => {
            let items = items.iter().map(|c| constant(t, c)).collect::<Res<Vec<_>>>()?;
            tuple::from_vec(t, items)
        }
        Const::FrozenSet(items) => {
            let items = items.iter().map(|c| constant(t, c)).collect::<Res<Vec<_>>>()?;
            frozenset(t, items)
        }
        Const::Slice(parts) => {
            let [start, stop, step] = &**parts;
            slice::new(t, constant(t, start)?, constant(t, stop)?, constant(t, step)?)
        }
        Const::Code(code) => new_code(t, code),
    }
}
