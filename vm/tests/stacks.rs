//! Stacks of isolates that have ended are those of the next ones, whichever thread begins them.

use typhon_interp::frame::{Frame, Interp};
use typhon_vm::{Access, Cancel, Host, HostError, Request, Stream, TerminationReason, execute};

/// So many are more than are kept.
const MANY: usize = 100;
/// Bytes of frames that an isolate may write to without asking for room, and so many that are looked at.
const NEAR: usize = 7_000;
const FAR: usize = 100_000;

/// Lets a program do nothing.
struct Nothing;

impl Host for Nothing {
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
        Err(HostError::Denied("nothing is permitted here".into()))
    }
}

fn frames(interp: &Interp) -> *mut u8 {
    interp.fp.get().cast()
}

/// Whether all is new from the first frame on, for the record below it is the state's own, past what is kept without being given
/// back.
fn is_new(interp: &Interp) -> bool {
    // SAFETY: within the frames, of which none runs.
    (size_of::<Frame>()..FAR).all(|at| unsafe { frames(interp).add(at).read() } == 0)
}

/// The process's address space.
fn reserved() -> u64 {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux");
    let size = |line: &str| {
        let (from, to) = line.split(' ').next()?.split_once('-')?;
        Some(u64::from_str_radix(to, 16).ok()? - u64::from_str_radix(from, 16).ok()?)
    };
    maps.lines().filter_map(size).sum()
}

#[test]
fn what_one_thread_has_left_another_begins_with_as_new() {
    let left = std::thread::spawn(|| {
        let (first, second) = (Interp::new(), Interp::new());
        // SAFETY: as in `is_new`.
        (size_of::<Frame>()..NEAR).for_each(|at| unsafe { frames(&first).add(at).write(1) });
        let at = frames(&first) as usize;
        drop(first);
        // The thread keeps one, and this is it from now on.
        drop(second);
        at
    });
    let left = left.join().expect("no panic");
    let interp = Interp::new();
    assert_eq!(frames(&interp) as usize, left);
    assert!(is_new(&interp));
    assert_ne!(frames(&Interp::new()) as usize, left);

    let before = reserved();
    let made: Vec<_> = (0..MANY).map(|_| Interp::new()).collect();
    let with = reserved() - before;
    drop(made);
    let kept = reserved().saturating_sub(before);
    assert!(kept > 0 && kept < with / 2, "{kept} of {with}");

    // Who goes further asks for room, and that is noted.
    for depth in [1, 900] {
        let source = format!("def f(n):\n    return n and f(n - 1) + 1\nprint(f({depth}))\n");
        let request = Request { source: source.into(), filename: "deep.py".into(), ..Request::default() };
        let ran = execute(&request, &Nothing, &Cancel::new());
        assert_eq!(ran.outcome.reason, TerminationReason::Completed);
        assert!(is_new(&Interp::new()), "after {depth} calls");
    }
}
