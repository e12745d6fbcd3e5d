"""Frames that compiled code has entered without records show themselves to whoever looks."""
import sys
import traceback
import weakref


def names(depth):
    frame = sys._getframe(1)
    found = []
    while frame is not None and len(found) < depth:
        shown = [] if frame.f_code.co_name == '<module>' else sorted(frame.f_locals)
        found.append((frame.f_code.co_name, frame.f_lineno, shown))
        frame = frame.f_back
    return found


class Vector:
    def __init__(self, x, y=2):
        self.x = x
        if x == 250:
            self.seen = names(3)
        self.y = y

    def __add__(self, other):
        if other.x == 251:
            return self.look(other)
        return Vector(self.x + other.x, self.y)

    def look(self, other):
        kept = other
        return names(4)

    def __getitem__(self, i):
        if i == 252:
            raise IndexError(i)
        return self.x + i

    def __setitem__(self, i, v):
        if v == 253:
            raise ValueError(v)
        self.y = v

    @property
    def sum(self):
        if self.x == 254:
            return deep(self.x)
        return self.x + self.y


def deep(n, step=1):
    return deeper(n - step)


def deeper(n):
    if n % 300 == 253:
        return names(4)
    if n % 300 == 299:
        raise KeyError(n)
    return n


def looked_at(n):
    out = []
    for i in range(n):
        v = Vector(i)
        w = v + Vector(i + 1)
        if isinstance(w, list):
            out.append(w)
        elif i == 250:
            out.append(v.seen)
        s = v.sum
        if isinstance(s, list):
            out.append(s)
    return out


for line in looked_at(400):
    print(line)


def raising(n, what):
    v = Vector(1)
    for i in range(n):
        if what == 0:
            v[i]
        elif what == 1:
            v[0] = i
        else:
            deep(i)


for what in range(3):
    try:
        raising(400, what)
    except Exception as e:
        where = [(f.name, f.lineno) for f in traceback.extract_tb(e.__traceback__)]
        print(type(e).__name__, e.args, where)


class Loud:
    alive = 0

    def __init__(self, at):
        self.at = at
        Loud.alive += 1

    def __del__(self):
        Loud.alive -= 1
        if self.at == 300:
            print('dies', [name for name, _, _ in names(3)])


def make(i):
    loud = Loud(i)
    return loud.at


def dying(n):
    total = 0
    for i in range(n):
        total += make(i)
    return total, Loud.alive


print(dying(400))


class Key:
    asked = 0

    def __init__(self, n):
        self.n = n

    def __hash__(self):
        return hash(self.n)

    def __eq__(self, other):
        Key.asked += 1
        if Key.asked == 40:
            print([name for name, _, _ in names(2)])
        return isinstance(other, int) and other == self.n


def asking(n):
    d = {Key(3): 'three', 4: 'four'}
    s = {Key(5)}
    found = 0
    for i in range(n):
        if i % 7 in d:
            found += len(d[i % 7])
        if i % 8 in s:
            found += 1
        d[i % 4] = 'abc'
    return found, len(d)


print(asking(500), Key.asked)


def recursive(n):
    total = 0
    for i in range(3):
        total += i
        if n:
            total += recursive(n - 1)
    return total


print(recursive(6))


def too_deep(n):
    for i in range(2):
        too_deep(n + 1)


for _ in range(3):
    try:
        too_deep(0)
    except RecursionError as e:
        print('RecursionError', e)


def kept(n):
    refs = []
    for i in range(n):
        v = Vector(i)
        if i % 100 == 0:
            refs.append(weakref.ref(v))
    del v
    return [ref() for ref in refs]


print(kept(350))


def patched(n):
    out = []
    v = Vector(1)
    for i in range(n):
        if i == 300:
            Vector.__add__ = lambda self, other: 'patched'
        if i == 310:
            deep.__defaults__ = (5,)
        if i == 320:
            deeper.__code__ = (lambda n: 'code').__code__
        r = v + v
        if i % 50 == 0 or i in (301, 311, 321):
            out.append((i, r if isinstance(r, str) else r.x, deep(i + 7)))
    return out


print(patched(340))
