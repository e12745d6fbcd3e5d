"""Calls with spread arguments: what is spread, to whom, and what goes wrong."""
import math


def show(*args, **kwargs):
    return args, kwargs


class Items:
    def __init__(self, *items):
        self.items = items

    def __iter__(self):
        return iter(self.items)


class Sequence:
    def __getitem__(self, i):
        if i == 3:
            raise IndexError
        return i * 10


class Tuple(tuple):
    def __iter__(self):
        return iter("own")


class List(list):
    def __iter__(self):
        return iter("own")


def gen():
    yield 1
    yield 2


sources = [(), (1,), [], [1, 2], range(3), "ab", {"k": 1}, Items(4, 5), Sequence(), Tuple((1, 2)), List([1, 2]), {7}]
for source in sources:
    print(show(*source), show(0, *source, 9), show(*source, a=1), show(*source, **{"b": 2}))
    print(max(*source, 1, 2, key=str), [*map(lambda *a: a, *[source, source])])
print(show(*gen()), max(*gen()), print(*gen(), sep="-"), "{} {}".format(*gen()))
print(math.hypot(*[3.0, 4.0]), dict(*[[("a", 1)]], **{"b": 2}), str(*[b"x"], **{"encoding": "ascii"}))
print(list(zip(*[(1, 2), (3, 4)])), print.__call__(*[]), type(*[5]), type(*("T", (), {})).__name__)
print(math.hypot(*[0.5] * 100_000), len(show(*range(50_000))[0]), max(*range(40_000), **{}), show(*[1] * 20_000, **{"k": 3})[1])


class Call:
    def __call__(self, *args, **kwargs):
        return "called", args, kwargs

    def method(self, *args):
        return "method", args


print(Call()(*[1]), Call()(*gen(), **{"x": 1}), Call().method(*[2, 3]), Call.method(*[None, 4]))


class Changing:
    """Empties the list it came from while the call runs."""

    def __str__(self):
        items.clear()
        return "changed"


items = [Changing(), 2, 3]
print(*items)
print(items)


def fails(f):
    try:
        f()
    except Exception as e:
        print(type(e).__name__, e)


fails(lambda: show(*1))
fails(lambda: max(*None))
fails(lambda: Call().method(*3.5))
fails(lambda: show(**1))
fails(lambda: max(*[1], **[2]))
fails(lambda: max(*[1, 2], **{"kay": 1}))
fails(lambda: show(*(1 // i for i in (1, 0))))
fails(lambda: show(**{1: 2}))
fails(lambda: len(*[1, 2]))
fails(lambda: 5(*[1]))
