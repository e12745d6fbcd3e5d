//! The public protocol: `typhon.v1` as Rust types, clients and servers.
//!
//! The `.proto` files beside this crate are the source; `src/gen` is derived from them and committed, and
//! `tests/bootstrap.rs` fails when the two differ (run it with `TYPHON_REGENERATE=1` to write them anew).
#![forbid(unsafe_code)]

pub mod codec;

/// The package `typhon.v1`.
pub mod v1 {
    #![expect(
        unused_qualifications,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]
    include!("gen/typhon.v1.rs");
}

/// Every message and service with its comments, encoded: what reflection serves.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("gen/typhon.v1.bin");

/// The `domain` of every `ErrorInfo` this system sends.
pub const ERROR_DOMAIN: &str = "typhon";
