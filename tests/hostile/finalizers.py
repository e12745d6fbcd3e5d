#: finalizer that loops at the end | WALL_TIME | fresh
class A:
    def __del__(self):
        while True: pass
x = A()

#: finalizer that revives itself | WALL_TIME
class A:
    def __del__(self):
        global x
        x = A()
x = A()
while True: x = None

#: finalizers without end | COMPLETED or WALL_TIME | wall=2000
class A:
    def __del__(self): A()
A()

#: finalizers in cycles | COMPLETED
import gc
class A:
    def __del__(self): self.me = self
for _ in range(2000):
    a = A()
    a.me = a
gc.collect()

#: finalizer that takes memory | COMPLETED or MEMORY
class A:
    def __del__(self): self.x = bytes(10**9)
A()

#: finalizer that recurses | COMPLETED or STACK
import sys
sys.stderr = None
class A:
    def __del__(self): self.__del__()
A()

#: finalizer that exits | COMPLETED
import sys
class A:
    def __del__(self): sys.exit(3)
A()

#: finalizer of a generator | WALL_TIME
def g():
    try: yield
    finally:
        while True: pass
x = g()
next(x)
del x

#: finalizer that changes what is being freed | COMPLETED
x = []
class A:
    def __del__(self): x.append(1); x.clear()
x.extend(A() for _ in range(1000))
x.clear()

#: finalizer during a dict's change | COMPLETED
d = {}
class A:
    def __del__(self): d.clear(); d[len(d)] = 1
for i in range(1000): d[i % 10] = A()

#: weak reference that calls back without end | WALL_TIME
import weakref
class A: pass
def f(r):
    while True: pass
a = A()
r = weakref.ref(a, f)
del a

#: atexit that loops | WALL_TIME | fresh
import atexit
#: go
def f():
    while True: pass
atexit.register(f)

#: atexit that registers itself | WALL_TIME or COMPLETED | fresh wall=2000
import atexit
def f(): atexit.register(f)
atexit.register(f)

#: atexit that raises | COMPLETED or EXCEPTION ZeroDivisionError
import atexit
atexit.register(lambda: 1 / 0)

#: os._exit | EXCEPTION PermissionError or EXIT or EXCEPTION AttributeError
import os
os._exit(3)

#: exit that is caught | COMPLETED
try: raise SystemExit(3)
except BaseException: pass

#: exit with an odd code | EXIT
raise SystemExit('x' * 1000)

#: exit from a thread | COMPLETED
import threading, sys
t = threading.Thread(target=sys.exit)
t.start()
t.join()

#: collector in a finalizer | COMPLETED
import gc
class A:
    def __del__(self): gc.collect()
for _ in range(20):
    a = A()
    a.me = a
    del a
gc.collect()

#: collector callbacks that raise | COMPLETED
import gc, sys
sys.stderr = None
gc.callbacks.append(lambda *a: 1 / 0)
gc.collect()
gc.callbacks.clear()

#: abort | EXCEPTION PermissionError or EXCEPTION AttributeError
import os
os.abort()

#: faulthandler that faults | EXCEPTION PermissionError or EXCEPTION AttributeError or EXCEPTION ModuleNotFoundError or EXCEPTION ImportError
import faulthandler
faulthandler._sigsegv()
