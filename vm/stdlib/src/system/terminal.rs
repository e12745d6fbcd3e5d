//! `termios`: settings of terminals.

use super::{consts, fail, numbers};
use crate::kernel;
use crate::kernel::terminal::{self as system, Control};
use crate::world;
use std::cell::RefCell;
use typhon_object::dict::Dict;
use typhon_object::list::List;
use typhon_object::names;
use typhon_object::native::{ModuleDef, def};
use typhon_object::tuple;
use typhon_object::types::bytes::{self, Bytes};
use typhon_object::types::{exceptions, int, module};
use typhon_object::{Exc, Res, Thread, Value, call, convert, error, ops};

/// `termios`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "termios",
    doc: "This module provides an interface to the Posix calls for tty I/O control.",
    functions: &[
        def("tcgetattr", "($module, fd, /)", tcgetattr, "Get the tty attributes for file descriptor fd."),
        def(
            "tcsetattr",
            "($module, fd, when, attributes, /)",
            tcsetattr,
            "Set the tty attributes for file descriptor fd.",
        ),
        def(
            "tcsendbreak",
            "($module, fd, duration, /)",
            |t, a| control(t, a, Control::Break),
            "Send a break on file descriptor fd.",
        ),
        def(
            "tcdrain",
            "($module, fd, /)",
            |t, a| control(t, a, Control::Drain),
            "Wait until all output written to file descriptor fd has been transmitted.",
        ),
        def(
            "tcflush",
            "($module, fd, queue, /)",
            |t, a| control(t, a, Control::Flush),
            "Discard queued data on file descriptor fd.",
        ),
        def(
            "tcflow",
            "($module, fd, action, /)",
            |t, a| control(t, a, Control::Flow),
            "Suspend or resume input or output on file descriptor fd.",
        ),
        def("tcgetwinsize", "($module, fd, /)", tcgetwinsize, "Get the tty winsize for file descriptor fd."),
        def("tcsetwinsize", "($module, fd, winsize, /)", tcsetwinsize, "Set the tty winsize for file descriptor fd."),
    ],
    types: &[],
    init: Some(init),
};

/// `termios.error`.
#[derive(Default)]
struct Error(RefCell<Value>);

fn init(t: &Thread, m: &Value) -> Res<()> {
    numbers(t, m, consts::TERMIOS)?;
    let dict = module::dict_of(t, m);
    let (bases, body) = (tuple::from_array(t, [exceptions::EXCEPTION.ty().value()])?, Dict::create(t));
    Dict::of(&body).set_str(t, names::n::__module__(), names::intern_static("termios"))?;
    let name = names::intern_static("error");
    let made = call::call(t, &typhon_object::types::type_::TYPE.ty().value(), &[name.clone(), bases, body])?;
    Dict::of(&dict).set_str(t, &name, made.clone())?;
    drop(t.state::<Error>().0.replace(made));
    Ok(())
}

/// `termios.error` of an errno.
fn refuse(t: &Thread, errno: i32) -> Exc {
    let class = t.state::<Error>().0.borrow().clone();
    if class.is_absent() {
        return fail(t, errno);
    }
    match call::call(t, &class, &error::args_of(&fail(t, errno))) {
        Ok(e) => Exc::new(e),
        Err(e) => e,
    }
}

fn tcgetattr(t: &Thread, a: &[Value]) -> Res {
    let fd = world::fileno(t, &a[0])?;
    let s = system::settings(fd).map_err(|e| refuse(t, e))?;
    // Without canonical input two of the characters are numbers.
    let raw = s.c_lflag & libc::ICANON == 0;
    let mut chars = Vec::with_capacity(s.c_cc.len());
    for (i, c) in s.c_cc.iter().enumerate() {
        let is_number = raw && (i == libc::VMIN || i == libc::VTIME);
        chars.push(if is_number { Value::small((*c).into()) } else { bytes::new(t, &[*c])? });
    }
    let (input, output) = system::speeds(&s);
    let mut all: Vec<Value> =
        [s.c_iflag, s.c_oflag, s.c_cflag, s.c_lflag, input, output].map(|n| Value::small(n.into())).to_vec();
    all.push(List::from_vec(t, chars)?);
    List::from_vec(t, all)
}

fn tcsetattr(t: &Thread, a: &[Value]) -> Res {
    let fd = world::fileno(t, &a[0])?;
    let when = convert::to_i32(t, &a[1])?;
    let wrong = |t: &Thread| error::type_error(t, "tcsetattr, arg 3: must be 7 element list");
    if a[2].downcast::<List>().is_none() {
        return Err(wrong(t));
    }
    let all = ops::collect(t, &a[2])?;
    let [rest @ .., chars] = &all[..] else { return Err(wrong(t)) };
    if rest.len() != 6 {
        return Err(wrong(t));
    }
    let mut s = system::settings(fd).map_err(|e| refuse(t, e))?;
    let number = |v: &Value| convert::to_i64(t, v).map(|n| n as u32);
    (s.c_iflag, s.c_oflag) = (number(&rest[0])?, number(&rest[1])?);
    (s.c_cflag, s.c_lflag) = (number(&rest[2])?, number(&rest[3])?);
    let (input, output) = (number(&rest[4])?, number(&rest[5])?);
    let chars = if chars.downcast::<List>().is_some() { ops::collect(t, chars)? } else { Vec::new() };
    if chars.len() != s.c_cc.len() {
        let n = s.c_cc.len();
        let text = format!("tcsetattr: attributes[6] must be {n} element list");
        return Err(error::type_error(t, text));
    }
    for (to, v) in s.c_cc.iter_mut().zip(&chars) {
        *to = match v.downcast::<Bytes>().map(Bytes::as_slice) {
            Some([c]) => *c,
            None if int::is_int(v) => convert::to_i64(t, v)? as u8,
            _ => {
                let text = "tcsetattr: elements of attributes must be characters or integers";
                return Err(error::type_error(t, text));
            }
        };
    }
    system::set_speeds(&mut s, input, output).map_err(|e| refuse(t, e))?;
    world::retry(t, || system::set_settings(fd, when, &s))?.map(|()| Value::NONE).map_err(|e| refuse(t, e))
}

fn control(t: &Thread, a: &[Value], what: Control) -> Res {
    let fd = world::fileno(t, &a[0])?;
    let arg = a.get(1).map_or(Ok(0), |v| convert::to_i32(t, v))?;
    world::retry(t, || system::control(what, fd, arg))?.map(|()| Value::NONE).map_err(|e| refuse(t, e))
}

fn tcgetwinsize(t: &Thread, a: &[Value]) -> Res {
    let fd = world::fileno(t, &a[0])?;
    let (columns, rows) = kernel::window_size(fd).map_err(|e| refuse(t, e))?;
    tuple::from_array(t, [Value::small(rows.into()), Value::small(columns.into())])
}

fn tcsetwinsize(t: &Thread, a: &[Value]) -> Res {
    let fd = world::fileno(t, &a[0])?;
    let items = ops::collect(t, &a[1])?;
    let [rows, columns] = &items[..] else {
        return Err(error::type_error(t, "tcsetwinsize, arg 2: must be a two-item sequence"));
    };
    let number = |v: &Value| {
        u16::try_from(convert::to_i64(t, v)?).map_err(|_| error::overflow_error(t, "winsize value(s) out of range."))
    };
    let (rows, columns) = (number(rows)?, number(columns)?);
    system::set_window(fd, rows, columns).map(|()| Value::NONE).map_err(|e| refuse(t, e))
}
