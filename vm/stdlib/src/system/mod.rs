//! Modules about the system around the process: locks and controls of descriptors, terminals, limits, users.

mod consts;
pub mod control;
pub mod limits;
pub mod locale;
pub mod mapping;
pub mod semaphore;
pub mod shared_memory;
pub mod terminal;
pub mod users;

use typhon_object::dict::Dict;
use typhon_object::names;
use typhon_object::types::module;
use typhon_object::{Exc, Res, Thread, Value, convert, error};

/// The OSError of an errno.
fn fail(t: &Thread, errno: i32) -> Exc {
    error::os_error(t, errno, None, None)
}

/// Puts a table of numbers into a module.
fn numbers(t: &Thread, m: &Value, table: &[(&'static str, i64)]) -> Res<()> {
    let dict = module::dict_of(t, m);
    for (name, n) in table {
        Dict::of(&dict).set_str(t, &names::intern_static(name), convert::from_i64(t, *n)?)?;
    }
    Ok(())
}
