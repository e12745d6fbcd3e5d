//! Ranges and iterators that traces make, or do without; tests/py/jit_iterators.py has more.

use crate::loops::same;

#[test]
fn ranges_in_loops() {
    same(
        "def f(n):
    s = 0
    for i in range(n):
        for j in range(i % 7):
            s += j
        for j in range(i, i + 3):
            s += j * 2
        for j in range(i % 5, 2):
            s -= j
        for j in range(i % 9, -3, -2):
            s += j * 3
        for j in range(0, i % 40, 7):
            s += 1
        else:
            s += j
    return s
print(f(0), f(1), f(300))
def g(n):
    s = 0
    for a, b, c in [(0, n, 1), (n, 0, -1), (5, 5, 2), (2, n, 3), (n, 2, -3)] * 20:
        for x in range(a, b, c):
            s = (s * 3 + x) % 1000003
    return s
print(g(9), g(40))
",
        true,
    );
}

#[test]
fn lists_and_tuples_in_loops() {
    same(
        "def f(n):
    s = 0
    rows = [[1, 2, 3], [], [4], [5, 6]]
    for i in range(n):
        for x in rows[i % 4]:
            s += x
        for x in (i, i + 1):
            s += x
        for x in [i, 2, 3]:
            s -= x
            if x == i % 4:
                break
        for row in rows:
            for x in row:
                s += x
    return s
print(f(1), f(400))
",
        true,
    );
}
