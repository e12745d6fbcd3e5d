# What another thread has made is spread into calls and displays, and still there afterwards.
import _thread
import threading


def made(make):
    box, done = [], threading.Event()

    def run():
        box.append(make())
        done.set()

    _thread.start_new_thread(run, ())
    done.wait()
    return box.pop()


def spread(make, use):
    k = made(make)
    use(k)
    k = None
    fresh = [({}, [], (1, 2, len(fresh_ends))) for _ in range(2000)]
    assert all(d == ({}, [], (1, 2, 1)) for d in fresh)


def unpacked(k):
    a, b = k
    *c, d = k
    return a, b, c, d


def raised(k):
    try:
        raise k
    except ValueError:
        pass


def caught(k):
    try:
        raise k from k
    except* ValueError:
        pass


fresh_ends = [None]
USES = [
    (lambda: {}, lambda k: dict(**k)),
    (lambda: {}, lambda k: {**k}),
    (lambda: [{}, {}], lambda k: [*k, *k]),
    (lambda: [{}, {}], lambda k: (*k,)),
    (lambda: [1, 2], lambda k: {*k}),
    (lambda: [{}, {}], unpacked),
    (lambda: [{}, {}], lambda k: [x for x in k]),
    (lambda: (x for x in ({}, {})), lambda k: unpacked(tuple(k))),
    (lambda: ({}, {}), lambda k: {k[0].__len__: k}),
    (lambda: ValueError("x"), raised),
    (lambda: ValueError("x"), caught),
]
for make, use in USES:
    for _ in range(10):
        spread(make, use)
k = made(lambda: {"end": ""})
print(**k)
print({**k, "a": 1}, k)
