"""Random programs over shared objects, run by several threads at once and checked against what must hold.

    threads.py [SEED [SECONDS [THREADS [STEP,STEP...]]]]

Every value says what it must look like, so one that is torn, stale or freed is noticed; and what is counted must come
out even. Each round has its own seed, which is printed when something is wrong. With names of steps, only these are taken.
"""

import collections
import gc
import itertools
import queue
import random
import sys
import threading
import time
import weakref

import calls
import running
import steps


def make(n):
    return (n, "x" * (n % 50))


def look(v):
    n, text = v
    assert type(n) is int and len(text) == n % 50, v


class Point:
    label = make(1)

    def __init__(self, n):
        self.a = make(n)
        self.b = n

    def get(self):
        return self.a

    def set(self, n):
        self.a = make(n)

    @property
    def double(self):
        return self.b * 2

    @classmethod
    def made(cls, n):
        return cls(n)


class Sub(Point):
    def __init__(self, n):
        super().__init__(n)
        self.c = [n]

    def get(self):
        return super().get()


class Slotted:
    __slots__ = ("v", "__weakref__")

    def __init__(self, n):
        self.v = make(n)


class Dying:
    ended = collections.deque()

    def __init__(self, n):
        self.n = n

    def __del__(self):
        Dying.ended.append(self.n)


shared_global = make(0)


class World:
    def __init__(self, threads):
        self.threads = threads
        self.list = [make(i) for i in range(40)]
        self.dict = {i: make(i) for i in range(40)}
        self.names = {f"k{i}": make(i) for i in range(40)}
        self.set = set(range(40))
        self.points = [Point(i) for i in range(8)] + [Sub(i) for i in range(8)]
        self.slotted = [Slotted(i) for i in range(8)]
        self.refs = [weakref.ref(s) for s in self.slotted]
        self.agreed = {}
        self.work = list(range(3000))
        self.done = [[] for _ in range(threads)]
        self.log = []
        self.logged = [0] * threads
        self.numbers = self.count()
        self.counted = [[] for _ in range(threads)]
        self.lock = threading.Lock()
        self.sum = 0
        self.added = [0] * threads
        self.queue = queue.SimpleQueue()
        self.put = [0] * threads
        self.got = [0] * threads
        self.dying = [0] * threads
        self.deque = collections.deque(maxlen=100)
        self.errors = []
        self.shared = [(module, module.Shared(threads)) for module in (steps, calls, running)]
        self.parts = {step: shared for module, shared in self.shared for step in module.STEPS}

    def count(self):
        n = 0
        while True:
            yield n
            n += 1


# Each step: (world, thread's number, its dice). What raises AssertionError is wrong.


def on_list(w, me, dice):
    l, how = w.list, dice.randrange(12)
    try:
        if how < 4:
            look(l[dice.randrange(20)])
        elif how == 4:
            l.append(make(dice.randrange(1000)))
        elif how == 5:
            look(l.pop())
        elif how == 6:
            l[dice.randrange(20)] = make(dice.randrange(1000))
        elif how == 7:
            for v in l:
                look(v)
        elif how == 8:
            for v in l[5:15]:
                look(v)
        elif how == 9:
            l.insert(dice.randrange(10), make(dice.randrange(1000)))
        elif how == 10:
            [look(v) for v in sorted(l)]
        else:
            if len(l) > 60:
                del l[30:]
            while len(l) < 30:
                l.append(make(7))
    except IndexError:
        l.extend([make(3)] * 5)


def on_dict(w, me, dice):
    d, k, how = w.dict, dice.randrange(80), dice.randrange(12)
    if how < 4:
        v = d.get(k)
        assert v is None or v[0] % 80 == k, (k, v)
    elif how < 6:
        d[k] = make(k + 80 * dice.randrange(9))
    elif how == 6:
        d.pop(k, None)
    elif how == 7:
        try:
            for key, v in d.items():
                look(v)
                assert v[0] % 80 == key
        except RuntimeError:
            pass
    elif how == 8:
        assert k not in d or True
        for v in list(d.values()):
            look(v)
    elif how == 9:
        v = w.names.get(f"k{k}")
        if v is not None:
            assert v[0] == k
        w.names[f"k{k}"] = make(k)
    elif how == 10:
        w.names.pop(f"k{k}", None)
    else:
        v = d.setdefault(k, make(k))
        assert v[0] % 80 == k


def on_set(w, me, dice):
    s, k, how = w.set, dice.randrange(80), dice.randrange(6)
    if how < 2:
        s.add(k)
    elif how == 2:
        s.discard(k)
    elif how == 3:
        k in s
    elif how == 4:
        try:
            for v in s:
                assert 0 <= v < 80
        except RuntimeError:
            pass
    else:
        assert all(0 <= v < 80 for v in s | {1, 2})


def on_objects(w, me, dice):
    p, how = w.points[dice.randrange(16)], dice.randrange(12)
    if how < 3:
        look(p.a)
    elif how == 3:
        look(p.get())
    elif how == 4:
        p.set(dice.randrange(1000))
    elif how == 5:
        p.b = dice.randrange(1000)
    elif how == 6:
        assert p.double % 2 == 0
    elif how == 7:
        s = w.slotted[dice.randrange(8)]
        look(s.v)
        s.v = make(dice.randrange(1000))
    elif how == 8:
        setattr(p, f"extra{dice.randrange(6)}", make(dice.randrange(100)))
    elif how == 9:
        v = getattr(p, f"extra{dice.randrange(6)}", None)
        assert v is None or look(v) is None
    elif how == 10:
        look(Point.made(dice.randrange(99)).get())
        look(Sub(dice.randrange(99)).get())
    else:
        w.points[dice.randrange(8)] = Point(dice.randrange(99))
        look(vars(p)["a"])


def on_class(w, me, dice):
    if dice.randrange(40) == 0:
        Point.label = make(dice.randrange(1000))
    look(Point.label)
    look(w.points[dice.randrange(16)].label)


def on_globals(w, me, dice):
    global shared_global
    look(shared_global)
    if dice.randrange(4) == 0:
        shared_global = make(dice.randrange(1000))


def on_agreement(w, me, dice):
    k = dice.randrange(2000)
    mine = [k, me]
    got = w.agreed.setdefault(k, mine)
    assert got[0] == k and w.agreed[k] is got


def on_work(w, me, dice):
    try:
        w.done[me].append(w.work.pop())
    except IndexError:
        pass


def on_log(w, me, dice):
    w.log.append((me, w.logged[me]))
    w.logged[me] += 1


def on_generator(w, me, dice):
    mine, how = w.counted[me], dice.randrange(4)
    try:
        if how == 0:
            mine.append(next(w.numbers))
        elif how == 1:
            mine.append(w.numbers.send(None))
        elif how == 2:
            mine.extend(itertools.islice(w.numbers, 3))
        else:
            for n in w.numbers:
                mine.append(n)
                if n % 5 == 0:
                    break
    except ValueError as e:
        assert "already executing" in str(e)


def on_own(w, me, dice):
    def squares(n):
        for i in range(n):
            yield i * i

    n = dice.randrange(20)
    assert sum(squares(n)) == sum(i * i for i in range(n))
    total = 0

    def add(k):
        nonlocal total
        total += k

    for i in range(n):
        add(i)
    assert total == n * (n - 1) // 2
    d = {str(i): [i] for i in range(n)}
    assert [d[str(i)][0] for i in range(n)] == list(range(n))
    try:
        raise KeyError(n)
    except KeyError as e:
        assert e.args == (n,)
    assert f"{n:>5}|{n!r}" == str(n).rjust(5) + "|" + repr(n)


def on_lock(w, me, dice):
    with w.lock:
        w.sum += 1
    w.added[me] += 1


def on_queue(w, me, dice):
    if dice.randrange(2):
        w.queue.put(make(dice.randrange(100)))
        w.put[me] += 1
    else:
        try:
            look(w.queue.get(block=False))
            w.got[me] += 1
        except queue.Empty:
            pass


def on_weak(w, me, dice):
    i = dice.randrange(8)
    s = w.refs[i]()
    assert s is None or look(s.v) is None
    if dice.randrange(4) == 0:
        new = Slotted(dice.randrange(100))
        w.slotted[i] = new
        w.refs[i] = weakref.ref(new)


def on_ends(w, me, dice):
    one, two = Dying(me), Dying(me)
    w.dying[me] += 2
    w.deque.append(one)
    if dice.randrange(2):
        one.other, two.other = two, one
    del one, two
    if dice.randrange(300) == 0:
        gc.collect()


STEPS = [on_list, on_dict, on_set, on_objects, on_class, on_globals, on_agreement, on_work, on_log, on_generator, on_own]
STEPS += [on_lock, on_queue, on_weak, on_ends]


def thread(w, me, seed, count, gate, table):
    dice = random.Random(seed * 1000 + me)
    # Few kinds at a time, so that threads meet.
    common = random.Random(seed).sample(table, min(3, len(table)))
    chosen = common + [dice.choice(table) for _ in range(2)]
    gate.wait()
    try:
        for _ in range(count):
            step = dice.choice(chosen)
            step(w.parts.get(step, w), me, dice)
    except BaseException as e:
        w.errors.append(e)
        raise


def check(w):
    assert not w.errors, w.errors
    done = sorted(n for d in w.done for n in d)
    assert sorted(done + w.work) == list(range(3000)), "work was lost or done twice"
    assert len(w.log) == sum(w.logged)
    for me in range(w.threads):
        assert [n for who, n in w.log if who == me] == list(range(w.logged[me])), "a log has lost its order"
    counted = sorted(n for c in w.counted for n in c)
    assert counted == list(range(len(counted))), "a generator has counted twice or not at all"
    assert w.sum == sum(w.added)
    assert w.queue.qsize() == sum(w.put) - sum(w.got)
    for k, v in w.dict.items():
        look(v)
        assert v[0] % 80 == k
    assert len(w.dict) == len(list(w.dict)) == len(set(w.dict))
    assert len(w.set) == len(list(w.set))
    w.deque.clear()
    gc.collect()
    for module, shared in w.shared:
        module.check(shared)


def one(seed, threads, count, table):
    Dying.ended.clear()
    w, gate = World(threads), threading.Barrier(threads)
    all = [threading.Thread(target=thread, args=(w, i, seed, count, gate, table)) for i in range(threads)]
    for t in all:
        t.start()
    for t in all:
        t.join()
    check(w)
    made = sum(w.dying)
    del w, all
    gc.collect()
    assert len(Dying.ended) == made, (len(Dying.ended), made)


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10
    threads = int(sys.argv[3]) if len(sys.argv) > 3 else 4
    names = sys.argv[4].split(",") if len(sys.argv) > 4 else None
    more = STEPS + steps.STEPS + calls.STEPS + running.STEPS
    table = STEPS if names is None else [step for step in more if {"all", step.__name__} & set(names)]
    end, rounds = time.monotonic() + seconds, 0
    while rounds == 0 or time.monotonic() < end:
        try:
            one(seed + rounds, threads, 400, table)
        except BaseException:
            print("seed", seed + rounds, file=sys.stderr)
            raise
        rounds += 1
    print("ok", rounds if len(sys.argv) > 2 else "")


main()
