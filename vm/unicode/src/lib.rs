//! Unicode 16.0 as CPython 3.14 sees it: character properties, names, normalization, codecs and `repr`.
//!
//! Strings here are code points in `u32`, lone surrogates included. Nothing in this crate knows a Python object.
#![forbid(unsafe_code)]

mod names;
mod normal;
mod props;
#[rustfmt::skip]
mod tables;

pub use names::{Named, lookup, lookup_character, name};
pub use normal::{Form, is_normalized, normalize, quick_check};
pub use props::*;

/// The version of Unicode: `unicodedata.unidata_version`.
pub const UNIDATA_VERSION: &str = "16.0.0";
