//! Quiescent-state-based reclamation.
#![deny(missing_docs)]
#![cfg_attr(not(vm_loom), expect(clippy::disallowed_types, reason = "this is the room of atomics"))]

pub mod mutant;
pub mod sync;
