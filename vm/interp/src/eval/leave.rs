//! Leaving a frame: by return, or by an exception.

use super::machine::{Flow, M, Stop};
use super::special;
use crate::frame::{Kind, clear_registers};
use typhon_object::{Thread, Value, error, type_of};

/// Locals that may be noted one by one when they die.
pub(super) const FEW: usize = 40;

/// Return from a function that was called in this loop or by a native, or from a class's `__init__`, if nobody has asked for
/// its frame; the result is the register or the constant `v`, which is another reference to it.
#[inline(always)]
pub(crate) fn plain(m: &mut M<'_>, v: impl FnOnce(&mut M<'_>) -> Value, none: bool) -> Flow {
    let fp = m.fp;
    // SAFETY: the frame is live until it is popped here.
    let (kind, entry, other, count) = unsafe {
        let (init, entry) = ((*fp).kind == Kind::Init && none, (*fp).kind == Kind::Entry);
        let other = (*fp).object | (*fp).generator | (*fp).locals;
        ((*fp).kind == Kind::Call || entry || init, entry, other, (*(*fp).unit).local_count)
    };
    if !kind || other != 0 || count > FEW {
        return Err(Stop::Slow);
    }
    let mut v = v(m);
    for i in 0..count {
        // The last local dies first. What is noted is done from the last note on.
        m.kill(if cfg!(threaded) { i } else { count - 1 - i });
    }
    // SAFETY: as above; each word the record owns is taken once.
    let (func, extra, dst, skip, init) = unsafe {
        (Value::from_raw((*fp).func), Value::from_raw((*fp).extra), (*fp).dst, (*fp).skip, (*fp).kind == Kind::Init)
    };
    // SAFETY: the record below a called function's is its caller's.
    m.it.fp.set(unsafe { fp.sub(1) });
    m.t.depth.set(m.t.depth.get() - 1);
    m.release(func);
    if entry {
        std::mem::forget(extra);
        return Err(Stop::Exit(v));
    }
    m.enter(skip as isize);
    // What is forgotten is nothing, or `__init__`'s None.
    std::mem::forget(if init { std::mem::replace(&mut v, extra) } else { extra });
    m.set(dst as usize, v);
    Ok(())
}

/// Return: hands `v` to whoever the frame's kind says.
#[inline(always)]
pub(crate) fn finish(m: &mut M<'_>, v: Value) -> Flow {
    let fp = m.fp;
    // SAFETY: the frame is live until it is popped here; its locals die first, then what the record owns.
    unsafe {
        if (*fp).object != 0 {
            crate::frame_object::put_back(fp, &v);
            crate::frame_object::detach(m.t, m.it, fp);
        }
        clear_registers(m.base, 0, (*(*fp).unit).local_count);
        let (dst, skip, kind) = ((*fp).dst, (*fp).skip, (*fp).kind);
        if kind == Kind::Call && ((*fp).locals | (*fp).generator) == 0 {
            let func = Value::from_raw((*fp).func);
            m.it.fp.set(fp.sub(1));
            m.t.depth.set(m.t.depth.get() - 1);
            m.enter(skip as isize);
            drop(func);
            m.set(dst as usize, v);
            return Ok(());
        }
        let Frame4 { func, locals, extra, generator } = owned(fp);
        m.it.fp.set(fp.sub(1));
        m.t.depth.set(m.t.depth.get() - 1);
        if kind == Kind::Entry {
            drop((func, locals, extra, generator));
            return Err(Stop::Exit(v));
        }
        m.enter(skip as isize);
        drop((func, locals, generator));
        match kind {
            Kind::Call => m.set(dst as usize, v),
            Kind::Init => {
                if !v.is_none() {
                    m.advance(-(skip as isize));
                    return Err(init_result(m.t, &v).into());
                }
                m.set(dst as usize, extra);
            }
            _ => {
                let words = special::complete(m.t, m.fp, kind, v)?;
                m.advance(words);
            }
        }
    }
    Ok(())
}

struct Frame4 {
    func: Value,
    locals: Value,
    extra: Value,
    generator: Value,
}

/// Takes what a frame record owns.
///
/// # Safety
/// The record is live, and its fields are not used again.
#[inline(always)]
unsafe fn owned(fp: *mut crate::frame::Frame) -> Frame4 {
    // SAFETY: the caller's duty; each word is a value the record owned.
    unsafe {
        Frame4 {
            func: Value::from_raw((*fp).func),
            locals: Value::from_raw((*fp).locals),
            extra: Value::from_raw((*fp).extra),
            generator: Value::from_raw((*fp).generator),
        }
    }
}

#[cold]
pub(super) fn init_result(t: &Thread, v: &Value) -> error::Exc {
    error::type_error(t, format_args!("__init__() should return None, not '{}'", type_of(v).name()))
}

/// Pops a frame that an exception leaves: everything in it dies.
pub(crate) fn abandon(m: &mut M<'_>) {
    let fp = m.fp;
    // SAFETY: as in `finish`; temporaries may be alive too.
    unsafe {
        if (*fp).object != 0 {
            crate::frame_object::detach(m.t, m.it, fp);
        }
        clear_registers(m.base, 0, (*(*fp).unit).register_count);
        if (*fp).generator != 0 {
            // See `Frame`.
            (*fp).func = 0;
            if (*fp).kind != Kind::Entry {
                (*fp).generator = 0;
            }
        }
        let owned = owned(fp);
        m.it.fp.set(fp.sub(1));
        m.t.depth.set(m.t.depth.get() - 1);
        drop((owned.func, owned.locals, owned.extra, owned.generator));
    }
}
