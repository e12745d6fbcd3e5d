"""Frames that somebody has asked for once, and whose loops are hot afterwards."""
import sys


def once(n):
    """Nobody has the frame object any more when the loop begins."""
    line = sys._getframe().f_lineno
    s = line - line
    for i in range(n):
        s += i & 7
    return s


def names(n):
    """globals() needs no frame object."""
    globals()["counted"] = n
    s = 0
    for i in range(n):
        s += i & 3
    return s, counted


def kept(n):
    """Somebody has it, and looks at the registers in each round."""
    frame = sys._getframe()
    s = 0
    for i in range(n):
        s += i
        if i % 50 == 0:
            s += frame.f_locals["i"] - i + frame.f_locals["s"] - s
    return s


def look(depth):
    f = sys._getframe(depth)
    return f.f_locals["i"], f.f_lineno - f.f_code.co_firstlineno


def asked(n):
    """A call asks for it in each round, and lets go of it."""
    s = 0
    for i in range(n):
        s += i * 2
        at, line = look(1)
        s += at - i + line
    return s


class Held:
    frame = None


def later(n):
    """It is asked for in the middle, and kept: what is written to its locals counts."""
    s = step = 0
    for i in range(n):
        s += i + step
        if i == n // 2:
            Held.frame = sys._getframe()
            Held.frame.f_locals["step"] = 1000
        if i == n // 2 + 10:
            Held.frame = None
            step -= 1
    return s, step


def caller(n):
    """Its frame has been asked for when what it calls is hot, and returns to it."""

    def inner(k):
        s = 0
        for i in range(k):
            s ^= i
        return s

    t = 0
    for i in range(n):
        if i % 40 == 3:
            t += sys._getframe().f_lineno - sys._getframe().f_code.co_firstlineno
        t += inner(i % 9)
    return t


def deep(n):
    """A callee in the loop asks for its own frame, for its caller's and for the one below, now and then."""

    def third(i):
        if i % 7 == 0:
            return sys._getframe(2).f_locals["i"] + sys._getframe(1).f_locals["x"] + len(sys._getframe().f_locals)
        return 1

    def second(x):
        y = third(x)
        return x + y

    s = 0
    for i in range(n):
        s += second(i)
    return s


def raises(n):
    """Tracebacks wait for the frame object; what the handler does with them ends with it."""
    s = 0
    for i in range(n):
        try:
            if i % 5 == 4:
                raise ValueError(i)
            s += i
        except ValueError as e:
            s += e.__traceback__.tb_lineno - e.__traceback__.tb_frame.f_code.co_firstlineno
            if i % 45 == 4:
                s += e.__traceback__.tb_frame.f_locals["i"]
    return s


def gen(n):
    frame = sys._getframe()
    for i in range(n):
        yield i + (frame.f_locals["i"] - i)


def walk():
    """Everybody's, as a logger looks for its caller."""
    f, n = sys._getframe(), 0
    while f is not None:
        f, n = f.f_back, n + 1
    return n


def logs(n):
    s = 0
    for i in range(n):
        if i % 16 == 0:
            s += walk() - walk()
        s += i
    return s


N = 3000
for f in once, names, kept, asked, later, caller, deep, raises, logs:
    print(f.__name__, f(N), f(N))
print(sum(gen(N)), sum(gen(N)))


class Ends:
    def __init__(self, what):
        self.what = what

    def __del__(self):
        f = sys._getframe(1)
        ended.append((self.what, f.f_locals.get("i")))


ended = []


def finalizers(n):
    """A finalizer looks at the frame that let go."""
    x = None
    for i in range(n):
        x = Ends(i) if i % 100 == 99 else i
    return x


print(type(finalizers(N)), type(finalizers(N)), len(ended), sum(a - b for a, b in ended if b is not None), ended[:3])
