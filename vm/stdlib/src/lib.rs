//! builtins, sys, the import system and the modules that need the interpreter; and the isolate they live in.

pub mod builtins;
pub mod compile;
pub mod frames;
pub mod import;
pub mod isolate;
pub mod registry;
pub mod report;
pub mod small;
pub mod sys;
pub mod text;

use typhon_object::native::ModuleDef;

/// The native modules of this crate.
pub static MODULES: &[&ModuleDef] = &[
    &builtins::MODULE,
    &sys::MODULE,
    &import::imp::MODULE,
    &small::atexit::MODULE,
    &small::errno::MODULE,
    &small::warnings::MODULE,
];
