//! The table of operations: the one place where an operation exists.
//!
//! Rows of the first two sections carry their meaning, from which come the interpreter and constant folding; what the third
//! section's rows mean is in [`crate::run`]. An operation with `else` leaves the trace when it has no result.

use crate::arg::{Const, Scalar, Ty};
use crate::effects::{Acts, Effects};
use crate::word::Word;
use crate::{Alias, alias::Aliases};

/// Hands the rows to the macro `$mac`.
#[macro_export]
macro_rules! for_each_op {
    ($mac:ident) => {
        $mac! {
            pure {
                IAdd "iadd" (a: Int, b: Int) -> Int { a.wrapping_add(b) } "a + b, known to fit";
                ISub "isub" (a: Int, b: Int) -> Int { a.wrapping_sub(b) } "a - b, known to fit";
                IMul "imul" (a: Int, b: Int) -> Int { a.wrapping_mul(b) } "a * b, known to fit";
                IAnd "iand" (a: Int, b: Int) -> Int { a & b } "a & b";
                IOr "ior" (a: Int, b: Int) -> Int { a | b } "a | b";
                IXor "ixor" (a: Int, b: Int) -> Int { a ^ b } "a ^ b";
                ILt "ilt" (a: Int, b: Int) -> Bool { a < b } "a < b";
                ILe "ile" (a: Int, b: Int) -> Bool { a <= b } "a <= b";
                IEq "ieq" (a: Int, b: Int) -> Bool { a == b } "a == b";
                INe "ine" (a: Int, b: Int) -> Bool { a != b } "a != b";
                IUlt "iult" (a: Int, b: Int) -> Bool { (a as u64) < b as u64 } "a < b, unsigned: the index a is within b";
                IToF "itof" (a: Int) -> Flt { a as f64 } "the float nearest to a";
                FAdd "fadd" (a: Flt, b: Flt) -> Flt { a + b } "a + b";
                FSub "fsub" (a: Flt, b: Flt) -> Flt { a - b } "a - b";
                FMul "fmul" (a: Flt, b: Flt) -> Flt { a * b } "a * b";
                FDiv "fdiv" (a: Flt, b: Flt) -> Flt { a / b } "a / b by IEEE: who wants an error for zero guards";
                FNeg "fneg" (a: Flt) -> Flt { -a } "-a";
                FLt "flt" (a: Flt, b: Flt) -> Bool { a < b } "a < b";
                FLe "fle" (a: Flt, b: Flt) -> Bool { a <= b } "a <= b";
                FEq "feq" (a: Flt, b: Flt) -> Bool { a == b } "a == b";
                FNe "fne" (a: Flt, b: Flt) -> Bool { a != b } "a != b";
                Not "not" (a: Bool) -> Bool { !a } "not a";
                And "and" (a: Bool, b: Bool) -> Bool { a & b } "both";
                Or "or" (a: Bool, b: Bool) -> Bool { a | b } "either";
                Same "same" (a: Val, b: Val) -> Bool { a == b } "identity";
                PEq "peq" (a: Ptr, b: Ptr) -> Bool { a == b } "the same address";
                IsNull "is_null" (a: Ptr) -> Bool { a == 0 } "no address";
                IsInt "is_int" (a: Val) -> Bool { a.is_int() } "an int in the word";
                IsObj "is_obj" (a: Val) -> Bool { a.is_obj() } "a pointer to an object";
                IsBool "is_bool" (a: Val) -> Bool { a == Word::TRUE || a == Word::FALSE } "True or False";
                UnboxInt "unbox_int" (a: Val) -> Int { a.to_int() } "the int in a word that holds one";
                BoxBool "box_bool" (a: Bool) -> Val { Word::bool(a) } "True or False";
            }
            checked {
                IAddOv "iadd.ov" (a: Int, b: Int) -> Int { a.checked_add(b) } "a + b, if it fits 64 bits";
                ISubOv "isub.ov" (a: Int, b: Int) -> Int { a.checked_sub(b) } "a - b, if it fits 64 bits";
                IMulOv "imul.ov" (a: Int, b: Int) -> Int { a.checked_mul(b) } "a * b, if it fits 64 bits";
                IShlOv "ishl.ov" (a: Int, b: Int) -> Int { shifted_left(a, b) } "a << b, if b is in 0..64 and it fits";
                IShr "ishr" (a: Int, b: Int) -> Int { shifted_right(a, b) } "a >> b, unless b is negative";
                IFloorDiv "ifloordiv" (a: Int, b: Int) -> Int { floor_div(a, b) } "a // b, unless b is zero";
                IMod "imod" (a: Int, b: Int) -> Int { floor_mod(a, b) } "a % b, unless b is zero";
                BoxInt "box_int" (a: Int) -> Val { Word::int(a) } "an int's word, if it fits 62 bits";
            }
            other {
                Param "param" () -> Any [Effects::NONE] Param "what the trace or its loop is given";
                Guard "guard" (Bool) -> Unit [Effects::acts(EXIT.union(Acts::STAYS))] Plain "goes on if true";
                IsFlt "is_flt" (Val) -> Bool [Effects::read(Alias::Boxed)] Plain "a float, in the word or an object";
                UnboxFlt "unbox_flt" (Val) -> Flt [Effects::read(Alias::Boxed)] Plain "the float that a value is known to be";
                BoxFlt "box_flt" (Ptr, Flt) -> Val [Effects::acts(EXIT.union(Acts::FRESH))] Plain
                    "a float's word, or an object of the thread, if there is memory";
                Load "load" (Base) -> Any [Effects::NONE] Mem "64 bits of memory";
                Load32 "load32" (Base) -> Int [Effects::NONE] Mem "32 bits of memory, unsigned";
                LoadX "loadx" (Base, Int) -> Any [Effects::NONE] Index "64 bits of an array";
                LoadX32 "loadx32" (Base, Int) -> Int [Effects::NONE] Index "32 bits of an array, signed";
                LoadX8 "loadx8" (Base, Int) -> Int [Effects::NONE] Index "8 bits of an array, unsigned";
                Store "store" (Base, Any) -> Unit [Effects::acts(Acts::STAYS)] Mem "64 bits to memory; counts are the trace's business";
                Store32 "store32" (Base, Int) -> Unit [Effects::acts(Acts::STAYS)] Mem "32 bits to memory";
                StoreX "storex" (Base, Int, Any) -> Unit [Effects::acts(Acts::STAYS)] Index "64 bits to an array";
                StoreX32 "storex32" (Base, Int, Int) -> Unit [Effects::acts(Acts::STAYS)] Index "32 bits to an array";
                StoreX8 "storex8" (Base, Int, Int) -> Unit [Effects::acts(Acts::STAYS)] Index "8 bits to an array";
                New "new" (Ptr) -> Val [Effects::acts(EXIT.union(Acts::FRESH))] New
                    "an object of the thread: one reference, zeroed, if there is memory";
                Retain "retain" (Val) -> Unit [COUNTS] Plain "one reference more, if it is to an object";
                Release "release" (Val) -> Unit [RELEASES] Plain
                    "one reference less, if it is to an object, which may die; that runs no Python code (see `quiet`)";
                Quiet "quiet" (Val) -> Bool [LOOKS] Plain "whether a release would run no Python code: no object, others refer to it, or its end concerns nobody";
                Call "call" () -> Any [Effects::NONE] Call "a runtime helper";
            }
        }
    };
}

const EXIT: Acts = Acts::EXITS;
const COUNTS: Effects = Effects { reads: Aliases::of(Alias::Count), ..Effects::write(Alias::Count) };

/// What a release touches: whatever the object refers to is counted, and its memory is somebody else's afterwards.
const RELEASES: Effects =
    Effects { reads: Aliases::ALL, writes: Aliases::of(Alias::Count), acts: Acts::RELEASES.union(Acts::STAYS) };
const LOOKS: Effects = Effects { reads: Aliases::ALL, ..Effects::NONE };

/// How much of memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Width {
    /// 64 bits.
    Word,
    /// 32 bits.
    Half,
    /// 8 bits.
    Byte,
}

impl Width {
    /// In bytes.
    pub const fn bytes(self) -> u8 {
        match self {
            Self::Word => 8,
            Self::Half => 4,
            Self::Byte => 1,
        }
    }
}

/// How an operation's immediates are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// None.
    Plain,
    /// Not among the instructions at all.
    Param,
    /// `class base+offset, values`.
    Mem,
    /// `class base[index]+offset, values`: an array of words.
    Index,
    /// `shape size thread`.
    New,
    /// `helper arguments`.
    Call,
}

/// What an operand may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    /// One type.
    Is(Ty),
    /// An address: a pointer, or a value that is known to be one.
    Base,
    /// Whatever fits 64 bits of memory.
    Any,
}

impl Want {
    /// Whether a `ty` will do.
    pub fn takes(self, ty: Ty) -> bool {
        match self {
            Self::Is(want) => want == ty,
            Self::Base => matches!(ty, Ty::Ptr | Ty::Val),
            Self::Any => !matches!(ty, Ty::Unit | Ty::Bool),
        }
    }
}

/// What evaluating an operation on constants gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A result.
    Is(Const),
    /// None: the trace is left.
    Exits,
    /// The table does not say: it depends on more than the operands.
    Unknown,
}

mod scalar {
    //! The Rust types of operands, by the names of their types in the table.
    pub type Int = i64;
    pub type Flt = f64;
    pub type Val = super::Word;
    pub type Ptr = u64;
    pub type Bool = bool;
}

macro_rules! want {
    (Base) => {
        Want::Base
    };
    (Any) => {
        Want::Any
    };
    ($ty:ident) => {
        Want::Is(Ty::$ty)
    };
}
macro_rules! result {
    (Any) => {
        None
    };
    ($ty:ident) => {
        Some(Ty::$ty)
    };
}

macro_rules! declare {
    (
        pure { $($p:ident $ptext:literal ($($pa:ident: $pat:ident),*) -> $pty:ident { $pbody:expr } $pdoc:literal;)* }
        checked { $($c:ident $ctext:literal ($($ca:ident: $cat:ident),*) -> $cty:ident { $cbody:expr } $cdoc:literal;)* }
        other { $($o:ident $otext:literal ($($oat:ident),*) -> $oty:ident [$oeffects:expr] $oform:ident $odoc:literal;)* }
    ) => {
        /// An operation.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum Op {
            $(#[doc = $pdoc] $p,)*
            $(#[doc = $cdoc] $c,)*
            $(#[doc = $odoc] $o,)*
        }

        impl Op {
            /// Every operation.
            pub const ALL: &'static [Self] = &[$(Self::$p,)* $(Self::$c,)* $(Self::$o,)*];

            /// Its name in text.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$p => $ptext,)* $(Self::$c => $ctext,)* $(Self::$o => $otext,)* }
            }

            /// What its operands may be; a call's are its helper's.
            pub const fn wants(self) -> &'static [Want] {
                match self {
                    $(Self::$p => &[$(want!($pat)),*],)*
                    $(Self::$c => &[$(want!($cat)),*],)*
                    $(Self::$o => &[$(want!($oat)),*],)*
                }
            }

            /// Its result's type, if every such operation has the same.
            pub const fn ty(self) -> Option<Ty> {
                match self { $(Self::$p => result!($pty),)* $(Self::$c => result!($cty),)* $(Self::$o => result!($oty),)* }
            }

            /// Its effects, but for those that its immediates name.
            pub const fn effects(self) -> Effects {
                match self {
                    $(Self::$p => Effects::NONE,)*
                    $(Self::$c => Effects::acts(EXIT),)*
                    $(Self::$o => $oeffects,)*
                }
            }

            /// How its immediates are written.
            pub const fn form(self) -> Form {
                match self { $(Self::$p => Form::Plain,)* $(Self::$c => Form::Plain,)* $(Self::$o => Form::$oform,)* }
            }

            /// What it gives for constants.
            pub fn eval(self, args: &[Const]) -> Outcome {
                let mut args = args.iter().copied();
                match self {
                    $(Self::$p => {
                        $(let Some($pa) = args.next().and_then(<scalar::$pat>::take) else { return Outcome::Unknown };)*
                        Outcome::Is($pbody.give())
                    })*
                    $(Self::$c => {
                        $(let Some($ca) = args.next().and_then(<scalar::$cat>::take) else { return Outcome::Unknown };)*
                        match $cbody {
                            Some(result) => Outcome::Is(result.give()),
                            None => Outcome::Exits,
                        }
                    })*
                    $(Self::$o)|* => Outcome::Unknown,
                }
            }
        }
    };
}
for_each_op!(declare);

impl Op {
    /// The operation of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|op| op.name() == name)
    }

    /// How much of memory it reads or writes, if it does.
    pub const fn width(self) -> Width {
        match self {
            Self::Load32 | Self::Store32 | Self::LoadX32 | Self::StoreX32 => Width::Half,
            Self::LoadX8 | Self::StoreX8 => Width::Byte,
            _ => Width::Word,
        }
    }

    /// Has it a snapshot?
    pub const fn exits(self) -> bool {
        self.effects().exits()
    }

    /// Does the order of its two operands not matter?
    pub const fn commutes(self) -> bool {
        use Op::*;
        matches!(
            self,
            IAdd | IMul | IAnd | IOr | IXor | IEq | INe | FEq | FNe | And | Or | Same | PEq | IAddOv | IMulOv
        )
    }
}

fn shifted_left(a: i64, b: i64) -> Option<i64> {
    let by = u32::try_from(b).ok().filter(|by| *by < 64)?;
    let r = a << by;
    (r >> by == a).then_some(r)
}

fn shifted_right(a: i64, b: i64) -> Option<i64> {
    (b >= 0).then(|| a >> b.min(63))
}

fn floor_div(a: i64, b: i64) -> Option<i64> {
    let q = a.checked_div(b)?;
    Some(if a % b != 0 && (a < 0) != (b < 0) { q - 1 } else { q })
}

fn floor_mod(a: i64, b: i64) -> Option<i64> {
    if b == 0 {
        return None;
    }
    let r = a.wrapping_rem(b);
    Some(if r != 0 && (r < 0) != (b < 0) { r + b } else { r })
}
