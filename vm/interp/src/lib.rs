//! What running is: frames, the run loop with its inline caches, calls, generators, exceptions in flight.
//!
//! Nothing here knows the compiler's tree, Cranelift or tokio. The two upward calls are [`host::Host`] and, with the JIT,
//! `Tier2`. Start with [`frame`], then `eval`.

pub mod asyncgen;
mod bind;
mod breakpoint;
pub mod call;
pub mod code;
mod code_iter;
pub mod coroutine;
pub mod eval;
pub mod frame;
pub mod frame_locals;
pub mod frame_object;
pub mod function;
pub mod generator;
pub mod generator_type;
pub mod hooks;
pub mod host;
mod jump;
pub mod monitor;
pub mod query;
pub mod roots;
mod stacks;
pub mod template;
mod throwing;
pub mod tier;
pub mod traceback;
pub mod unit;
pub mod watch;

use typhon_object::{Thread, TypeDef};

/// The core types of this room, to be made before any isolate starts.
pub static TYPES: &[&TypeDef] = &[
    &code::CODE,
    &code_iter::POSITIONS,
    &code_iter::LINES,
    &function::FUNCTION,
    &generator_type::GENERATOR,
    &generator_type::COROUTINE,
    &generator_type::ASYNC_GENERATOR,
    &coroutine::COROUTINE_WRAPPER,
    &asyncgen::WRAPPED,
    &asyncgen::ASEND,
    &asyncgen::ATHROW,
    &traceback::TRACEBACK,
    &frame_object::FRAME,
    &frame_locals::FRAME_LOCALS,
    &template::INTERPOLATION,
    &template::TEMPLATE,
];

/// Makes the types of this room. Further calls do nothing.
pub fn set_up() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        typhon_object::process::set_up();
        typhon_object::process::ensure_types(TYPES);
    });
}

/// Gives a thread its interpreter state, for as long as the returned guard lives.
pub fn start(t: &Thread) -> Started<'_> {
    let it = frame::Interp::new();
    t.interp.set((&raw const *it).cast());
    Started { t, it }
}

/// The same for a further OS thread of the isolate, which has the turn; `None` if there is no room for its stack.
pub fn start_thread(t: &Thread) -> Option<Started<'_>> {
    let it = frame::Interp::small()?;
    t.interp.set((&raw const *it).cast());
    watch::begin(t);
    Some(Started { t, it })
}

/// Keeps a thread's interpreter state alive.
pub struct Started<'t> {
    t: &'t Thread,
    it: Box<frame::Interp>,
}

impl Started<'_> {
    /// Drops what the state holds, while code can still run: finalizers may.
    pub fn let_go(&self) {
        drop((self.it.watch.trace.take(), self.it.watch.profile.take()));
        // What it has compiled names code of the thread.
        self.it.tier.end();
        self.it.copies.forget();
        // A thread that was stopped within a handler still has its exception, and what dies with that may call back.
        self.it.let_go();
    }
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        let _ = &self.it;
        self.t.interp.set(std::ptr::null());
    }
}
