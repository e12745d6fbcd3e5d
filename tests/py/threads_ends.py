"""How objects end that several threads share: each once, and whoever comes back is whole."""

import gc
import threading
import weakref

ROUNDS = 200
errors = []
threading.excepthook = lambda args: errors.append(repr(args.exc_value))


def together(*work):
    gate = threading.Barrier(len(work))

    def body(f):
        gate.wait()
        f()

    threads = [threading.Thread(target=body, args=(f,)) for f in work]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


# Finalizers run once, wherever the last reference goes.
ended = []


class Ending:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        ended.append(self.name)


box = []


def put(k):
    def f():
        for i in range(ROUNDS):
            box.append(Ending((k, i)))

    return f


def take():
    left = ROUNDS
    while left:
        try:
            box.pop()
        except IndexError:
            continue
        left -= 1


together(put(0), take, put(1), take)
gc.collect()
print("ends", errors, len(box), len(ended), len(set(ended)))


# A finalizer brings its object back, to where another thread takes it.
back, seen = [], []


class Phoenix:
    def __init__(self, name):
        self.name, self.burnt = name, [name]

    def __del__(self):
        back.append(self)


def burn():
    for i in range(ROUNDS):
        Phoenix(i)


def catch():
    left = ROUNDS
    while left:
        try:
            p = back.pop()
        except IndexError:
            continue
        assert p.burnt == [p.name]
        seen.append(p.name)
        left -= 1


together(burn, catch)
gc.collect()
print("back", errors, sorted(seen) == list(range(ROUNDS)), len(back))


# A weak reference is called while the last reference goes.
class Weak:
    def __init__(self, i):
        self.pair = [i, i]


objects = [Weak(i) for i in range(ROUNDS)]
refs = [weakref.ref(o) for o in objects]


def drop():
    while objects:
        objects.pop()


def call():
    for _ in range(5):
        for r in refs:
            o = r()
            assert o is None or o.pair[0] == o.pair[1]
            o = None


together(drop, call, call)
gc.collect()
print("weak", errors, [r() for r in refs if r() is not None])


# A finalizer uses the container that its object is taken out of.
table, order = {}, []


class Nested:
    def __init__(self, i):
        self.i = i

    def __del__(self):
        table.pop(("gone", self.i % 10), None)
        table["gone", self.i % 10] = self.i
        order.append(len(table) >= 0)


def fill(k):
    def f():
        for i in range(ROUNDS):
            table[k, i % 20] = Nested(i)
            if i % 20 == 19:
                for n in range(20):
                    table.pop((k, n), None)

    return f


together(fill(0), fill(1))
gc.collect()
print("nested", errors, len(order), sorted(k for k in table if k[0] != "gone"))


# Short threads let go of what a long one has made.
count = 0
lock = threading.Lock()


class Counted:
    def __del__(self):
        global count
        with lock:
            count += 1


for _ in range(40):
    given = [Counted() for _ in range(10)]
    t = threading.Thread(target=given.clear)
    t.start()
    t.join()
del given
gc.collect()
print("short", errors, count)


# What a thread has to itself ends with it, by a finalizer that takes a lock.
local = threading.local()
got = []


class Own:
    def __del__(self):
        with lock:
            got.append(1)


def own():
    local.x = Own()


together(*[own] * 5)
for _ in range(3):
    gc.collect()
print("local", errors, len(got))
