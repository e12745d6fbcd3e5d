#: threads without end | EXCEPTION RuntimeError or THREADS | threads=4
import _thread, time
def f():
    while True: time.sleep(1)
while True: _thread.start_new_thread(f, ())

#: threads that all spin | WALL_TIME
import _thread
def f():
    while True: pass
for _ in range(3): _thread.start_new_thread(f, ())
f()

#: threads that catch everything | WALL_TIME
import _thread
def f():
    while True:
        try:
            while True: pass
        except BaseException: pass
for _ in range(3): _thread.start_new_thread(f, ())
f()

#: processor time summed over threads | CPU_TIME | cpu=60
import _thread
def f():
    while True: pass
for _ in range(3): _thread.start_new_thread(f, ())
f()

#: memory taken by threads together | WALL_TIME or MEMORY | wall=3000
import _thread, time
x = []
def f():
    while True: x.append(bytearray(10000))
for _ in range(3): _thread.start_new_thread(f, ())
while True: time.sleep(0.01)

#: deadlock | WALL_TIME
import threading
a, b = threading.Lock(), threading.Lock()
ready = threading.Barrier(2)
def f(x, y):
    with x:
        ready.wait()
        y.acquire()
#: go
threading.Thread(target=f, args=(a, b)).start()
f(b, a)

#: join of a thread that never ends | WALL_TIME
import threading
e = threading.Event()
t = threading.Thread(target=e.wait)
t.start()
#: go
t.join()

#: recursion in a thread | COMPLETED
import threading, sys
sys.stderr = None
def f(): f()
t = threading.Thread(target=f)
t.start()
t.join()

#: thread that starts threads | EXCEPTION RuntimeError or COMPLETED | threads=4
import threading, time
def f(n):
    if n: threading.Thread(target=f, args=(n - 1,)).start()
    time.sleep(0.01)
f(30)

#: a stack size beyond reason | EXCEPTION ValueError or EXCEPTION RuntimeError or EXCEPTION MemoryError or MEMORY or COMPLETED
import threading
threading.stack_size(2**40)
t = threading.Thread(target=print)
t.start()
t.join()

#: thread-local finalizers that loop | WALL_TIME
import threading
class A:
    def __del__(self):
        while True: pass
local = threading.local()
def f(): local.x = A()
t = threading.Thread(target=f)
#: go
t.start()
t.join()
while True: pass

#: a pool that is never shut | WALL_TIME
import concurrent.futures
#: go
pool = concurrent.futures.ThreadPoolExecutor(3)
pool.submit(lambda: pool.submit(lambda: sum(0 for _ in iter(int, 1))).result()).result()

#: races on one list | COMPLETED
import threading
x = list(range(100))
def f():
    for i in range(300):
        x.append(i)
        x.pop()
        x.sort()
        x[:] = x[::-1]
ts = [threading.Thread(target=f) for _ in range(3)]
for t in ts: t.start()
for t in ts: t.join()

#: races on one dict | COMPLETED
import threading
d = {}
def f(n):
    for i in range(1000):
        d[i % 50] = n
        d.pop(i % 7, None)
        try:
            for k in d: pass
        except RuntimeError: pass
ts = [threading.Thread(target=f, args=(n,)) for n in range(3)]
for t in ts: t.start()
for t in ts: t.join()

#: main ends before its threads | COMPLETED
import threading
threading.Thread(target=lambda: sum(range(1000))).start()

#: daemon that goes on | COMPLETED
import threading
def f():
    while True: pass
threading.Thread(target=f, daemon=True).start()
