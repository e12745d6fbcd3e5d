//! Stacks of isolates that have ended are those of the next ones, whichever thread begins them.

use typhon_interp::frame::{Frame, Interp};

/// So many are more than are kept.
const MANY: usize = 100;

fn frames(interp: &Interp) -> *mut u8 {
    interp.fp.get().cast()
}

/// From the first frame on, for the record below it is the state's own; past what is kept without being given back.
fn looked_at() -> std::ops::Range<usize> {
    size_of::<Frame>()..100_000
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
        // SAFETY: within the frames, of which none runs.
        looked_at().for_each(|at| unsafe { frames(&first).add(at).write(1) });
        let at = frames(&first) as usize;
        drop(first);
        // The thread keeps one, and this is it from now on.
        drop(second);
        at
    });
    let left = left.join().expect("no panic");
    let interp = Interp::new();
    assert_eq!(frames(&interp) as usize, left);
    // SAFETY: as above.
    assert!(looked_at().all(|at| unsafe { frames(&interp).add(at).read() } == 0));
    assert_ne!(frames(&Interp::new()) as usize, left);

    let before = reserved();
    let made: Vec<_> = (0..MANY).map(|_| Interp::new()).collect();
    let with = reserved() - before;
    drop(made);
    let kept = reserved().saturating_sub(before);
    assert!(kept > 0 && kept < with / 2, "{kept} of {with}");
}
