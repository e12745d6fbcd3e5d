//! What watches execution: `sys.settrace`, `sys.setprofile` and `sys.monitoring` state of a thread.

use std::cell::Cell;
use typhon_object::store::Slot;

/// The thread's watchers.
#[derive(Default)]
pub struct Watch {
    /// `sys.settrace`'s function.
    pub trace: Slot,
    /// `sys.setprofile`'s function.
    pub profile: Slot,
    /// Some watcher is set: function entry and exit and line changes are reported.
    pub active: Cell<bool>,
}
