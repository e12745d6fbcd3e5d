//! Which Python loop becomes what: the operations that are left in an iteration, and those that are not.

use crate::harness::run_in;
use typhon_jit::{Params, Process};

/// The text of the iterations that the loops of a program were compiled to.
fn iterations(source: &str) -> String {
    let params = Params { loop_hot: 40, ..Params::DEFAULT };
    let process = Process::watched(params).expect("this machine has a code generator");
    run_in(source, Some(process.clone()));
    let journal = process.journal().map(ToString::to_string).unwrap_or_default();
    let loops = journal.split("== loop in ").skip(1).filter_map(|note| {
        let optimized = note.split("-- optimized\n").nth(1)?.split("-- exits").next()?;
        Some(optimized.split_once("\nloop ")?.1.to_owned())
    });
    let text: String = loops.collect();
    assert!(!text.is_empty(), "no loop was compiled\n{journal}");
    text
}

/// A program's iterations have these operations, and not those.
fn becomes(source: &str, with: &[&str], without: &[&str]) {
    let text = iterations(source);
    for op in with {
        assert!(text.contains(op), "no {op} in\n{source}\n{text}");
    }
    for op in without {
        assert!(!text.contains(op), "{op} in\n{source}\n{text}");
    }
}

/// The interpreter carries nothing out.
const STEP: &str = "call step";

#[test]
fn numbers_are_not_boxed() {
    let count = "def f(n):
    i = s = 0
    while i < n:
        s = (s + i * 3) % 1000003
        i += 1
    return s
f(300)
";
    becomes(count, &["iadd"], &[STEP, "box_int", "is_int", "retain", "release"]);
    let floats = "def f(n):
    x = 0.5
    for i in range(n):
        x = x * 0.75 + i
    return x
f(300)
";
    becomes(floats, &["fmul", "fadd"], &[STEP, "box_flt", "is_flt", "retain"]);
}

#[test]
fn objects_without_a_comparison_are_compared_by_identity() {
    let members = "C = type('C', (), {})
def f(n, a=C(), b=C()):
    s = 0
    for i in range(n):
        x = a if i & 1 else b
        if x == a:
            s += 1
        if x != b:
            s += 2
    return s
f(300)
";
    becomes(members, &["iadd"], &[STEP, "call "]);
}

#[test]
fn powers_of_floats_are_calls() {
    let power = "def f(n):
    s = 0.0
    for i in range(n):
        x = i + 0.5
        s += x ** -1.5
    return s
f(300)
";
    becomes(power, &["call float_pow"], &[STEP, "box_flt"]);
}

#[test]
fn items_of_lists_are_loads() {
    let sum = "def f(n):
    a = [1, 2, 3, 4]
    s = 0
    for i in range(n):
        s += a[i & 3]
    return s
f(300)
";
    becomes(sum, &["loadx item", "iult"], &[STEP, "load32 shape", "load list"]);
    let swap = "def f(n):
    a = [1, 2, 3, 4]
    for i in range(n):
        a[i & 3] = i
        a[0] = a[1]
    return a
f(300)
";
    becomes(swap, &["storex item"], &[STEP]);
    let tuples = "def f(n):
    t = (1, 2.5, 3)
    s = 0
    for i in range(n):
        s += t[-1] + t[0]
    return s
f(300)
";
    becomes(tuples, &[], &[STEP, "loadx tuple", "load tuple"]);
}

#[test]
fn iterators_are_stepped() {
    let list = "def f(n):
    a = list(range(n))
    s = 0
    for x in a:
        s += x
    return s
f(300)
";
    becomes(list, &["load iter", "store iter"], &[STEP]);
    let pairs = "def f(n):
    s = 0
    for x, y in ((1, 2.5),) * n:
        s += x * y
    return s
f(300)
";
    becomes(pairs, &["loadx tuple"], &[STEP]);
}

#[test]
fn attributes_are_slots() {
    let source = "P = type('P', (), {})
def f(n):
    p = P()
    p.x = 0
    for i in range(n):
        p.x = p.x + i
    return p.x
f(300)
";
    becomes(source, &["store slot"], &[STEP]);
}

#[test]
fn calls_are_taken_along() {
    let plain = "def add(a, b):
    return a + b
def f(n):
    s = 0
    for i in range(n):
        s = add(s, i)
    return s
f(300)
";
    becomes(plain, &["iadd"], &[STEP, "call push", "call pop", "box_int"]);
    let method = "def grow(self, by):
    self.x += by
P = type('P', (), {'grow': grow})
def f(n):
    p = P()
    p.x = 0
    for i in range(n):
        p.grow(i)
    return p.x
f(300)
";
    becomes(method, &["store slot"], &[STEP, "call push"]);
}

#[test]
fn short_loops_of_callees_are_taken_along() {
    let whole = "def total(a):
    s = 0
    for x in a:
        s += x
    return s
def f(n):
    a = (1, 2, 3)
    s = 0
    for i in range(n):
        s += total(a)
    return s
f(300)
";
    becomes(whole, &["iadd"], &[STEP, "call push", "call pop"]);
    let part = "def find(a, k):
    for i, x in enumerate(a):
        if x == k:
            return i
    return -1
def f(n):
    a = [5, 6, 7, 8]
    s = 0
    for i in range(n):
        s += find(a, 7)
    return s
f(300)
";
    becomes(part, &["iadd"], &[STEP, "call push", "call pop"]);
    // One that goes round for long has a trace of its own.
    let long = "def total(n):
    s = 0
    for x in range(n):
        s += x
    return s
def f(n):
    s = 0
    for i in range(n):
        s += total(100)
    return s
f(300)
";
    becomes(long, &[STEP], &[]);
}

#[test]
fn globals_and_cells_are_loads() {
    let global = "k = 3
def f(n):
    s = 0
    for i in range(n):
        s += k
    return s
f(300)
";
    becomes(global, &[], &[STEP]);
    let cell = "def g(n):
    k = 0
    def f():
        nonlocal k
        for i in range(n):
            k += i
    f()
    return k
g(300)
";
    becomes(cell, &["store cell"], &[STEP]);
}

#[test]
fn what_has_no_translation_is_carried_out_by_the_interpreter() {
    let source = "def f(n):
    s = 0
    for i in range(n):
        t = f'{i}'
        s += i
    return s, t
f(300)
";
    becomes(source, &[STEP], &[]);
}

/// What an iteration is for one statement in it.
fn statement(text: &str) -> String {
    format!(
        "def init(self, u):
    self.u = u
def plus(self, other):
    return self.u + other
def item(self, i):
    return self.u - i
def put(self, i, v):
    self.u = i
def half(self):
    return self.u // 2
P = type('P', (), {{'__init__': init, '__add__': plus, '__getitem__': item, '__setitem__': put, 'half': property(half), 'k': 7}})
def two(a, b=3):
    return a + b
def f(n):
    d = {{'k': 1, 2: 3}}
    l = [1, 2, 3]
    t = (4, 5)
    s = {{1, 2}}
    w = 'text'
    o = P(3)
    for i in range(n):
        {text}
    return l
f(300)
"
    )
}

#[test]
fn containers_are_asked_by_helpers() {
    for (text, with) in [
        ("x = d['k']", "call dict_get"),
        ("x = d.get(i, 5)", "call dict_get"),
        ("d[i] = i", "call dict_put"),
        ("x = i in d", "call member"),
        ("x = i in s", "call member"),
        ("s.add(i)", "call set_add"),
        ("l.append(i)", "call list_push"),
        ("x = l.pop(0); l.append(x)", "call native"),
        ("x = w[2]", "call str_item"),
        ("x = l[i % 2:]", "call part"),
        ("x = l[::-1]", "call stride"),
        ("x = l[i % 2::-1]", "call stride"),
        ("x = w[::-1]", "call item"),
        ("l[i % 1:2] = [i, 1]", "call set_part"),
        ("x = w == 'text'", "call equal"),
        ("x = [i, 1]", "call build"),
        ("x = str(i)", "call make"),
        ("x = d and 1", "call truth"),
    ] {
        becomes(&statement(text), &[with], &[STEP, "call push"]);
    }
}

#[test]
fn instances_that_only_the_trace_sees_are_not_made() {
    for text in ["o = P(i)", "x = P(i).u", "o = P(i); x = o.half", "y = P(i); x = y.u + P(i + 1).u"] {
        becomes(&statement(text), &[], &[STEP, "call push", "call instance", "= new"]);
    }
}

#[test]
fn iterators_that_only_the_trace_sees_are_not_made() {
    for text in
        ["for j in range(3): x += j", "for j in range(i & 1, 4, 2): x += j", "for j in t: x += 1", "for j in l: x += 1"]
    {
        becomes(&statement(&format!("x = i\n        {text}")), &["iadd"], &[STEP, "call", "= new"]);
    }
}

#[test]
fn tuples_that_are_only_taken_apart_are_not_made() {
    for text in [
        "t, x = (i, 2)",
        "t = (i, 2); x = t[0] + t[-1]",
        "t = (i, (i, 3)); x = t[1][0]; t = i",
        "x, (t, y) = i, (i, 2)",
    ] {
        becomes(&statement(text), &[], &[STEP, "call", "= new"]);
    }
}

#[test]
fn what_is_known_is_not_asked_for() {
    for text in [
        "x = len(l)",
        "x = len(t) + i",
        "x = o.k",
        "x = o.half",
        "x = o + i",
        "x = o[i]",
        "o[i] = i",
        "x = two(i)",
        "x = 1 if o else 2",
        "x = 1 if l else 2",
        "x = i ** 2",
    ] {
        becomes(&statement(text), &["iadd"], &[STEP, "call", "box_flt"]);
    }
    for text in ["for j, e in enumerate(l): x = e + j", "for e, g in zip(l, t): x = e + g", "for e in t: x = e"] {
        becomes(&statement(text), &["loadx"], &[]);
    }
}
