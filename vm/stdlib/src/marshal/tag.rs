//! The bytes that say what follows.

pub const NULL: u8 = b'0';
pub const NONE: u8 = b'N';
pub const FALSE: u8 = b'F';
pub const TRUE: u8 = b'T';
pub const STOP_ITERATION: u8 = b'S';
pub const ELLIPSIS: u8 = b'.';
pub const INT: u8 = b'i';
/// Read, never written.
pub const INT64: u8 = b'I';
pub const LONG: u8 = b'l';
pub const FLOAT: u8 = b'f';
pub const BINARY_FLOAT: u8 = b'g';
pub const COMPLEX: u8 = b'x';
pub const BINARY_COMPLEX: u8 = b'y';
pub const BYTES: u8 = b's';
pub const UNICODE: u8 = b'u';
pub const INTERNED: u8 = b't';
pub const ASCII: u8 = b'a';
pub const ASCII_INTERNED: u8 = b'A';
pub const SHORT_ASCII: u8 = b'z';
pub const SHORT_ASCII_INTERNED: u8 = b'Z';
pub const TUPLE: u8 = b'(';
pub const SMALL_TUPLE: u8 = b')';
pub const LIST: u8 = b'[';
pub const DICT: u8 = b'{';
pub const SET: u8 = b'<';
pub const FROZENSET: u8 = b'>';
pub const SLICE: u8 = b':';
pub const CODE: u8 = b'c';
/// A value seen before, by its number.
pub const REF: u8 = b'r';
/// Set in a tag: the value gets the next number.
pub const FLAG_REF: u8 = 0x80;
