"""Functions that take the rest of their arguments, called in hot loops."""

import sys


def passes(level, msg, *args, **kwargs):
    if level > 10:
        return msg, args, kwargs
    return None


def kept(a, *more):
    return more


def named(**others):
    return others


def both(a, b=2, *more, c=5, **others):
    return a, b, more, c, others


def counts(*more):
    n = 0
    for x in more:
        n += x
    return n + len(more)


def first(*more):
    return more[0] if more else None


def many(n):
    s, out = 0, []
    for i in range(n):
        if passes(i % 12, "m") is not None:
            out.append(passes(i % 12, "m", i))
        if passes(3, "m", i, i + 1) is not None:
            s += 1
        s += counts() + counts(i) + counts(i, 2, 3)
        t = kept(i, "x", i)
        s += len(t) + t[1]
        d = named()
        d["i"] = i
        s += len(d) + d["i"] + len(named())
        s += first(i, 1) + (first() is None)
        got = both(i), both(i, 1), both(i, 1, 2), both(i, c=3), both(i, 1, 2, 3, d=4), both(a=i)
        if i % 60 == 59:
            out.append(got)
    return s, out, t, d


print(many(1))
print(many(200))


class Logger:
    def __init__(self, *names, **options):
        self.names = names
        self.options = options
        self.level = 30
        self.cache = {}

    def enabled(self, level):
        try:
            return self.cache[level]
        except KeyError:
            is_enabled = self.cache[level] = level >= self.level
            return is_enabled

    def debug(self, msg, *args, **kwargs):
        if self.enabled(10):
            self.log(10, msg, args, **kwargs)

    def warn(self, msg, *args, **kwargs):
        if self.enabled(30):
            return self.log(30, msg, args, **kwargs)

    def log(self, level, msg, args, **kwargs):
        return level, msg % args, kwargs

    def __call__(self, *args):
        return len(args)

    @classmethod
    def make(cls, *args, **kwargs):
        return cls(*args, **kwargs)


def log(n):
    logger, s = Logger("a", "b", size=3), 0
    debug = logger.debug
    for i in range(n):
        logger.debug("nothing")
        logger.debug("nothing %d", i)
        logger.debug("nothing %d", i, extra=i)
        debug("bound")
        debug("bound %s", "x")
        level, text, kwargs = logger.warn("told %d %s", i, "x")
        s += level + len(text) + len(kwargs)
        s += logger() + logger(i) + logger(i, i)
        other = Logger(i, i + 1)
        s += len(other.names) + len(other.options) + other.names[-1]
        if i % 50 == 49:
            logger.level = 10
            logger.cache = {}
    made = Logger.make(1, 2, name="x")
    return s, logger.cache, made.names, made.options


print(log(2))
print(log(200))


def ends(n):
    """What the rest holds ends with the call, or with who has kept it."""
    ended = []

    class Loud:
        def __init__(self, i):
            self.i = i

        def __del__(self):
            ended.append(self.i)

    def drops(*more):
        return len(more)

    def keeps(a, *more, **others):
        return more, others

    held = None
    for i in range(n):
        drops(Loud(i), -i)
        ended.append("called")
        held = keeps(1, Loud(i * 1001))
        ended.append("kept")
    return ended[:14], len(ended), len(held[0])


print(ends(100))


def seen(n):
    """Frames are as they are everywhere."""

    def looks(a, *more, **others):
        if a % 40 == 39:
            return sorted(sys._getframe().f_locals.items()), sys._getframe(1).f_code.co_name
        more = others = None
        return a

    out = []
    for i in range(n):
        got = looks(i, i + 1, "x")
        if got != i:
            out.append(got)
    return out


print(seen(120))


def raises(n):
    def fails(a, *more, **others):
        return a // more[0] + len(others)

    out, s = [], 0
    for i in range(n):
        try:
            s += fails(i, i % 7)
        except ZeroDivisionError as e:
            out.append(str(e))
        try:
            s += fails(i)
        except IndexError as e:
            out.append((str(e), e.__traceback__.tb_next.tb_frame.f_locals["more"]))
        try:
            passes(i)
        except TypeError as e:
            out.append(str(e))
        try:
            kept(i, a=3)
        except TypeError as e:
            out.append(str(e))
    return s, len(out), out[:3], out[-4:]


print(raises(150))


def generators(n):
    def gen(*more, **others):
        for x in more:
            yield x + len(others)

    def inside(k):
        for i in range(k):
            yield counts(i, 1) + len(kept(i, 2, 3)) + len(named())

    s = 0
    for i in range(n):
        for x in gen(i, 2):
            s += x
    for x in inside(n):
        s += x
    return s


print(generators(200))


def swaps(n):
    """A default that changes, and another function in the same place."""

    def f(a, b=1, *more, **others):
        return a + b + len(more)

    def g(a, *more):
        return a * 2 + len(more)

    s, h = 0, f
    for i in range(n):
        s += h(i) + h(i, 2, 3)
        if i == n // 3:
            f.__defaults__ = (10,)
        elif i == n // 2:
            h = g
        elif i == n - 20:
            g.__code__ = kept.__code__
            break
    return s, g(1, 2)


print(swaps(300))
