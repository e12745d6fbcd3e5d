//! Operands: constants, and names of instructions.

use crate::word::Word;

/// What an operand is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ty {
    /// A word of the VM: tagged, a reference or an immediate.
    Val,
    /// A 64-bit int. It need not fit into a word of the VM.
    Int,
    /// A float.
    Flt,
    /// An address.
    Ptr,
    /// True or false.
    Bool,
    /// No result.
    Unit,
}

impl Ty {
    /// Every type, for tables.
    pub const ALL: [Self; 6] = [Self::Val, Self::Int, Self::Flt, Self::Ptr, Self::Bool, Self::Unit];

    /// Its name in text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Val => "val",
            Self::Int => "int",
            Self::Flt => "flt",
            Self::Ptr => "ptr",
            Self::Bool => "bool",
            Self::Unit => "unit",
        }
    }

    /// The type of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ty| ty.name() == name)
    }
}

/// The name of an instruction's result: the instruction's number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Var(pub u32);

impl Var {
    /// As an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A constant. Floats are kept by their bits, so that equality is identity.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Const {
    /// An int.
    Int(i64),
    /// A float's bits.
    Flt(u64),
    /// A word.
    Val(Word),
    /// An address.
    Ptr(u64),
    /// True or false.
    Bool(bool),
}

impl Const {
    /// A float.
    pub const fn flt(x: f64) -> Self {
        Self::Flt(x.to_bits())
    }

    /// Its type.
    pub const fn ty(self) -> Ty {
        match self {
            Self::Int(_) => Ty::Int,
            Self::Flt(_) => Ty::Flt,
            Self::Val(_) => Ty::Val,
            Self::Ptr(_) => Ty::Ptr,
            Self::Bool(_) => Ty::Bool,
        }
    }

    /// As it lies in 64 bits of memory.
    pub const fn bits(self) -> u64 {
        match self {
            Self::Int(i) => i as u64,
            Self::Flt(x) => x,
            Self::Val(w) => w.0,
            Self::Ptr(p) => p,
            Self::Bool(b) => b as u64,
        }
    }

    /// What 64 bits of memory are as a `ty`; nothing is a unit.
    pub const fn of(ty: Ty, bits: u64) -> Option<Self> {
        Some(match ty {
            Ty::Int => Self::Int(bits as i64),
            Ty::Flt => Self::Flt(bits),
            Ty::Val => Self::Val(Word(bits)),
            Ty::Ptr => Self::Ptr(bits),
            Ty::Bool => Self::Bool(bits != 0),
            Ty::Unit => return None,
        })
    }
}

/// An operand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Arg {
    /// An instruction's result.
    Var(Var),
    /// A constant.
    Const(Const),
}

impl Arg {
    /// An int.
    pub const fn int(i: i64) -> Self {
        Self::Const(Const::Int(i))
    }

    /// A bool.
    pub const fn bool(b: bool) -> Self {
        Self::Const(Const::Bool(b))
    }

    /// The constant, if it is one.
    pub const fn constant(self) -> Option<Const> {
        match self {
            Self::Const(c) => Some(c),
            Self::Var(_) => None,
        }
    }

    /// The instruction, if it is one's result.
    pub const fn var(self) -> Option<Var> {
        match self {
            Self::Var(v) => Some(v),
            Self::Const(_) => None,
        }
    }

    /// The int, if it is a constant one.
    pub const fn as_int(self) -> Option<i64> {
        match self {
            Self::Const(Const::Int(i)) => Some(i),
            _ => None,
        }
    }
}

impl From<Var> for Arg {
    fn from(v: Var) -> Self {
        Self::Var(v)
    }
}

impl From<Const> for Arg {
    fn from(c: Const) -> Self {
        Self::Const(c)
    }
}

/// A Rust type that an operand's meaning has in the table of operations.
pub trait Scalar: Sized {
    /// The value in a constant of the right type.
    fn take(c: Const) -> Option<Self>;
    /// As a constant.
    fn give(self) -> Const;
}

macro_rules! scalars {
    ($($rust:ty, $c:pat => $take:expr, $x:ident => $give:expr;)*) => {
        $(impl Scalar for $rust {
            fn take(c: Const) -> Option<Self> {
                match c {
                    $c => Some($take),
                    _ => None,
                }
            }
            fn give(self) -> Const {
                let $x = self;
                $give
            }
        })*
    };
}
scalars! {
    i64, Const::Int(i) => i, x => Const::Int(x);
    f64, Const::Flt(b) => f64::from_bits(b), x => Const::flt(x);
    Word, Const::Val(w) => w, x => Const::Val(x);
    u64, Const::Ptr(p) => p, x => Const::Ptr(x);
    bool, Const::Bool(b) => b, x => Const::Bool(x);
}
