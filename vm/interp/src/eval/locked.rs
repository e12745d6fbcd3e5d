//! Which instructions take the native lock, where threads run at the same time (`typhon_object::native_lock`).
//!
//! Fast parts protect themselves; outlined bodies and second parts take the lock, unless [`outlined`] knows the operands to be
//! of types that need none. Between two instructions no thread has it.

use super::machine::M;
use super::special;
use crate::function::Function;
use typhon_isa::word::NO_REG;
use typhon_isa::{BinaryKind, Opcode as Op, Word};
use typhon_object::attr_cache::{self, Found};
use typhon_object::dict::Dict;
use typhon_object::guarded::{self, is_atom, is_container, is_frozen, is_iterable, is_iterator, steps_alone};
use typhon_object::header::Header;
use typhon_object::slots::{GetAttrFn, SetAttrFn};
use typhon_object::tuple::Tuple;
use typhon_object::ty::flag;
use typhon_object::types::descr::{Descriptor, What};
use typhon_object::types::exceptions::BASE_EXCEPTION;
use typhon_object::types::method::Method;
use typhon_object::types::type_::TYPE;
use typhon_object::{Thread, TypeObject, Value, attr, ids, type_of};

/// Takes the lock, if an outlined body or second part needs it.
#[inline(always)]
pub(super) fn begin(op: Op, m: &M<'_>, w: Word) {
    if m.t.is_parallel() {
        m.t.see_to_late_ends();
        if any(op, m, w) {
            m.t.take_native();
        }
    }
}

/// The same beside other threads, for the opcode of this number: of the questions of all, its own are left.
#[inline(always)]
pub(super) fn begin_beside<const OP: u8>(m: &M<'_>, w: Word) {
    m.t.see_to_late_ends();
    if outlined(super::dispatch::opcode(OP.into()), m, w) {
        m.t.take_native();
    }
}

#[inline(never)]
fn any(op: Op, m: &M<'_>, w: Word) -> bool {
    outlined(op, m, w)
}

/// Whether an instruction's outlined body or second part may have to do with the lock at all: these compute, or make an object of
/// what is in registers.
pub(super) const fn concerns(op: Op) -> bool {
    use Op::*;
    !matches!(
        op,
        BinaryAddFloat
            | BinarySubFloat
            | BinaryMulFloat
            | BinaryDivFloat
            | BinaryAddFloatImm
            | BinarySubFloatImm
            | BinaryMulFloatImm
            | BinaryDivFloatImm
            | BuildTuple
    )
}

/// Gives the lock up after an instruction.
#[inline(always)]
pub(super) fn end(m: &M<'_>) {
    m.t.out_of_native();
}

#[inline(always)]
fn outlined(op: Op, m: &M<'_>, w: Word) -> bool {
    let (b, c) = (w.b(), w.c());
    match op {
        // Looking up takes it where it must.
        Op::Resume | Op::ResumeCounted | Op::JumpBack | Op::JumpBackCounted | Op::LoadSpecial => false,
        Op::LoadGlobal | Op::StoreGlobal => {
            let f = super::name::function(m.fp);
            f.globals.get().exact::<Dict>().is_none() || f.builtins.get().exact::<Dict>().is_none()
        }
        Op::GetItem | Op::DelItem => !is_item(m.reg(b), m.reg(c)),
        Op::UnaryOp => !is_atom(m.reg(b)),
        Op::GetLen => !is_container(m.reg(b)),
        Op::ListExtend => !is_sequence(m.reg(b)),
        Op::LoadAttr | Op::LoadMethod => !is_plain_load(m, m.reg(b), m.name(c)),
        Op::StoreAttr => !is_plain_store(m, m.reg(w.a()), m.name(c)),
        Op::Call | Op::CallClass => !is_own_call(m, b, b + 1, c),
        Op::CallMethod | Op::CallMethodClass | Op::CallKw => match m.bits(b + 1) {
            0 => !is_own_call(m, b, b + 2, c),
            _ => !is_own_call(m, b, b + 1, c + 1),
        },
        Op::GetItemImm => !is_container(m.reg(b)),
        Op::GetItemDict => !is_item(m.reg(b), m.reg(c)),
        Op::GetItemPython | Op::GetItemStrInt => false,
        Op::SetItem => !is_item(m.reg(w.a()), m.reg(b)) || m.reg(w.a()).exact::<Dict>().is_none(),
        Op::GetSlice => !(is_sequence(m.reg(b)) && is_atom(m.reg(c)) && is_atom(m.reg(c + 1))),
        Op::BinaryOp => !is_plain_operator(m, w, m.reg(b), m.reg(c)),
        Op::BinaryOpImm => !is_plain_operator(m, w, m.reg(b), &Value::NONE),
        Op::Compare | Op::CompareJump => !is_plain_comparison(m, m.reg(b), m.reg(c), w),
        Op::CompareImm | Op::CompareIntImm | Op::CompareImmJump | Op::CompareIntImmJump => !is_atom(m.reg(b)),
        Op::Contains => !(is_container(m.reg(c)) && is_key(m.reg(b)) || has_method(m, m.reg(c), Name::Contains)),
        Op::ToBool => !is_plain_truth(m.reg(b)),
        Op::JumpIfTrue | Op::JumpIfFalse => !is_plain_truth(m.reg(w.a())),
        Op::GetIter => !(is_iterable(m.reg(b)) || has_method(m, m.reg(b), Name::Iter)),
        Op::ForIterEnumerate | Op::ForIterZip => !steps_alone(m.reg(b)),
        Op::ForIter => !(steps_alone(m.reg(b)) || has_method(m, m.reg(b), Name::Next)) || has_frame(m.reg(b)),
        Op::ForIterItems => !is_iterator(m.reg(b)),
        Op::ForIterGen | Op::Send | Op::SendGen => !is_iterator(m.reg(b)) || has_frame(m.reg(b)),
        // SAFETY: the frame is live.
        Op::Yield => unsafe { (*m.fp).object != 0 },
        Op::CompareStrJump => false,
        Op::UnpackSequence => !is_sequence(m.reg(b)),
        // SAFETY: the frame is live.
        Op::Return | Op::ReturnConst => unsafe { (*m.fp).object != 0 || (*m.fp).locals != 0 },
        Op::ListAppend | Op::SetFunctionAttr => false,
        Op::BuildMap => !(0..c).all(|i| is_atom(m.reg(b + 2 * i))),
        Op::BuildSet => !(0..c).all(|i| is_atom(m.reg(b + i))),
        Op::ListToTuple => m.reg(b).header().is_none_or(|h| h.shape().0 != ids::LIST),
        Op::SetAdd => !is_atom(m.reg(b)),
        Op::MapAdd => !is_atom(m.reg(b)),
        Op::FormatValue => !(is_atom(m.reg(b)) && (c == NO_REG as usize || is_atom(m.reg(c)))),
        Op::CheckExc => !is_class_or_classes(m.reg(c)),
        Op::Raise => w.kind() != 1 || !raises_alone(m.reg(b)),
        Op::LoadSuperMethod | Op::LoadSuperAttr => !super::method::is_plain_super(m, w),
        Op::MakeFunction => {
            !m.constant(w.bc() as usize).exact::<crate::code::CodeObject>().is_some_and(|c| c.has_unit())
        }
        op if !concerns(op) => false,
        _ => true,
    }
}

/// A list, a tuple or a text.
fn is_sequence(v: &Value) -> bool {
    v.header().is_some_and(|h| matches!(h.shape().0, ids::LIST | ids::TUPLE | ids::STR))
}

/// Whether comparing and hashing it runs no code of its own; items of a tuple take the lock where they must.
fn is_key(v: &Value) -> bool {
    is_frozen(v) || guarded::is_class(v)
}

/// Whether `v[key]` concerns nothing but the container.
fn is_item(v: &Value, key: &Value) -> bool {
    match v.header().map_or(0, |h| h.shape().0) {
        ids::DICT => is_key(key),
        ids::LIST | ids::TUPLE | ids::STR => is_atom(key),
        _ => false,
    }
}

/// Whether somebody has asked for a generator's frame: natives look at it.
fn has_frame(v: &Value) -> bool {
    crate::generator::as_generator(v).is_some_and(|g| !g.frame.is_absent())
}

/// Whether truth is a matter of the value alone.
fn is_plain_truth(v: &Value) -> bool {
    if is_atom(v) || is_container(v) {
        return true;
    }
    let slots = type_of(v).slots();
    slots.bool.is_none() && slots.len.is_none()
}

/// The methods of Python classes that instructions enter without a native.
enum Name {
    Iter,
    Next,
    Contains,
}

fn has_method(m: &M<'_>, v: &Value, name: Name) -> bool {
    use typhon_object::names::n;
    let (name, count) = match name {
        Name::Iter => (n::__iter__(), 1),
        Name::Next => (n::__next__(), 1),
        Name::Contains => (n::__contains__(), 2),
    };
    special::is_instance(v) && !special::method(m.t, v, name, count).is_absent()
}

fn is_plain_operator(m: &M<'_>, w: Word, a: &Value, b: &Value) -> bool {
    let kind = BinaryKind::from_u8(w.kind());
    if special::is_instance(a) {
        return !special::binary(m.t, kind, a, b).0.is_absent();
    }
    let text = a.header().is_some_and(|h| matches!(h.shape().0, ids::STR | ids::BYTES));
    match kind.plain() {
        // Formatting asks the operands for their text.
        BinaryKind::Mod if text => false,
        BinaryKind::Add if is_sequence(a) && is_sequence(b) => true,
        BinaryKind::Mul if is_sequence(a) && is_atom(b) => true,
        _ => is_atom(a) && is_atom(b),
    }
}

fn is_plain_comparison(m: &M<'_>, a: &Value, b: &Value, w: Word) -> bool {
    if special::is_instance(a) {
        return !special::comparison(m.t, a, b, super::compare::op_of(w.kind())).is_absent();
    }
    is_atom(a) && is_atom(b)
}

/// Whether an attribute is read from the object or its class as it is.
fn is_plain_load(m: &M<'_>, v: &Value, name: &Value) -> bool {
    let generic = type_of(v).slots().getattr.is_some_and(|f| std::ptr::fn_addr_eq(f, attr::generic_get as GetAttrFn));
    generic
        && matches!(
            attr_cache::load(m.t, v, name),
            Found::Slot(_) | Found::Member(_) | Found::Plain(_) | Found::Method(_)
        )
}

fn is_plain_store(m: &M<'_>, v: &Value, name: &Value) -> bool {
    let generic = type_of(v).slots().setattr.is_some_and(|f| std::ptr::fn_addr_eq(f, attr::generic_set as SetAttrFn));
    generic && matches!(attr_cache::store(m.t, v, name), Found::Slot(_) | Found::Member(_) | Found::Add(..))
}

fn is_class_or_classes(v: &Value) -> bool {
    let is_class = |v: &Value| v.downcast::<TypeObject>().is_some();
    is_class(v) || v.exact::<Tuple>().is_some_and(|all| all.items().iter().all(is_class))
}

/// Whether a `raise` of this is nobody else's business: it makes an exception of a built-in class, or nobody else has it.
fn raises_alone(v: &Value) -> bool {
    v.downcast::<TypeObject>().map_or_else(|| is_only_here(v), makes_exceptions)
}

/// Whether an exception is known to the running thread alone: who raises or handles it needs no lock.
pub(super) fn is_only_here(v: &Value) -> bool {
    v.header().is_some_and(Header::is_unique)
}

/// Whether instances of a class are made by BaseException's constructor, which keeps its arguments and looks at nothing.
pub(super) fn makes_exceptions(class: &TypeObject) -> bool {
    let (slots, base) = (class.slots(), BASE_EXCEPTION.ty().slots());
    let same = match (slots.new, base.new, slots.init, base.init) {
        (Some(new), Some(base_new), Some(init), Some(base_init)) => {
            std::ptr::fn_addr_eq(new, base_new) && std::ptr::fn_addr_eq(init, base_init)
        }
        _ => false,
    };
    same && class.has_flag(flag::EXCEPTION) && std::ptr::eq(type_of(&class.value()), TYPE.ty())
}

/// Whether calling such a type with atoms runs nothing but its own constructor.
fn makes_atoms(def: u32) -> bool {
    matches!(
        def,
        ids::INT | ids::FLOAT | ids::STR | ids::BOOL | ids::RANGE | ids::LIST | ids::DICT | ids::SET | ids::TUPLE
    )
}

/// Whether calling such a type with guarded containers takes their items and does no more.
fn copies(def: u32) -> bool {
    matches!(def, ids::LIST | ids::TUPLE | ids::SET | ids::FROZENSET)
}

/// Whether calling such a type makes iterators over its arguments and does no more.
fn goes_over(def: u32) -> bool {
    matches!(def, ids::ENUMERATE | ids::ZIP)
}

/// Whether a call enters a Python function, or is of a native that needs no lock. `n` arguments from `first` on.
fn is_own_call(m: &M<'_>, at: usize, first: usize, n: usize) -> bool {
    let f = m.reg(at);
    match f.header().map_or(0, |h| h.shape().0) {
        ids::FUNCTION => true,
        ids::METHOD => f.exact::<Method>().is_some_and(|b| b.func.get().exact::<Function>().is_some()),
        ids::METHOD_DESCRIPTOR => f.exact::<Descriptor>().is_some_and(|d| match d.what {
            What::Method(def, _) => def.is_open(m.window(first, n)),
            _ => false,
        }),
        ids::BUILTIN_FUNCTION => f
            .exact::<typhon_object::native::NativeFunction>()
            .is_some_and(|f| !f.passes_bound && f.def.is_open(m.window(first, n))),
        ids::TYPE => makes_alone(m.t, f, m.window(first, n)),
        _ => special::is_instance(f) && !special::callable(m.t, f).is_absent(),
    }
}

/// Whether calling a class whose metaclass is `type` runs no native that needs the lock.
fn makes_alone(t: &Thread, class: &Value, args: &[Value]) -> bool {
    class
        .downcast::<TypeObject>()
        .is_some_and(|c| makes_built_in(c, args) || makes_exceptions(c) || super::class::makes_plainly(t, class))
}

/// The same of built-in types, where it concerns their arguments alone.
pub(super) fn makes_built_in(c: &TypeObject, args: &[Value]) -> bool {
    !c.is_heap_type()
        && (args.len() == 1 && std::ptr::eq(c, TYPE.ty())
            || makes_atoms(c.def().id) && args.iter().all(is_atom)
            || copies(c.def().id) && args.iter().all(is_container)
            || goes_over(c.def().id) && args.iter().all(|v| is_iterable(v) || is_atom(v)))
}
