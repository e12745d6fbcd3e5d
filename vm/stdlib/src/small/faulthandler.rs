//! faulthandler: where the program is, written to a descriptor.
//!
//! Nothing that a program does here is a fault of the process, so there is no signal to handle: `enable` only remembers
//! that it was asked, and the functions that crash a process on purpose do not exist.

use crate::frames;
use crate::sys::streams;
use crate::text;
use std::cell::Cell;
use typhon_interp::frame_object::FrameObject;
use typhon_object::error::{self, Res};
use typhon_object::native::{ModuleDef, def};
use typhon_object::types::{bytes, int};
use typhon_object::{Thread, Value, attr, call, ops};

/// faulthandler.
pub static MODULE: ModuleDef = ModuleDef {
    name: "faulthandler",
    doc: "faulthandler module.",
    functions: &[
        def(
            "enable",
            "($module, /, file=None, all_threads=True, c_stack=True)",
            |t, a| {
                file_number(t, &a[0])?;
                set(t, true);
                Ok(Value::NONE)
            },
            "Enable the fault handler.",
        ),
        def("disable", "($module, /)", |t, _| Ok(Value::bool(set(t, false))), "Disable the fault handler."),
        def(
            "is_enabled",
            "($module, /)",
            |t, _| Ok(Value::bool(t.state::<Enabled>().0.get())),
            "Check if the handler is enabled.",
        ),
        def(
            "dump_traceback",
            "($module, /, file=None, all_threads=True)",
            dump_traceback,
            "Dump the traceback of the current thread into file.",
        ),
        // No dump is ever waiting: `dump_traceback_later` does not exist.
        def(
            "cancel_dump_traceback_later",
            "($module, /)",
            |_, _| Ok(Value::NONE),
            "Cancel the previous call to dump_traceback_later().",
        ),
    ],
    types: &[],
    init: None,
};

/// Frames that a dump shows at most.
const FRAMES_MAX: usize = 100;
/// Characters of a name that a dump shows at most.
const NAME_MAX: usize = 500;

#[derive(Default)]
struct Enabled(Cell<bool>);

fn set(t: &Thread, on: bool) -> bool {
    t.state::<Enabled>().0.replace(on)
}

/// The descriptor of a file argument; `None` for standard error where that has none.
fn file_number(t: &Thread, file: &Value) -> Res<Option<Value>> {
    let file = match file.non_none() {
        Some(file) => file.clone(),
        None => {
            let sys = text::loaded(t, "sys");
            let made = match sys {
                Some(sys) => attr::get_opt(t, &sys, &text::name(t, "stderr"))?,
                None => None,
            };
            match made {
                None => return Err(error::runtime_error(t, "unable to get sys.stderr")),
                Some(f) if f.is_none() => return Err(error::runtime_error(t, "sys.stderr is None")),
                Some(f) => f,
            }
        }
    };
    if int::is_int(&file) {
        return match int::to_i64(&file) {
            Some(0..=0x7fff_ffff) => Ok(Some(file)),
            _ => Err(error::value_error(t, "file is not a valid file descripter")),
        };
    }
    let number = call::method(t, &file, &text::name(t, "fileno"), &[])?;
    match int::to_i64(&number) {
        Some(0..=0x7fff_ffff) => {}
        _ => return Err(error::runtime_error(t, "file.fileno() is not a valid file descriptor")),
    }
    if let Some(flush) = attr::get_opt(t, &file, &text::name(t, "flush"))? {
        call::call0(t, &flush)?;
    }
    Ok(Some(number))
}

fn dump_traceback(t: &Thread, a: &[Value]) -> Res {
    let all = match a[1].opt() {
        Some(v) => ops::truth(t, v)?,
        None => true,
    };
    let number = file_number(t, &a[0])?;
    // SAFETY: asks the C library who the calling thread is.
    let id = unsafe { libc::pthread_self() };
    let mut out = if all {
        format!("Current thread {id:#018x} (most recent call first):\n")
    } else {
        "Stack (most recent call first):\n".to_owned()
    };
    let mut n = 0;
    while let Some(frame) = frames::at(t, n)? {
        if n == FRAMES_MAX {
            out += "  ...\n";
            break;
        }
        if let Some(f) = frame.downcast::<FrameObject>() {
            let code = &f.unit.code;
            out += &format!("  File \"{}\", line {} in {}\n", shown(&code.filename), f.line(), shown(&code.name));
        }
        n += 1;
    }
    match number {
        Some(number) => {
            let write = attr::get_text(t, &(t.hooks.import)(t, "posix")?, "write")?;
            call::call(t, &write, &[number, bytes::new(t, out.as_bytes())?])?;
        }
        None => streams::write_text(t, "stderr", &out)?,
    }
    Ok(Value::NONE)
}

/// A name in ASCII, cut where it is long.
fn shown(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.chars().enumerate() {
        match c {
            _ if i == NAME_MAX => return out + "...",
            ' '..='~' => out.push(c),
            '\0'..='\u{ff}' => out += &format!("\\x{:02x}", c as u32),
            '\u{100}'..='\u{ffff}' => out += &format!("\\u{:04x}", c as u32),
            _ => out += &format!("\\U{:08x}", c as u32),
        }
    }
    out
}
