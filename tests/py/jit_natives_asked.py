"""Natives that compiled code calls with any values, or that run code now and then only: what they give, raise and run."""

import operator
import random
import struct
from io import BytesIO

N = 400


def show(name, *values):
    print(name, *values)


# Keys that are hashed and compared by what they are: classes, functions, instances, and what becomes of that when a class changes.
class Plain:
    pass


class Changing:
    pass


def by_identity(keys, weights, members):
    total = found = 0
    for i in range(N):
        key = keys[i % len(keys)]
        total += weights.get(key, 100)
        if key in members:
            found += 1
    return total, found


plain, changing = Plain(), Changing()
keys = [int, Plain, len, by_identity, plain, changing, "text", 5, 1.5, None, b"b"]
weights = {key: i for i, key in enumerate(keys[:6])}
members = set(keys[1::2])
show("identity", by_identity(keys, weights, members))

asked = []


def equal(self, other):
    asked.append(other)
    return self is other


Changing.__eq__ = equal
Changing.__hash__ = lambda self: 7
other = Changing()
show("now asked", by_identity([other, int, changing], {int: 1, changing: 2, other: 3}, {changing, other}), len(asked) > 0)
show("unequal", by_identity([Changing(), int], {int: 1, changing: 2}, {changing}))
del Changing.__eq__, Changing.__hash__
show("as before", by_identity([Changing(), int], {int: 1, changing: 2}, {changing}))


class Meta(type):
    def __eq__(cls, other):
        asked.append(cls)
        return cls is other

    def __hash__(cls):
        return 7


class Odd(metaclass=Meta):
    pass


asked.clear()
show("metaclass", by_identity([Odd, int], {Odd: 1, int: 2}, {Odd}), len(asked) >= 0)


def put(keys):
    d, s = {}, set()
    for i in range(N):
        key = keys[i % len(keys)]
        d[key] = d.get(key, 0) + 1
        s.add(key)
    return len(d), len(s), sorted(d.values())


show("put", put([int, Plain, plain, by_identity, "a", 3]))


# What class something has, and whether it is one of several.
class Base:
    pass


class Derived(Base):
    pass


def classes(values, kinds):
    names, yes = {}, 0
    for i in range(N):
        value = values[i % len(values)]
        kind = type(value)
        names[kind] = names.get(kind, 0) + 1
        if isinstance(value, kinds):
            yes += 1
    return [(kind.__name__, n) for kind, n in names.items()], yes


mixed = [1, True, None, 2.5, "s", b"b", [], (), {}, Base(), Derived(), 1 << 80, Base, len]
show("classes", classes(mixed, (int, Base)))
show("one", classes([Derived()], (list, Base)))
show("other tuple", classes([Derived()], (list, dict)))
try:
    classes([Derived()] * 3, (Base, 5))
except TypeError as e:
    show("TypeError", e)
try:
    classes([3], (str, 5))
except TypeError as e:
    show("TypeError", e)


def turned(n):
    x, seen = Base(), []
    for i in range(n):
        if i == n // 2:
            x.__class__ = Derived
        if type(x) is Derived:
            seen.append(i)
    return len(seen), seen[0]


show("turned", turned(N))


class Liar:
    @property
    def __class__(self):
        return int


show("liar", classes([Liar()], (int, Base)))


# Attributes by name: those that are there, that are not, and those that run code.
class Has:
    kind = "class"

    def __init__(self):
        self.own = 1

    def method(self):
        return 2

    @property
    def computed(self):
        asked.append("computed")
        return 3


class Asks:
    def __getattr__(self, name):
        asked.append(name)
        if name == "missing":
            raise AttributeError(name)
        return name


def attributes(values, names):
    total, found = [], 0
    for i in range(N):
        value, name = values[i % len(values)], names[i % len(names)]
        got = getattr(value, name, None)
        if hasattr(value, name):
            found += 1
        if i < 10 or i > N - 10:
            total.append(got if not callable(got) else "callable")
    return total[:12], found


asked.clear()
names = ["own", "kind", "method", "computed", "missing"]
show("attributes", attributes([Has()], names), len(asked))
show("asks", attributes([Asks()], names), len(asked))
show("both", attributes([Has(), Asks(), Has, 5], names), len(asked))


def strict(value):
    got = 0
    for i in range(N):
        try:
            got += getattr(value, "own" if i < N - 3 else "missing")
        except AttributeError as e:
            got += 1000
    return got


show("strict", strict(Has()))


def same(values):
    ids = [id(v) for v in values]
    return sum(ids[i % len(ids)] == id(values[i % len(values)]) for i in range(N))


show("id", same([plain, Plain, "text", None, (1, 2), len]))


# Texts and bytes.
def texts(words):
    out = 0
    for i in range(N):
        word = words[i % len(words)]
        out += word.find("b") + word.rfind("a") + len(word.upper().strip()) + word.isdigit() + len(word.split(","))
        out += len(word.replace("a", "bb")) + len(word.partition(",")[2]) + word.count("a")
    return out


show("texts", texts(["abc", "a,b,c", "12", "  x ", "é€"]))


def codecs(words, encoding, errors):
    out = []
    for i in range(N):
        try:
            data = words[i % len(words)].encode(encoding, errors)
            out.append(data)
            out.append(str(data, encoding, errors))
            out.append(data.decode(encoding, errors))
        except (UnicodeError, LookupError) as e:
            out.append(type(e).__name__)
    return len(out), out[:6], out[-3:]


words = ["abc", "é", "\ud800", "€x"]
for encoding, errors in [("utf-8", "surrogatepass"), ("ascii", "replace"), ("latin-1", "strict"), ("nothing", "strict")]:
    show("codec", codecs(words, encoding, errors))

import codecs as registry

calls = []


def handler(e):
    calls.append(e.start)
    return ("?", e.end)


registry.register_error("told", handler)
show("handler", codecs(words, "ascii", "told"), len(calls) > N // 4)


def octets(data):
    out, joined = 0, b""
    for i in range(N):
        out += data[i % len(data)] + data[-1] + data[0]
        joined = data[:2] + b"xy"
        out += len(joined)
        try:
            out += data[i // 2]
        except IndexError:
            out += 1
    return out, joined


show("octets", octets(b"typhon"), octets(bytes(range(200, 256))))


def packed(values):
    out = []
    for i in range(N):
        try:
            data = struct.pack("<H", values[i % len(values)])
            out.append(struct.unpack("<H", data)[0])
        except struct.error:
            out.append(-1)
    return sum(out)


class Index:
    def __index__(self):
        asked.append("index")
        return 9


asked.clear()
show("packed", packed([1, 65535, 70000, Index()]), len(asked))


def stream(n):
    out = BytesIO()
    for i in range(n):
        out.write(b"ab")
        if i % 50 == 49:
            held = out.getbuffer()
            try:
                out.write(b"c")
            except BufferError:
                out.seek(0, 2)
            held.release()
    back = BytesIO(out.getvalue())
    total = 0
    while True:
        part = back.read(3)
        if not part:
            return total, out.tell(), back.tell()
        total += part[0]


show("stream", stream(N))


def closed(n):
    out = BytesIO()
    for i in range(n):
        if i == n - 2:
            out.close()
        try:
            out.write(b"x")
        except ValueError as e:
            return i == n - 2, str(e)


show("closed", closed(N))


def views(d):
    total = 0
    for i in range(N):
        total += len(d.keys()) + len(d.items())
        d[i % 50] = i
        for v in d.values():
            total += 1
            break
    return total


show("views", views({"a": 1}))


def bits(n):
    r, total = random.Random(5), 0
    for i in range(n):
        total += r.getrandbits(8) + i.bit_length() + operator.index(i)
    return total


show("bits", bits(N))


def empties(n):
    kept = []
    for i in range(n):
        d = {}
        if i & 1:
            d["i"] = i
        if i % 100 < 2:
            kept.append(d)
    return kept


show("empties", empties(N))
