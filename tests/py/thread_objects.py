"""Objects that go from thread to thread: made in one, used and dropped in another."""
import _thread
import gc
import queue
import threading
import time
import weakref


class Node:
    made = 0

    def __init__(self, value):
        self.value = value
        self.next = None
        self.me = self


def chain(n):
    first = node = Node(0)
    for i in range(1, n):
        node.next = Node(i)
        node = node.next
    return first


def length(node):
    n = 0
    while node is not None:
        n += node.value + 1
        node = node.next
    return n


# What ended threads made lives on, and dies with its last reference.
made = []


def make():
    made.append(chain(1000))


threads = [threading.Thread(target=make) for _ in range(8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print([length(node) for node in made])
refs = [weakref.ref(node) for node in made]
gc.collect()
print(all(r() is not None for r in refs))
made.clear()
gc.collect()
print([r() for r in refs])

# Handed over one by one, dropped where they are got.
dropped = []


class Noted:
    def __init__(self, i):
        self.i = i

    def __del__(self):
        dropped.append(self.i)


q = queue.Queue(10)


def get():
    while (x := q.get()) is not None:
        del x


t = threading.Thread(target=get)
t.start()
for i in range(500):
    q.put(Noted(i))
q.put(None)
t.join()
for _ in range(100):
    pass
print(len(dropped), sorted(dropped) == list(range(500)))

# Made by threads, kept by the main one: dicts, strings, functions, classes, generators.
kept = {}


def fill(k):
    class Local:
        tag = f"class {k}"

        def show(self):
            return f"{self.tag} {k}"

    def gen():
        for i in range(5):
            yield [k] * i

    g = gen()
    next(g)
    kept[f"thread {k}"] = (Local(), g, {str(i): i for i in range(50)}, lambda x, k=k: x + k, 2**70 + k)


threads = [threading.Thread(target=fill, args=(k,)) for k in range(5)]
for t in threads:
    t.start()
for t in threads:
    t.join()
for k in range(5):
    local, g, d, f, big = kept.pop(f"thread {k}")
    print(local.show(), list(g), sum(d.values()), f(10), big)
    del local, g, d, f
gc.collect()

# Many collections while others make and drop cycles.
stop = False


def churn():
    while not stop:
        a, b = Node(1), Node(2)
        a.next, b.next = b, a


threads = [threading.Thread(target=churn) for _ in range(3)]
for t in threads:
    t.start()
for _ in range(20):
    gc.collect()
stop = True
for t in threads:
    t.join()

# `__init__` of a thread's own attributes waits, and others come meanwhile.


class Own(threading.local):
    def __init__(self):
        time.sleep(0.001)
        self.x = threading.get_ident()


own = Own()
same = []


def look():
    same.append(all(own.x == threading.get_ident() for _ in range(10)))


threads = [threading.Thread(target=look) for _ in range(20)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(same == [True] * 20)


# The program's end finds a thread asleep, which `threading` knows by its number only.
def asleep(started):
    threading.current_thread()
    kept = {1: Node(1), 2: threading.local()}
    started.set()
    time.sleep(100)


started = threading.Event()
_thread.start_new_thread(asleep, (started,))
started.wait()
for name in (3, None, b"x", []):
    try:
        _thread.set_name(name)
    except TypeError as e:
        print(e)
print("done")
