"""Threads: start and join, locks, conditions, queues, locals, pools, exceptions, daemons, signals beside them."""

import _thread
import concurrent.futures
import queue
import signal
import sys
import threading
import time

total = 0
lock = threading.Lock()


def add(n):
    global total
    for _ in range(n):
        with lock:
            total += 1


threads = [threading.Thread(target=add, args=(500,)) for _ in range(8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(total, [t.is_alive() for t in threads][:2], threading.active_count())

# Two that wait for each other get on.
a, b, order = threading.Semaphore(0), threading.Semaphore(0), []


def ping():
    for i in range(3):
        order.append(f"ping{i}")
        b.release()
        a.acquire()


def pong():
    for i in range(3):
        b.acquire()
        order.append(f"pong{i}")
        a.release()


pair = [threading.Thread(target=ping), threading.Thread(target=pong)]
[t.start() for t in pair], [t.join() for t in pair]
print(order)

# A loop that never waits lets others run.
stop = False


def spin():
    while not stop:
        pass


t = threading.Thread(target=spin)
t.start()
time.sleep(0.02)
stop = True
t.join()
print("stopped")

q, results = queue.Queue(maxsize=2), []


def worker():
    while (item := q.get()) is not None:
        results.append(item * item)
        q.task_done()
    q.task_done()


t = threading.Thread(target=worker)
t.start()
for i in range(5):
    q.put(i)
q.put(None)
q.join()
t.join()
print(results)
try:
    q.get(timeout=0.01)
except queue.Empty:
    print("empty")
s = queue.SimpleQueue()
threading.Timer(0.01, s.put, ["late"]).start()
print(s.get(timeout=5))

local = threading.local()
local.x = "main"
seen = []


class Own(threading.local):
    def __init__(self, n):
        self.n = [n]


own = Own(3)


def look():
    seen.append((hasattr(local, "x"), own.n))
    own.n.append(4)
    local.x = "other"


t = threading.Thread(target=look)
t.start(), t.join()
print(seen, local.x, own.n)

with concurrent.futures.ThreadPoolExecutor(3) as pool:
    print(list(pool.map(lambda n: n * 2, range(6))))
    f = pool.submit(int, "x")
    print(type(f.exception()).__name__)
    slow = [pool.submit(time.sleep, 0.01) for _ in range(3)]
    done, rest = concurrent.futures.wait(slow)
    print(len(done), len(rest))

c, items = threading.Condition(), []


def consume():
    with c:
        print(c.wait_for(lambda: items, timeout=5), c.wait(0.01))


t = threading.Thread(target=consume)
t.start()
with c:
    items.append(1)
    c.notify_all()
t.join()

caught = []
threading.excepthook = lambda args: caught.append((args.exc_type.__name__, str(args.exc_value), args.thread.name))
t = threading.Thread(target=lambda: 1 / 0, name="broken")
t.start(), t.join()
t = threading.Thread(target=sys.exit, name="exits")
t.start(), t.join()
print(caught)
barrier = threading.Barrier(3)
ids = set()


def meet():
    barrier.wait(5)
    ids.add(threading.get_ident())


group = [threading.Thread(target=meet) for _ in range(2)]
[t.start() for t in group]
meet()
[t.join() for t in group]
print(len(ids), threading.get_ident() in ids, threading.main_thread().ident == threading.get_ident())

r = threading.RLock()
with r:
    with r:
        t = threading.Thread(target=lambda: print(r.acquire(blocking=False), r._is_owned()))
        t.start(), t.join()
try:
    r.release()
except RuntimeError as e:
    print(e)
h = _thread.start_joinable_thread(lambda: time.sleep(0.01))
print(h.is_done(), h.join(0.0001), h.join(), h.is_done())
for bad in lambda: threading.Thread().join(), lambda: threading.current_thread().join(), lambda: _thread.start_new_thread(3, ()):
    try:
        bad()
    except (RuntimeError, TypeError) as e:
        print(type(e).__name__, e)

# A signal's handler runs in the main thread, wherever the process is.
got = []
signal.signal(signal.SIGALRM, lambda *_: got.append(threading.current_thread() is threading.main_thread()))
stop = False
t = threading.Thread(target=spin)
t.start()
signal.setitimer(signal.ITIMER_REAL, 0.02)
while not got:
    time.sleep(0.001)
stop = True
t.join()
print(got)
try:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(signal.signal, signal.SIGALRM, signal.SIG_DFL).result()
except ValueError as e:
    print(e)

event = threading.Event()
threading.Thread(target=lambda: (event.wait(), time.sleep(0.02), print("waited for at the end", flush=True))).start()
threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
event.set()
print("main is done", flush=True)
