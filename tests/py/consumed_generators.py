"""any, all, tuple, list and set of a generator expression, and generators that are left before their end."""
import sys
import traceback


def show(f):
    try:
        print(f.__name__, f())
    except Exception:
        print(traceback.format_exc().replace(__file__, "FILE"))


class Truth:
    def __init__(self, v):
        self.v = v

    def __bool__(self):
        print("bool", self.v)
        if self.v is None:
            raise ValueError("no truth")
        return self.v


def first():
    return any(Truth(v) for v in (False, True, None))


def every():
    return all(Truth(v) for v in (True, False, None))


def none_left():
    return any(x for x in ()), all(x for x in ()), tuple(x for x in ()), list(x for x in ()), set(x for x in ())


def broken():
    return any(Truth(v) for v in (None,))


def inside():
    return tuple(
        1 / x
        for x in (1, 0)
    )


def in_list():
    return list(1 / x for x in (1, 0))


def not_hashable():
    return set([x] for x in "a")


def not_iterable():
    return all(x for x in 5)


def shadowed():
    any = tuple = lambda it: ("mine", next(it))
    return any(x for x in "ab"), tuple(x for x in "ab")


def items():
    return tuple(x * 2 for x in range(3)), list(x for x in "abc" if x != "b"), sorted(set(x % 2 for x in range(5)))


def nested():
    return all(any(x == y for x in range(3)) for y in range(3)), any(all(x == y for x in range(2)) for y in range(2))


def rest():
    it = iter([1, 5, 2])
    return all(x < 3 for x in it), list(it)


def walrus():
    found = any((w := x) > 2 for x in range(10))
    return found, w


def stops():
    def stop():
        raise StopIteration

    return list(stop() for x in "a")


async def asynchronous():
    async def numbers():
        yield 1

    return list(x async for x in numbers())


def refused():
    try:
        asynchronous().send(None)
    except TypeError as e:
        return str(e)


def as_argument():
    return len(tuple(x for x in "abcd")), [*list(x for x in "xy")], max(tuple(i for i in range(4)))


for f in (first, every, none_left, broken, inside, in_list, not_hashable, not_iterable, shadowed, items, nested, rest,
          walrus, stops, refused, as_argument):
    show(f)


class Loud:
    def __del__(self):
        print("del")


def quiet():
    loud = Loud()
    yield 1
    yield 2


def guarded():
    try:
        yield 1
    finally:
        print("finally")


def swallowing():
    try:
        yield 1
    except GeneratorExit:
        return "bye"


def stubborn():
    while True:
        try:
            yield 1
        except GeneratorExit:
            pass


def delegating():
    yield from guarded()


for make in (quiet, guarded, swallowing, delegating):
    for _ in make():
        break
    g = make()
    next(g)
    print(make.__name__, g.close(), g.gi_frame, g.close())
g = stubborn()
next(g)
try:
    g.close()
except RuntimeError as e:
    print(e)
events = []
g = quiet()
next(g)
sys.settrace(lambda frame, event, arg: events.append((event, frame.f_code.co_name)))
g.gi_frame.f_trace = lambda frame, event, arg: events.append((event, frame.f_code.co_name))
g.close()
sys.settrace(None)
print([e for e in events if e[1] == "quiet"])


def names():
    yield


names.__name__, names.__qualname__ = "other", "quite.other"
g = names()
names.__name__ = "later"
print(g.__name__, g.__qualname__)
g.__name__ = "own"
print(g.__name__, g.__qualname__)


def whole(v):
    return all(x for x in v)


# Whoever replaces the function itself is asked, even if both names mean the same.
import builtins

saved = builtins.all
builtins.all = all = lambda v: "replaced"
print(whole([0]), whole([1]))
builtins.all = saved
del all
print(whole([0]), whole([1]))
