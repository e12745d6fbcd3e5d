"""Sizes no machine has, and containers that change while they are looked at: an error in bounded time, never a crash."""
import itertools
import operator
import sys

HUGE = 2 ** 60


def show(label, f):
    try:
        r = f()
    except (BaseException) as e:
        print(label, '->', type(e).__name__, e)
    else:
        r = repr(r)
        print(label, '=', r if len(r) < 200 else len(r))


def sizes():
    show("str * 2**40", lambda: len('x' * 2 ** 60))
    show("str * 2**64", lambda: len('x' * 2 ** 64))
    show("bytes * huge", lambda: len(b'x' * HUGE))
    show("bytes * 2**64", lambda: len(b'x' * 2 ** 64))
    show("bytearray * huge", lambda: len(bytearray(b'xy') * HUGE))
    show("list * huge", lambda: len([1] * HUGE))
    show("list * 2**64", lambda: len([1] * 2 ** 64))
    show("tuple * huge", lambda: len((1, 2) * HUGE))
    show("empty str * huge", lambda: '' * HUGE)
    show("empty list * huge", lambda: [] * HUGE)
    show("list(range(huge))", lambda: list(range(HUGE)))
    show("bytes(huge)", lambda: len(bytes(HUGE)))
    show("bytes(2**64)", lambda: len(bytes(2 ** 64)))
    show("bytearray(huge)", lambda: len(bytearray(HUGE)))
    show("bytes(-1)", lambda: bytes(-1))
    show("ljust", lambda: len('x'.ljust(HUGE)))
    show("ljust 2**64", lambda: len('x'.ljust(2 ** 64)))
    show("center", lambda: len('x'.center(HUGE, '\u1234')))
    show("zfill", lambda: len('x'.zfill(HUGE)))
    show("bytes.ljust", lambda: len(b'x'.ljust(HUGE)))
    show("bytes.zfill", lambda: len(b'x'.zfill(HUGE)))
    show("expandtabs", lambda: len('\t\t\t'.expandtabs(2 ** 31 - 1)) > 0 if sys.maxsize < 0 else None)
    show("expandtabs over int", lambda: 'a\tb'.expandtabs(2 ** 31))
    show("% width", lambda: len('%*d' % (2 ** 31, 1)) if False else '%*d' % (2 ** 65, 1))
    show("% width text", lambda: '%99999999999999999999d' % 1)
    show("% precision text", lambda: '%.99999999999999999999d' % 1)
    show("% precision f", lambda: '%.2147483648f' % 1.0)
    show("format width", lambda: format(1, '99999999999999999999d'))
    show("format precision", lambda: format(1.0, '.99999999999999999999f'))
    show("format huge precision", lambda: format(1.0, '.2147483648f'))
    show("format str width", lambda: format('x', '9223372036854775807'))
    show("format auto", lambda: '{:{}}'.format('x', 2 ** 70))
    show("f-string", lambda: f"{'x':{HUGE}}")
    show("bytes % width", lambda: b'%99999999999999999999d' % 1)
    show("join of huge", lambda: ('x' * 1000).join(['y' * 1000] * 3)[:3])
    show("replace grows", lambda: len(('a' * 1000).replace('a', 'b' * 1000)))
    show("range len", lambda: len(range(2 ** 64)))
    show("range index", lambda: range(2 ** 100)[2 ** 99])
    show("range contains", lambda: 2 ** 99 + 1 in range(0, 2 ** 100, 3))
    show("range reversed", lambda: next(reversed(range(2 ** 100))))
    show("range slice", lambda: range(2 ** 100)[::2 ** 98])
    show("range count", lambda: range(2 ** 100).count(5))
    show("repeat len", lambda: operator.length_hint(itertools.repeat(1, HUGE)))
    show("list(repeat(huge))", lambda: list(itertools.repeat(1, 2 ** 62)))
    show("index too large", lambda: [1][2 ** 64])
    show("slice too large", lambda: [1, 2, 3][2 ** 64:-2 ** 64:-2 ** 70])
    show("str index too large", lambda: 'abc'[2 ** 64])
    show("slice indices", lambda: slice(2 ** 70, -2 ** 70, -2 ** 65).indices(2 ** 68))
    show("insert", lambda: [1].insert(2 ** 70, 2))
    show("pop", lambda: [1].pop(2 ** 70))
    show("find", lambda: 'abc'.find('c', -2 ** 70, 2 ** 70))
    show("int.to_bytes", lambda: len((1).to_bytes(HUGE, 'little')))
    show("memoryview of a huge index", lambda: memoryview(b'abc')[2 ** 64])


def numbers():
    show("1 << 2**70", lambda: 1 << 2 ** 70)
    show("0 << 2**70", lambda: 0 << 2 ** 70)
    show("1 >> 2**70", lambda: (1 >> 2 ** 70, -1 >> 2 ** 70))
    show("1 << -1", lambda: 1 << -1)
    show("1 << 2**62", lambda: 1 << 2 ** 62)
    show("pow mod", lambda: pow(3, 2 ** 4000, 10 ** 9 + 7))
    show("pow mod 0", lambda: pow(3, 2, 0))
    show("pow inverse", lambda: pow(2, -1, 4))
    show("0 ** -1", lambda: 0 ** -1)
    show("float pow", lambda: 10.0 ** 400)
    show("int to float", lambda: float(10 ** 400))
    show("int / int", lambda: 10 ** 400 / 3)
    show("float * int", lambda: 1.5 * 10 ** 400)
    show("round float", lambda: round(1.5, 2 ** 31))
    show("str limit", lambda: str(10 ** 5000))
    show("repr limit", lambda: repr([10 ** 5000]))
    show("int limit", lambda: int('1' * 5000))
    show("int base 3", lambda: int('1' * 5000, 3) > 0)
    show("int base 16", lambda: int('f' * 5000, 16) > 0)
    show("hex", lambda: len(hex(10 ** 5000)))
    show("format limit", lambda: f'{10 ** 5000}')
    show("% limit", lambda: '%d' % 10 ** 5000)
    show("float of digits", lambda: float('1' * 5000))
    show("float of many digits", lambda: float('0.' + '1' * 100000))
    show("hash of huge", lambda: hash(2 ** 100000) == hash(pow(2, 100000, sys.hash_info.modulus)))
    show("compare huge", lambda: (2 ** 100000 > 1e308, 2 ** 100000 == float('inf')))
    show("chr", lambda: chr(2 ** 70))
    show("chr -1", lambda: chr(-1))
    show("ord", lambda: ord('ab'))
    show("complex pow", lambda: complex(10, 10) ** 400)
    show("float.fromhex", lambda: float.fromhex('0x1p999999999999'))
    show("float.fromhex long", lambda: float.fromhex('0x' + '1' * 100000 + 'p-400000'))


class Mutant:
    """Equal to nothing, but touches the container when asked."""

    def __init__(self, act, h=1):
        self.act, self.h = act, h

    def __eq__(self, other):
        self.act()
        return False

    def __hash__(self):
        return self.h


def mutation():
    d = dict.fromkeys(range(10))
    show("dict grows", lambda: [d.setdefault(k + 100) for k in d])
    d = dict.fromkeys(range(10))
    show("dict shrinks", lambda: [d.pop(k) for k in d])
    d = dict.fromkeys(range(10))
    show("dict items", lambda: [d.clear() for _ in d.items()])
    d = {1: 1}
    show("dict keys changed, same size", lambda: [(d.pop(k), d.setdefault(k + 1)) for k in d][:3])
    d = dict.fromkeys(range(10))
    show("dict reversed", lambda: [d.pop(k) for k in reversed(d)])
    s = set(range(10))
    show("set grows", lambda: [s.add(k + 100) for k in s])
    s = set(range(10))
    show("set shrinks", lambda: [s.discard(k) for k in s])
    a = [1, 2, 3]
    show("list shrinks", lambda: [a.pop() for _ in a])
    a = [1, 2, 3]
    show("list grows", lambda: [a.append(x) or x for x in a if len(a) < 50][-1])
    a = [1, 2, 3]
    show("list clear in reversed", lambda: [a.clear() for _ in reversed(a)])
    from collections import deque
    q = deque(range(5))
    show("deque", lambda: [q.append(1) for _ in q])
    b = bytearray(b'abc')
    show("bytearray", lambda: [b.clear() for _ in b])
    a = [3, 2, 1]
    show("sort key appends", lambda: a.sort(key=lambda x: a.append(x) or x))
    print(a)
    a = [3, 2, 1]
    show("sort key clears", lambda: a.sort(key=lambda x: a.clear() or x))
    print(a)
    a = [3, 2, 1]
    show("sort key looks", lambda: a.sort(key=lambda x: len(a)))
    print(a)

    class Less(int):
        def __lt__(self, other):
            a.append(1)
            return int.__lt__(self, other)
    a = [Less(3), Less(2), Less(1)]
    show("sort lt appends", lambda: a.sort())
    print(a)
    a = [Mutant(lambda: a.clear()) for _ in range(5)]
    show("list.index", lambda: a.index(3))
    a = [Mutant(lambda: a.clear()) for _ in range(5)]
    show("list.count", lambda: a.count(3))
    a = [Mutant(lambda: a.clear()) for _ in range(5)]
    show("list.remove", lambda: a.remove(3))
    a = [Mutant(lambda: a.clear()) for _ in range(5)]
    show("list ==", lambda: a == [1, 2, 3, 4, 5])
    a = [Mutant(lambda: a.clear()) for _ in range(5)]
    show("list <", lambda: a < [1, 2, 3, 4, 5])
    a = [Mutant(lambda: a.clear()) for _ in range(5)]
    show("in list", lambda: 3 in a)
    d = {}
    d[Mutant(lambda: d.clear())] = 1
    show("dict get", lambda: d.get(1))
    d = {}
    d[Mutant(lambda: d.clear())] = 1
    show("dict set", lambda: d.__setitem__(1, 2))
    print(len(d))
    d = {}
    d[Mutant(lambda: d.clear())] = 1
    show("dict pop", lambda: d.pop(1, 'gone'))
    d = {}
    d[Mutant(lambda: d.clear())] = 1
    show("dict setdefault", lambda: d.setdefault(1, 5))
    d = {}
    d[Mutant(lambda: d.clear())] = 1
    show("dict ==", lambda: d == {1: 1})
    d = {1: Mutant(lambda: d.clear()), 2: 3}
    show("dict values ==", lambda: d == {1: 1, 2: 3})
    s = set()
    s.add(Mutant(lambda: s.clear()))
    show("set add", lambda: s.add(1))
    s = set()
    s.add(Mutant(lambda: s.clear()))
    show("set in", lambda: 1 in s)
    s = set()
    s.add(Mutant(lambda: s.clear()))
    show("set discard", lambda: s.discard(1))
    s = set()
    s.add(Mutant(lambda: s.clear()))
    show("set |", lambda: len(s | {1, 2}) > 0)
    s = set()
    s.add(Mutant(lambda: s.clear()))
    show("set &", lambda: s & {1, 2})
    s = set()
    s.add(Mutant(lambda: s.clear()))
    show("set -", lambda: len(s - {1, 2}) >= 0)
    s = set()
    s.add(Mutant(lambda: s.clear()))
    show("set <=", lambda: s <= {1, 2})
    a = [1, 2, 3]

    class Index:
        def __index__(self):
            a.clear()
            return 1
    show("slice index clears", lambda: a[Index():])
    a = [1, 2, 3]
    show("index clears", lambda: a[Index()])
    a = [1, 2, 3]
    show("setitem clears", lambda: a.__setitem__(Index(), 5))
    a = [1, 2, 3]
    show("delitem clears", lambda: a.__delitem__(Index()))
    a = [1, 2, 3]
    show("insert clears", lambda: a.insert(Index(), 5))
    print(a)
    a = [1, 2, 3]
    show("slice assign clears", lambda: a.__setitem__(slice(Index(), None), [7]))
    print(a)

    class Text:
        def __init__(self, f):
            self.f = f

        def __str__(self):
            self.f()
            return 'text'
        __repr__ = __str__
    a = [Text(lambda: a.clear()), 2, 3]
    show("repr clears", lambda: repr(a))
    d = {1: Text(lambda: d.clear()), 2: 3}
    show("dict repr clears", lambda: len(repr(d)) > 0)

    def items():
        yield 'a'
        a.clear()
        yield 'b'
    a = ['x', 'y']
    show("join of a generator", lambda: ','.join(items()))
    a = [1, 2]
    show("extend itself", lambda: a.extend(a))
    print(a)
    a = [1, 2]
    show("extend by its iterator", lambda: a.__iadd__(x for x in list(a)))
    a = [1, 2, 3, 4]
    a[1:3] = a
    print(a)
    d = {1: 2}
    show("update itself", lambda: d.update(d))

    class Keys:
        def keys(self):
            return iter([1, 2])

        def __getitem__(self, k):
            d.clear()
            return k
    show("update clears", lambda: d.update(Keys()))
    print(d)


def exports():
    b = bytearray(b'abcdef')
    m = memoryview(b)
    for label, f in [
        ("append", lambda: b.append(1)),
        ("extend", lambda: b.extend(b'xyz')),
        ("clear", lambda: b.clear()),
        ("pop", lambda: b.pop()),
        ("del", lambda: b.__delitem__(slice(0, 2))),
        ("slice grows", lambda: b.__setitem__(slice(0, 2), b'12345')),
        ("slice keeps", lambda: b.__setitem__(slice(0, 2), b'12')),
        ("iadd", lambda: b.__iadd__(b'x')),
        ("imul", lambda: b.__imul__(2)),
        ("insert", lambda: b.insert(0, 1)),
        ("remove", lambda: b.remove(99)),
        ("init", lambda: b.__init__(b'longer than before')),
        ("item", lambda: b.__setitem__(0, 65)),
    ]:
        show(label, f)
    m.release()
    show("released", lambda: b.append(1))
    show("use after release", lambda: m[0])
    b = bytearray(b'abc')

    class Grow:
        def __index__(self):
            b.extend(b'x' * 1000)
            return 65
    show("append grows", lambda: b.append(Grow()))
    b[:] = b'abc'

    class Shrink:
        def __index__(self):
            b.clear()
            return 65
    show("setitem shrinks", lambda: b.__setitem__(2, Shrink()))
    b[:] = b'abc'
    show("index shrinks", lambda: b.__setitem__(Shrink(), 1))
    b[:] = b'abc'
    show("extend by itself", lambda: b.extend(b))
    print(b)
    b[:] = b'abc'
    show("slice by itself", lambda: b.__setitem__(slice(1, 1), b))
    print(b)
    b[:] = b'abc'
    show("join", lambda: b.join([b, b]))

    def pieces():
        yield b'x'
        b.clear()
        yield b'y'
    show("join clears", lambda: b.join(pieces()))
    m = memoryview(bytearray(8)).cast('i')

    class Release:
        def __index__(self):
            m.release()
            return 1
    show("memoryview released while set", lambda: m.__setitem__(0, Release()))
    m = memoryview(bytearray(8))
    show("memoryview released while indexed", lambda: m[Release()])


sizes()
numbers()
mutation()
exports()
