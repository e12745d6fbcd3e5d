//! Biased reference counts and the per-object lock: sixteen bytes in front of every object.
//!
//! Each object has an *owner*, the thread that made it, which counts its own references by plain arithmetic; all other
//! threads count by atomic steps in a word of their own. When neither can tell alone that an object is dead, the counts
//! are merged by the owner. That is PEP 703's scheme in half the space. Nothing in here knows what an object is.
//!
//! | module      | noun |
//! |-------------|------|
//! | [`word`]    | the layout, and every transition as a pure function; the drawing of the states |
//! | [`biased`]  | the header: retain, release, try-retain, merge; flags and shape |
//! | [`merge`]   | the owners' queues; claiming and leaving a tag |
//! | [`lock`]    | the lock byte |
//! | [`section`] | critical sections over one or two objects |
//!
//! # Local and shared objects
//!
//! Two bits of the flags say in which *epoch* of its isolate an object was born local. It is local while they equal the
//! isolate's epoch ([`RcHeader::is_local`]): no other thread can reach it, so it needs no lock. Before a reference to it
//! is stored where others can reach it, it and all it refers to are [shared](RcHeader::share), by clearing the bits.
//! Raising the isolate's epoch shares every object at once. The owner's tag does not change by that: a shared object is
//! still counted by its owner without atomic steps, and retaining compares one tag.
//!
//! # Using it
//!
//! ```
//! use std::ptr::NonNull;
//! use typhon_rc::{MergeQueues, Owner, RcHeader};
//! use typhon_qsbr::{Bits, sync::Arc};
//!
//! let queues = Arc::new(MergeQueues::new(1 << 4));
//! let me = Owner::claim(&queues, Arc::new(Bits::new())).unwrap();
//! let object = RcHeader::new(7, me.tag(), 0);
//! // SAFETY: this thread has the tag; it releases what it retained, and the first reference.
//! unsafe {
//!     object.retain(me.tag());
//!     assert!(!queues.release(NonNull::from_ref(&object), me.tag()));
//!     assert!(queues.release(NonNull::from_ref(&object), me.tag())); // dead: now it would be freed
//! }
//! me.leave(|_dead| unreachable!("nobody handed anything back"));
//! ```
#![deny(missing_docs)]
#![cfg_attr(not(vm_loom), expect(clippy::disallowed_types, reason = "this is a room of atomics"))]

pub mod biased;
pub mod lock;
pub mod merge;
pub mod section;
pub mod word;

pub use biased::{FLAGS_BIRTH, FLAGS_FREE, RcHeader, Release, TryRetain};
pub use lock::{ByteLock, Idle};
pub use merge::{MergeQueues, Owner};
pub use section::Sections;
pub use word::{TAG_FOREIGN, TAG_IMMORTAL, TAG_MAX, TAG_NONE};
