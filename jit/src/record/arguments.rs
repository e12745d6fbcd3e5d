//! Arguments: which parameter of a function gets what, and who is called with an object in front of the others.

use super::calls::Callee;
use super::{Abort, Reason, Recorder};
use std::mem::offset_of;
use typhon_interp::eval::follow::call_of;
use typhon_interp::function::Function;
use typhon_isa::{CodeFlags, Opcode};
use typhon_jit_ir::word::Word;
use typhon_jit_ir::{Alias, Arg, Const, Op, Ty};
use typhon_object::dict::Dict;
use typhon_object::process::empty_tuple;
use typhon_object::tuple::Tuple;
use typhon_object::types::method::Method;
use typhon_object::{Value, ids};

/// Parameters that get something else than the argument at their place, at most.
const FILLED_MAX: usize = 16;
/// Arguments in a parameter that takes the rest, at most.
const MORE_MAX: usize = 8;

/// A call's window: the registers of the running frame that hold the arguments, and what the last ones are called.
pub(super) struct Window {
    /// The callable's register.
    pub(super) at: usize,
    pub(super) first: usize,
    pub(super) count: usize,
    pub(super) names: Vec<Value>,
}

impl Window {
    /// The same with an object in front of the arguments, in a register that is the call's own.
    pub(super) fn with_object(&self) -> Self {
        Self { at: self.at, first: self.first - 1, count: self.count + 1, names: self.names.clone() }
    }

    /// How many arguments are given by their place.
    fn given(&self) -> usize {
        self.count - self.names.len()
    }
}

/// What a parameter gets that is not given by its place.
enum Filling {
    /// An argument by keyword, by its number.
    Keyword(usize),
    /// A default, by its number.
    Default(usize),
}

/// What the parameters behind the `given` first ones get.
pub(super) struct Binding {
    pub(super) given: usize,
    fillings: Vec<Filling>,
    /// How many arguments a parameter takes that takes the rest, and whether there is one for those by keyword, which takes none.
    more: Option<usize>,
    others: bool,
}

impl Binding {
    /// How a call is bound, if it is bound in the plain way.
    fn of(f: &Function, window: &Window) -> Option<Self> {
        let unit = f.unit();
        let [varargs, others] = [CodeFlags::VARARGS, CodeFlags::VARKEYWORDS].map(|flag| unit.code.flags & flag != 0);
        let given = if varargs { window.given().min(unit.arg_count) } else { window.given() };
        let more = varargs.then(|| window.given() - given);
        let missing = unit.arg_count.checked_sub(given)?;
        if more.is_some_and(|more| more > MORE_MAX) || unit.code.kwonly_count > 0 {
            return None;
        }
        if missing > FILLED_MAX || window.names.len() > missing {
            return None;
        }
        let mut keywords = vec![None; missing];
        for (i, name) in window.names.iter().enumerate() {
            // Parameters are interned, and so are keywords, but for odd ones.
            let place = unit.locals().get(given..unit.arg_count)?.iter().position(|local| local.is(name))?;
            if given + place < unit.code.posonly_count as usize || keywords[place].replace(i).is_some() {
                return None;
            }
        }
        let first = unit.arg_count.checked_sub(f.default_count());
        let fillings = keywords.into_iter().enumerate().map(|(place, keyword)| match keyword {
            Some(i) => Some(Filling::Keyword(i)),
            None => Some(Filling::Default((given + place).checked_sub(first?)?)),
        });
        Some(Self { given, fillings: fillings.collect::<Option<_>>()?, more, others })
    }
}

impl Recorder<'_> {
    /// The names of the arguments by keyword.
    pub(super) fn keywords(&self, op: Opcode) -> Vec<Value> {
        let names = (op == Opcode::CallKw).then(|| self.unit().consts().get(self.extra(0) as u32 as usize)).flatten();
        names.and_then(|names| names.exact::<Tuple>()).map_or_else(Vec::new, |names| names.items().to_vec())
    }

    /// How a call of a function is bound.
    pub(super) fn binding(&self, f: &Function, window: &Window) -> Result<Binding, Abort> {
        Binding::of(f, window).map_or_else(|| self.abort(Reason::Type), Ok)
    }

    /// What the parameters get that is not given by its place, each with whether its reference is the call's. Asks what the
    /// function's defaults are, if it takes any.
    pub(super) fn filled(
        &mut self,
        f: &Function,
        function: Arg,
        window: &Window,
        binding: &Binding,
    ) -> Vec<(Arg, bool)> {
        let takes = |filling: &Filling| matches!(filling, Filling::Default(_));
        let defaults = binding.fillings.iter().any(takes).then(|| {
            // Setting them stops nobody.
            let class = if self.parallel { Alias::Shared } else { Alias::Code };
            let defaults = self.load(Ty::Val, class, function, Function::DEFAULTS);
            self.has_shape(defaults, ids::TUPLE);
            let len = self.load(Ty::Int, Alias::Tuple, defaults, Tuple::LEN);
            let same = self.op(Op::IEq, &[len, Arg::int(f.default_count() as i64)]);
            self.guard(same);
            defaults
        });
        let filling = |filling: &Filling| match (filling, defaults) {
            (Filling::Default(i), Some(defaults)) => {
                let at = Arg::int(*i as i64);
                (self.b.mem(Op::LoadX, Ty::Val, Alias::Tuple, &[defaults, at], Tuple::ITEMS as i32).into(), false)
            }
            (Filling::Keyword(i) | Filling::Default(i), _) => (self.reg(window.first + window.given() + i).arg, true),
        };
        binding.fillings.iter().map(filling).collect()
    }

    /// What the parameters get that take the rest: a tuple of the arguments that are left, and an empty dict. Nobody who only passes
    /// them by needs any. The last that may go wrong with the call.
    pub(super) fn rest(&mut self, window: &Window, binding: &Binding) -> Vec<(Arg, bool)> {
        let left = window.first + binding.given;
        let others = binding.others.then(|| self.new_built_in(ids::DICT, size_of::<Dict>()));
        let more = binding.more.map(|more| {
            if more == 0 {
                // It is the process's, for ever.
                let none = Arg::Const(Const::Val(Word(empty_tuple().bits())));
                self.private = true;
                self.retain(none);
                return none;
            }
            self.tuple_of(left..left + more)
        });
        more.into_iter().chain(others).map(|arg| (arg, true)).collect()
    }

    /// The frame has been entered: the parameters get what is not given by its place.
    pub(super) fn fill(&mut self, given: usize, filled: &[(Arg, bool)]) {
        for (i, (arg, owned)) in filled.iter().enumerate() {
            if !owned {
                self.retain(*arg);
            }
            self.put(given + i, *arg);
        }
    }

    /// A bound method of a Python function: its object goes in front of the arguments.
    pub(super) fn call_bound(&mut self, window: &Window) -> Result<(), Abort> {
        let at = window.at;
        // Beside other threads the interpreter does it.
        if self.parallel {
            return self.abort(Reason::Type);
        }
        let bits = self.value(at).bits();
        // SAFETY: nothing is stored into the slot while it is looked at.
        let func = Value::from_ref(&bits).exact::<Method>().map(|m| unsafe { m.func.peek() }.clone());
        let Some(f) = func.as_ref().and_then(|f| f.exact::<Function>()) else { return self.abort(Reason::Type) };
        let inner = window.with_object();
        let unit = self.takes_all(f, self.callee_at(inner.first))?;
        let binding = self.binding(f, &inner)?;
        let method = self.reg(at).arg;
        self.has_shape(method, ids::METHOD);
        let function = self.load(Ty::Val, Alias::Slot, method, offset_of!(Method, func));
        self.has_unit(function, f, &unit);
        let mut filled = self.filled(f, function, &inner, &binding);
        let this = self.load(Ty::Val, Alias::Slot, method, offset_of!(Method, this));
        self.is_present(this);
        self.may_release(method);
        filled.extend(self.rest(&inner, &binding));
        self.retain(function);
        self.retain(this);
        self.take(at);
        self.b.op(Op::Release, &[method], None);
        if inner.first > at {
            self.take(inner.first);
        }
        self.put(inner.first, this);
        self.enter(Callee { function, unit, first: inner.first, count: binding.given, made: None }, &filled)
    }

    /// An instance whose class has a Python `__call__`: it goes in front of the arguments.
    pub(super) fn call_instance(&mut self, window: &Window) -> Result<(), Abort> {
        let at = window.at;
        // As above.
        if self.parallel {
            return self.abort(Reason::Type);
        }
        let call = call_of(self.at.t, self.value(at));
        let Some(f) = call.as_ref().and_then(|f| f.exact::<Function>()) else { return self.abort(Reason::Type) };
        let inner = window.with_object();
        let unit = self.takes_all(f, self.callee_at(inner.first))?;
        let binding = self.binding(f, &inner)?;
        let object = self.same_type(at)?;
        // The class has its `__call__` as long as it has its version.
        let function = Arg::Const(Const::Val(Word(call.as_ref().map_or(0, Value::bits))));
        self.has_unit(function, f, &unit);
        let mut filled = self.filled(f, function, &inner, &binding);
        filled.extend(self.rest(&inner, &binding));
        self.retain(function);
        if inner.first != at {
            self.take(at);
            self.take(inner.first);
            self.put(inner.first, object);
        }
        self.enter(Callee { function, unit, first: inner.first, count: binding.given, made: None }, &filled)
    }
}
