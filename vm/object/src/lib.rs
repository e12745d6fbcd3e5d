//! What a value is: words, headers, shapes, the heap, type objects, the built-in types and the protocols between them.
//!
//! Nothing here knows frames or bytecode. Start with [`value`], [`mod@payload`] (Rust structs as Python objects), [`native`]
//! (functions written in Rust) and [`ops`] (operators). See docs/native-api.md for how to write a type or module.
#![cfg_attr(not(test), deny(missing_docs))]

pub mod args;
pub mod aside;
pub mod attr;
pub mod attr_cache;
pub mod breaker;
pub mod buffer;
pub mod bulk;
mod cache;
pub mod call;
pub mod codec;
pub mod convert;
pub mod crossing;
pub mod dict;
pub mod dunder;
pub mod error;
mod finalize;
pub mod gc;
mod grace;
pub mod guarded;
pub mod header;
pub mod heap;
pub mod ids;
pub mod isolate;
pub mod list;
pub mod malloc;
pub mod meter;
pub mod names;
pub mod native;
mod native_lock;
pub mod numbers;
pub mod ops;
pub mod payload;
pub mod plain;
pub mod process;
pub mod quiet;
pub mod registry;
pub mod shape;
pub mod showing;
pub mod slots;
pub mod solo;
mod states;
mod stock;
pub mod store;
pub mod strs;
pub mod suggest;
pub mod tally;
pub mod thread;
pub mod tuple;
pub mod ty;
pub mod types;
pub mod value;
pub mod verify;
pub mod weakref;
pub mod wrap;

pub use args::Args;
pub use error::{Exc, Res};
pub use thread::Thread;
pub use ty::{TypeDef, TypeObject, type_of};
pub use value::Value;
