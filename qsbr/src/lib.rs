//! Quiescent-state-based reclamation: a thread reads without locks until its next safepoint.
//!
//! Some data is read all the time by many threads and changed now and then by one. Whoever changes it unlinks the old
//! value first and frees it later: after a *grace period*, when every thread that could have read the old value has
//! said since that it uses nothing it read before. Such a thread is *quiescent*. Reading costs one load; in exchange
//! every thread must come by a [checkpoint](Participant::checkpoint) in bounded time, or go
//! [offline](Participant::offline) before it blocks.
//!
//! ```
//! use typhon_qsbr::{Bits, Domain, Participant, Published, Requests, sync::Arc};
//!
//! let domain = Arc::new(Domain::new(Requests::default()));
//! let greeting = Published::new(domain.clone(), Some(Box::new("hello".to_string())));
//!
//! // Once per thread. The word is where the domain asks the thread for reports.
//! let mut me = Participant::join(&domain, Arc::new(Bits::new()));
//! me.online();
//! if let Some(guard) = me.guard() {
//!     let text = greeting.get(&guard).unwrap();
//!     greeting.replace(Some(Box::new("goodbye".to_string())));
//!     assert_eq!(text, "hello"); // still there: this thread has not reported
//!     assert_eq!(greeting.get(&guard).unwrap(), "goodbye");
//! }
//! // In a loop, at a place where nothing is borrowed: one load unless somebody asked.
//! let _ = me.checkpoint();
//! me.offline();
//! assert_eq!(greeting.collect(), 1);
//! ```
//!
//! # Who may free what, and when
//!
//! ```text
//!   reader    ── online ── read old ───────── use ── checkpoint ── read: sees new ──────────────────────▶
//!                                                        │ report ≥ goal
//!   writer    ───── unlink old ── goal = advance ── request ──────▶ poll(goal) = true ── free old ──────▶
//! ```
//!
//! - Only who is online reads. [`Guard`] is the proof, and its lifetime the time for which it holds.
//! - Only what cannot be reached any more is retired, and freed only when its [`Goal`] is [reached](Domain::poll).
//! - A report says: *I use nothing that I read before*. Going offline says the same until further notice.
//! - Nobody reports unasked: a goal sets a bit in the words of those who have not reached it ([`Domain::request`]).
//!
//! # What is where
//!
//! | module          | noun |
//! |-----------------|------|
//! | [`domain`]      | the sequence and the seats; the proof of the grace period |
//! | [`participant`] | one thread's standing: online, offline, report, checkpoint, synchronize |
//! | [`guard`]       | proof of being online |
//! | [`retire`]      | batches of garbage; handing them over at thread exit |
//! | [`stop`]        | stopping the world |
//! | [`alone`]       | running as the only one, until another comes |
//! | [`published`]   | one replaceable value |
//! | [`map`]         | a map with lock-free lookups |
//! | [`site`]        | a place for a value that one of many makes, until it is closed |
//! | [`shelf`]       | a short list for readers who are no participants |
//! | [`cell`]        | one-word protocols for rooms that name no atomics |
//! | [`latch`]       | a lock whose waiters sleep elsewhere |
//! | [`handover`]    | a lock that is handed on now and then |
//! | [`crossing`]    | threads that begin or end, and a fork that waits for them |
//! | [`row`]         | a row of words that grows while others read it |
//! | [`entries`]     | a table of keys and values that others look into |
//! | [`words`]       | memory that one thread changes while others read it |
//! | [`sync`]        | the façade over `std` and `loom` |
//! | [`mutant`]      | seeded faults for the models |
//!
//! A domain is a value, never a static: a process has one for code and one per isolate, and a model has thousands.
//! Every protocol here has a loom model in `loom-tests/`, which runs these very types. Loom does not know SeqCst accesses,
//! so the code uses relaxed accesses and SeqCst fences: what is checked is what ships.
#![deny(missing_docs)]
#![cfg_attr(not(vm_loom), expect(clippy::disallowed_types, reason = "this is the room of atomics"))]

pub mod alone;
pub mod cell;
pub mod crossing;
pub mod domain;
pub mod entries;
pub mod guard;
pub mod handover;
pub mod latch;
pub mod map;
pub mod mutant;
pub mod participant;
pub mod published;
pub mod retire;
pub mod row;
pub mod shelf;
pub mod site;
pub mod stop;
pub mod sync;
mod turnstile;
pub mod words;

pub use cell::{Bits, Flag, Slot, Tally, Version};
pub use domain::{Domain, Goal, Requests};
pub use guard::Guard;
pub use map::Map;
pub use participant::{Checkpoint, Participant, Standing};
pub use published::Published;
pub use retire::{Limbo, Orphanage, Pressure, Waits};
pub use shelf::{Refused, Shelf};
pub use site::{Site, Stage};
pub use stop::StoppedWorld;
