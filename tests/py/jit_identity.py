"""== and != of objects whose classes have no comparison of their own, in hot loops; and of those that get one there."""
import enum
from dataclasses import dataclass


class Kind(enum.Enum):
    BIG = 1
    SMALL = 2
    NONE = 3


class Plain:
    pass


class Slotted:
    __slots__ = ("x",)


@dataclass(eq=False)
class Record:
    kind: Kind
    n: int


@dataclass
class Equal:
    n: int


def members(n):
    kinds, big, other = list(Kind), 0, 0
    for i in range(n):
        k = kinds[i % 3]
        if k == Kind.BIG:
            big += 1
        if k != Kind.SMALL:
            other += i
        if (k == None) or k != k:
            other += 1000000
    return big, other


def objects(n):
    items = [Plain(), Slotted(), Record(Kind.BIG, 1), Equal(1), Plain(), Equal(1), Kind.BIG, None, 1]
    same = found = 0
    for i in range(n):
        a, b = items[i % len(items)], items[i * 4 % len(items)]
        same += a == b
        found += (a != b) * 3
        if a in items:
            found += items.index(b)
    return same, found


def mixed(n):
    """One side has a method."""
    p, e = Plain(), Equal(3)
    s = 0
    for i in range(n):
        s += (p == e) + (e != p) * 2 + (p == i) + (p != "x") * 4
    return s


def gets_one(n):
    """The class gets a comparison while the loop is hot, and loses it again."""

    class Late:
        def __init__(self, n):
            self.n = n

    a, b = Late(1), Late(1)
    out = []
    s = 0
    for i in range(n):
        s += a == b
        s += (a != b) * 2
        if i == n // 3:
            Late.__eq__ = lambda self, other: self.n == other.n
        elif i == n // 2:
            Late.__ne__ = lambda self, other: NotImplemented
        elif i == n - n // 4:
            del Late.__eq__, Late.__ne__
            out.append(s)
    return s, out


class Sub(Plain):
    def __eq__(self, other):
        return "sub"

    __hash__ = None


def subclasses(n):
    """The right operand's class comes first if it is a subclass with a method."""
    items = [Plain(), Plain(), Sub(), Plain()]
    out = {}
    for i in range(n):
        r = items[i & 1] == items[i % 4]
        out[r] = out.get(r, 0) + 1
    return out


N = 4000
for f in members, objects, mixed, gets_one, subclasses:
    print(f.__name__, f(N), f(N))
