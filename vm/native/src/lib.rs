//! Native modules that need no interpreter.

use typhon_object::native::ModuleDef;

mod _codecs;
mod _multibytecodec;
mod _string;
mod abc;
mod array;
mod binascii;
mod bisect;
mod bz2;
mod charge;
pub mod cmath;
mod collections;
mod contextvars;
mod csv;
pub mod ctor;
mod datetime;
pub mod decimal;
mod etree;
pub mod exclusive;
mod expat;
mod feed;
mod functools;
mod hashes;
mod heapq;
mod input;
mod itertools;
mod json;
pub mod libm;
mod lzma;
pub mod math;
pub mod numeric;
mod operator;
mod pickle;
pub mod random;
mod sre;
mod statistics;
mod structs;
mod test_capi;
pub mod typing;
mod tzdb;
mod unicodedata;
mod zlib;

/// Every module of this crate.
#[rustfmt::skip]
pub static MODULES: &[&ModuleDef] = &[
    &_codecs::MODULE,
    &_multibytecodec::MODULE,
    &_multibytecodec::CN,
    &_multibytecodec::HK,
    &_multibytecodec::ISO2022,
    &_multibytecodec::JP,
    &_multibytecodec::KR,
    &_multibytecodec::TW,
    &_string::MODULE,
    &array::MODULE,
    &abc::MODULE,
    &binascii::MODULE,
    &bisect::MODULE,
    &bz2::MODULE,
    &cmath::MODULE,
    &csv::MODULE,
    &datetime::MODULE,
    &decimal::MODULE,
    &math::MODULE,
    &collections::MODULE,
    &contextvars::MODULE,
    &etree::MODULE,
    &expat::MODULE,
    &functools::MODULE,
    &hashes::HASHLIB,
    &hashes::HMAC,
    &hashes::MODULE_BLAKE2,
    &hashes::MODULE_MD5,
    &hashes::MODULE_SHA1,
    &hashes::MODULE_SHA2,
    &hashes::MODULE_SHA3,
    &heapq::MODULE,
    &itertools::MODULE,
    &json::MODULE,
    &lzma::MODULE,
    &operator::MODULE,
    &pickle::MODULE,
    &random::MODULE,
    &sre::MODULE,
    &statistics::MODULE,
    &structs::MODULE,
    &test_capi::CALLS,
    &test_capi::INTERNAL,
    &test_capi::LIMITED,
    &typing::MODULE,
    &tzdb::MODULE,
    &unicodedata::MODULE,
    &zlib::MODULE,
];
