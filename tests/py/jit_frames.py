# A small function's frame lies among its caller's temporaries: those behind it refer to nothing when it is left.
import sys


class Thing:
    pass


def last(a, b, c, d, e, f, g, x):
    return b


def small(i):
    if i % 7 == 3:
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


thing = Thing()
many = [thing] * 1000
before = sys.getrefcount(thing)
print(f(300, thing))
print(sys.getrefcount(thing) - before)
