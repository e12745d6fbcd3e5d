//! Loops over lists, tuples, attributes, globals, and calls do the same with the trace compiler and without it.

use crate::harness::run_in;
use crate::loops::same;
use typhon_jit::journal::Fate;
use typhon_jit::{Params, Process};

#[test]
fn lists_and_tuples() {
    same(
        "def f(n):
    a = [1, 2, 3, 4.5, 'x']
    s = 0
    for i in range(n):
        s += a[i % 3] + a[-3] + a[0]
        a[i % 3] = s % 17
    return s, a
print(f(10), f(500))
def g(n):
    t = (1, 2.5, 3)
    s = 0.0
    for i in range(n):
        s = s + t[i % 3] * t[1] - t[-1]
    return s
print(g(500))
def h(n):
    a = [0]
    i = 0
    while i < n:
        a[0] = a
        a[0] = [i]
        b = a[0]
        b[0] += 1
        i += 1
    return a, b
print(h(300))
def k(n):
    a = list(range(10))
    try:
        for i in range(n):
            a[i % 40] = i
    except IndexError as e:
        return 'IndexError', i, a
print(k(300))
def u(n):
    pairs = [(1, 2), (3, 4), (5, 6.5)] * n
    s = 0
    for x, y in pairs:
        s += x * y
    for p in pairs:
        q, r = p
        s -= q
        r, q = q, r
    return s, q, r, x, y
print(u(1), u(200))
",
        true,
    );
}

#[test]
fn objects_die_when_they_are_written_over() {
    same(
        "def f(n):
    a = []
    b = [a] * 3
    for i in range(n):
        c = [i, a]
        d = [c]
        c = None
        b[i % 3] = d
        d = (i, b[0])
    return b, d
print(f(5), f(300))
def g(n):
    s = 0
    t = 'ab'
    for i in range(n):
        t = t + 'c' if i % 50 else 'ab'
        s += t == 'abcc'
    return s, t
print(g(300))
",
        true,
    );
}

#[test]
fn functions_are_taken_along() {
    same(
        "def add(a, b):
    c = a + b
    return c
def none(x):
    y = [x]
def twice(a, b):
    return add(add(a, b), b)
def f(n):
    s = 0
    for i in range(n):
        s = add(s, i)
        s = twice(s, 1) % 10007
        x = none(s)
    return s, x, i
print(f(10), f(600))
def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)
def g(n):
    s = 0
    for i in range(n):
        s += fib(i % 9)
    return s
print(g(200))
def loops(n):
    s = 0
    for i in range(n):
        s += i
    return s
def h(n):
    s = 0
    for i in range(n):
        s += loops(i % 5) + loops(i % 60)
    return s
print(h(300))
def opt(a, b=3, *c, d=5):
    return a + b + d + len(c) if c else a + b + d
def len(x):
    return 1 if x else 0
def k(n):
    s = 0
    for i in range(n):
        s += opt(i) + opt(i, 2) + opt(i, 2, 3) + opt(i, d=1)
    return s
print(k(300))
",
        true,
    );
}

#[test]
fn exceptions_leave_functions_that_were_taken_along() {
    same(
        "def bad(i, n):
    x = [i]
    if i == n:
        return x[5]
    return x[0]
def f(n):
    s = 0
    try:
        for i in range(n + 10):
            s += bad(i, n)
    except IndexError as e:
        return s, i, e.args
print(f(3), f(300))
def div(i, j):
    return i // j
def g(n):
    s = i = 0
    while i < n:
        try:
            s += div(i, i % 7)
        except ZeroDivisionError:
            s -= 1
        i += 1
    return s
print(g(200))
",
        false,
    );
}

#[test]
fn globals_and_cells_change() {
    same(
        "c = 1
def f(n):
    global c
    s = 0
    for i in range(n):
        s += c
        if i % 100 == 99:
            c = c + 1
    return s, c
print(f(50), f(500))
def one(x):
    return x + 1
def two(x):
    return x + 2
def g(n):
    global one
    s = 0
    for i in range(n):
        s = one(s)
        if i == n // 2:
            one = two
    return s
print(g(400))
def h(n):
    k = 0
    def inc(by):
        nonlocal k
        k += by
        return k
    s = 0
    for i in range(n):
        s += inc(i)
    return s, k
print(h(400))
",
        true,
    );
}

#[test]
fn attributes_and_methods() {
    same(
        "def init(self, x, y):
    self.x = x
    self.y = y
def add(self, other):
    return P(self.x + other.x, self.y + other.y)
def grow(self, by):
    self.x += by
    return self.x
P = type('P', (), {'__init__': init, '__add__': add, 'grow': grow, 'k': 7})
Q = type('Q', (P,), {'grow': add})
def f(n):
    p = P(1, 2.5)
    q = P(3, -0.5)
    s = 0
    for i in range(n):
        p.x = p.x + q.x
        s += p.x + p.k
        p.grow(2)
        r = p + q
        r.z = r.y
    return s, p.x, p.y, r.x, r.y, r.z
print(f(5), f(400))
def g(n):
    all = [P(1, 2), Q(3, 4), P(5, 6)]
    s = 0
    for i in range(n):
        a = all[i % 3]
        s += a.x
        a.grow(P(1, 1) if i % 3 == 1 else 1)
    P.k = 9
    return s, all[0].x, all[0].k
print(g(300))
log = []
def gone(self):
    log.append(self.n)
D = type('D', (), {'__del__': gone})
def h(n):
    for i in range(n):
        d = D()
        d.n = i
        if i % 50 == 0:
            keep = d
            log.append('kept')
    return keep.n
print(h(200), log)
",
        true,
    );
}

/// A small function's frame lies among its caller's temporaries. Where it is left, no word stays in those behind it to which they
/// have no reference: the interpreter would give that up.
#[test]
fn callers_temporaries_behind_a_small_frame_hold_nothing() {
    same(
        "def gone(self):
    print('gone')
K = type('K', (), {'__del__': gone})
def last(a, b, c, d, e, f, g, x):
    return 0
def small(i):
    if i == 200:
        return 1
    return 0
def named(*, x):
    return x
def f(n, x):
    s = 0
    for i in range(n):
        s += last(1, 2, 3, 4, 5, 6, 7, named(x=x))
        s += small(i)
        s += last(1, 2, 3, 4, 5, 6, 7, named(x=x))
    return s
def main():
    x = K()
    held = [x, x, x]
    print(f(300, x))
    held.pop()
    held.pop()
    held.pop()
    print('end')
main()
",
        true,
    );
}

#[test]
fn arguments_by_keyword_and_objects_that_are_called() {
    same(
        "def area(width, height=3, depth=1):
    return width * height + depth
def init(self, x, y=2):
    self.x = x
    self.y = y
def call(self, a, b=10):
    return self.x + a * b
def moved(self, dx=0, dy=0):
    return P(self.x + dx, y=self.y + dy)
P = type('P', (), {'__init__': init, '__call__': call, 'moved': moved})
def f(n):
    s = 0
    p = P(3)
    go = p.moved
    for i in range(n):
        s += area(height=i, width=2) + area(i, depth=i) + area(depth=1, height=2, width=i)
        s += p(i) + p(b=i, a=2) + go(dy=i).y + go(i).x + P(y=i, x=1).y
        if i == n // 2:
            p = P(4)
            go = p.moved
    return s
print(f(10), f(300))
def wrong(n):
    s = 0
    for i in range(n):
        try:
            if i % 20 == 7:
                area(1, width=2)
            elif i % 20 == 8:
                area(1, lenght=2)
            elif i % 20 == 9:
                area(height=1)
            s += area(i, height=i)
        except TypeError:
            s -= 1
    return s
print(wrong(10), wrong(300))
",
        true,
    );
}

#[test]
fn ints_that_fit_no_word_and_texts() {
    same(
        "def f(n):
    a = b = 1
    h = 14695981039346656037
    s = 0
    for i in range(n):
        a, b = b, a + b
        if b > 1 << 200:
            a = b = 1
        h = ((h ^ i & 255) * 1099511628211) & 0xffffffffffffffff
        s ^= h >> 7
        s -= b // (i + 1) - b % 1000003
    return a, b, h, s
print(f(10), f(400))
def g(n):
    s = ''
    out = 0
    for i in range(n):
        s += 'ab'
        t = s + '!'
        if t > 'abc' or s >= t:
            out += len(t)
        if len(s) > 1500:
            s = 'b'
    return s, out
print(g(10), g(900))
def h(n):
    s = 0
    for i in range(n):
        try:
            s += (10 ** 30) // (i % 7)
        except ZeroDivisionError:
            s += 1
        s = s >> (i % 3) << 2
        s %= 10 ** 40
    return s
print(h(10), h(300))
",
        true,
    );
}

#[test]
fn loops_over_generators() {
    same(
        "def upto(n):
    i = 0
    while i < n:
        yield i
        i += 1
    return 'done'
def failing(k):
    for i in range(k):
        if i == k - 1:
            raise ValueError(k)
        yield i
def f(n):
    s = 0
    for x in upto(n):
        s += x
        for y in upto(x % 3):
            s += y * 100
        try:
            for z in failing(x % 5):
                s += z
        except ValueError as e:
            s += e.args[0] * 1000
    g = upto(n)
    for x in g:
        if x == n // 2:
            break
    for x in g:
        s += x
    for x in g:
        s += 10 ** 9
    return s
print(f(10), f(300))
",
        true,
    );
}

#[test]
fn nothing_of_these_calls_is_left_to_the_interpreter() {
    let source = "def area(width, height=3, depth=1):
    return width * height + depth
def add(self, n, times=1):
    self.x = n * times
    return n
P = type('P', (), {'add': add, '__call__': add})
def f(n):
    p = P()
    add = p.add
    s = 0
    for i in range(n):
        s += area(depth=i, width=2) + add(i) + add(times=2, n=i) + p(i, times=3)
        s = (s * 1000003) & 0xffffffffffffffff
    return s
f(40)
";
    let params = Params { loop_hot: 12, exit_hot: 4, credit: u64::MAX, ..Params::DEFAULT };
    let process = Process::watched(params).expect("this machine has a code generator");
    assert_eq!(run_in(source, Some(process.clone())).printed, "");
    let mut traces = 0;
    process.journal().expect("it is watched").each(|note| {
        if note.function == "f" && matches!(note.fate, Fate::Compiled { .. }) {
            traces += 1;
            assert!(note.opaque.is_empty(), "{note}");
        }
    });
    assert!(traces > 0);
}
