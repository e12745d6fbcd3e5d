"""Loops over generators whose bodies are a part of the loop's trace."""

import sys


def count(n):
    i = 0
    while i < n:
        yield i
        i += 1
    return "over"


def total(it):
    s = 0
    for x in it:
        s += x
    return s


print(total(count(5000)), total(count(0)), total(count(3)))


# Two consumers of one generator, by turns.
def two(n):
    g = count(n)
    a = b = 0
    for x in g:
        a += x
        for y in g:
            b += y
            if y % 3 == 2:
                break
    return a, b


print(two(4000))


# Another consumer takes items between rounds.
def between(n):
    g = count(n)
    seen = []
    for x in g:
        if x % 100 == 0:
            seen.append((x, next(g, None), sum(y for y, _ in zip(g, range(5)))))
    return len(seen), seen[-1], next(g, "none")


print(between(4000))


# Values of several kinds; a yield's own value; several yields.
def kinds(n):
    for i in range(n):
        got = yield i
        yield got
        yield i * 0.5
        yield str(i)
        yield (i, got)
        yield [i] if i % 2 else None


def mixed(n):
    names = {}
    for x in kinds(n):
        names[type(x).__name__] = names.get(type(x).__name__, 0) + 1
    return names


print(mixed(500))


def sends(n):
    def echo():
        got = None
        while True:
            got = yield got
            if got is None:
                got = "nothing"

    g = echo()
    next(g)
    out = []
    for i in range(n):
        out.append(g.send(i))
        for x in g:
            out.append(x)
            break
    return len(out), out[-2:]


print(sends(1000))


# Exceptions from the body, into it, and at its end.
def fails(n, at):
    for i in range(n):
        if i == at:
            raise ValueError(i)
        yield i


def catches(n):
    got = 0
    for at in range(1, n):
        try:
            for x in fails(n, at):
                got += x
        except ValueError as e:
            got += e.args[0] * 1000
    return got


print(catches(80))


def careful(n, log):
    try:
        for i in range(n):
            try:
                yield i
            except KeyError as e:
                log.append(("key", i, e.args))
                yield -1
    finally:
        log.append("closed")


def throws(n):
    log = []
    g = careful(n, log)
    s = 0
    for x in g:
        s += x
        if x % 500 == 499:
            s += 100000 * g.throw(KeyError(x))
        if x == 3500:
            g.close()
    return s, log, g.gi_frame


print(throws(4000))


# The value of StopIteration, when the loop has not been the one to come to the end.
def value(n):
    g = count(n)
    for x in g:
        if x == n - 1:
            break
    try:
        next(g)
    except StopIteration as e:
        return e.value


print(value(3000))


def exhausted(n):
    g = count(n)
    s = 0
    for _ in range(5):
        for x in g:
            s += x
    return s, list(g)


print(exhausted(3000))


# A generator that goes through itself.
def itself(n):
    def body():
        for i in range(n):
            if i == n - 1:
                for x in me:
                    yield x
            yield i

    me = body()
    s = 0
    try:
        for x in me:
            s += x
    except ValueError as e:
        return s, str(e), list(me)


print(itself(3000))


# Nested ones, and some of the same code.
def nested(n):
    def inner(k):
        for i in range(k):
            yield i

    def middle(k):
        for x in inner(k):
            yield x + 1

    def outer(k):
        for x in middle(k):
            yield x * 2

    return total(outer(n)), total(inner(10))


print(nested(3000))


def tower(depth, n):
    def level(d):
        if d == 0:
            for i in range(n):
                yield i
        else:
            for x in level(d - 1):
                yield x + d

    return total(level(depth))


print([tower(d, 400) for d in (0, 1, 2, 3, 5, 11, 12, 13, 20, 40)])


# The same generator under two names in one trace.
def twice(n):
    def pass_on(it):
        for x in it:
            yield x

    def run(a, b):
        s = 0
        for x in a:
            for y in b:
                s += x - y
                break
        return s

    one = pass_on(range(n))
    other = pass_on(range(n))
    out = [run(one, other)]
    same = pass_on(range(n))
    out.append(run(same, same))
    return out


print(twice(2000))


def swallows(n):
    """A generator that is resumed by itself, where another one of its code was."""

    def body(k, others):
        for i in range(k):
            for x in others[i % len(others)]:
                yield x + i
                break

    others = [body(5000, [iter(range(10**6))]), body(5000, [iter(range(10**6))])]
    me = body(n, others)
    s = total(me)
    again = []
    loop = body(n, again)
    again.extend([others[0], others[1]] * 100 + [loop])
    try:
        total(loop)
    except ValueError as e:
        return s, str(e)


print(swallows(900))


# Who is made in each round, and left in the middle.
def short(n):
    def three(k):
        yield k
        yield k + 1
        if k % 7 == 0:
            return
        yield k + 2

    s = 0
    for i in range(n):
        for x in three(i):
            s += x
            if x % 11 == 0:
                break
    return s


print(short(3000))


# Temporaries live across a yield.
def temporaries(n):
    def body():
        s = 0
        for i in range(n):
            s += i * 2 + len([i, (yield i), (yield str(i))])
        yield s

    last = None
    for x in body():
        last = x
    return last


print(temporaries(1500))


# Objects that end.
class Noisy:
    live = 0

    def __init__(self):
        Noisy.live += 1

    def __del__(self):
        Noisy.live -= 1


def ends(n):
    def body():
        for i in range(n):
            x = Noisy()
            y = [x]
            yield x
            yield y

    most = 0
    for x in body():
        most = max(most, Noisy.live)
    x = None
    return most, Noisy.live


print(ends(1500))


def cells(n):
    total = 0

    def body():
        nonlocal total
        for i in range(n):
            total += i
            yield lambda: total

    s = 0
    for f in body():
        s += f()
    return s


print(cells(1500))


# Calls in the body, and loops in it.
class Point:
    def __init__(self, x):
        self.x = x

    def twice(self):
        return self.x * 2

    def __iter__(self):
        for i in range(self.x):
            yield Point(i)


def methods(n):
    s = 0
    for p in Point(n):
        s += p.twice()
        for q in Point(3):
            s += q.x
    return s


print(methods(1500))


def primes(n):
    def numbers():
        i = 2
        while True:
            for d in range(2, i):
                if d * d > i or i % d == 0:
                    break
            if i == 2 or i % d or i == 3:
                yield i
            i += 1

    s = 0
    for p in numbers():
        if p > n:
            return s
        s += p


print(primes(2500))


# Generators that change kind at one place.
def places(n):
    def a():
        for i in range(n):
            yield i

    def b():
        x = 0.5
        while x < n:
            yield x
            x += 1.0

    class Own:
        def __init__(self):
            self.i = 0

        def __iter__(self):
            return self

        def __next__(self):
            self.i += 1
            if self.i > 50:
                raise StopIteration
            return self.i

    out = []
    for k in range(60):
        for it in (a(), b(), Own(), iter([1, 2, 3]), range(4), (x for x in "abc"), {1: 2}.items()):
            last = None
            for x in it:
                last = x
            if k == 59:
                out.append(last)
    return out


print(places(40))


def unbound(n):
    def body():
        for i in range(n):
            if i > n - 2:
                del x
            x = i
            yield x
            if i > n - 3:
                del x

    s = 0
    try:
        for x in body():
            s += x
    except UnboundLocalError as e:
        return s, str(e)


print(unbound(2000))


def handled(n):
    """Yields from within a handler, whose exception is the generator's own."""

    def body():
        try:
            raise KeyError("mine")
        except KeyError:
            for i in range(n):
                yield i, sys.exc_info()[0]

    out = set()
    s = 0
    for i, kind in body():
        s += i
        out.add(kind)
        out.add(sys.exc_info()[0])
    return s, sorted(str(kind) for kind in out)


print(handled(1500))


def chained(n):
    def body():
        for i in range(n):
            yield 10 // (n - 1 - i)

    try:
        raise LookupError
    except LookupError:
        try:
            total(body())
        except ZeroDivisionError as e:
            return type(e.__context__), e.__traceback__.tb_next.tb_next.tb_frame.f_code.co_name


print(chained(1500))


# Calls in the body: by name, default and keyword, of methods, classes, properties, operators; some raise, some look.
class Number:
    made = 0

    def __init__(self, n, scale=1):
        Number.made += 1
        self.n = n * scale

    def __add__(self, other):
        return Number(self.n + other.n)

    def __getitem__(self, i):
        return self.n + i

    def __setitem__(self, i, v):
        self.n = v

    def __call__(self, a, b=2):
        return self.n + a * b

    @property
    def half(self):
        return self.n // 2


def plus(a, b=10, *, c=100):
    return a + b + c


def looks(i):
    f = sys._getframe(1)
    return f.f_code.co_name, f.f_locals["i"] == i, f.f_back.f_code.co_name


def calls(n):
    one = Number(1)

    def body():
        for i in range(n):
            x = Number(i, scale=3)
            y = x + one
            y[0] = i
            method = x.__getitem__
            yield plus(i) + plus(i, c=1) + plus(b=i, a=2) + x.n + y[2] + x(i) + x(1, b=i) + x.half + method(5)
            if i % 400 == 399:
                yield looks(i)

    s = 0
    seen = []
    for x in body():
        if isinstance(x, tuple):
            seen.append(x)
        else:
            s += x
    return s, seen, Number.made


print(calls(2000))


def raises(n):
    def check(i):
        if i % 97 == 96:
            raise ValueError(i)
        return i

    def body():
        for i in range(n):
            yield check(i)

    s = 0
    start = 0
    while True:
        try:
            for x in body():
                s += x
            return s
        except ValueError as e:
            tb = e.__traceback__
            names = []
            while tb:
                names.append(tb.tb_frame.f_code.co_name)
                tb = tb.tb_next
            start += 1
            if start == 20:
                return s, names


print(raises(1000))


def yields_within(n):
    """A callee that goes through a generator itself, which calls."""

    def add(a, b):
        return a + b

    def inner(k):
        for i in range(k):
            yield add(i, 1)

    def summed(k):
        s = 0
        for x in inner(k):
            s = add(s, x)
        return s

    def body():
        for i in range(n):
            yield summed(3) + add(i, i)

    return total(body())


print(yields_within(1500))


# Globals and builtins in the body, some of which change.
STEP = 1


def globals_in(n):
    global STEP

    def body():
        for i in range(n):
            yield abs(-i) * STEP + len("abc")

    s = 0
    for x in body():
        s += x
        if x % 700 == 699:
            STEP += 1
    return s, STEP


print(globals_in(3000))
