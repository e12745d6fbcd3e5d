"""Generators that delegate, and coroutines, in traces of whoever takes them up."""

import sys
import types


def total(it):
    s = 0
    for x in it:
        s += x
    return s


def inner(n):
    i = 0
    while i < n:
        yield i
        i += 1
    return n


def middle(n):
    got = yield from inner(n)
    yield got * 1000
    return got + 1


def outer(n):
    got = yield from middle(n)
    yield got * 1000000


print(total(outer(3000)))


def chain(depth, n):
    def level(d):
        if d == 0:
            for i in range(n):
                yield i
            return "end"
        return (yield from level(d - 1)) + str(d % 10)

    g = level(depth)
    s = 0
    while True:
        try:
            for x in g:
                s += x
                if x == n - 1:
                    break
            s += next(g)
        except StopIteration as e:
            return s, e.value


print([chain(d, 500) for d in (0, 1, 2, 3, 5, 9, 10, 11, 12, 13, 20)])


# Trees.
class Tree:
    def __init__(self, left, value, right):
        self.left, self.value, self.right = left, value, right

    def __iter__(self):
        if self.left:
            yield from self.left
        yield self.value
        if self.right:
            yield from self.right


def tree(lo, hi):
    if lo >= hi:
        return None
    at = (lo + hi) // 2
    return Tree(tree(lo, at), at, tree(at + 1, hi))


def walks(n):
    t = tree(0, n)
    s = 0
    for _ in range(60):
        for i, x in enumerate(t):
            s += i * x
        for x in t:
            s += x
    return s


print(walks(40), walks(7))


# What is sent goes to the end of the chain.
def sent(n):
    def echo():
        got = "first"
        while True:
            got = yield got
            if got == n - 1:
                return "done"

    def between():
        return (yield from echo()) + "!"

    def user():
        g = between()
        out = [next(g)]
        try:
            for i in range(n):
                out.append(g.send(i))
        except StopIteration as e:
            out.append(e.value)
        return len(out), out[-2:]

    return user()


print(sent(2000))


def relays(n):
    """Two generators that are sent values by a third."""

    def adder():
        s = 0
        while True:
            got = yield s
            s += got if got is not None else 1

    def both():
        a = adder()
        next(a)
        b = yield from feeds(a)
        return b

    def feeds(a):
        for i in range(n):
            yield a.send(i)
        return "fed"

    out = []

    def run():
        out.append((yield from both()))

    return total(run()), out


print(relays(1500))


# Exceptions that go through.
def thrown(n):
    log = []

    def inner():
        for i in range(n):
            try:
                yield i
            except KeyError:
                log.append(i)

    def outer():
        try:
            yield from inner()
        finally:
            log.append("outer")

    g = outer()
    s = 0
    for x in g:
        s += x
        if x % 400 == 399:
            s += g.throw(KeyError)
        if x == n - 100:
            try:
                g.throw(ValueError("mine"))
            except ValueError as e:
                log.append(str(e))
    return s, log


print(thrown(2000))


def raised(n):
    def inner():
        for i in range(n):
            yield 100 // (n - 1 - i)

    def outer():
        yield from inner()

    def most():
        yield from outer()

    s = 0
    try:
        for x in most():
            s += x
    except ZeroDivisionError as e:
        tb, names = e.__traceback__, []
        while tb:
            names.append((tb.tb_frame.f_code.co_name, tb.tb_lineno - tb.tb_frame.f_code.co_firstlineno))
            tb = tb.tb_next
        return s, names


print(raised(2000))


def looked(n):
    seen = []

    def inner():
        for i in range(n):
            if i % 500 == 499:
                f, names = sys._getframe(), []
                while f:
                    names.append((f.f_code.co_name, f.f_lineno - f.f_code.co_firstlineno))
                    f = f.f_back
                seen.append((names[:-1], [g.gi_running for g in (one, two)], one.gi_yieldfrom is two))
            yield i

    def outer():
        yield from two

    two = inner()
    one = outer()
    s = 0
    for x in one:
        s += x
        if x % 500 == 250:
            seen.append((one.gi_yieldfrom is two, one.gi_running, two.gi_running, two.gi_frame.f_locals["i"]))
    return s, seen


print(looked(1500))


# A chain that is taken apart: its end is also gone through directly, and it changes whom it delegates to.
def apart(n):
    def outer(parts):
        for part in parts:
            yield from part

    end = inner(n)
    g = outer([end, range(5), inner(7), [1, 2], inner(n)])
    a = b = 0
    for x in g:
        a += x
        if x % 3 == 0:
            for y in end:
                b += y
                break
    return a, b


print(apart(3000))


def itself(n):
    def outer():
        yield from part()

    def part():
        for i in range(n):
            yield i
            if i == n - 5:
                yield from me

    me = outer()
    s = 0
    try:
        for x in me:
            s += x
    except ValueError as e:
        return s, str(e)


print(itself(1500))


def two_of_a_kind(n):
    """The same code twice in a chain, and the same generator at two places."""

    def pass_on(it):
        yield from it

    one = pass_on(inner(n))
    other = pass_on(one)
    s = 0
    for x in other:
        s += x
        if x % 100 == 50:
            s += next(one, 0)
    return s


print(two_of_a_kind(3000))


# Coroutines.
@types.coroutine
def pause(x):
    return (yield x)


async def adds(a, b):
    return a + b


async def works(n):
    s = 0
    for i in range(n):
        s = await adds(s, i)
        if i % 50 == 49:
            s += await pause(i)
    return s


def runs(coroutine):
    values = []
    value = None
    try:
        while True:
            values.append(coroutine.send(value))
            value = 1
    except StopIteration as e:
        return e.value, len(values), values[-1:]


print(runs(works(3000)))


async def fibonacci(n):
    if n <= 1:
        return n
    return await fibonacci(n - 1) + await fibonacci(n - 2)


print(runs(fibonacci(16)))


class Awaits:
    def __init__(self, n):
        self.n = n

    def __await__(self):
        for i in range(self.n):
            yield i
        return self.n


async def many(n):
    s = 0
    for i in range(n):
        s += await Awaits(i % 4)
    return s


def sums(coroutine):
    s = 0
    it = coroutine.__await__()
    while True:
        try:
            s += next(it)
        except StopIteration as e:
            return s, e.value


print(sums(many(1500)))


class Items:
    def __init__(self, n):
        self.n, self.i = n, 0

    def __aiter__(self):
        return self

    async def __anext__(self):
        self.i += 1
        if self.i > self.n:
            raise StopAsyncIteration
        return await adds(self.i, await pause(0) or 0)


async def made(n):
    for i in range(n):
        yield i
        if i % 7 == 0:
            await pause(i)


async def goes(n):
    s = 0
    async for x in Items(n):
        s += x
    async for x in made(n):
        s += x
    return s + sum([x async for x in made(n)])


print(runs(goes(800)))


async def fails(n):
    s = 0
    for i in range(n):
        try:
            s += await check(i)
        except ValueError:
            s += 1000
    return s


async def check(i):
    if i % 10 == 9:
        raise ValueError
    return i


print(runs(fails(800)))
