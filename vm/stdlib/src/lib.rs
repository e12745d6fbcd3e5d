//! builtins, sys, the import system and the modules that need the interpreter; and the isolate they live in.

pub mod asyncio;
pub mod builtins;
pub mod compile;
pub mod frames;
pub mod fuel;
pub mod import;
pub mod io;
pub mod isolate;
pub mod isolates;
pub mod kernel;
pub mod marshal;
pub mod posix;
pub mod profiler;
pub mod ram;
pub mod registry;
pub mod report;
pub mod select;
pub mod signal;
pub mod site_builtins;
pub mod small;
pub mod socket;
pub mod subprocess;
pub mod sys;
pub mod system;
pub mod text;
pub mod thread;
pub mod time;
pub mod tree;
pub mod world;

use typhon_object::native::ModuleDef;

/// The native modules of this crate.
pub static MODULES: &[&ModuleDef] = &[
    &asyncio::MODULE,
    &builtins::MODULE,
    &sys::MODULE,
    &sys::build::MODULE,
    &import::imp::MODULE,
    &isolates::MODULE,
    &small::atexit::MODULE,
    &small::collector::MODULE,
    &small::tokenizer::MODULE,
    &small::weakref::MODULE,
    &small::errno::MODULE,
    &small::queue::MODULE,
    &small::faulthandler::MODULE,
    &small::tracemalloc::MODULE,
    &small::suggestions::MODULE,
    &small::uuid::MODULE,
    &io::MODULE,
    &marshal::MODULE,
    &posix::MODULE,
    &profiler::MODULE,
    &select::MODULE,
    &signal::MODULE,
    &socket::MODULE,
    &subprocess::MODULE,
    &system::control::MODULE,
    &system::limits::MODULE,
    &system::locale::MODULE,
    &system::mapping::MODULE,
    &system::semaphore::MODULE,
    &system::shared_memory::MODULE,
    &system::terminal::MODULE,
    &system::users::GRP,
    &system::users::PWD,
    &thread::MODULE,
    &time::MODULE,
    &small::warnings::MODULE,
    &tree::MODULE,
];
