//! Unicode 16.0 as CPython 3.14 sees it: character properties, names, normalization, codecs and `repr`.
//!
//! Strings here are code points in `u32`, lone surrogates included. Nothing in this crate knows a Python object.
#![forbid(unsafe_code)]

pub mod codec;
mod names;
mod normal;
mod props;
mod repr;
#[rustfmt::skip]
mod tables;
pub mod ucd_3_2_0;

pub use names::{Named, lookup, lookup_character, name};
pub use normal::{Form, is_normalized, normalize, normalize_to, quick_check};
pub use props::*;
pub use repr::{ascii_str, repr_bytes, repr_str};

/// The version of Unicode: `unicodedata.unidata_version`.
pub const UNIDATA_VERSION: &str = "16.0.0";
