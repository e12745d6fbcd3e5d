//! Links that are taken often become limbs of the traces that they leave.

use crate::harness::{Ran, run, run_in};
use typhon_jit::{Mode, Params, Process};

const HOT: Params = Params { loop_hot: 20, exit_hot: 3, tree_hot: 20, credit: u64::MAX, ..Params::DEFAULT };

/// As interpreted, and with so many times fewer links.
fn grows(source: &str, times: u64) -> Ran {
    let plain = run(source, None);
    let ran = run(source, Some(HOT));
    assert_eq!(ran.printed, plain.printed, "{source}");
    assert!(ran.counts["jit_grown"] > 0, "{:?}\n{source}", ran.counts);
    let linked = run(source, Some(Params { tree_hot: 0, ..HOT }));
    assert_eq!((&linked.printed, linked.counts["jit_grown"]), (&plain.printed, 0), "{source}");
    let [many, few] = [&linked, &ran].map(|ran| ran.counts["jit_linked"]);
    assert!(few * times < many, "{few} and {many} links, {:?}\n{source}", ran.counts);
    ran
}

#[test]
fn a_branch_that_alternates_stays_in_one_function() {
    grows(
        "def f(n):
    t = u = 0
    x = 0.5
    for i in range(n):
        if i & 1:
            t += i
            x = x * 0.5 + i
        else:
            t -= 2
            u += 1
            x -= 1
    return t, u, x
print(f(20000))
",
        4,
    );
}

#[test]
fn what_only_the_branch_writes_goes_through_memory() {
    grows(
        "def f(n):
    t = 0
    last = 'none'
    seen = []
    for i in range(n):
        t += i
        if i % 3 == 0:
            last = i
            seen.append(i)
    return t, last, len(seen), seen[-1]
print(f(20000))
",
        4,
    );
}

#[test]
fn what_the_loop_relies_on_is_looked_at_again() {
    grows(
        "C = type('C', (), {})
def f(n):
    c = C()
    c.step = 1
    t = 0
    for i in range(n):
        t += c.step
        if i % 5 == 0:
            c.step = c.step ^ 3
    return t, c.step
print(f(20000))
",
        4,
    );
}

#[test]
fn loops_that_lie_in_each_other_are_one() {
    grows(
        "def f(n, m):
    t = 0
    for i in range(n):
        j = 0
        while j < m:
            t += i ^ j
            j += 1
        if t > 1000000:
            t -= 999999
    return t, i, j
print(f(20000, 10))
",
        2,
    );
}

#[test]
fn calls_that_branch_stay_in_one_function() {
    grows(
        "def g(i, j):
    if i & 1:
        return i - j
    return [i, j]
def f(n):
    t = 0
    for i in range(n):
        v = g(i, 3)
        if i & 1:
            t += v
        else:
            t -= v[0]
    return t
print(f(20000))
",
        4,
    );
}

#[test]
fn objects_that_are_not_made_are_not_made_in_limbs() {
    grows(
        "def init(self, x, y):
    self.x = x
    self.y = y
P = type('P', (), {'__init__': init})
def f(n):
    t = 0
    for i in range(n):
        p = P(i, t & 7)
        if i & 1:
            t += p.x
        else:
            t += p.y
    return t
print(f(20000))
",
        4,
    );
}

#[test]
fn kinds_that_change_leave() {
    grows(
        "def f(n):
    t = 0
    for i in range(n):
        if i & 3 == 3:
            t = t + 0.5
        elif i & 3 == 0:
            t = i
        else:
            t += i
    return t
print(f(20000))
",
        4,
    );
}

#[test]
fn the_next_isolate_has_what_has_grown() {
    let source = "def f(n):
    t = 0
    for i in range(n):
        if i & 1:
            t += i
        else:
            t -= 1
    return t
print(f(20000))
";
    let process = Process::new(Mode::Sync, HOT).expect("this machine has a code generator");
    let first = run_in(source, Some(process.clone()));
    assert!(first.counts["jit_grown"] > 0, "{:?}", first.counts);
    let second = run_in(source, Some(process));
    assert_eq!(second.printed, first.printed);
    assert_eq!((second.counts["jit_recorded"], second.counts["jit_compiled"]), (0, 0), "{:?}", second.counts);
    assert!(second.counts["jit_linked"] < 100, "{:?}", second.counts);
}
