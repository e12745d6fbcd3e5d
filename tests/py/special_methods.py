"""Operators whose special methods are Python functions: order, NotImplemented, results, errors and recursion."""
import sys
import traceback


class N:
    def __init__(self, v):
        self.v = v

    def __repr__(self):
        return f"{type(self).__name__}({self.v})"

    def __eq__(self, o):
        print("eq", self, o)
        return NotImplemented if not isinstance(o, N) else self.v == o.v

    __hash__ = None

    def __lt__(self, o):
        print("lt", self, o)
        return NotImplemented if not isinstance(o, N) else self.v < o.v

    def __gt__(self, o):
        print("gt", self, o)
        return [] if self.v == 0 else ["yes"]

    def __add__(self, o):
        print("add", self, o)
        return NotImplemented if isinstance(o, str) else (self, o)

    def __radd__(self, o):
        print("radd", self, o)
        return NotImplemented if isinstance(o, str) else (o, self)

    def __mul__(self, o):
        return NotImplemented

    def __iadd__(self, o):
        print("iadd", self, o)
        return NotImplemented if o == 5 else self

    def __contains__(self, x):
        print("contains", x)
        return x

    def __setitem__(self, k, v):
        print("set", k, v)
        return 7

    def __getitem__(self, k):
        return k

    def __call__(self, *a, **k):
        return "called", a, k

    def __pow__(self, o):
        return "pow", o


class Sub(N):
    def __radd__(self, o):
        print("Sub.radd", self, o)
        return "sub"

    def __eq__(self, o):
        print("Sub.eq", self, o)
        return NotImplemented


class Other:
    def __repr__(self):
        return "Other()"

    def __radd__(self, o):
        return "other radd"

    def __rmul__(self, o):
        return "other rmul"

    def __gt__(self, o):
        return "other gt"


def attempt(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, e)


a, b, s, o = N(1), N(2), Sub(3), Other()
for f in (
    lambda: a == b, lambda: a == 1, lambda: a == s, lambda: s == a, lambda: a != b, lambda: a == None,
    lambda: a < b, lambda: a < 1, lambda: a < o, lambda: a > b, lambda: a >= b, lambda: 1 < a,
    lambda: a + b, lambda: a + 1, lambda: a + "x", lambda: a + s, lambda: s + a, lambda: 1 + a, lambda: a + o,
    lambda: a * 2, lambda: a * b, lambda: a * o, lambda: [1] * a, lambda: a - 1, lambda: a ** 2,
    lambda: 3 in a, lambda: 0 in a, lambda: 0 not in a, lambda: "yes" if a > b else "no", lambda: "yes" if N(0) > b else "no",
    lambda: a(1, x=2), lambda: a(), lambda: a(*[1, 2], **{"k": 3}), lambda: a[2], lambda: [a(i) for i in range(2)],
):
    attempt(f)
a[1] = 2
a["k"] = a[5]
x = a
x += 1
print(x)
x += 5
print(x)
x = N(4)
x += N(5)
print(x)
while a < N(1):
    pass
if a == N(1) and not a == N(3):
    print("equal")


class Count:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        print("iter")
        return self

    def __next__(self):
        if self.n == 0:
            raise StopIteration("end")
        self.n -= 1
        return self.n


class ByGenerator:
    def __iter__(self):
        yield 1
        yield 2


class NoIterator:
    def __iter__(self):
        return 5


class Broken:
    def __iter__(self):
        return self

    def __next__(self):
        raise KeyError("next")


def delegate(x):
    r = yield from x
    print("result", r)


print([x for x in Count(3)], list(Count(2)), [x for x in ByGenerator()], [*ByGenerator()])
for x in Count(1):
    print(x)
else:
    print("else")
print(list(delegate(Count(2))), list(delegate(ByGenerator())))
for bad in (NoIterator(), Broken()):
    attempt(lambda: [x for x in bad])
    attempt(lambda: list(delegate(bad)))
try:
    raise RuntimeError("context")
except RuntimeError:
    for x in Count(1):
        pass
    print(sys.exc_info()[1])


class Fails:
    def __eq__(self, o):
        return 1 / 0

    def __add__(self, o):
        raise ValueError("add")

    def __bool__(self):
        raise ValueError("bool")

    def __contains__(self, o):
        return self


def deep():
    return Fails() == 1


for f in (deep, lambda: Fails() + 1, lambda: 1 in Fails()):
    try:
        f()
    except Exception:
        print(traceback.format_exc().replace(__file__, "FILE"))


class Endless:
    def __eq__(self, o):
        return self == o

    def __add__(self, o):
        return self + o

    def __call__(self):
        return self()

    def __iter__(self):
        return iter([x for x in self])

    def __next__(self):
        for x in self:
            pass


for f in (lambda e: e == e, lambda e: e + e, lambda e: e(), lambda e: [x for x in e]):
    try:
        f(Endless())
    except RecursionError as e:
        print(e)


class Meta(type):
    def __call__(cls, *a):
        print("meta call", cls.__name__, a)
        return super().__call__(*a)


class Made(metaclass=Meta):
    def __init__(self, x):
        self.x = x


print(Made(5).x)


class Plus:
    def __init__(self, f):
        self.f = f

    @property
    def __call__(self):
        return self.f


print(Plus(len)("abc"))


class Static:
    @staticmethod
    def __call__(x):
        return "static", x


print(Static()(1))
del N.__lt__
attempt(lambda: a < b)
N.__lt__ = lambda self, o, more=1: "three"
attempt(lambda: a < b)
N.__lt__ = len
attempt(lambda: a < b)


def coroutine_eq():
    class C:
        def __eq__(self, o):
            yield 1

    return type(C() == 1).__name__, "yes" if C() == 1 else "no"


attempt(coroutine_eq)
events = []
sys.setprofile(lambda frame, event, arg: events.append((event, frame.f_code.co_name)))
a == b
a + 1
sys.setprofile(None)
print(events)
