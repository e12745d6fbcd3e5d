"""What does a round of a hot loop take that makes small objects, or goes through some?

    typhon bench/jit_loops.py [REPEATS [NAME...]]

Nanoseconds of processor time for a round of the innermost loop, the best of REPEATS once it is warm. CPython and PyPy run it too.
"""

import sys
import time
from array import array

ROUNDS = 1_000_000


def ranges(n):
    """A short range in each round of an outer loop."""
    s = 0
    for i in range(n // 5):
        for j in range(5):
            s += j
    return s


def rows(n):
    """A short list in each round of an outer loop."""
    row = [1, 2, 3, 4, 5]
    s = 0
    for i in range(n // 5):
        for x in row:
            s += x
    return s


def both(a, b):
    return a + b, a - b


def results(n):
    """A function with two results."""
    s = 0
    for i in range(n):
        x, y = both(i, 3)
        s += x * y
    return s


class Grid:
    def __getitem__(self, at):
        x, y = at
        return x + y


def keys(n):
    """A __getitem__ that takes its key apart."""
    grid = Grid()
    s = 0
    for i in range(n):
        s += grid[i, 2]
    return s


def whiles(n):
    """A while loop of three rounds in each round of another."""
    i = s = 0
    while i < n // 3:
        j = 0
        while j < 3:
            s += j ^ i
            j += 1
        i += 1
    return s


def names(n):
    """A builtin in a short inner loop, after the module has got another name."""
    globals()[f"name{len(globals())}"] = n
    s = 0
    for i in range(n // 3):
        for j in range(3):
            s += max(i, j)
    return s


def doubles(n):
    """An array's items are read and written."""
    a = array("d", range(100))
    for i in range(n // 100):
        for j in range(100):
            a[j] = a[j] * 0.5 + a[j - 1]
    return a[0]


def ints(n):
    """The same of bytes and ints that fit 32 bits."""
    a, b = array("i", range(100)), array("B", range(100))
    s = 0
    for i in range(n // 100):
        for j in range(100):
            s += a[j] + b[j]
            a[j] = s & 0xFFFF
    return s


def slices(n):
    """A slice backwards, and one that is replaced."""
    a = list(range(8))
    for i in range(n):
        a[:5] = a[4::-1]
    return a


def numbers(n):
    """abs, min, max and float."""
    s = 0.0
    for i in range(n):
        s += float(abs(i - 7)) + max(i, 3) - min(s, 2.5)
    return s


def branches(n):
    """Two ways by turns."""
    a = b = 0
    for i in range(n):
        if i & 1:
            a += 1
        else:
            b += 2
    return a + b


def counting(n):
    i = 0
    while i < n:
        yield i
        i += 1


def generators(n):
    """A generator that counts."""
    s = 0
    for x in counting(n):
        s += x
    return s


def callers(n):
    """One that goes through another one, and calls a function."""

    def plus(x):
        return x + 1

    def outer():
        for x in counting(n):
            yield plus(x)

    s = 0
    for x in outer():
        s += x
    return s


def delegates(n):
    """One that delegates."""

    def outer():
        yield from counting(n)

    s = 0
    for x in outer():
        s += x
    return s


def makers(n):
    """One of three items in each round of an outer loop."""

    def three(k):
        yield k
        yield k + 1
        yield k + 2

    s = 0
    for i in range(n // 3):
        for x in three(i):
            s += x
    return s


async def plus(a, b):
    return a + b


def coroutines(n):
    """A coroutine that awaits another one."""

    async def loop():
        s = 0
        for i in range(n):
            s = await plus(s, i)
        return s

    try:
        loop().send(None)
    except StopIteration as e:
        return e.value


ALL = [ranges, rows, results, keys, whiles, names, doubles, ints, slices, numbers, branches, generators, callers, delegates, makers, coroutines]


def main(repeats=10, *wanted):
    for work in ALL:
        if wanted and work.__name__ not in wanted:
            continue
        work(ROUNDS // 4)
        least = float("inf")
        for _ in range(int(repeats)):
            since = time.thread_time()
            work(ROUNDS)
            least = min(least, time.thread_time() - since)
        print(f"{work.__name__:10} {least / ROUNDS * 1e9:8.2f} ns  {work.__doc__}", flush=True)


main(*sys.argv[1:])
