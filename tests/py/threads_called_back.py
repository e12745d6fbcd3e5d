"""Whoever gives up an object, and then a weak reference to it, hears of its end: also where that comes later than the other."""

import collections
import gc
import threading
import weakref


class Node:
    pass


class Pair:
    pass


# Beside a thread that waits: what one thread has made and drops.
called = []


def attributes():
    p = Pair()
    p.one = Node()
    p.ref = weakref.ref(p.one, called.append)


def table():
    d = {}
    d[0] = Node()
    d[1] = weakref.ref(d[0], called.append)


class Ending(Node):
    def __del__(self):
        called.append(None)


def finalized():
    p = Pair()
    p.one = Ending()
    p.ref = weakref.ref(p.one, called.append)


def deep():
    top = None
    for _ in range(200):
        p = Pair()
        p.below, top = top, p
    p = top
    while p.below is not None:
        p = p.below
    p.one = Node()
    p.ref = weakref.ref(p.one, called.append)


def nobody():
    one = Node()
    ref = weakref.ref(one, called.append)
    del ref
    del one


gate = threading.Barrier(2)


def wait():
    gate.wait()
    gate.wait()


t = threading.Thread(target=wait)
t.start()
gate.wait()
for f in (attributes, table, finalized, deep, nobody):
    called.clear()
    for _ in range(20):
        f()
    print(f.__name__, len(called))
gate.wait()
t.join()


# What another thread has made, and hears of at its own next step.
def meet(times, collect):
    called, given = collections.deque(), collections.deque()
    over, made = False, 0

    def maker():
        nonlocal made
        while not over:
            one = Node()
            ref = weakref.ref(one, called.append)
            given.append((one, ref))
            made += 1
            del one, ref
            while given and not over:
                pass

    t = threading.Thread(target=maker)
    t.start()
    n = 0
    while n < times:
        if given:
            pair = Pair()
            pair.one, pair.ref = given.popleft()
            n += 1
            del pair
            if collect:
                gc.collect()
    over = True
    t.join()
    while given:
        one, ref = given.popleft()
        del one
        del ref
    gc.collect()
    return len(called) == made


print("handed back", meet(500, False), meet(20, True))
