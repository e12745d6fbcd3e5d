"""Generators and coroutines that a trace makes and comes to the end of."""

import gc
import sys
import weakref


def total(it):
    s = 0
    for x in it:
        s += x
    return s


def three(k, step=1, *, more=0):
    yield k
    yield k + step
    yield k + 2 * step + more


def makes(n):
    s = 0
    for i in range(n):
        for x in three(i):
            s += x
        for x in three(i, 2):
            s += x
        for x in three(k=i, more=i):
            s += x
    return s


print(makes(1500))


def closures(n):
    a = 3

    def with_cells(k):
        for i in range(2):
            yield a + k

    def with_own(k):
        def inner():
            return k

        yield inner() + a

    s = 0
    for i in range(n):
        for x in with_cells(i):
            s += x
        for x in with_own(i):
            s += x
        for x in (a * y for y in (i, 1)):
            s += x
        if i % 100 == 99:
            a += 1
    return s


print(closures(1500))


class Both:
    def __init__(self, k):
        self.k = k

    def items(self):
        yield self.k
        yield -self.k * 2

    @property
    def lazy(self):
        yield self.k

    @staticmethod
    def fixed(k):
        yield k * 5

    @classmethod
    def made(cls, k):
        yield cls(k).k

    def __getitem__(self, i):
        yield self.k + i

    def __call__(self, i):
        yield i

    def __iter__(self):
        yield self.k
        yield 1

    def __add__(self, other):
        yield other

    def __contains__(self, x):
        yield x

    def __lt__(self, x):
        yield x

    def __setitem__(self, i, x):
        yield i


def methods(n):
    s = 0
    for i in range(n):
        both = Both(i)
        for x in both.items():
            s += x
        for x in both.lazy:
            s += x
        for x in both.fixed(i):
            s += x
        for x in both.made(i):
            s += x
        for x in both[3]:
            s += x
        for x in both(4):
            s += x
        for x in both:
            s += x
        for x in both + i:
            s += x
        both[1] = 2
        s += (5 in both) + bool(both < 3)
        method = both.items
        for x in method():
            s += x
    return s


print(methods(1200))


class Wrong:
    def __init__(self):
        yield 1


def wrong(n):
    count = 0
    for i in range(n):
        try:
            Wrong()
        except TypeError as e:
            count += 1
        try:
            three()
        except TypeError as e:
            count += 1
        try:
            three(1, 2, 3)
        except TypeError as e:
            count += 1
    return count


print(wrong(300))


# What becomes of those that are not gone through, or not to their end.
class Noisy:
    log = []

    def __init__(self, k):
        self.k = k

    def __del__(self):
        Noisy.log.append(self.k)


def holds(k):
    mine = Noisy(k)
    other = Noisy(-k)
    also = mine
    yield k
    if k % 5 == 0:
        return
    yield mine.k


def ends(n):
    s = 0
    before = len(Noisy.log)
    order = []
    for i in range(1, n):
        for x in holds(i):
            s += x
        order.append(len(Noisy.log) - before)
        if i % 3 == 0:
            holds(i)
        for x in holds(i):
            break
    return s, order[:4], order[-1], Noisy.log[:8], Noisy.log[-4:], len(Noisy.log)


print(ends(600))


def watched(n):
    """Weak references to generators that end."""
    log = []
    s = 0
    for i in range(n):
        g = three(i)
        if i % 50 == 0:
            ref = weakref.ref(g, lambda _, i=i: log.append(i))
        for x in g:
            s += x
        g = None
        if i % 50 == 0:
            log.append(ref() is None)
    return s, log[:6], len(log)


print(watched(1000))


def kept(n):
    """Their end is not the end of them."""
    last = []
    s = 0
    for i in range(n):
        g = three(i)
        for x in g:
            s += x
        s += next(g, 7)
        last = (last + [g.gi_frame is None, g.gi_running, g.gi_code is three.__code__, list(g), g.__name__])[-5:]
    return s, last


print(kept(800))


def named(n):
    def other():
        yield 1

    names = set()
    for i in range(n):
        if i == n // 2:
            other.__name__ = "renamed"
            other.__qualname__ = "quite.renamed"
        g = other()
        for x in g:
            pass
        names.add((g.__name__, g.__qualname__))
    return sorted(names)


print(named(600))


def changes(n):
    """The function gets other code, other defaults."""

    def f(a, b=1):
        yield a + b

    def g(a, b=1):
        yield a * b
        yield 1

    s = 0
    for i in range(n):
        for x in f(i):
            s += x
        if i == n // 3:
            f.__defaults__ = (5,)
        if i == n // 2:
            f.__code__ = g.__code__
    return s


print(changes(900))


def values(n):
    def ends(k):
        if k % 2:
            yield k
        return k * 10

    def all_of(k):
        a = yield from ends(k)
        b = yield from ends(k + 1)
        return a + b

    s = 0
    for i in range(n):
        g = all_of(i)
        for x in g:
            s += x
        s += (lambda: (yield from all_of(i)))().send(None)
    return s


print(values(900))


def results(n):
    def ends(k):
        if k % 2:
            yield k
        return k * 10

    def all_of(k):
        a = yield from ends(k)
        b = yield from ends(k + 1)
        got.append(a + b)

    got = []
    s = 0
    for i in range(n):
        for x in all_of(i):
            s += x
    return s, len(got), sum(got)


print(results(900))


def recursive(n):
    def down(k):
        if k:
            yield k
            for x in down(k - 1):
                yield x

    def delegates(k):
        if k:
            yield k
            yield from delegates(k - 1)

    s = 0
    for i in range(n):
        for x in down(i % 7):
            s += x
        for x in delegates(i % 9):
            s += x
    return s


print(recursive(300))


def permutations(pool, k):
    if k == 0:
        yield ()
        return
    for i in range(len(pool)):
        for rest in permutations(pool[:i] + pool[i + 1:], k - 1):
            yield (pool[i],) + rest


def counts(n):
    s = 0
    for p in permutations(tuple(range(n)), n):
        s = (s * 31 + p[0] * 7 + p[-1]) % 1000003
    return s


print(counts(6))


# Coroutines.
async def plus(a, b):
    return a + b


async def twice(a):
    return await plus(a, a)


async def loops(n):
    s = 0
    for i in range(n):
        s += await plus(i, 1)
        s += await twice(i)
    return s


def run(coroutine):
    try:
        while True:
            coroutine.send(None)
    except StopIteration as e:
        return e.value


print(run(loops(1500)))


class Stack:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *what):
        return what[0] is KeyError

    async def get(self, i):
        if i % 10 == 9:
            raise KeyError(i)
        return i


async def withs(n):
    s = 0
    for i in range(n):
        async with Stack() as stack:
            s += await stack.get(i)
    return s


print(run(withs(600)))


async def again(n):
    """One that has been awaited already."""
    count = 0
    for i in range(n):
        c = plus(i, 1)
        count += await c
        try:
            await c
        except RuntimeError as e:
            count += len(str(e))
    return count


print(run(again(500)))


def origins(n):
    names = set()

    async def nothing():
        return 1

    async def main():
        s = 0
        for i in range(n):
            if i == n // 2:
                sys.set_coroutine_origin_tracking_depth(1)
            c = nothing()
            names.add(c.cr_origin and c.cr_origin[0][2])
            s += await c
        sys.set_coroutine_origin_tracking_depth(0)
        return s

    return run(main()), sorted(map(str, names))


print(origins(600))


async def stream(n):
    for i in range(n):
        yield i
        if i % 3 == 0:
            s = await plus(i, i)
            yield s


async def consumes(n):
    s = 0
    for i in range(n):
        async for x in stream(i % 5):
            s += x
    return s


print(run(consumes(500)))


def collects(n):
    s = 0
    for i in range(n):
        g = three(i)
        ring = [g]
        ring.append(ring)
        for x in g:
            s += x
        if i % 200 == 0:
            gc.collect()
    return s


print(collects(1000))


def deep(n):
    """Too many of them, one in the other."""

    def nest(k):
        for x in nest(k + 1):
            yield x

    caught = 0
    for i in range(n):
        try:
            for x in nest(0):
                pass
        except RecursionError:
            caught += 1
    return caught


print(deep(3))
