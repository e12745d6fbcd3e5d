//! What a recording comes to.

use crate::cache::LiveIn;
use crate::lower::Plan;
use std::sync::Arc;
use typhon_interp::unit::Unit;
use typhon_isa::Opcode;
use typhon_jit_ir::Trace;
use typhon_object::Value;
use typhon_object::error::Exc;

/// What was recorded.
pub struct Recorded {
    /// The trace. Its inputs are the thread, the registers, the word that asks the thread to look up, and the frame's record.
    pub trace: Trace,
    /// The way with which it begins, if it is a bridge; else all of it.
    pub way: Option<Trace>,
    /// Registers that its loop has looked at, and does not write.
    pub reads: Vec<u16>,
    /// What the registers held that it looks at.
    pub live_in: LiveIn,
    /// Names the way that was followed.
    pub path: u64,
    /// What the instruction has raised at which the recording ended; what was recorded ends before.
    pub raised: Option<Exc>,
    /// Code that it names by address.
    pub kept: Vec<Arc<Unit>>,
    /// Classes whose instances it makes.
    pub classes: Vec<Value>,
    /// Whether it holds for this isolate only.
    pub private: bool,
    /// Places, as numbers, at which it asks only what will not be so again once it is not.
    pub lasting: Vec<u64>,
    /// What the interpreter carries out for it.
    pub opaque: Vec<Opcode>,
    /// Where it begins, and what running it saves.
    pub plan: Plan,
}
