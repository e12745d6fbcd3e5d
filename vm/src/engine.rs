//! What every entry point does around a program: native stack, interrupts, exits.

use std::sync::Arc;

use parking_lot::Mutex;
use typhon_interp::host::Host;
use typhon_object::breaker::{Breaker, reason, why};
use typhon_object::error::Exc;
use typhon_object::types::exceptions as exc;
use typhon_object::{Res, Thread};
use typhon_stdlib::isolate::{self, Options, Pending};
use typhon_stdlib::report;

use crate::cancel::{Attachment, Cancel, CancelReason};
use crate::command::Exit;

/// Left of the native stack for what natives do below the last check.
const MARGIN: usize = 256 << 10;
/// Most of the native stack that guest code may use, however much there is: what CPython has on Linux. Re-entry through
/// natives (`repr` of nested lists, `isinstance` of nested tuples) ends in a RecursionError here, and what such a chain
/// costs grows with the square of its depth.
const GUEST_STACK: usize = 8 << 20;
/// When the system does not tell where the stack ends.
const UNKNOWN: usize = 1 << 20;

/// Bytes of native stack that guest code may use below here: what is left less a margin, within [`GUEST_STACK`].
pub(crate) fn stack_left() -> usize {
    thread_local! {
        // Asking the system costs as much as a small program.
        static BASE: Option<usize> = stack_base();
    }
    let here = typhon_object::thread::stack_pointer();
    BASE.with(|base| base.map_or(UNKNOWN, |base| here.saturating_sub(base).saturating_sub(MARGIN).min(GUEST_STACK)))
}

/// Where the calling thread's stack ends, if the system tells.
fn stack_base() -> Option<usize> {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut base = std::ptr::null_mut();
    let mut size = 0;
    // SAFETY: the calling thread is alive; the attributes are initialized by the first call, read by the second and
    // given back by the third.
    let known = unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) == 0 {
            let status = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut base, &raw mut size);
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
            status == 0
        } else {
            false
        }
    };
    known.then_some(base as usize)
}

/// What the machine has: more than that no allocation can get, whatever the system promises. `None` if it does not tell.
pub(crate) fn physical_memory() -> Option<usize> {
    // SAFETY: asks the C library for two numbers.
    let (pages, size) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    usize::try_from(pages).ok()?.checked_mul(usize::try_from(size).ok()?).filter(|&n| n > 0)
}

/// Starts an isolate that `cancel` can stop, runs `f` in it, ends it.
pub(crate) fn with<R>(options: &Options, host: &dyn Host, cancel: &Cancel, f: impl FnOnce(&Thread) -> R) -> R {
    let mut attachment = None;
    let before = |t: &Thread| attachment = Some(attach(t, cancel));
    let out = isolate::with(options, host, before, f);
    drop(attachment);
    out
}

pub(crate) fn attach(t: &Thread, cancel: &Cancel) -> Attachment {
    attach_while(t, cancel, Arc::new(Mutex::new(true)))
}

/// As [`attach`]; once `armed` is false, a cancel that is on its way does nothing to the isolate any more.
pub(crate) fn attach_while(t: &Thread, cancel: &Cancel, armed: Arc<Mutex<bool>>) -> Attachment {
    let breaker: Breaker = t.breaker.clone();
    let interrupts = cancel.clone();
    *t.state::<Pending>().interrupt.borrow_mut() = Some(Box::new(move || interrupts.take_interrupt()));
    cancel.attach(move |cause| {
        // Held until the breaker is set, so that whoever disarms knows what was done.
        let armed = armed.lock();
        match cause {
            _ if !*armed => {}
            CancelReason::Interrupt => breaker.set(reason::PENDING),
            _ => breaker.stop(why::CANCELLED),
        }
    })
}

/// How a program's end becomes a process's.
pub(crate) fn exit_of(t: &Thread, result: Res<()>) -> Exit {
    match result {
        Ok(()) => Exit::Status(0),
        Err(e) => exit_of_error(t, &e),
    }
}

fn exit_of_error(t: &Thread, e: &Exc) -> Exit {
    if e.is_stopped() {
        return Exit::Status(1);
    }
    if e.is(&exc::SYSTEM_EXIT) {
        return match report::exit_status(t, e.value()) {
            Ok(code) => Exit::Status(code as u8),
            Err(second) => exit_of_error(t, &second),
        };
    }
    let interrupted = e.is(&exc::KEYBOARD_INTERRUPT);
    match report::print(t, e.value()) {
        Err(second) if second.is(&exc::SYSTEM_EXIT) => exit_of_error(t, &second),
        Ok(()) | Err(_) if interrupted => Exit::Signal(libc::SIGINT),
        Ok(()) | Err(_) => Exit::Status(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use typhon_interp::host::{Access, HostError, Stream};

    struct Deaf;

    impl Host for Deaf {
        fn write(&self, _: Stream, _: &[u8]) -> Result<(), HostError> {
            Ok(())
        }

        fn read_stdin(&self, _: &mut [u8]) -> Result<usize, HostError> {
            Ok(0)
        }

        fn entropy(&self, buffer: &mut [u8]) -> Result<(), HostError> {
            buffer.fill(1);
            Ok(())
        }

        fn permit(&self, _: Access<'_>) -> Result<(), HostError> {
            Ok(())
        }
    }

    const CHANGES: &str = "
import sys
class A:
    k = 0
    def f(self): return 0
    @property
    def p(self): return self.k
class B(A):
    def f(self): return super().f()
b = B()
module = type(sys)('m')
module.v = g = 0
def load():
    return [(b.k, b.p, b.f(), A.k, module.v, g, len) for _ in range(4)]
for i in range(1, 40):
    A.k = module.v = g = i
    A.f = lambda self, i=i: i
    for x in load(): assert x == (i, i, i, i, i, i, len), x
    b.y = module.w = i
    assert b.y == module.w == i
    del b.y, module.v
    module.v = i
    for x in load(): assert x == (i, i, i, i, i, i, len), x
    globals()['len'] = i
    for x in load(): assert x[6] == i
    del len
    for x in load(): assert callable(x[6])
";

    /// However few versions are left, no inline cache takes what has changed for what it was.
    #[test]
    fn inline_caches_outlive_the_last_version() {
        for left in (0..60).chain([100, 200, 300]) {
            let options = Options { memory: Some(64 << 20), stack: stack_left(), ..Options::default() };
            let ran = with(&options, &Deaf, &Cancel::new(), |t| {
                let main = isolate::populate(t)?;
                t.spend_versions(left);
                crate::run::run_text(t, &main, CHANGES, "changes.py").inspect_err(|e| {
                    report::print(t, e.value()).unwrap_or_default();
                })
            });
            assert!(ran.is_ok(), "with {left} versions left");
        }
    }
}
