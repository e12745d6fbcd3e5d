//! Python loops do the same with the trace compiler and without it.

use crate::harness::run;
use typhon_jit::Params;

/// Thresholds at which everything is recorded almost at once, and later; without bridges and with them, and with bridges that
/// become limbs.
pub fn thresholds() -> [Params; 5] {
    let params =
        |(loop_hot, exit_hot, tree_hot)| Params { loop_hot, exit_hot, tree_hot, credit: u64::MAX, ..Params::DEFAULT };
    [(1, 0, 0), (2, 211, 0), (7, 3, 0), (60, 1, 0), (7, 3, 3)].map(params)
}

/// Runs a program without the compiler and with it, at several thresholds. `traces`: whether one must have been compiled.
pub fn same(source: &str, traces: bool) {
    let plain = run(source, None);
    assert!(!plain.printed.contains("Error") || source.contains("Error"), "{}", plain.printed);
    for params in thresholds() {
        let compiled = run(source, Some(params.clone()));
        assert_eq!(compiled.printed, plain.printed, "with a threshold of {}\n{source}", params.loop_hot);
        assert!(compiled.traces > 0 || !traces, "nothing was compiled at {}\n{source}", params.loop_hot);
    }
}

#[test]
fn ints_in_a_while_loop() {
    same(
        "def f(n):
    t = i = 0
    while i < n:
        t = (t + i * 3) % 1000003
        if t & 1:
            t += 2
        i += 1
    return t, i
print(f(1), f(2), f(3), f(10), f(5000))
print(f(777))
",
        true,
    );
}

#[test]
fn ranges_and_floats() {
    same(
        "def g(n, x):
    s = 0
    for i in range(n):
        x = x * 0.999 + i
        s += i
    return x, s, i
print(g(3000, 0.5), g(100, 0.0), g(2000, -1.5))
print(g(500, 1e300))
def h(a, b, c):
    s = 0.0
    for i in range(a, b, c):
        s += i / 4 - 0.25
    return s
print(h(0, 4000, 3), h(1000, -1000, -7))
",
        true,
    );
}

#[test]
fn values_that_fit_no_word() {
    same(
        "def grow(n):
    a, b = 0, 1
    i = 0
    while i < n:
        a, b = b, a + b
        i += 1
    return a, b
print(grow(80), grow(88), grow(89), grow(200))
def fact(n):
    r = 1
    for i in range(1, n):
        r = r * i
    return r
print(fact(18), fact(30), fact(400))
def power(n):
    x = 1.0
    for i in range(n):
        x = x * 2.0
    return x
print(power(200), power(300), power(900), power(2000))
def shrink(n):
    x = 1.0
    i = 0
    while i < n:
        x = x / 3
        i += 1
    return x, -x, 0.0 * -x
print(shrink(100), shrink(200), shrink(800))
def shift(n):
    x = 1
    for i in range(n):
        x = x << 1
    return x
print(shift(60), shift(61), shift(62), shift(70))
",
        true,
    );
}

#[test]
fn types_that_change() {
    same(
        "def f(n, k):
    x = 0
    for i in range(n):
        if i == k:
            x = x + 0.5
        x = x + 1
    return x
print(f(500, 100), f(500, 499), f(500, 1000))
def g(a, n):
    s = a
    i = 0
    while i < n:
        s = s + a
        i += 1
    return s
print(g(1, 300), g(1.5, 300), g(2, 300), g(True, 300), g('ab', 20), g(1 << 70, 100))
def h(n):
    x = None
    for i in range(n):
        x = i if x is None else x + i
    return x
print(h(300))
",
        false,
    );
}

#[test]
fn the_loop_is_left_in_every_way() {
    same(
        "def f(n):
    for i in range(n):
        if i * i > 5000:
            break
    else:
        return 'all', i
    return i
print(f(10), f(1000))
def g(n):
    s = 0
    for i in range(n):
        if i % 3 == 0:
            continue
        s += i
        if i % 7 == 0:
            continue
        s -= 1
    return s
print(g(1000))
def h(n):
    try:
        i = 0
        while True:
            i += 1
            x = 1000 % (n - i)
    except ZeroDivisionError as e:
        return i, x
print(h(500))
def k(n):
    i = 0
    while i < n:
        i += 1
        if i > 400:
            return i
print(k(10), k(1000))
def u(n):
    i = 0
    while i < n:
        if i > 300:
            del j
            print(j)
        j = i
        i += 1
try:
    u(1000)
except UnboundLocalError as e:
    print('UnboundLocalError', e.args)
",
        true,
    );
}

#[test]
fn division_and_bits() {
    same(
        "def f(n):
    r = 0
    for i in range(-n, n):
        r = r * 31 + (i // 7) * 5 + i % 7 - (i // -3) + i % -5 + (i & 12) - (i | 3) + (i ^ 9) + (i >> 1) + ~i + -i
        r = r % 1000000007
    return r
print(f(700))
def g(n, d):
    r = 0
    for i in range(-n, n):
        r = (r + i // d + i % d) % 65537
    return r
print(g(300, 3), g(300, -3), g(300, -1), g(300, 1), g(300, 8), g(300, -8))
def m(n):
    x = 0.75
    for i in range(1, n):
        x = -x + 3 / i
        if x > 2.5:
            x = x - 2.0
        elif x <= -2:
            x = x + 2
    return x
print(m(3000))
",
        true,
    );
}

#[test]
fn powers() {
    let source = "def f(xs, y):
    s = []
    for x in xs:
        try:
            s += [x ** y]
        except ZeroDivisionError:
            s += ['zero']
        except OverflowError:
            s += ['large']
    return s
some = [0.5, 2.0, 1e-300, 7.25] * 30
for y in 0.5, -1.5, 3, 2, 0, 1e3:
    print(f(some, y))
    print(f(some + [0.0, -2.0, 1e300, 1e308 * 10, -1e308 * 10, 1e308 * 10 * 0, 4], y))
def cubes(n):
    s = 0.0
    for i in range(n):
        x = i + 0.5
        s += x ** 3 - x ** -1
    return s
print(cubes(500))
";
    same(source, true);
}

#[test]
fn loops_in_loops_and_in_generators() {
    same(
        "def f(n):
    c = j = 0
    for i in range(n):
        for j in range(i):
            c += i * j % 5
        while j > 3:
            j -= 2
            c += 1
    return c
print(f(60))
def gen(n):
    i = 0
    while i < n:
        k = 0
        while k < 40:
            k += 1
        yield i + k
        i += 1
s = 0
for v in gen(50):
    s += v
print(s)
def truth(n):
    a = True
    c = 0
    for i in range(n):
        b = i > 50
        if a:
            c += 1
        if not b:
            c += 2
        a = c < 300
    return c, a, b
print(truth(500))
",
        true,
    );
}

#[test]
fn floats_that_are_objects_keep_their_identity() {
    same(
        "def f(n):
    x = 0.0
    y = 1.5
    for i in range(n):
        y = x
        x = x * 1.0
    return x, y, x is y
print(f(300))
def g(n):
    big = 1e300
    keep = big
    z = 0.5
    for i in range(n):
        z = big
        big = big + 1e290
    return z < big, keep, z == big
print(g(300))
def nan(n):
    x = float('inf') - float('inf')
    c = 0
    for i in range(n):
        if x == x:
            c += 1
        if x != x:
            c += 2
        x = x + 1
    return c
print(nan(300))
",
        false,
    );
}
