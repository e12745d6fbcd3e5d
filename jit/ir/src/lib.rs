//! Traces: what the recorder writes, the optimizer improves and the lowering turns into machine code.
//!
//! A trace is straight-line code in SSA form, optionally with one loop at its end. It prints and parses, a verifier says
//! whether it is well formed, and an interpreter says what it means. Values are 64-bit words of the VM (`val`) or what is
//! inside them, unboxed (`int`, `flt`, `ptr`, `bool`).
//!
//! ```text
//! trace (%fp: ptr) {
//!   snap s0 @0:4
//!   %1: val = load frame %fp+0
//!   %2: bool = is_int %1
//!   guard %2 else s0
//!   %3: int = unbox_int %1
//! loop (%4: int = %3)
//!   snap s1 @0:9 r0=%4
//!   %5: bool = ilt %4, 1000
//!   guard %5 else s1
//!   %6: int = iadd.ov %4, 1 else s1
//!   again %6
//! }
//! ```
//!
//! A guard whose condition is false, and an instruction that cannot give its result, leave the trace by a *snapshot*: where
//! in which code the interpreter goes on, and what its registers hold there. Registers that a snapshot does not name hold
//! what its parent says, or are untouched.
//!
//! An exit that only says that a result cannot be represented goes when nobody needs the result. So a loop is left for
//! certain only by its guards: who records a loop asks in every iteration whether the thread is to look up.
//!
//! | module | noun |
//! |---|---|
//! | [`op`] | the table of operations: text, types, effects, meaning |
//! | [`alias`], [`helper`] | the tables of memory classes and of runtime helpers |
//! | [`arg`], [`trace`], [`snapshot`] | the parts of a trace |
//! | [`build`] | making one; copying one with changes |
//! | [`mod@print`], [`parse`] | its text |
//! | [`verify`] | well-formedness |
//! | [`run`], [`memory`] | the interpreter, the oracle |
//! | [`opt`] | the passes |
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod alias;
pub mod arg;
pub mod build;
pub mod effects;
pub mod helper;
pub mod memory;
pub mod op;
pub mod opt;
pub mod parse;
pub mod print;
pub mod run;
pub mod sample;
pub mod snapshot;
pub mod trace;
pub mod verify;
pub mod word;

pub use alias::Alias;
pub use arg::{Arg, Const, Ty, Var};
pub use effects::Effects;
pub use helper::Helper;
pub use op::{Form, Op, Width};
pub use snapshot::{Place, Slot, Snap, SnapId, Src, Virtual};
pub use trace::{End, Inst, Loop, Trace};
