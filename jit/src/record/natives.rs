//! Calls of natives that run no code with such arguments (`MethodDef::tame`), and of built-in types.
//!
//! What is known of a native's result is made of the trace's own operations: the length of a list is a load.

use super::heirs::{Use, row_of};
use super::{Abort, Real, Reason, Recorder};
use crate::helpers::{self, NATIVE_MAX};
use typhon_jit_ir::word::Word;
use typhon_jit_ir::{Alias, Arg, Const, Helper, Op, Ty};
use typhon_object::args::Signature;
use typhon_object::dict::Dict;
use typhon_object::list::List;
use typhon_object::native::{MethodDef, NativeFunction, Tame};
use typhon_object::plain::is_key;
use typhon_object::tuple::Tuple;
use typhon_object::types::descr::{Descriptor, What};
use typhon_object::types::list_::LIST;
use typhon_object::types::set_::Set;
use typhon_object::types::str_::STR;
use typhon_object::types::type_::TYPE;
use typhon_object::{Value, ids, ops, type_of};

const ABSENT: Arg = Arg::Const(Const::Val(Word::ABSENT));

/// How many classes an object is asked about at once.
const CLASSES_MAX: usize = 4;

/// Natives that refuse now and then: where a trace begins with one, the interpreter calls it.
const REFUSE: [&str; 5] = ["getattr", "hasattr", "encode", "decode", "getrandbits"];

/// A native that is called.
struct Native {
    def: &'static MethodDef,
    signature: Option<&'static Signature>,
    /// What it is bound to goes in front of the arguments.
    bound: Option<Arg>,
    /// The first argument is its object.
    is_method: bool,
}

impl Recorder<'_> {
    /// A call of a native; then it has been carried out, too.
    pub(super) fn call_native(&mut self, at: usize, first: usize, n: usize) -> Result<(), Abort> {
        let window = at..first + n;
        let value = match self.shape_at(at) {
            ids::TYPE => self.make(at, first, n)?,
            ids::BUILTIN_FUNCTION | ids::METHOD_DESCRIPTOR => {
                let native = self.native(at, first, n)?;
                self.tame(&native, window.clone(), first, n)?
            }
            _ => return self.abort(Reason::Type),
        };
        for r in window {
            let i = self.index(r);
            if let Some(old) = self.regs.owned(&mut self.b, i) {
                self.b.op(Op::Release, &[old], None);
            }
            self.regs.kill(i);
        }
        self.put(self.word.a(), value);
        let next = self.offset() + 1 + typhon_isa::Opcode::Call.extra() as u32;
        self.carry_out(next)
    }

    fn shape_at(&self, r: usize) -> u32 {
        self.value(r).header().map_or(0, |h| h.shape().0)
    }

    /// Who is called, if he is tame.
    fn native(&mut self, at: usize, first: usize, n: usize) -> Result<Native, Abort> {
        let bits = self.value(at).bits();
        let callee = Value::from_ref(&bits);
        if let Some(f) = callee.exact::<NativeFunction>() {
            let (def, signature, passes) = (f.def, f.signature, f.passes_bound);
            if def.tame == Tame::Never {
                return self.abort(Reason::Type);
            }
            // SAFETY: nothing is stored into the slot while it is looked at.
            let this = unsafe { f.bound.peek() };
            let shape = this.header().map_or(0, |h| h.shape().0);
            let function = self.reg(at).arg;
            self.has_shape(function, ids::BUILTIN_FUNCTION);
            let now = self.load(Ty::Ptr, Alias::Pool, function, NativeFunction::DEF);
            let same = self.op(Op::PEq, &[now, Arg::Const(Const::Ptr(std::ptr::from_ref(def) as u64))]);
            self.guard(same);
            let bound = passes.then(|| self.load(Ty::Val, Alias::Slot, function, NativeFunction::BOUND));
            if let Some(this) = bound {
                self.has_shape(this, shape);
                self.private = true;
            }
            return Ok(Native { def, signature, bound, is_method: false });
        }
        let Some(d) = callee.exact::<Descriptor>() else { return self.abort(Reason::Type) };
        let What::Method(def, signature) = d.what else { return self.abort(Reason::Type) };
        let this = if n > 0 { type_of(self.value(first)) } else { return self.abort(Reason::Type) };
        // Descriptors of built-in types stay where they are.
        let stays = callee.header().is_some_and(|h| h.is_immortal());
        // What they do with plain keys the helpers do.
        let known = matches!((d.owner().def().name, def.name), ("dict", "get") | ("set", "add"));
        let inherits = !this.is_heap_type() || std::ptr::eq(d.owner(), LIST.ty());
        if !(def.tame != Tame::Never || known) || !stays || !inherits || !this.is_subtype(d.owner()) {
            return self.abort(Reason::Type);
        }
        let function = self.reg(at).arg;
        let same = self.op(Op::Same, &[function, Arg::Const(Const::Val(Word(bits)))]);
        self.guard(same);
        self.private = true;
        Ok(Native { def, signature, bound: None, is_method: true })
    }

    /// An argument that a tame native may look at: a number, a text, None; or, first, an object of a built-in type.
    pub(super) fn argument(&mut self, r: usize, first: bool) -> Result<Arg, Abort> {
        let sym = self.reg(r);
        match sym.real {
            Real::Int(_) => {
                let is = self.op(Op::IsInt, &[sym.arg]);
                self.guard(is);
            }
            Real::Flt(_) => {
                let is = self.op(Op::IsFlt, &[sym.arg]);
                self.guard(is);
            }
            Real::Bool(_) | Real::Word(_) if !self.value(r).is_object() => {
                let is = self.op(Op::IsObj, &[sym.arg]);
                let plain = self.op(Op::Not, &[is]);
                self.guard(plain);
            }
            _ if first => drop(self.receiver(r)?),
            _ if matches!(self.shape_at(r), ids::STR | ids::BYTES | ids::INT) => drop(self.built_in(r)?),
            _ => return self.abort(Reason::Type),
        }
        Ok(sym.arg)
    }

    /// Whether the trace begins with this instruction: what has left another one here may do so again.
    fn begins_here(&self) -> bool {
        !self.looping && self.worth.way == 0
    }

    /// An argument that may be any value. Numbers that are objects may be other objects here.
    fn any_argument(&mut self, r: usize) -> Result<Arg, Abort> {
        let sym = self.reg(r);
        match sym.real {
            Real::Word(_) => Ok(sym.arg),
            Real::Int(_) | Real::Bool(_) if !self.value(r).is_object() => self.argument(r, false),
            _ => self.abort(Reason::Type),
        }
    }

    /// What a tame native gives.
    fn tame(&mut self, native: &Native, window: std::ops::Range<usize>, first: usize, n: usize) -> Result<Arg, Abort> {
        if let Some(value) = self.known(native, window.clone(), first, n)? {
            return Ok(value);
        }
        if REFUSE.contains(&native.def.name) && self.begins_here() {
            return self.abort(Reason::Type);
        }
        let mut args: Vec<Arg> = native.bound.into_iter().collect();
        let method = native.bound.is_none() && native.is_method;
        for r in first..first + n {
            let receiver = method && r == first;
            let any = native.def.tame == Tame::Any && !receiver;
            args.push(if any { self.any_argument(r)? } else { self.argument(r, receiver)? });
        }
        let given = args.len();
        if given > NATIVE_MAX {
            return self.abort(Reason::Type);
        }
        if self.parallel && !self.is_open(native, first, n) {
            return self.abort(Reason::Type);
        }
        args.resize(NATIVE_MAX, ABSENT);
        self.may_end(window);
        let def = Arg::int(helpers::with_count(native.def, given));
        let signature = Arg::Const(Const::Ptr(native.signature.map_or(0, |s| std::ptr::from_ref(s) as u64)));
        let value = self.b.call(Helper::Native, &[self.thread, def, signature, args[0], args[1], args[2]]);
        let value = Arg::from(value);
        self.is_present(value);
        Ok(value)
    }

    /// Whether a native needs no native lock with the arguments that it has now. What it is bound to is a module, if that is
    /// an argument.
    fn is_open(&self, native: &Native, first: usize, n: usize) -> bool {
        native.bound.is_none() && (n == 0 || native.def.is_open(self.window(first, n)))
    }

    /// Registers in a row.
    fn window(&self, first: usize, n: usize) -> &[Value] {
        // SAFETY: the registers are the running frame's, each of which holds a value's word.
        unsafe { std::slice::from_raw_parts(self.value(first), n) }
    }

    /// The registers of a call's window can end, and its result be written.
    pub(super) fn may_end(&mut self, window: std::ops::Range<usize>) {
        let over = self.word.a();
        let inside = window.contains(&over);
        self.may_write(window.chain((!inside).then_some(over)));
    }

    /// What the trace's own operations give.
    fn known(
        &mut self,
        native: &Native,
        window: std::ops::Range<usize>,
        first: usize,
        n: usize,
    ) -> Result<Option<Arg>, Abort> {
        match (native.def.name, n) {
            ("len", 1) => {
                let row = match row_of(self.value(first), Use::Measured) {
                    Some(_) => self.has_row(first, Use::Measured)?,
                    None => {
                        if helpers::len(std::ptr::from_ref(self.at.t) as u64, self.value(first).bits()) < 0 {
                            return self.abort(Reason::Type);
                        }
                        let object = self.built_in(first)?;
                        self.may_end(window);
                        let len = self.b.call(Helper::Len, &[self.thread, object]).into();
                        let sound = self.op(Op::ILe, &[Arg::int(0), len]);
                        self.guard(sound);
                        return Ok(Some(self.op(Op::BoxInt, &[len])));
                    }
                };
                self.may_end(window);
                let len = self.len_of(row.0, row.1);
                Ok(Some(self.op(Op::BoxInt, &[len])))
            }
            ("abs", 1) | ("min" | "max", 2) if native.bound.is_none() && !native.is_method => {
                self.numeric(native.def.name, window, first)
            }
            ("isinstance", 2) => self.instance_of(window, first).map(Some),
            ("append", 2) if native.bound.is_none() && self.value(first).downcast::<List>().is_some() => {
                let (list, value) = (self.receiver(first)?, self.reg(first + 1).arg);
                let over = self.word.a();
                self.may_write(
                    window.clone().filter(|r| *r != first + 1).chain((!window.contains(&over)).then_some(over)),
                );
                self.push_to(list, value)?;
                self.take(first + 1);
                Ok(Some(Arg::Const(Const::Val(Word::NONE))))
            }
            ("get", 2 | 3) if native.bound.is_none() && self.value(first).exact::<Dict>().is_some() => {
                let (dict, key) = (self.value(first).bits(), self.value(first + 1).bits());
                if helpers::dict_get(std::ptr::from_ref(self.at.t) as u64, dict, key, Value::NONE.bits()) == 0 {
                    return self.abort(Reason::Type);
                }
                let (dict, key) = (self.built_in(first)?, self.reg(first + 1).arg);
                let default = if n == 3 { self.reg(first + 2).arg } else { Arg::Const(Const::Val(Word::NONE)) };
                self.may_end(window);
                let value = Arg::from(self.b.call(Helper::DictGet, &[self.thread, dict, key, default]));
                self.is_present(value);
                self.retain(value);
                Ok(Some(value))
            }
            ("add", 2) if native.bound.is_none() && self.value(first).exact::<Set>().is_some() => {
                if !is_key(self.value(first + 1)) {
                    return self.abort(Reason::Type);
                }
                let (set, value) = (self.built_in(first)?, self.reg(first + 1).arg);
                self.may_end(window);
                let done = self.b.call(Helper::SetAdd, &[self.thread, set, value]).into();
                self.guard(done);
                Ok(Some(Arg::Const(Const::Val(Word::NONE))))
            }
            _ if native.def.tame != Tame::Never => Ok(None),
            _ => self.abort(Reason::Type),
        }
    }

    /// Whether an object is an instance of a class is settled by its type, where nobody replaces the question.
    fn instance_of(&mut self, window: std::ops::Range<usize>, first: usize) -> Result<Arg, Abort> {
        let (v, class) = (self.value(first), self.value(first + 1));
        let ty = type_of(v);
        let classes = classes_of(class);
        let plain = !classes.is_empty() && typhon_object::attr::is_generic(self.at.t, ty);
        let own = ty.lookup(self.at.t, typhon_object::names::n::__class__());
        let inherited =
            typhon_object::types::object::OBJECT.ty().lookup(self.at.t, typhon_object::names::n::__class__());
        let same = matches!((&own, &inherited), (Some(a), Some(b)) if a.is(b));
        if !plain || !same || ty.is_heap_type() && ty.version.get() == 0 {
            return self.abort(Reason::Type);
        }
        let real = match ops::isinstance(self.at.t, v, class) {
            Ok(real) => real,
            Err(_) => return self.abort(Reason::Raises),
        };
        let one = self.shape_at(first + 1) == ids::TYPE;
        self.has_class(first)?;
        let class = self.reg(first + 1).arg;
        if one {
            self.is_class(class, classes[0]);
        } else {
            self.has_shape(class, ids::TUPLE);
            let len = self.load(Ty::Int, Alias::Tuple, class, Tuple::LEN);
            let same = self.op(Op::IEq, &[len, Arg::int(classes.len() as i64)]);
            self.guard(same);
            for (i, bits) in classes.into_iter().enumerate() {
                let at = Arg::int(i as i64);
                let item = self.b.mem(Op::LoadX, Ty::Val, Alias::Tuple, &[class, at], Tuple::ITEMS as i32);
                self.is_class(item.into(), bits);
            }
        }
        self.private = true;
        self.may_end(window);
        Ok(Arg::Const(Const::Val(Word::bool(real))))
    }

    /// A value is this very class, whose metaclass is `type`.
    fn is_class(&mut self, class: Arg, bits: u64) {
        let same = self.op(Op::Same, &[class, Arg::Const(Const::Val(Word(bits)))]);
        self.guard(same);
        self.has_shape(class, ids::TYPE);
    }

    /// A register holds a value of the class that it has now, which is as it was.
    fn has_class(&mut self, r: usize) -> Result<(), Abort> {
        match self.reg(r).real {
            Real::Word(_) if self.value(r).is_object() => {
                let key = super::attributes::type_key(self.value(r));
                let object = self.reg(r).arg;
                self.has_type(object, key);
            }
            Real::Word(word) => {
                let arg = self.reg(r).arg;
                let same = self.op(Op::Same, &[arg, Arg::Const(Const::Val(Word(word)))]);
                self.guard(same);
            }
            _ => {
                self.argument(r, false)?;
                if matches!(self.reg(r).real, Real::Bool(_)) {
                    let arg = self.reg(r).arg;
                    let is = self.op(Op::IsBool, &[arg]);
                    self.guard(is);
                }
            }
        }
        Ok(())
    }

    /// `type(x)`, called through register `at`: a class that is known where what `x` is has been asked; `None` if it is not that.
    fn class_of(&mut self, at: usize, first: usize, n: usize) -> Result<Option<Arg>, Abort> {
        if n != 1 || !self.value(at).is(&TYPE.ty().value()) {
            return Ok(None);
        }
        let ty = type_of(self.value(first));
        if ty.is_heap_type() && ty.version.get() == 0 {
            return self.abort(Reason::Type);
        }
        let class = Arg::Const(Const::Val(Word(ty.value().bits())));
        let callee = self.reg(at).arg;
        let same = self.op(Op::Same, &[callee, Arg::Const(Const::Val(Word(TYPE.ty().value().bits())))]);
        self.guard(same);
        self.has_class(first)?;
        self.private = true;
        self.may_end(at..first + n);
        // The object keeps it until then.
        self.retain(class);
        Ok(Some(class))
    }

    /// A built-in type that is called with plain arguments.
    fn make(&mut self, at: usize, first: usize, n: usize) -> Result<Arg, Abort> {
        if let Some(range) = self.make_range(at, first, n)? {
            return Ok(range);
        }
        if let Some(class) = self.class_of(at, first, n)? {
            return Ok(class);
        }
        if n == 1
            && let Some(number) = self.make_number(at, first)?
        {
            return Ok(number);
        }
        if let Some(class) = self.make_heir(at, n)? {
            self.may_end(at..first);
            let args = [self.thread, class, Arg::int(0), ABSENT, ABSENT, ABSENT];
            let made = Arg::from(self.b.call(Helper::Make, &args));
            self.is_present(made);
            return Ok(made);
        }
        let bits = self.value(at).bits();
        if n == 0 || n > NATIVE_MAX || !helpers::is_made_tamely(Value::from_ref(&bits)) {
            return self.abort(Reason::Type);
        }
        if self.parallel && !helpers::is_made_beside(Value::from_ref(&bits), self.window(first, n)) {
            return self.abort(Reason::Type);
        }
        let mut args = Vec::new();
        for r in first..first + n {
            // The text of bytes is worth a warning to some, but in an encoding that is named.
            let decoded = n > 1 && Value::from_ref(&bits).is(&STR.ty().value());
            if self.shape_at(r) == ids::BYTES && (!decoded || self.begins_here()) {
                return self.abort(Reason::Type);
            }
            let tame = helpers::is_filled_tamely(Value::from_ref(&bits), self.value(r));
            let arg = self.argument(r, tame)?;
            args.push(arg);
        }
        args.resize(NATIVE_MAX, ABSENT);
        let class = self.reg(at).arg;
        let same = self.op(Op::Same, &[class, Arg::Const(Const::Val(Word(bits)))]);
        self.guard(same);
        self.private = true;
        self.may_end(at..first + n);
        let count = Arg::int(n as i64);
        let made = Arg::from(self.b.call(Helper::Make, &[self.thread, class, count, args[0], args[1], args[2]]));
        self.is_present(made);
        Ok(made)
    }
}

/// The classes that an object may be asked to be an instance of, one or a tuple of some, whose metaclass is `type`; else none.
fn classes_of(v: &Value) -> Vec<u64> {
    let is_class = |v: &Value| v.header().is_some_and(|h| h.shape().0 == ids::TYPE);
    match v.exact::<Tuple>() {
        Some(all) if all.len() <= CLASSES_MAX && all.items().iter().all(is_class) => {
            all.items().iter().map(Value::bits).collect()
        }
        _ => is_class(v).then(|| v.bits()).into_iter().collect(),
    }
}
