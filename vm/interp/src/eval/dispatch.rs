//! Dispatch: how the loop gets from one instruction to the next (docs/design/004-threaded-dispatch.md).
//!
//! The rows of [`bodies`] are put together in two ways. [`looped`] is one `match` in a loop. Where the optimizer turns calls
//! in tail position into jumps (`build.rs` decides), [`threaded`] makes each row a function that ends by calling the next
//! instruction's: then every opcode has its own register allocation and its own indirect jump.

use super::bodies::{bodies, unless_parallel};
use super::locked;
use super::machine::{M, Stop};
use super::*;

/// Both parts of a row, under the native lock where they need it.
macro_rules! whole {
    ($m:ident, $w:ident, [], $body:expr, []) => {
        $body
    };
    ($m:ident, $w:ident, [outlined], $body:expr, []) => {{
        locked::begin(op_of($w), $m, $w);
        let flow = $body;
        locked::end($m);
        flow
    }};
    ($m:ident, $w:ident, [], $body:expr, [$slow:expr]) => {{
        let mut flow = $body;
        if matches!(flow, Err(Stop::Slow)) {
            locked::begin(op_of($w), $m, $w);
            flow = $slow;
        }
        locked::end($m);
        flow
    }};
}

/// Executes instructions until one stops the loop.
/// The watched instantiation reports every instruction to [`watch::step`]; the other one knows nothing of watchers.
#[inline(always)]
pub(super) fn execute<const WATCHED: bool>(m: &mut M<'_>) -> Stop {
    #[cfg(threaded)]
    if !WATCHED {
        return threaded::execute(m);
    }
    looped::<WATCHED>(m)
}

/// The function is one table by nature: a row per opcode.
#[inline(never)]
fn looped<const WATCHED: bool>(outer: &mut M<'_>) -> Stop {
    // A copy whose address is never taken by a call, so that its fields live in machine registers.
    let mut m = M::new(outer.t, outer.it, outer.ip, outer.base, outer.fp);
    let mut pending = watch::Pending::default();
    macro_rules! table {
        ($m:ident, $w:ident; $($($op:ident)|+ => $(@$how:ident)? $body:expr $(; $slow:expr)?,)*) => {
            match op_of($w) {
                $($(Op::$op)|+ => match whole!($m, $w, [$($how)?], $body, [$($slow)?]) {
                    Ok(()) => {
                        $m.settle();
                        break;
                    }
                    Err(Stop::As(op)) => $w = $w.with_op(opcode(op)),
                    Err(stop) => {
                        let mut stop = stop;
                        if WATCHED
                            && matches!(stop, Stop::Raise(_))
                            && let Err(worse) = watch::failed($m.t, $m.it, $m.fp, &mut pending)
                        {
                            stop = Stop::Raise(worse);
                        }
                        $m.settle();
                        (outer.ip, outer.base, outer.fp) = ($m.ip, $m.base, $m.fp);
                        return stop;
                    }
                },)*
            }
        };
    }
    loop {
        if WATCHED {
            match watch::step(m.t, m.it, m.ip, m.fp, &mut pending) {
                // A watcher was called, and has returned to what would be a native.
                Ok(ip) => {
                    m.t.out_of_native();
                    m.ip = ip;
                }
                Err((e, ip)) => {
                    m.ip = ip;
                    *outer = m;
                    return Stop::Raise(e);
                }
            }
            if !m.it.watch.active.get() {
                *outer = m;
                return Stop::Switch;
            }
        }
        // SAFETY: ip points at an instruction of verified code, which ends with a return or a jump.
        let mut w = unsafe { *m.ip };
        m.advance(1);
        let m = &mut m;
        loop {
            bodies!(table, m, w, WATCHED);
        }
    }
}

/// Carries out one instruction, for who follows the loop (`crate::follow`).
#[inline(never)]
pub(super) fn one(m: &mut M<'_>) -> Flow {
    macro_rules! once {
        ($m:ident, $w:ident; $($($op:ident)|+ => $(@$how:ident)? $body:expr $(; $slow:expr)?,)*) => {
            match op_of($w) {
                $($(Op::$op)|+ => whole!($m, $w, [$($how)?], $body, [$($slow)?]),)*
            }
        };
    }
    // SAFETY: as in `looped`.
    let mut w = unsafe { *m.ip };
    m.advance(1);
    loop {
        let flow = bodies!(once, m, w, false);
        if let Err(Stop::As(op)) = flow {
            w = w.with_op(opcode(op));
            continue;
        }
        m.settle();
        return flow;
    }
}

/// The native stack pointer.
#[cfg(threaded)]
#[inline(always)]
pub(super) fn stack_pointer() -> usize {
    let here: usize;
    // SAFETY: a register is read. The address of a local would do, but handing one out keeps a call from being a jump.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        std::arch::asm!("mov {}, rsp", out(reg) here, options(nomem, nostack, preserves_flags));
        #[cfg(target_arch = "aarch64")]
        std::arch::asm!("mov {}, sp", out(reg) here, options(nomem, nostack, preserves_flags));
    }
    here
}

/// The opcode of an instruction.
#[inline(always)]
fn op_of(w: Word) -> Op {
    opcode(w.op().into())
}

/// The opcode of a number that is one's.
#[inline(always)]
pub(super) fn opcode(number: usize) -> Op {
    // SAFETY: instruction words come from the compiler and the specializer, which write opcodes of the table only, and
    // `Stop::As` is made from opcodes.
    unsafe { std::mem::transmute::<u8, Op>(number as u8) }
}

/// One function per opcode, each of which goes on in the next instruction's.
#[cfg(threaded)]
mod threaded {
    use super::*;
    use crate::frame::Frame;

    /// The machine's fields in argument registers, and the instruction.
    ///
    /// # Safety
    /// `ip` stands behind `w`, an instruction of the frame `fp` whose registers are at `base`.
    type Handler = unsafe fn(&Thread, &Interp, *const Word, *mut u64, *mut Frame, Word);

    /// Leaves the functions with what the machine has come to.
    #[inline(always)]
    fn leave(m: M<'_>, stop: Stop) {
        if m.dirty {
            return settle_and_leave(m.t, m.it, m.ip, m.base, stop);
        }
        m.it.at.set((m.ip, m.base));
        m.it.left.put(stop);
    }

    /// The same when there is count work to do. The finalizers that it may run go through these functions, too: what waits for
    /// `execute` is put down behind them.
    #[cold]
    #[inline(never)]
    fn settle_and_leave(t: &Thread, it: &Interp, ip: *const Word, base: *mut u64, stop: Stop) {
        it.deferred.settle(t);
        it.at.set((ip, base));
        it.left.put(stop);
    }

    /// Ends the handler of instruction `w`, before which the machine was `before`, and which came to `flow`. Nothing that must
    /// be dropped is left when the next handler is called: that would be work behind the call.
    #[expect(clippy::single_match, reason = "the arm that cannot be shows that nothing is dropped behind the call")]
    #[inline(always)]
    fn go_on(before: M<'_>, m: M<'_>, w: Word, slow: Handler, flow: Flow) {
        let flow = std::mem::ManuallyDrop::new(flow);
        let other = match &*flow {
            Ok(()) if m.dirty => return settle(m.t, m.it, m.ip, m.base, m.fp),
            Ok(()) => return next(m),
            Err(Stop::As(op)) => HANDLERS[*op],
            Err(Stop::Slow) => slow,
            Err(_) => {
                return match std::mem::ManuallyDrop::into_inner(flow) {
                    Err(stop) => leave(m, stop),
                    Ok(()) => {}
                };
            }
        };
        // SAFETY: the same instruction at the same place.
        unsafe { other(before.t, before.it, before.ip, before.base, before.fp, w) }
    }

    /// Does what the instruction has left to do, and goes on.
    #[inline(never)]
    fn settle(t: &Thread, it: &Interp, ip: *const Word, base: *mut u64, fp: *mut Frame) {
        it.deferred.settle(t);
        next(M::new(t, it, ip, base, fp));
    }

    /// Goes on behind an outlined body that did not end in front of the next instruction.
    #[cold]
    #[inline(never)]
    fn elsewhere(t: &Thread, it: &Interp) {
        let Some(op) = it.left.instead() else { return };
        let (ip, base) = it.at.get();
        // SAFETY: the body has put the machine back in front of its work: behind the instruction's word, in its frame.
        unsafe { HANDLERS[op](t, it, ip, base, it.fp.get(), *ip.sub(1)) }
    }

    /// An outlined body: see `handler`.
    type Body = fn(&Thread, &Interp, *const Word, *mut u64, *mut Frame, Word) -> (*const Word, *mut u64);

    /// Carries the outlined body of opcode `OP` out while threads run at the same time. One function an opcode: what each asks is a
    /// few of the questions of all.
    #[cold]
    #[inline(never)]
    fn guarded<const OP: u8>(
        body: Body,
        t: &Thread,
        it: &Interp,
        ip: *const Word,
        base: *mut u64,
        fp: *mut Frame,
        w: Word,
    ) -> (*const Word, *mut u64) {
        let m = M::new(t, it, ip, base, fp);
        locked::begin_beside::<OP>(&m, w);
        let next = body(t, it, ip, base, fp, w);
        locked::end(&m);
        next
    }

    /// A function `$name` around a body. `outlined`: the body is a function of its own, because what it does keeps a call
    /// behind it from being in tail position: the address of a local is handed out. It answers where to go on, in two machine
    /// registers, or a null pointer when it is not simply the next instruction.
    macro_rules! handler {
        ($name:ident, $m:ident, $w:ident, $slow:path, inline, $body:expr) => {
            handler! {@ $name, t, it, ip, base, fp, $w, {
                let mut machine = M::new(t, it, ip, base, fp);
                let $m = &mut machine;
                let _ = (&$m, $w);
                let flow = $body;
                go_on(M::new(t, it, ip, base, fp), machine, $w, $slow, flow);
            }}
        };
        ($name:ident, $m:ident, $w:ident, $slow:path, outlined, $body:expr) => {
            handler! {@ $name, t, it, ip, base, fp, $w, {
                #[inline(never)]
                fn body(
                    t: &Thread,
                    it: &Interp,
                    ip: *const Word,
                    base: *mut u64,
                    fp: *mut Frame,
                    $w: Word,
                ) -> (*const Word, *mut u64) {
                    let mut machine = M::new(t, it, ip, base, fp);
                    let $m = &mut machine;
                    let _ = (&$m, $w);
                    let flow = $body;
                    machine.settle();
                    let Err(stop) = flow else { return (machine.ip, machine.base) };
                    let again = matches!(stop, Stop::As(_));
                    it.at.set(if again { (ip, base) } else { (machine.ip, machine.base) });
                    it.left.put(stop);
                    (std::ptr::null(), base)
                }
                let guards = const { locked::concerns(Op::$name) } && t.is_parallel();
                let (ip, base) =
                    if guards { guarded::<{ Op::$name as u8 }>(body, t, it, ip, base, fp, $w) } else { body(t, it, ip, base, fp, $w) };
                if ip.is_null() { elsewhere(t, it) } else { next(M::new(t, it, ip, base, it.fp.get())) }
            }}
        };
        (@ $name:ident, $t:ident, $it:ident, $ip:ident, $base:ident, $fp:ident, $w:ident, $run:expr) => {
            /// The opcode of this name.
            ///
            /// # Safety
            /// As for [`Handler`].
            #[inline(never)]
            #[expect(non_snake_case, reason = "named as the opcode")]
            pub(super) unsafe fn $name(
                $t: &Thread,
                $it: &Interp,
                $ip: *const Word,
                $base: *mut u64,
                $fp: *mut Frame,
                $w: Word,
            ) {
                $run
            }
        };
    }

    macro_rules! handlers {
        ($m:ident, $w:ident; $($($op:ident)|+ => $(@$how:ident)? $body:expr $(; $slow:expr)?,)*) => {
            /// What instructions begin with.
            mod handler {
                use super::*;
                $(handlers!{@each $m, $w, [$($op)+], [$($how)?], $body, [$($slow)?]})*
            }

            /// The rest of those that have two parts.
            mod slow {
                use super::*;
                $(handlers!{@slow $m, $w, [$($op)+], [$($slow)?]})*
            }

            /// What to call for an opcode; the compiler and the specializer write no others.
            static HANDLERS: [Handler; 256] = {
                let mut all: [Handler; 256] = [handler::Nop; 256];
                $($(all[Op::$op as usize] = handler::$op;)+)*
                all
            };
        };
        (@slow $m:ident, $w:ident, $op:tt, []) => {};
        (@slow $m:ident, $w:ident, [$op:ident $($more:ident)*], [$slow:expr]) => {
            handler!{$op, $m, $w, handler::Nop, outlined, $slow}
        };
        (@each $m:ident, $w:ident, [$($op:ident)+], [], $body:expr, []) => {
            $(handler!{$op, $m, $w, handler::Nop, inline, $body})+
        };
        (@each $m:ident, $w:ident, [$($op:ident)+], [outlined], $body:expr, []) => {
            $(handler!{$op, $m, $w, handler::Nop, outlined, $body})+
        };
        (@each $m:ident, $w:ident, [$op:ident $($more:ident)*], [], $body:expr, [$slow:expr]) => {
            handler!{$op, $m, $w, slow::$op, inline, $body}
            $(handler!{$more, $m, $w, slow::$op, inline, $body})*
        };
    }
    bodies!(handlers, m, w, false);

    /// Goes on with the instruction at `ip`: a call in tail position, which the optimizer makes a jump.
    #[inline(always)]
    fn next(m: M<'_>) {
        // SAFETY: ip points at an instruction of verified code, which ends with a return or a jump.
        unsafe {
            let w = *m.ip;
            HANDLERS[w.op() as usize](m.t, m.it, m.ip.add(1), m.base, m.fp, w)
        }
    }

    /// Bytes of native stack for functions that were called where a jump was meant.
    const ROOM: usize = 64 << 10;

    #[inline(never)]
    pub(super) fn execute(m: &mut M<'_>) -> Stop {
        let above = m.it.floor.replace(stack_pointer().saturating_sub(ROOM));
        let stop = loop {
            next(M::new(m.t, m.it, m.ip, m.base, m.fp));
            (m.ip, m.base) = m.it.at.get();
            m.fp = m.it.fp.get();
            let stop = m.it.left.take();
            if !matches!(stop, Stop::Again) {
                break stop;
            }
        };
        m.it.floor.set(above);
        stop
    }
}
