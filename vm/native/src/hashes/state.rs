//! Hash states: one enum over the algorithms.

use digest::{Digest, ExtendableOutput, Update, XofReader};

/// A running hash.
#[derive(Clone)]
pub(super) enum State {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha224(sha2::Sha224),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
    Sha3_224(sha3::Sha3_224),
    Sha3_256(sha3::Sha3_256),
    Sha3_384(sha3::Sha3_384),
    Sha3_512(sha3::Sha3_512),
    Shake128(shake::Shake128),
    Shake256(shake::Shake256),
    Blake2b(blake2b_simd::State, usize),
    Blake2s(blake2s_simd::State, usize),
}

/// What is fixed for an algorithm: name, block size and digest size.
pub(super) struct Facts {
    pub(super) name: &'static str,
    pub(super) block: usize,
    pub(super) size: usize,
}

macro_rules! algorithms {
    ($($variant:ident, $name:literal, $block:literal, $size:literal;)*) => {
        impl State {
            /// A fresh state of a plain algorithm.
            pub(super) fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant(Default::default())),)*
                    "shake_128" => Some(Self::Shake128(shake::Shake128::default())),
                    "shake_256" => Some(Self::Shake256(shake::Shake256::default())),
                    _ => None,
                }
            }

            /// See [`Facts`].
            pub(super) fn facts(&self) -> Facts {
                match self {
                    $(Self::$variant(_) => Facts { name: $name, block: $block, size: $size },)*
                    Self::Shake128(_) => Facts { name: "shake_128", block: 168, size: 0 },
                    Self::Shake256(_) => Facts { name: "shake_256", block: 136, size: 0 },
                    Self::Blake2b(_, size) => Facts { name: "blake2b", block: 128, size: *size },
                    Self::Blake2s(_, size) => Facts { name: "blake2s", block: 64, size: *size },
                }
            }

            /// Hashes more data.
            pub(super) fn update(&mut self, data: &[u8]) {
                match self {
                    $(Self::$variant(h) => Update::update(h, data),)*
                    Self::Shake128(h) => Update::update(h, data),
                    Self::Shake256(h) => Update::update(h, data),
                    Self::Blake2b(h, _) => drop(h.update(data)),
                    Self::Blake2s(h, _) => drop(h.update(data)),
                }
            }

            /// The digest so far; `len` is for the algorithms of any length.
            pub(super) fn digest(&self, len: usize) -> Vec<u8> {
                let mut out = vec![0; len];
                match self {
                    $(Self::$variant(h) => return Digest::finalize(h.clone()).to_vec(),)*
                    Self::Shake128(h) => h.clone().finalize_xof().read(&mut out),
                    Self::Shake256(h) => h.clone().finalize_xof().read(&mut out),
                    Self::Blake2b(h, _) => return h.finalize().as_bytes().to_vec(),
                    Self::Blake2s(h, _) => return h.finalize().as_bytes().to_vec(),
                }
                out
            }
        }
    };
}
algorithms! {
    Md5, "md5", 64, 16;
    Sha1, "sha1", 64, 20;
    Sha224, "sha224", 64, 28;
    Sha256, "sha256", 64, 32;
    Sha384, "sha384", 128, 48;
    Sha512, "sha512", 128, 64;
    Sha3_224, "sha3_224", 144, 28;
    Sha3_256, "sha3_256", 136, 32;
    Sha3_384, "sha3_384", 104, 48;
    Sha3_512, "sha3_512", 72, 64;
}
