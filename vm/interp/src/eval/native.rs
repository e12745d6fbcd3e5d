//! Calls of native functions and of built-in types' methods.
//!
//! A site remembers the definition of the native that it calls in cache word 0, and in word 1 the shape of the object whose
//! method it is. Until then word 0 counts down the calls before the site is looked at.

use super::arith::COOLDOWN;
use super::call::{EXTRA, arguments, id_of, method_of, native_call};
use super::leave::FEW;
use super::machine::{Flow, M, Stop};
use typhon_isa::{Opcode, Word};
use typhon_object::args::Signature;
use typhon_object::error::Res;
use typhon_object::native::{MethodDef, NativeFn, NativeFunction};
use typhon_object::types::descr::{Descriptor, What};
use typhon_object::{Thread, Value, ids, type_of};

/// Call of a native function.
#[inline(always)]
pub(crate) fn function(m: &mut M<'_>, w: Word) -> Flow {
    plain(m, w, w.b() + 1, w.c(), Opcode::CallKnown)
}

/// CallMethod of a native function or method.
#[inline(always)]
pub(crate) fn method(m: &mut M<'_>, w: Word) -> Flow {
    let (first, n) = arguments(m, w);
    plain(m, w, first, n, Opcode::CallMethodKnown)
}

/// The native function in register `i`.
///
/// # Safety
/// The register holds one.
#[inline(always)]
unsafe fn native_at<'a>(m: &M<'_>, i: usize) -> &'a NativeFunction {
    // SAFETY: the caller's duty; the register keeps it alive.
    unsafe { &*(m.bits(i) as *const NativeFunction) }
}

/// A native function, or a built-in type's method on an instance, with few arguments.
#[inline(always)]
fn plain(m: &mut M<'_>, w: Word, first: usize, n: usize, known: Opcode) -> Flow {
    let at = w.b();
    if n >= FEW {
        return Err(Stop::Slow);
    }
    let (def, signature, first, n) = if id_of(m, at) == ids::BUILTIN_FUNCTION {
        // SAFETY: tested just above.
        let native = unsafe { native_at(m, at) };
        let (def, signature) = (native.def, native.signature);
        if native.passes_bound {
            // What it is bound to goes in front of the arguments, into a register that is the call's: the function's own, or
            // the empty self's.
            // The reference is taken at once: during the call, whose end is the instruction's, others run.
            let this = native.bound.get();
            let function = m.take(at);
            m.set(first - 1, this);
            m.release(function);
            (def, signature, first - 1, n + 1)
        } else {
            learn(m, w, def, 0, known);
            (def, signature, first, n)
        }
    } else {
        let this = m.window(first, n).first();
        let Some((def, signature)) = method_of(m.reg(at), this) else { return Err(Stop::Slow) };
        // A class of its own may come to be of another kind.
        let shape = this.and_then(Value::header).map_or(0, |h| h.shape().0);
        if shape != 0 && this.is_some_and(|v| !type_of(v).is_heap_type()) {
            learn(m, w, def, shape, known);
        }
        (def, signature, first, n)
    };
    run(m, w, (def, signature), first, n)
}

/// Calls the native; arguments that are just its parameters go straight to it.
#[inline(always)]
fn run(
    m: &mut M<'_>,
    w: Word,
    (def, signature): (&'static MethodDef, Option<&'static Signature>),
    first: usize,
    n: usize,
) -> Flow {
    m.save();
    let args = m.window(first, n);
    let v = match (def.call, signature) {
        _ if m.t.is_parallel() => guarded(m.t, def, signature, args)?,
        (NativeFn::Bound(f), Some(sig)) if n == sig.params.len() && n == sig.max => f(m.t, args)?,
        _ => native_call(m.t, def, signature, args)?,
    };
    done(m, w, first, n, v);
    Ok(())
}

/// The same while threads run at the same time.
#[cold]
#[inline(never)]
fn guarded(t: &Thread, def: &MethodDef, signature: Option<&Signature>, args: &[Value]) -> Res {
    t.see_to_late_ends();
    if !def.is_open(args) {
        t.take_native();
    }
    let v = match (def.call, signature) {
        (NativeFn::Bound(f), Some(sig)) if args.len() == sig.params.len() && args.len() == sig.max => f(t, args),
        _ => native_call(t, def, signature, args),
    };
    t.out_of_native();
    v
}

/// The arguments and the callable die; the result takes its place.
#[inline(always)]
pub(super) fn done(m: &mut M<'_>, w: Word, first: usize, n: usize, v: Value) {
    for i in first..first + n {
        m.kill(i);
    }
    m.kill(w.b());
    m.set(w.a(), v);
    m.advance(EXTRA as isize);
}

/// Makes the site a known one, if its time has come.
#[inline(always)]
fn learn(m: &M<'_>, w: Word, def: &'static MethodDef, shape: u32, known: Opcode) {
    let left = m.extra(0);
    if left != 0 {
        m.set_extra(0, left - 1);
        return;
    }
    m.set_extra(0, std::ptr::from_ref(def) as u64);
    m.set_extra(1, u64::from(shape));
    m.rewrite(w, known);
}

/// The site calls something else now.
#[inline(always)]
fn forget(m: &M<'_>, w: Word, to: Opcode) -> Flow {
    m.rewrite(w, to);
    m.set_extra(0, COOLDOWN);
    Err(Stop::As(to as usize))
}

/// CallKnown; few arguments, as when the site was learnt.
#[inline(always)]
pub(crate) fn known(m: &mut M<'_>, w: Word) -> Flow {
    let at = w.b();
    if id_of(m, at) != ids::BUILTIN_FUNCTION {
        return forget(m, w, Opcode::Call);
    }
    // SAFETY: tested just above.
    let native = unsafe { native_at(m, at) };
    if std::ptr::from_ref(native.def) as u64 != m.extra(0) || native.passes_bound {
        return forget(m, w, Opcode::Call);
    }
    run(m, w, (native.def, native.signature), at + 1, w.c())
}

/// CallMethodKnown.
#[inline(always)]
pub(crate) fn known_method(m: &mut M<'_>, w: Word) -> Flow {
    let at = w.b();
    let (first, n) = arguments(m, w);
    let id = id_of(m, at);
    let (def, signature) = if id == ids::METHOD_DESCRIPTOR {
        // SAFETY: objects of this exact type have this layout.
        let d = unsafe { &*(m.bits(at) as *const Descriptor) };
        let What::Method(def, signature) = d.what else { return forget(m, w, Opcode::CallMethod) };
        if n == 0 || u64::from(id_of(m, first)) != m.extra(1) {
            return forget(m, w, Opcode::CallMethod);
        }
        (def, signature)
    } else if id == ids::BUILTIN_FUNCTION {
        // SAFETY: tested just above.
        let native = unsafe { native_at(m, at) };
        if native.passes_bound || m.extra(1) != 0 {
            return forget(m, w, Opcode::CallMethod);
        }
        (native.def, native.signature)
    } else {
        return forget(m, w, Opcode::CallMethod);
    };
    if std::ptr::from_ref(def) as u64 != m.extra(0) {
        return forget(m, w, Opcode::CallMethod);
    }
    run(m, w, (def, signature), first, n)
}
