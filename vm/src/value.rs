//! Values that cross the isolate's border: plain data, no objects.

use crate::exception::PyException;

/// One Python value, copied out of (or into) an isolate. Mirrors `typhon.v1.Value`.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    None,
    Ellipsis,
    Bool(bool),
    Int(i64),
    /// An int past 64 bits.
    BigInt(BigInt),
    Float(f64),
    Complex {
        real: f64,
        imag: f64,
    },
    Str(String),
    /// A str holding lone surrogates, as WTF-8.
    SurrogateStr(Vec<u8>),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Tuple(Vec<Value>),
    Set(Vec<Value>),
    FrozenSet(Vec<Value>),
    /// Insertion order kept.
    Dict(Vec<(Value, Value)>),
    Date(Date),
    Time(Time),
    DateTime {
        date: Date,
        time: Time,
    },
    TimeDelta {
        days: i32,
        seconds: i32,
        microseconds: i32,
    },
    /// The text that `str(decimal)` gives.
    Decimal(String),
    Uuid([u8; 16]),
    Path(String),
    Exception(Box<PyException>),
    TypeRef(TypeRef),
    Instance(Box<Instance>),
    FunctionRef {
        module: String,
        qualname: String,
    },
    BlobRef {
        digest: String,
        size_bytes: u64,
        mime_type: String,
    },
    ArrowIpc(Vec<u8>),
    Json(String),
    Repr {
        type_ref: TypeRef,
        text: String,
    },
    /// The value met again inside itself: how many levels up it began.
    Cycle {
        levels_up: u32,
    },
    /// Something stood here and was left out, because a cap was reached.
    Capped {
        cap: Cap,
    },
}

/// Sign and magnitude, so that a negative zero cannot be written twice: zero is never `negative`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BigInt {
    pub negative: bool,
    /// Big-endian, no leading zero byte.
    pub magnitude: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Date {
    pub year: i32,
    pub month: u32,
    pub day: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Time {
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
    pub microsecond: u32,
    pub fold: bool,
    /// Offset from UTC; absent for a naive time.
    pub utc_offset_microseconds: Option<i64>,
    /// `zone.key` of a `zoneinfo` zone.
    pub zone: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeRef {
    pub module: String,
    pub qualname: String,
}

/// An object of a type without an own form here.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    pub type_ref: TypeRef,
    /// Tells two instances within one value apart; means nothing elsewhere.
    pub id: u64,
    pub attributes: Vec<(String, Value)>,
}

/// Which cap ended a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    Depth,
    Size,
    /// The value has no plain-data form and the caller did not ask for `repr`.
    Unsupported,
}

impl Value {
    /// No value nests deeper, in either direction: the border refuses or caps what would.
    pub const DEPTH_MAX: usize = 32;
}
