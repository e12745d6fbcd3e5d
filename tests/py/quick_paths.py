# What the specialized instructions must notice: every loop runs often enough to be specialized, then something changes.
def often(f, *a):
    out = []
    for _ in range(5):
        out.append(f(*a))
    return out


class A:
    k = 1

    def __init__(self):
        self.x = 1

    def m(self):
        return "A.m"

    @property
    def p(self):
        return self.x

    @staticmethod
    def s(v):
        return ("s", v)

    @classmethod
    def c(cls, v):
        return (cls.__name__, v)


class B(A):
    def m(self):
        return "B." + super().m()

    @classmethod
    def c(cls, v):
        return ("B", super().c(v))


def read(o):
    return (o.x, o.k, o.p, o.m(), o.s(1), o.c(2))


print(often(read, A()), often(read, B()))
a = A()
print(often(read, a))
a.m = lambda: "own"
print(often(read, a))
a.__dict__["k"] = "dict"
print(often(read, a), vars(a).keys())
del a.m
print(often(read, a))
A.k = 2
A.m = lambda self: "new A.m"
A.p = property(lambda self: "new p")
A.s = staticmethod(lambda v: ("new s", v))
print(often(read, A()), often(read, B()), often(read, a))
A.p = 5
print(often(read, B()))


def of_class(c):
    return (c.k, c.s(1), c.c(2))


print(often(of_class, A), often(of_class, B))
A.k = 3
print(often(of_class, A), often(of_class, B))


class Meta(type):
    pass


class M(metaclass=Meta):
    v = 1


def meta(c):
    return c.v


print(often(meta, M))
Meta.v = property(lambda cls: "meta")
print(often(meta, M))
del Meta.v
print(often(meta, M))

import math


def module():
    return (math.floor(2.5), math.trunc(1.5))


print(often(module))
math.trunc = lambda v: "patched"
print(often(module))
math.__dict__["extra"] = 1
print(often(module))


class Chain1(A):
    def m(self):
        return ["1", super().m()]


class Chain2(A):
    def m(self):
        return ["2", super().m()]


class Both(Chain1, Chain2):
    pass


for _ in range(3):
    print([o.m() for o in (Chain1(), Both(), Chain2(), Both())])
Chain2.m = lambda self: "changed"
print([o.m() for o in (Chain1(), Both(), Chain2())])


# --- binding
def f(a, b=2, *c, d=4, **k):
    return a, b, c, d, k


def g(a, c=None, /, *, e=1, z):
    return a, c, e, z


def kw(**kw):
    return list(kw.items())


for _ in range(3):
    print(f(1), f(1, 3), f(1, 3, 5, 6), f(b=1, a=2), f(1, d=2, q=3), f(*[1, 2, 3], **{"d": 5, "w": 6}))
    print(g(1, z=2), g(1, 2, z=3, e=4), kw(c=1, a=2, b=3), kw(z=0, **{"x": 1, "a": 2}, y=3))


def refused(call):
    try:
        return call()
    except TypeError as e:
        return str(e)


for _ in range(3):
    print(refused(lambda: f()), refused(lambda: f(1, a=2)), refused(lambda: g(1)), refused(lambda: g(1, c=2, z=3)))
    print(refused(lambda: g(1, 2, 3, z=1)), refused(lambda: g(1, z=1, y=2)), refused(lambda: kw(1)))
f.__defaults__ = (9,)
f.__kwdefaults__ = None
print(f(1, d=0), refused(lambda: f(1)))


def gen(a, b=1, *c, d=2):
    yield a, b, c, d
    yield f(a, d=d), (lambda q, r=3: (q, r))(a)
    yield kw(a=a, b=b)


print(list(gen(0)), list(gen(0, 5, 6, 7, d=8)), list(gen(b=1, a=2)))


class Init:
    def __init__(self, a, b=2, *c, d=4, **k):
        self.all = (a, b, c, d, k)


for _ in range(3):
    print(Init(1).all, Init(1, 2, 3, d=5, e=6).all, Init(a=1).all, refused(lambda: Init()), refused(lambda: Init(1, a=2)))
bound = Init(1).__init__
print([bound(i, b=i) for i in range(3)], [].append.__name__, list(map([].append, range(2))))

# --- pairs
d = {1: "a", 2: "b"}
for _ in range(3):
    print([(k, v) for k, v in d.items()], [p for p in d.items()], [(i, c) for i, c in enumerate("ab", 5)])
    print([(x, y) for x, y in zip([1, 2], (3, 4, 5))], [t for t in zip("ab", "cd")], [(x, y, z) for x, y, z in zip(*["ab"] * 3)])
try:
    for k, v in d.items():
        d[k + 10] = v
except RuntimeError as e:
    print(e)
try:
    for x, y in zip([1, 2], [3], strict=True):
        print(x, y)
except ValueError as e:
    print(e)
for x, y in [(1, 2), [3, 4], "56", {7: 0, 8: 0}]:
    print(x, y)
try:
    for x, y in [(1, 2), (3, 4, 5)]:
        print(x, y)
except ValueError as e:
    print(e, x, y)

# --- slices, numbers
for v in ([1, 2, 3, 4], (1, 2, 3, 4), "1234", "12é4"):
    print(v[1:3], v[:], v[-2:], v[:-1], v[3:1], v[10:], v[:10], v[True:], v[2:][:1], v[:] is v)
for _ in range(3):
    for x, y in ((1, 2.5), (2.5, 1), (1.0, 0.0), (7, 2), (2**53 + 1, 2.0), (2**60, 3), (True, 2.0), (1e300, 1e10)):
        print(x + y, x - y, x * y, x < y, x == y, x >= y, x * 2, x - 1, x / 2, x + 1, x > 0, x == 1, -x, end=" ")
        try:
            print(x / y)
        except ZeroDivisionError as e:
            print(e)
print(0.0 < 1, -0.0 == 0, 2**53 + 1 == float(2**53), float("nan") == 1, float("inf") > 2**61 - 1, -0.0 * 5, 0 / -3)
