"""The collector beside threads: that begin, run, sleep, make cycles, and ask it."""

import gc
import threading
import time
import weakref

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


class Node:
    pass


def cycle():
    a, b = Node(), Node()
    a.other, b.other = b, a
    return weakref.ref(a)


# While threads begin and end.
def collect(n=20):
    for _ in range(n):
        gc.collect()


def begin():
    for _ in range(30):
        t = threading.Thread(target=cycle)
        t.start()
        t.join()


together(collect, begin, begin)
print("beginning", errors)


# Deep in calls, and in generators that others have left.
def deep(n):
    keep = [n]
    return deep(n - 1) + keep[0] * 0 if n else 1


def numbers(n):
    keep = [[i] for i in range(3)]
    for i in range(n):
        yield i + len(keep)


suspended = [numbers(5) for _ in range(10)]
for g in suspended:
    next(g)


def calls():
    for _ in range(30):
        assert deep(60) == 1
        assert sum(numbers(20)) == 190 + 60


together(collect, calls, calls)
print("calls", errors, [next(g) for g in suspended] == [4] * 10)

# What dies in cycles of all threads is found, and what lives is not.
alive, dead = [], []


def cycles():
    for i in range(200):
        dead.append(cycle())
        n = Node()
        n.self = n
        alive.append(n)


together(cycles, cycles, collect)
gc.collect()
print("cycles", errors, sum(r() is not None for r in dead), all(n.self is n for n in alive), len(alive))


# Asked for all objects, frozen ones among them, while another collects.
def ask():
    for _ in range(5):
        assert any(o is alive for o in gc.get_objects())
        gc.get_referrers(alive[0])
        gc.get_count(), gc.get_stats(), gc.is_tracked(alive)


def freeze():
    for _ in range(5):
        gc.freeze()
        cycle()
        gc.unfreeze()


together(ask, freeze, lambda: collect(5))
print("asked", errors, gc.get_freeze_count())

# Callbacks, which make garbage and ask again.
phases = set()


def callback(phase, info):
    phases.add(phase)
    cycle()
    assert gc.collect() == 0 or True


gc.callbacks.append(callback)
together(lambda: collect(3), lambda: collect(3), calls)
gc.callbacks.remove(callback)
print("callbacks", errors, sorted(phases))


# A thread that sleeps or waits holds nobody up.
gate = threading.Event()
sleeper = threading.Thread(target=gate.wait)
sleeper.start()
napping = threading.Thread(target=time.sleep, args=(0.05,))
napping.start()
collect(5)
gate.set()
sleeper.join()
napping.join()
print("waiting", errors)

# One that would never end collects to the end.
def forever():
    while True:
        gc.collect()
        cycle()


threading.Thread(target=forever, daemon=True).start()
time.sleep(0.01)
print("end")
