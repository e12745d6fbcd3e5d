"""Short ways through sorting, copies, sets and generators: what they must have in common with the long ones."""
import threading

# Tuples are ordered by the first items that differ.
rows = [(i % 3 == 1, bool(i % 2), i % 5, i) for i in range(20)]
print(sorted(rows) == sorted(rows, key=lambda r: tuple(map(int, r))), sorted(rows, reverse=True)[0])
nan = float("nan")
print(sorted([(True, 2.5), (True, 1.5), (False, 9.0), (True, -0.5)]))
print(sorted([(1, "b"), (True, "a"), (1.0, "c"), (0, "z")]))
print(sorted([(nan, 2), (nan, 1)]), sorted([(0.0, 2), (-0.0, 1)]))
print(sorted([(1, 2), (1,), (), (1, 2, 3)]))
long = tuple(range(70))
print([len(t) for t in sorted([long + (2,), long + (1,), long])], sorted([long + (2,), long + (1,)])[0][-1])


class Odd:
    def __init__(self, n):
        self.n = n

    def __lt__(self, other):
        return self.n < other.n

    def __eq__(self, other):
        return self.n == other.n

    def __repr__(self):
        return f"Odd({self.n})"


print(sorted([(True, Odd(3)), (True, Odd(1)), (False, Odd(2))]))
try:
    sorted([(True, None), (True, "x"), (False, 1)])
except TypeError as e:
    print(e)

# Bools among ints.
print(True < False, False < True, True == 1, True + 2**70, (True * 2**63) // True, -True, True << 62, True.bit_length())
print(max(True, 0), min([True, 2, False]), sum([True, True, 2]), divmod(7, True), True.to_bytes(), round(True), ~int(True))
print([0.5, 1.5].index(1.5), 0.5 in [1.5, 2.5], True in [False, 2], [False].count(True))

# Copies share no storage, and hold their items.
for n in 0, 1, 2, 3, 8, 40000:
    items = [[i] for i in range(n)]
    part = items[1:]
    both = items + part
    items.append(None)
    part.append(0)
    print(n, len(items), len(part), len(both), both[-1:] == part[-2:-1], [items[0]] * 3 == 3 * [items[0]])

# Sets copied place by place, and removed entries.
for n in 0, 1, 4, 5, 30, 3000:
    s = {(i, str(i)) for i in range(n)}
    c = s.copy()
    f = frozenset(s)
    s.discard((0, "0"))
    d = s | c
    print(n, len(s), len(c), len(f), c == f, d == c, len(set(s)), s <= c, sorted(c - s))


# Generators driven from outside the loop.
def count(n, seen=None):
    for i in range(n):
        got = yield i
        if seen is not None:
            seen.append(got)
    return n


print(list(map(lambda x: x * 2, count(4))), sum(count(5)), dict(zip("ab", count(9))), "".join(str(i) for i in count(3)))
seen = []
g = count(3, seen)
try:
    print(g.send(None), g.send("a"), g.send("b"))
    g.send("c")
except StopIteration as e:
    print(e.value, seen)
try:
    print(g.send("d"))
except StopIteration as e:
    print("over", e.value)
try:
    count(1).send(1)
except TypeError as e:
    print(e)


def itself():
    yield 1
    yield next(me)


me = itself()
try:
    print(next(me))
    next(me)
except ValueError as e:
    print(e)


def fails():
    yield 1
    raise LookupError("here")


try:
    list(map(str, fails()))
except LookupError as e:
    print(e, e.__traceback__.tb_next.tb_frame.f_code.co_name)


def deep(n):
    yield n
    if n:
        yield from list(map(int, deep(n - 1)))


print(sum(deep(40)))


def endless(n):
    yield sum(endless(n + 1))


try:
    next(endless(0))
except RecursionError:
    print("too deep")


def starts():
    for i in range(3):
        done = []
        t = threading.Thread(target=lambda: done.append(i))
        t.start()
        t.join()
        yield done[0]


print(list(map(abs, starts())), sum(starts()))


# Functions and generators live on while their code is replaced.
def first(n):
    for i in range(n):
        yield i


def second(n):
    for i in range(n):
        yield -i


def change():
    running = first(4)
    fresh = first(3)
    print(next(running), next(running))
    for round in range(30):
        first.__code__ = compile(f"def first(n):\n for i in range(n):\n  yield i * {round}\n", "made", "exec").co_consts[0]
        other = first(3)
        next(other)
    first.__code__ = second.__code__
    print(list(running), list(fresh), list(first(3)), list(other))


change()


def replaces_itself(n):
    replaces_itself.__code__ = (lambda n: n * 2).__code__
    return n + sum(i for i in range(n))


print(replaces_itself(4), replaces_itself(4))


def makes():
    return [lambda: i for i in range(3)], (i for i in range(3)), exec("def f(): return 7", made := {}) or made["f"]


fs, g, f = makes()
del makes
print([f() for f in fs], list(g), f())


async def waits(n):
    return n if n < 2 else await waits(n - 1) + await waits(n - 2)


c = waits(9)
try:
    c.send(None)
except StopIteration as e:
    print(e.value)

# Named tuples among keys, and what compares like them, or does not.
from collections import namedtuple

Point = namedtuple("Point", "x y")


class Loud(tuple):
    def __eq__(self, other):
        return False

    __hash__ = tuple.__hash__


d = {(Point(1, 2), "a", None, 1.5, True): 1, (Point(1, 2), "a", None, 1.5, False): 2}
print(d[(1, 2), "a", None, 1.5, 1], d[Point(1, 2), "a", None, 1.5, 0], d.get((Point(1, 2), "a", 0, 1.5, True)))
print(d.get((Point(1.0, 2), "a", None, 1.5, True)), Loud((1, 2)) in {(1, 2)}, Point(1, 2) in {(1, 2)}, (0.0,) in {(-0.0,)})
print(len({(1, True), (1.0, 1), (True, 1.0)}), (float("nan"),) in {(float("nan"),)}, {None: 1}.get(0), {1.5: 2}.get(2.5))
for any in [None]:
    print(bool(any))
del any
print(any(i == 2 for i in range(4)), all(i < 3 for i in range(4)))

# Lists that grow, shrink and are shared by iterators at their ends.
it = iter(items := [1, 2])
print([x for x in it], list(it), items.append(3), list(it))
it = iter(items)
for x in it:
    if x < 5:
        items.append(x + 2)
items.append(9)
print(items, list(it))
it = iter((1, 2))
print([x for x in it], list(it), [[y for y in x] for x in [[1], (2, 3), [], ()]])
for e in KeyError("k"), IndexError(), StopIteration(4), OSError(2, "no"), KeyError():
    print(repr(e), e.args, getattr(e, "value", None), getattr(e, "errno", None))
for fails in lambda: {}["q"], lambda: [][1], lambda: {}[1, 2], lambda: {}[()], lambda: next(iter([])):
    try:
        fails()
    except Exception as e:
        print(type(e).__name__, e.args, e.__context__)

# Texts put together from few and from many pieces.
print("%s" % "a", "%d %s" % (7, "é"), "%s%%%s" % (1, 2) if "%%" else "", "x" * 40 + "%s" % "y", ("-" * 40 + "%r") % ["z"])
print("%(a)s %(b)d" % {"a": "\u4e2d", "b": True}, "%s %s" % (Loud("ab"), Point(1, 2)), "%5.1f|%-4d|" % (2.25, 3))
for bad in "%d", "%s %s", "plain", "%(k)s", "%q", "%":
    try:
        print(bad % ("a",))
    except (TypeError, ValueError) as e:
        print(type(e).__name__, e)
print(int("12"), int(" -7 "), int("+1_000"), int("9" * 30), int("\u0663"), int("ff", 16), int(b"12"))
for bad in "", "1__2", "é", "0x1", "1 2":
    try:
        int(bad)
    except ValueError as e:
        print(e)


class Many:
    def __init__(self, n):
        for i in range(n):
            setattr(self, f"a{i}", i)


for n in 0, 1, 5, 6, 11, 30:
    m = Many(n)
    d = m.__dict__
    m.more = n
    print(len(d), list(d)[-2:], vars(m) is d)
m = Many(4)
del m.a1, m.a3
m.a1 = "again"
print(m.__dict__, m.__dict__.pop("a0"), vars(m))
