"""Iterators, generators, coroutines and loops that several threads use."""

import asyncio
import itertools
import threading

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


# Exhausted by several at once: the sequence stays, and the iterator ends.
N = 300
MAKERS = {
    "list": lambda: iter([[i] for i in range(N)]),
    "tuple": lambda: iter(tuple([i] for i in range(N))),
    "reversed": lambda: reversed([[i] for i in range(N)]),
    "str": lambda: iter("x" * N),
    "bytes": lambda: iter(bytes(N)),
    "range": lambda: iter(range(N)),
    "dict": lambda: iter({i: [i] for i in range(N)}.items()),
    "set": lambda: iter({str(i) for i in range(N)}),
    "enumerate": lambda: enumerate([[i] for i in range(N)]),
    "zip": lambda: zip([[i] for i in range(N)], range(N)),
    "map": lambda: map(str, range(N)),
    "filter": lambda: filter(None, range(N)),
    "chain": lambda: itertools.chain([[1]] * N, [[2]] * N),
    "islice": lambda: itertools.islice(itertools.count(), N),
    "batched": lambda: itertools.batched(range(N), 3),
    "product": lambda: itertools.product(range(20), range(20)),
}
for name, make in MAKERS.items():
    its, gate = [make() for _ in range(3)], threading.Barrier(3)

    def drain():
        for it in its:
            gate.wait(100)
            for item in it:
                assert item is not None
            for item in it:
                assert item is not None

    together(drain, drain, drain)
    assert all(next(it, None) is None for it in its)
    if errors:
        print(name, errors)
print("iterators", errors)

# A container changes while others iterate: an error that says so, or items that were there.
for make in (lambda: {i: i for i in range(50)}, lambda: set(range(50)), lambda: list(range(50))):
    shared = make()

    def change():
        for i in range(300):
            if isinstance(shared, dict):
                shared[i + 50] = i
                shared.pop(i, None)
            elif isinstance(shared, set):
                shared.add(i + 50)
                shared.discard(i)
            else:
                shared.append(i + 50)
                del shared[0]

    def walk():
        for _ in range(60):
            try:
                for item in shared:
                    assert isinstance(item, int)
            except RuntimeError as e:
                assert "changed" in str(e), e

    together(change, walk, walk)
print("changed", errors)


# Frames of generators that another thread ends.
def numbers():
    kept = [1, 2, 3]
    for i in kept:
        yield i


generators = [numbers() for _ in range(300)]
for g in generators:
    next(g)


def close():
    for g in generators:
        g.close()


def look():
    for g in generators:
        f = g.gi_frame
        if f is not None:
            assert f.f_code.co_name == "numbers"
            f.f_lineno, g.gi_yieldfrom, g.gi_running
            assert f.f_locals.get("kept") in (None, [1, 2, 3])


together(close, look)
print("frames", errors, {g.gi_frame for g in generators})


# An asynchronous generator that two threads ask: each value once, or an error that says so.
async def agen():
    i = 0
    while True:
        yield i
        i += 1


a, got = agen(), []


def ask():
    for _ in range(200):
        try:
            a.asend(None).send(None)
        except StopIteration as e:
            got.append(e.value)
        except (RuntimeError, ValueError) as e:
            assert "already" in str(e), e


together(ask, ask)
print("asynchronous", errors, sorted(got) == list(range(len(got))))


# Loops in several threads.
def loops(k):
    async def work(n):
        await asyncio.sleep(0)
        return n * k

    async def main():
        tasks = [asyncio.create_task(work(i)) for i in range(20)]
        asyncio.create_task(asyncio.sleep(5)).cancel()
        return sum(await asyncio.gather(*tasks))

    def f():
        for _ in range(3):
            assert asyncio.run(main()) == 190 * k

    return f


together(loops(1), loops(2), loops(3))
print("loops", errors)
