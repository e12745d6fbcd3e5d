#: list without end | MEMORY
x = []
while True: x.append(object())

#: dict without end | MEMORY
x = {}
for i in iter(int, 1): x[len(x)] = str(len(x))

#: bytes that double | MEMORY
x = b'x'
while True: x += x

#: str that doubles | MEMORY
x = 'é'
while True: x += x

#: one large request | MEMORY
'x' * 2**40

#: one impossible request | EXCEPTION OverflowError or MEMORY
[None] * 2**62

#: bytearray of everything | MEMORY
bytearray(2**40)

#: MemoryError caught for ever | MEMORY or WALL_TIME | wall=2000
x = []
while True:
    try:
        while True: x.append(bytearray(1000))
    except MemoryError: pass

#: a list of an endless iterator | MEMORY
import itertools
list(itertools.count())

#: a set of an endless iterator | MEMORY
import itertools
set(itertools.count())

#: a tuple of a long range | MEMORY
tuple(range(10**11))

#: dict.fromkeys | MEMORY
dict.fromkeys(range(10**10))

#: str.join of much | MEMORY
','.join(['x' * 10000] * 10**5)

#: str.replace that grows | MEMORY
('a' * 10**6).replace('a', 'b' * 1000)

#: format with a huge width | MEMORY
'%*d' % (10**9, 1)

#: f-string with a huge width | MEMORY
f'{1:>{10**9}}'

#: expandtabs | MEMORY
('\t' * 10**5).expandtabs(10**5)

#: ljust of much | MEMORY
'a'.ljust(10**9)

#: translate that grows | MEMORY
('a' * 10**5).translate({97: 'b' * 10000})

#: BytesIO without end | MEMORY
import io
b = io.BytesIO()
while True: b.write(bytes(100000))

#: StringIO without end | MEMORY
import io
b = io.StringIO()
while True: b.write('x' * 100000)

#: array without end | MEMORY
import array
a = array.array('d', [0.0])
while True: a.extend(a)

#: deque without end | MEMORY
import collections
d = collections.deque()
while True: d.append([])

#: itertools.tee that runs away | MEMORY
import itertools
a, b = itertools.tee(itertools.count())
while True: next(a)

#: cycle of an endless iterator | MEMORY
import itertools
for _ in itertools.cycle(itertools.count()): pass

#: closures that hold each other | MEMORY
def f(g): return lambda: g
g = None
while True: g = f(g)

#: generators kept | MEMORY
def f(): yield
x = []
while True:
    g = f()
    next(g)
    x.append(g)

#: classes without end | MEMORY
x = []
while True: x.append(type('A', (), {}))

#: strings interned without end | MEMORY
import sys
x = []
while True: x.append(sys.intern('name%d' % len(x)))

#: weak references without end | MEMORY
import weakref
class A: pass
x = []
while True:
    a = A()
    x.append((a, weakref.ref(a)))

#: exceptions chained without end | MEMORY
e = None
while True:
    n = ValueError('x' * 100)
    n.__context__ = e
    e = n

#: memoised without end | MEMORY
import functools
@functools.cache
def f(n): return bytes(1000)
n = 0
while True:
    f(n)
    n += 1

#: pickle of much | MEMORY
import pickle
pickle.dumps([bytes(10**6) for _ in range(20)] * 3 + list(range(10**7)))

#: copy that grows | MEMORY
import copy
x = [bytearray(10**6)]
while True: x.extend(copy.deepcopy(x))

#: environment filled | MEMORY
import os
while True: os.environ['x%d' % len(os.environ)] = 'y' * 10000

#: frames kept alive by tracebacks | MEMORY
x = []
while True:
    try:
        y = bytes(10000)
        1 / 0
    except ZeroDivisionError as e:
        x.append((e, bytes(10000)))

#: memory given up is memory to use | COMPLETED
for _ in range(30):
    x = [bytearray(1000) for _ in range(10000)]
    x = None

#: a refused request is an exception like any other | COMPLETED
try: 'x' * 2**40
except MemoryError: pass
