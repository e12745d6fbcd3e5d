# When a join returns, what the thread held is gone: nothing of it keeps an object alive any more.
import gc
import threading
import weakref


class Thing:
    def __init__(self, n):
        self.n = n


def use(things, times):
    total = 0
    for _ in range(times):
        for one in things:
            total += one.n
    return total


alive = []
for _ in range(30):
    things = [Thing(i) for i in range(20)]
    refs = [weakref.ref(one) for one in things]
    threads = [threading.Thread(target=use, args=(things, 30)) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    del threads, t
    things.clear()
    gc.collect()
    alive.append(sum(r() is not None for r in refs))
print(sum(alive))

# What it made goes with it, and is finalized by then.
ended = []


class Ending:
    def __init__(self, n):
        self.n = n

    def __del__(self):
        ended.append(self.n)


def make(n):
    own = [Ending(n) for _ in range(5)]
    tables.keys[own[0]] = n
    tables.all.add(own[1])
    tables.values[n] = own[2]
    local.own = Ending(n)


class tables:
    keys, values, all = weakref.WeakKeyDictionary(), weakref.WeakValueDictionary(), weakref.WeakSet()


local = threading.local()
counts = []
for n in range(30):
    threads = [threading.Thread(target=make, args=(10 * n + i,)) for i in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    gc.collect()
    counts.append((len(ended), len(tables.keys), len(tables.values), len(tables.all)))
print(counts == [(18 * (n + 1), 0, 0, 0) for n in range(30)] or counts)
print(sorted(ended) == sorted(6 * [10 * n + i for n in range(30) for i in range(3)]))

# A thread is not alive, and does not count, when it has been joined.
print({(t.start(), t.join(), t.is_alive(), threading.active_count())[2:] for t in (threading.Thread(target=len, args=([],)) for _ in range(50))})
