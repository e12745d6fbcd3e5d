//! Biased reference counts and the per-object lock: sixteen bytes in front of every object.
#![deny(missing_docs)]
#![cfg_attr(not(vm_loom), expect(clippy::disallowed_types, reason = "this is a room of atomics"))]

pub mod biased;
pub mod lock;
pub mod park;
pub mod word;

pub use biased::{FLAGS_BIRTH, FLAGS_FREE, RcHeader, Release, TryRetain};
pub use lock::{ByteLock, Idle};
pub use park::ParkingLot;
pub use word::{TAG_FOREIGN, TAG_IMMORTAL, TAG_MAX, TAG_NONE};
