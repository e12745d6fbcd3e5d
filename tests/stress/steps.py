"""More steps for threads.py: classes, containers, iterators and library types, used by several threads at once.

Each takes what all threads share (`Shared`), the thread's number and its dice. What raises AssertionError is wrong, and so is
an exception that the step does not name.
"""

import array
import asyncio
import collections
import contextvars
import copy
import dataclasses
import enum
import functools
import gc
import io
import itertools
import json
import pickle
import re
import tempfile
import threading
import types
import weakref


def make(n):
    return (n, "x" * (n % 50))


def look(v):
    n, text = v
    assert type(n) is int and len(text) == n % 50, v


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


@dataclasses.dataclass
class Record:
    n: int
    text: str = ""


class Changing:
    value = make(2)

    def method(self):
        return make(3)


class Other:
    value = make(4)

    def method(self):
        return make(5)


class Mixed(Changing):
    pass


class Node:
    def __init__(self, n):
        self.n = make(n)
        self.links = []


class Returning:
    """Comes back from the dead, once."""

    back = collections.deque(maxlen=50)

    def __init__(self, n):
        self.v = make(n)

    def __del__(self):
        Returning.back.append(self)


class Key:
    """Its hash and equality are Python code, which other threads come between."""

    def __init__(self, n):
        self.n = n

    def __hash__(self):
        return self.n % 7

    def __eq__(self, other):
        return isinstance(other, Key) and self.n == other.n


class Shared:
    def __init__(self, threads):
        self.changing = [Changing(), Mixed(), Other()]
        self.deque = collections.deque()
        self.appended, self.popped = [0] * threads, [0] * threads
        self.text, self.bytes = io.StringIO(), io.BytesIO()
        self.file = tempfile.TemporaryFile()
        self.lines = [0] * threads
        self.nodes = [Node(i) for i in range(20)]
        self.values, self.keys = weakref.WeakValueDictionary(), weakref.WeakKeyDictionary()
        self.weak = weakref.WeakSet()
        self.called, self.watched = [0] * threads, [0] * threads
        self.keyed = {Key(i): make(i) for i in range(30)}
        self.keyset = {Key(i) for i in range(30)}
        self.sets = [set(range(30)) for _ in range(3)]
        self.sorted = [make(i) for i in range(60)]
        self.iters = [iter([])] * 8
        self.default = collections.defaultdict(list)
        self.ordered = collections.OrderedDict((i, make(i)) for i in range(20))
        self.counter = collections.Counter()
        self.bytearray, self.array = bytearray(b"x" * 40), array.array("q", range(40))
        self.local = threading.local()
        self.calls = collections.deque()
        self.generators = [self.echo() for _ in range(4)]
        self.variable = contextvars.ContextVar("v", default=make(0))

        @functools.lru_cache(maxsize=16)
        def cached(n):
            return make(n)

        self.cached = cached
        self.cell = make(0)

    def echo(self):
        got = None
        try:
            while True:
                try:
                    got = yield got
                except KeyError as e:
                    got = e.args[0]
        finally:
            self.calls.append(1)


def on_changing(w, me, dice):
    how, one = dice.randrange(12), w.changing[dice.randrange(3)]
    if how < 5:
        look(one.value)
        look(one.method())
    elif how == 5:
        Changing.value = make(dice.randrange(100))
    elif how == 6:
        n = dice.randrange(100)
        dice.choice([Changing, Other]).method = lambda self: make(n)
    elif how == 7:
        one.__class__ = dice.choice([Changing, Other, Mixed])
    elif how == 8 and dice.randrange(4) == 0:
        Mixed.__bases__ = (dice.choice([Changing, Other]),)
    elif how == 9:
        name = f"extra{dice.randrange(3)}"
        setattr(Changing, name, property(lambda self: make(9)))
        look(getattr(Changing(), name, make(1)))
        try:
            delattr(Changing, name)
        except AttributeError:
            pass
    elif how == 10:
        made = type("Made", (dice.choice([Changing, Other]),), {"own": make(6), "__slots__": ("s",)})
        v = made()
        v.s = make(8)
        look(v.own), look(v.s), look(v.value)
    else:
        assert len(Mixed.__mro__) == 3 and issubclass(Mixed, object) and isinstance(one, object)
        # Which of the two it is may change from one look to the next, of which a tuple takes several.
        assert isinstance(one, Changing | Other) in (True, False) and Changing.__subclasses__() is not None
        assert Mixed.__bases__[0] in (Changing, Other) and type(one) in (Changing, Other, Mixed)
        kind = type(one)
        assert kind is Mixed or issubclass(kind, kind.__bases__) and isinstance(kind(), kind)


def on_generators(w, me, dice):
    i = dice.randrange(4)
    g, how = w.generators[i], dice.randrange(8)
    try:
        if how < 4:
            v = g.send(None if g.gi_frame is None or how == 0 else make(dice.randrange(90)))
            assert v is None or look(v) is None
        elif how == 4:
            v = g.throw(KeyError(make(7)))
            assert v is None or look(v) is None
        elif how == 5 and dice.randrange(4) == 0:
            g.close()
            w.generators[i] = w.echo()
        elif how == 6:
            f = g.gi_frame
            assert f is None or f.f_code.co_name == "echo"
            repr(g)
        else:
            assert sum(x for x, _ in (make(k) for k in range(9))) == 36
    except (StopIteration, KeyError):
        w.generators[i] = w.echo()
    except (ValueError, TypeError, RuntimeError) as e:
        text = str(e)
        assert "already executing" in text or "just-started" in text or "already running" in text, e


def on_deque(w, me, dice):
    d, how = w.deque, dice.randrange(10)
    try:
        if how < 3:
            dice.choice([d.append, d.appendleft])(make(dice.randrange(100)))
            w.appended[me] += 1
        elif how < 6:
            look(dice.choice([d.pop, d.popleft])())
            w.popped[me] += 1
        elif how == 6:
            for v in d:
                look(v)
        elif how == 7:
            d.rotate(dice.randrange(5))
        elif how == 8:
            look(d[0]), look(d[-1])
        else:
            [look(v) for v in list(d)], [look(v) for v in copy.copy(d)]
    except IndexError:
        pass
    except RuntimeError as e:
        assert "mutated" in str(e), e


def on_io(w, me, dice):
    how, line = dice.randrange(8), f"{me} " + "y" * dice.randrange(60) + "\n"
    if how < 5:
        w.text.write(line)
        w.bytes.write(line.encode())
        w.file.write(line.encode())
        w.lines[me] += 1
    elif how == 5:
        assert w.bytes.getvalue().count(b"\n") >= w.lines[me]
        assert w.text.getvalue().count("\n") >= w.lines[me]
    elif how == 6:
        w.file.flush()
    else:
        # A view of what others write to would rightly be in their way.
        assert io.BytesIO(line.encode()).getbuffer().nbytes == len(line)
        own = io.TextIOWrapper(io.BufferedRandom(io.BytesIO()), "utf-8")
        own.write(line), own.seek(0)
        assert own.read() == line


def on_weak_tables(w, me, dice):
    k, how = dice.randrange(20), dice.randrange(10)
    node = w.nodes[k]
    if how == 0:
        w.nodes[k] = Node(dice.randrange(100))
    elif how == 1:
        w.values[k] = node
    elif how == 2:
        v = w.values.get(k)
        assert v is None or look(v.n) is None
    elif how == 3:
        w.keys[node] = make(k)
    elif how == 4:
        v = w.keys.get(node)
        assert v is None or look(v) is None
    elif how == 5:
        w.weak.add(node)
    elif how == 6:
        for v in list(w.weak):
            look(v.n)
    elif how == 7:
        for v in list(w.values.values()):
            look(v.n)
    elif how == 8:
        one = Node(k)
        weakref.finalize(one, w.calls.append, 2)
        ref = weakref.ref(one, lambda _: w.called.__setitem__(me, w.called[me] + 1))
        w.watched[me] += 1
        del one
        assert ref() is None or dice is not None
    else:
        assert weakref.getweakrefcount(node) >= 0 and weakref.proxy(node).n is not None


def on_links(w, me, dice):
    a, b = w.nodes[dice.randrange(20)], w.nodes[dice.randrange(20)]
    how = dice.randrange(6)
    if how < 3:
        a.links.append(b)
    elif how == 3:
        a.links.clear()
    elif how == 4:
        for v in a.links:
            look(v.n)
    else:
        Returning(dice.randrange(50))
        for v in list(Returning.back):
            look(v.v)
    if dice.randrange(60) == 0:
        gc.collect()


def on_keyed(w, me, dice):
    d, s, k, how = w.keyed, w.keyset, Key(dice.randrange(40)), dice.randrange(12)
    try:
        if how < 3:
            v = d.get(k)
            assert v is None or v[0] % 40 == k.n
        elif how == 3:
            d[k] = make(k.n + 40 * dice.randrange(3))
        elif how == 4:
            d.pop(k, None)
        elif how == 5:
            for key, v in d.items():
                assert v[0] % 40 == key.n
        elif how == 6:
            s.add(k)
        elif how == 7:
            s.discard(k)
        elif how == 8:
            assert all(type(x) is Key for x in s)
        elif how == 9:
            assert dict(d) is not d and len(d.copy()) >= 0 and len({**d}) >= 0
        elif how == 10:
            key, v = d.popitem()
            assert v[0] % 40 == key.n
            d.update({key: v})
        else:
            assert d.keys() & {k} <= {k}
    except RuntimeError as e:
        assert "changed" in str(e) or "mutated" in str(e), e
    except KeyError:
        pass


def on_sets(w, me, dice):
    a, b, how, k = w.sets[dice.randrange(3)], w.sets[dice.randrange(3)], dice.randrange(12), dice.randrange(60)
    try:
        if how < 2:
            a.add(k)
        elif how == 2:
            a.discard(k)
        elif how == 3:
            v = a.pop()
            assert 0 <= v < 60
        elif how == 4:
            a.update(b, range(k))
        elif how == 5:
            a.difference_update([k, k + 1])
        elif how == 6:
            a.intersection_update(range(50))
        elif how == 7:
            a ^= {k}
        elif how == 8:
            assert all(0 <= v < 60 for v in a.union(b)) and (a & b) <= set(range(60))
        elif how == 9:
            assert frozenset(a) is not None and a.copy() is not a and (a == b or a != b)
        elif how == 10:
            assert all(0 <= v < 60 for v in sorted(a))
        else:
            a.issubset(b), a.isdisjoint(b), k in a, len(a)
    except KeyError:
        a.update(range(10))
    except RuntimeError as e:
        assert "changed" in str(e), e


def on_sort(w, me, dice):
    l, how = w.sorted, dice.randrange(8)
    try:
        if how == 0:
            l.sort()
        elif how == 1:
            l.sort(key=lambda v: -v[0], reverse=True)
        elif how == 2:
            l[dice.randrange(20)] = make(dice.randrange(300))
        elif how == 3:
            l.append(make(dice.randrange(300)))
        elif how == 4:
            del l[-1]
        elif how == 5:
            l.reverse()
            look(l[0])
        elif how == 6:
            [look(v) for v in l + l[3:9] * 2]
            assert l.count(make(1)) >= 0 and (make(3) in l or True)
        else:
            own = [dice.randrange(100) for _ in range(40)]
            assert sorted(own, key=lambda n: -n) == sorted(own)[::-1]
            if len(l) < 40 or len(l) > 90:
                l[:] = [make(i) for i in range(60)]
    except ValueError as e:
        assert "modified during sort" in str(e), e
    except IndexError:
        pass


def on_iterators(w, me, dice):
    i, how = dice.randrange(8), dice.randrange(4)
    if how == 0:
        base = [make(k) for k in range(30)]
        w.iters[i] = (
            lambda: iter(base),
            lambda: enumerate(base),
            lambda: zip(base, base),
            lambda: iter({k: v for k, v in enumerate(base)}.items()),
            lambda: itertools.chain(base, reversed(base)),
            lambda: map(make, range(30)),
            lambda: itertools.islice(itertools.cycle(base), 50),
            lambda: filter(None, base),
            lambda: itertools.groupby(base, len),
            lambda: itertools.tee(base)[0],
            lambda: itertools.accumulate(range(20)),
            lambda: iter(range(100)),
            lambda: itertools.product([1, 2], base),
            lambda: (v for v in base),
        )[dice.randrange(14)]()
    try:
        for _ in range(dice.randrange(6)):
            v = next(w.iters[i])
            assert type(v) in (tuple, int), v
            if how == 1:
                copy.copy(w.iters[i]) if not isinstance(w.iters[i], types.GeneratorType) else None
    except (StopIteration, TypeError):
        pass
    except ValueError as e:
        assert "already executing" in str(e), e
    except RuntimeError as e:
        assert "changed" in str(e), e


def on_library(w, me, dice):
    k, how = dice.randrange(20), dice.randrange(16)
    try:
        if how == 0:
            w.default[k].append(make(k))
        elif how == 1:
            w.ordered[k] = make(k)
            w.ordered.move_to_end(k, dice.randrange(2))
        elif how == 2:
            for key, v in w.ordered.items():
                assert v[0] == key
        elif how == 3:
            key, v = w.ordered.popitem(dice.randrange(2))
            assert v[0] == key
        elif how == 4:
            w.counter[k] += 1
            w.counter.update([k, k])
        elif how == 5:
            look(w.cached(dice.randrange(40)))
        elif how == 6:
            w.bytearray.extend(b"abc")
            del w.bytearray[40:]
            assert len(bytes(w.bytearray)) < 2000
        elif how == 7:
            w.array.append(k)
            w.array.pop()
            assert all(type(v) is int for v in w.array)
        elif how == 8:
            assert json.loads(json.dumps({"a": [k, None, 1.5]}))["a"][0] == k and re.sub(r"(\d+)", r"<\1>", f"a{k}b") == f"a<{k}>b"
        elif how == 9:
            c = copy.deepcopy(w.nodes[k])
            look(c.n)
        elif how == 10:
            one = Record(k, "t")
            assert dataclasses.replace(one, n=3) == Record(3, "t") and pickle.loads(pickle.dumps(one)) == one
        elif how == 11:
            assert Colour(1) is Colour.RED and Colour["GREEN"].value == 2 and f"{k:>4}" == str(k).rjust(4)
        elif how == 12:
            token = w.variable.set(make(k))
            assert w.variable.get()[0] == k
            assert contextvars.copy_context().run(w.variable.get)[0] == k
            w.variable.reset(token)
        elif how == 13:
            w.cell = make(k)
            look(w.cell)
        elif how == 14:
            v = getattr(w.local, "v", None)
            assert v is None or v[1] == me
            w.local.v = (make(k), me)
        else:

            async def work(n):
                await asyncio.sleep(0)
                return n

            async def main():
                return await asyncio.gather(*(work(n) for n in range(3)))

            if dice.randrange(8) == 0:
                assert asyncio.run(main()) == [0, 1, 2]
    except (KeyError, IndexError):
        pass
    except RuntimeError as e:
        assert "changed" in str(e) or "mutated" in str(e) or "dictionary" in str(e), e


STEPS = [on_generators, on_deque, on_io, on_weak_tables, on_links, on_keyed, on_sets, on_sort, on_iterators]
STEPS += [on_library, on_changing]


def check(w):
    """When all threads have ended."""
    assert len(w.deque) == sum(w.appended) - sum(w.popped), "the deque has lost or doubled items"
    [look(v) for v in w.deque]
    lines = sum(w.lines)
    w.file.seek(0)
    for text in (w.text.getvalue().encode(), w.bytes.getvalue(), w.file.read()):
        assert text.count(b"\n") == lines, "a write was lost"
    w.file.close()
    for line in w.bytes.getvalue().splitlines():
        assert re.fullmatch(rb"\d+ y*", line), line
    for d in (w.keyed, w.ordered):
        assert len(d) == len(list(d)) == len(set(d))
    for s in (w.keyset, *w.sets):
        assert len(s) == len(list(s))
    [look(v) for v in w.sorted]
    w.nodes.clear()
    Returning.back.clear()
    gc.collect()
    gc.collect()
    assert sum(w.called) == sum(w.watched), "a weak reference was not called back"
    assert len(w.values) == 0 and len(w.weak) == 0 and len(w.keys) == 0, "something lives on"
