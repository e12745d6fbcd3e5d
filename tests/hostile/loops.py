#: empty loop | WALL_TIME
while True: pass

#: loop that catches everything | WALL_TIME
while True:
    try:
        while True: pass
    except BaseException: pass

#: finally that loops | WALL_TIME
def f():
    try:
        while True: pass
    finally:
        while True: pass
f()

#: generator that refuses to close | WALL_TIME
def g():
    while True:
        try: yield
        except BaseException: pass
x = g()
next(x)
while True:
    try: x.close()
    except RuntimeError: pass

#: suppress in a loop | WALL_TIME
import contextlib
#: go
while True:
    with contextlib.suppress(BaseException):
        while True: pass

#: endless iterator consumed by a native | WALL_TIME
sum(iter(int, 1))

#: endless count searched | WALL_TIME
import itertools
#: go
-1 in itertools.count()

#: endless islice | WALL_TIME
import itertools
#: go
next(itertools.islice(itertools.count(), 10**15, None))

#: endless product without results | WALL_TIME
import itertools, collections
#: go
collections.deque(itertools.permutations(range(30)), maxlen=0)

#: endless asyncio | WALL_TIME or EXCEPTION PermissionError
import asyncio
async def main():
    while True: await asyncio.sleep(0)
#: go
asyncio.new_event_loop().run_until_complete(main())

#: coroutine that never yields | WALL_TIME
async def f():
    while True: pass
f().send(None)

#: __del__ that loops | WALL_TIME
class A:
    def __del__(self):
        while True: pass
A()

#: metaclass that loops | WALL_TIME
class M(type):
    def __instancecheck__(cls, other):
        while True: pass
class A(metaclass=M): pass
isinstance(1, A)

#: descriptor that loops | WALL_TIME
class D:
    def __get__(self, *a):
        while True: pass
class A:
    x = D()
A().x

#: class body that loops | WALL_TIME
class A:
    while True: pass

#: comprehension without end | WALL_TIME
any(False for _ in iter(int, 1))

#: import hook that loops | WALL_TIME
import sys
class F:
    def find_spec(self, *a):
        while True: pass
sys.meta_path.insert(0, F())
import nothing_like_this

#: trace function that loops | WALL_TIME
import sys
def trace(*a):
    while True: pass
sys.settrace(trace)
def f(): pass
f()

#: sleep for long | WALL_TIME
import time
#: go
while True:
    try: time.sleep(1000)
    except BaseException: pass

#: lock that nobody opens | WALL_TIME
import _thread
k = _thread.allocate_lock()
k.acquire()
k.acquire()

#: select on nothing | WALL_TIME or EXCEPTION PermissionError
import select
select.select([], [], [])

#: subprocess-free wait for a queue | WALL_TIME
import queue
#: go
queue.Queue().get()

#: lines that are empty and never end | WALL_TIME
import io, itertools
io.BytesIO().writelines(itertools.repeat(b""))

#: sum that never ends | WALL_TIME
import itertools, math
math.fsum(itertools.count())

#: search that finds nothing | WALL_TIME
import itertools, operator
operator.indexOf(itertools.repeat(1), 2)

#: elements of a set that never ends | WALL_TIME
import itertools
{2}.isdisjoint(itertools.repeat(1))
