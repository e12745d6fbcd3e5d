//! Slots: what a type can do, as function pointers.
//!
//! The table below is the only list of slots. From it come the `Slots` struct, inheritance, the slot wrappers that a
//! built-in type shows in its `__dict__` (`int.__add__`), and the functions that a Python class's dunder methods install
//! (`class C: def __add__...`). Slots mean what CPython's `tp_*`, `nb_*`, `sq_*` and `mp_*` fields mean; `sq_item` has no
//! own slot: `getitem` takes any key.

use crate::args::Args;
use crate::buffer::BufferFn;
use crate::error::Res;
use crate::ops::CompareOp;
use crate::thread::Thread;
use crate::value::Value;

/// `op(x)`.
pub type UnaryFn = fn(&Thread, &Value) -> Res;
/// `x op y`; called with the operands in source order for both the plain and the reflected form; may return NotImplemented.
pub type BinaryFn = fn(&Thread, &Value, &Value) -> Res;
/// `pow(x, y, z)`; `z` is None when absent.
pub type TernaryFn = fn(&Thread, &Value, &Value, &Value) -> Res;
/// A truth value.
pub type BoolFn = fn(&Thread, &Value) -> Res<bool>;
/// A length.
pub type LenFn = fn(&Thread, &Value) -> Res<usize>;
/// A hash.
pub type HashFn = fn(&Thread, &Value) -> Res<i64>;
/// A repetition or an index.
pub type IndexFn = fn(&Thread, &Value, isize) -> Res;
/// Membership: container, item.
pub type ContainsFn = fn(&Thread, &Value, &Value) -> Res<bool>;
/// A rich comparison.
pub type CompareFn = fn(&Thread, &Value, &Value, CompareOp) -> Res;
/// Item assignment; `None` deletes.
pub type SetItemFn = fn(&Thread, &Value, &Value, Option<&Value>) -> Res<()>;
/// A call.
pub type CallFn = fn(&Thread, &Value, Args<'_>) -> Res;
/// Attribute access: object, name (a str).
pub type GetAttrFn = fn(&Thread, &Value, &Value) -> Res;
/// Attribute assignment; `None` deletes.
pub type SetAttrFn = fn(&Thread, &Value, &Value, Option<&Value>) -> Res<()>;
/// `descr.__get__(obj, type)`; `obj` is `None` for access through the class.
pub type DescrGetFn = fn(&Thread, &Value, Option<&Value>, Option<&Value>) -> Res;
/// `descr.__set__(obj, value)`; `None` deletes.
pub type DescrSetFn = fn(&Thread, &Value, &Value, Option<&Value>) -> Res<()>;
/// `__init__`.
pub type InitFn = fn(&Thread, &Value, Args<'_>) -> Res<()>;
/// `__new__`: the type, then the arguments.
pub type NewFn = fn(&Thread, &Value, Args<'_>) -> Res;
/// `__next__`; an absent value means exhausted, without a StopIteration.
pub type NextFn = fn(&Thread, &Value) -> Res;
/// `__del__`: exceptions are reported by the function itself.
pub type FinalizeFn = fn(&Thread, &Value);

/// How a slot's function is called when it is reached through its Python name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrap {
    /// `f(self)`.
    Unary,
    /// `f(self, other)`.
    BinaryL,
    /// `f(other, self)`, the reflected form.
    BinaryR,
    /// `pow(self, other, mod=None)`.
    TernaryL,
    /// `pow(other, self, mod=None)`.
    TernaryR,
    /// A bool result.
    Bool,
    /// A length.
    Len,
    /// A hash.
    Hash,
    /// One int operand.
    Index,
    /// Membership.
    Contains,
    /// A comparison.
    Compare(CompareOp),
    /// `__setitem__`.
    SetItem,
    /// `__delitem__`.
    DelItem,
    /// `__call__`.
    Call,
    /// `__getattribute__`.
    GetAttr,
    /// `__getattr__`: never wrapped, only installed.
    GetAttrHook,
    /// `__setattr__`.
    SetAttr,
    /// `__delattr__`.
    DelAttr,
    /// `__get__`.
    DescrGet,
    /// `__set__`.
    DescrSet,
    /// `__delete__`.
    DescrDelete,
    /// `__init__`.
    Init,
    /// `__new__`: a static builtin, not a wrapper.
    New,
    /// `__next__`.
    Next,
    /// `__del__`.
    Finalize,
    /// `__buffer__`, `__release_buffer__`.
    Buffer,
}

/// Calls `$mac!` with every slot: `field: FnType, Variant { "dunder" => Wrap, doc; ... }`.
#[macro_export]
macro_rules! for_each_slot {
    ($mac:ident) => {
        $mac! {
            repr: UnaryFn, Unary { "__repr__" => Unary, "Return repr(self)."; }
            str: UnaryFn, Unary { "__str__" => Unary, "Return str(self)."; }
            hash: HashFn, Hash { "__hash__" => Hash, "Return hash(self)."; }
            call: CallFn, Call { "__call__" => Call, "Call self as a function."; }
            getattr: GetAttrFn, GetAttr { "__getattribute__" => GetAttr, "Return getattr(self, name)."; "__getattr__" => GetAttrHook, ""; }
            setattr: SetAttrFn, SetAttr { "__setattr__" => SetAttr, "Implement setattr(self, name, value)."; "__delattr__" => DelAttr, "Implement delattr(self, name)."; }
            compare: CompareFn, Compare {
                "__lt__" => Compare(CompareOp::Lt), "Return self<value."; "__le__" => Compare(CompareOp::Le), "Return self<=value.";
                "__eq__" => Compare(CompareOp::Eq), "Return self==value."; "__ne__" => Compare(CompareOp::Ne), "Return self!=value.";
                "__gt__" => Compare(CompareOp::Gt), "Return self>value."; "__ge__" => Compare(CompareOp::Ge), "Return self>=value.";
            }
            iter: UnaryFn, Unary { "__iter__" => Unary, "Implement iter(self)."; }
            next: NextFn, Next { "__next__" => Next, "Implement next(self)."; }
            get: DescrGetFn, DescrGet { "__get__" => DescrGet, "Return an attribute of instance, which is of type owner."; }
            set: DescrSetFn, DescrSet { "__set__" => DescrSet, "Set an attribute of instance to value."; "__delete__" => DescrDelete, "Delete an attribute of instance."; }
            init: InitFn, Init { "__init__" => Init, "Initialize self.  See help(type(self)) for accurate signature."; }
            new: NewFn, New { "__new__" => New, "Create and return a new object.  See help(type) for accurate signature."; }
            finalize: FinalizeFn, Finalize { "__del__" => Finalize, "Called when the instance is about to be destroyed."; }
            buffer: BufferFn, Buffer { "__buffer__" => Buffer, "Return a buffer object that exposes the underlying memory of the object."; }
            await_: UnaryFn, Unary { "__await__" => Unary, "Return an iterator to be used in await expression."; }
            aiter: UnaryFn, Unary { "__aiter__" => Unary, "Return an awaitable, that resolves in asynchronous iterator."; }
            anext: UnaryFn, Unary { "__anext__" => Unary, "Return a value or raise StopAsyncIteration."; }
            add: BinaryFn, Binary { "__add__" => BinaryL, "Return self+value."; "__radd__" => BinaryR, "Return value+self."; }
            sub: BinaryFn, Binary { "__sub__" => BinaryL, "Return self-value."; "__rsub__" => BinaryR, "Return value-self."; }
            mul: BinaryFn, Binary { "__mul__" => BinaryL, "Return self*value."; "__rmul__" => BinaryR, "Return value*self."; }
            matmul: BinaryFn, Binary { "__matmul__" => BinaryL, "Return self@value."; "__rmatmul__" => BinaryR, "Return value@self."; }
            truediv: BinaryFn, Binary { "__truediv__" => BinaryL, "Return self/value."; "__rtruediv__" => BinaryR, "Return value/self."; }
            floordiv: BinaryFn, Binary { "__floordiv__" => BinaryL, "Return self//value."; "__rfloordiv__" => BinaryR, "Return value//self."; }
            mod_: BinaryFn, Binary { "__mod__" => BinaryL, "Return self%value."; "__rmod__" => BinaryR, "Return value%self."; }
            divmod: BinaryFn, Binary { "__divmod__" => BinaryL, "Return divmod(self, value)."; "__rdivmod__" => BinaryR, "Return divmod(value, self)."; }
            pow: TernaryFn, Ternary { "__pow__" => TernaryL, "Return pow(self, value, mod)."; "__rpow__" => TernaryR, "Return pow(value, self, mod)."; }
            lshift: BinaryFn, Binary { "__lshift__" => BinaryL, "Return self<<value."; "__rlshift__" => BinaryR, "Return value<<self."; }
            rshift: BinaryFn, Binary { "__rshift__" => BinaryL, "Return self>>value."; "__rrshift__" => BinaryR, "Return value>>self."; }
            and: BinaryFn, Binary { "__and__" => BinaryL, "Return self&value."; "__rand__" => BinaryR, "Return value&self."; }
            xor: BinaryFn, Binary { "__xor__" => BinaryL, "Return self^value."; "__rxor__" => BinaryR, "Return value^self."; }
            or: BinaryFn, Binary { "__or__" => BinaryL, "Return self|value."; "__ror__" => BinaryR, "Return value|self."; }
            neg: UnaryFn, Unary { "__neg__" => Unary, "-self"; }
            pos: UnaryFn, Unary { "__pos__" => Unary, "+self"; }
            abs: UnaryFn, Unary { "__abs__" => Unary, "abs(self)"; }
            invert: UnaryFn, Unary { "__invert__" => Unary, "~self"; }
            bool: BoolFn, Bool { "__bool__" => Bool, "True if self else False"; }
            int: UnaryFn, Unary { "__int__" => Unary, "int(self)"; }
            float: UnaryFn, Unary { "__float__" => Unary, "float(self)"; }
            index: UnaryFn, Unary { "__index__" => Unary, "Return self converted to an integer, if self is suitable for use as an index into a list."; }
            iadd: BinaryFn, Binary { "__iadd__" => BinaryL, "Return self+=value."; }
            isub: BinaryFn, Binary { "__isub__" => BinaryL, "Return self-=value."; }
            imul: BinaryFn, Binary { "__imul__" => BinaryL, "Return self*=value."; }
            imatmul: BinaryFn, Binary { "__imatmul__" => BinaryL, "Return self@=value."; }
            itruediv: BinaryFn, Binary { "__itruediv__" => BinaryL, "Return self/=value."; }
            ifloordiv: BinaryFn, Binary { "__ifloordiv__" => BinaryL, "Return self//=value."; }
            imod: BinaryFn, Binary { "__imod__" => BinaryL, "Return self%=value."; }
            ipow: TernaryFn, Ternary { "__ipow__" => TernaryL, "Return self**=value."; }
            ilshift: BinaryFn, Binary { "__ilshift__" => BinaryL, "Return self<<=value."; }
            irshift: BinaryFn, Binary { "__irshift__" => BinaryL, "Return self>>=value."; }
            iand: BinaryFn, Binary { "__iand__" => BinaryL, "Return self&=value."; }
            ixor: BinaryFn, Binary { "__ixor__" => BinaryL, "Return self^=value."; }
            ior: BinaryFn, Binary { "__ior__" => BinaryL, "Return self|=value."; }
            len: LenFn, Len { "__len__" => Len, "Return len(self)."; }
            getitem: BinaryFn, Binary { "__getitem__" => BinaryL, "Return self[key]."; }
            setitem: SetItemFn, SetItem { "__setitem__" => SetItem, "Set self[key] to value."; "__delitem__" => DelItem, "Delete self[key]."; }
            contains: ContainsFn, Contains { "__contains__" => Contains, "Return bool(key in self)."; }
            concat: BinaryFn, Binary { "__add__" => BinaryL, "Return self+value."; }
            repeat: IndexFn, Index { "__mul__" => Index, "Return self*value."; "__rmul__" => Index, "Return value*self."; }
            iconcat: BinaryFn, Binary { "__iadd__" => BinaryL, "Implement self+=value."; }
            irepeat: IndexFn, Index { "__imul__" => Index, "Implement self*=value."; }
        }
    };
}

macro_rules! declare {
    ($($field:ident: $ty:ident, $variant:ident { $($dunder:literal => $wrap:ident $(($op:expr))?, $doc:literal;)* })*) => {
        /// A type's functions. `None` means that the type cannot do it.
        #[derive(Clone, Copy)]
        pub struct Slots { $(#[doc = stringify!($field)] pub $field: Option<$ty>,)* }

        impl Slots {
            /// A type that can do nothing.
            pub const NONE: Self = Self { $($field: None,)* };

            /// Fills empty slots from a base. Comparison and hash go together, as in CPython.
            pub fn inherit(&mut self, base: &Slots) {
                if self.compare.is_none() && self.hash.is_none() {
                    self.compare = base.compare;
                    self.hash = base.hash;
                }
                let (compare, hash) = (self.compare, self.hash);
                $(if self.$field.is_none() { self.$field = base.$field; })*
                self.compare = compare.or(base.compare);
                self.hash = hash;
            }
        }

        /// Names a slot.
        #[expect(missing_docs, reason = "one variant per slot, named as the field")]
        #[expect(non_camel_case_types, reason = "variants are named as the fields")]
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        pub enum SlotId { $($field,)* }

        /// One Python name of one slot.
        #[derive(Clone, Copy, Debug)]
        pub struct SlotName {
            /// The dunder.
            pub name: &'static str,
            /// The slot it stands for.
            pub slot: SlotId,
            /// How it is called.
            pub wrap: Wrap,
            /// Docstring of the wrapper.
            pub doc: &'static str,
        }

        /// Every (dunder, slot) pair.
        pub const SLOT_NAMES: &[SlotName] = &[$($(SlotName { name: $dunder, slot: SlotId::$field, wrap: Wrap::$wrap $(($op))?, doc: $doc },)*)*];

        /// A slot's function, whatever its type.
        #[derive(Clone, Copy)]
        #[expect(missing_docs, reason = "one variant per slot, named as the field")]
        #[expect(non_camel_case_types, reason = "variants are named as the fields")]
        pub enum SlotFn { $($field($ty),)* }

        impl Slots {
            /// The function in a slot.
            pub fn get_fn(&self, id: SlotId) -> Option<SlotFn> {
                match id { $(SlotId::$field => self.$field.map(SlotFn::$field),)* }
            }

            /// Empties a slot or fills it from another table.
            pub fn copy_slot(&mut self, id: SlotId, from: &Slots) {
                match id { $(SlotId::$field => self.$field = from.$field,)* }
            }
        }
    };
}
for_each_slot!(declare);
