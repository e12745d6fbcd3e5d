# Hot loops in several threads at once: what machine code does beside other threads, and where it must give way to them.
import sys
import threading

N = 3


def together(*targets):
    """Runs functions at the same time; their results, in order."""
    out = [None] * len(targets)
    barrier = threading.Barrier(len(targets))

    def body(i, f):
        barrier.wait()
        try:
            out[i] = f()
        except Exception as e:
            out[i] = (type(e).__name__, str(e))

    threads = [threading.Thread(target=body, args=(i, f)) for i, f in enumerate(targets)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return out


def same(f, *args):
    """What every thread gets, if that is the same."""
    got = together(*[lambda: f(*args)] * N)
    assert all(repr(g) == repr(got[0]) for g in got), got
    return got[0]


# Numbers.
def ints(n):
    s = i = 0
    while i < n:
        s = (s * 31 + i) % 1000003
        if i & 3 == 0:
            s ^= 5
        i += 1
    return s


def floats(n):
    x = 0.5
    for i in range(n):
        x = x * 3.7 * (1.0 - x)
        if x < 0.1:
            x += i / n
    return x


def long_ints(n):
    x = 1
    for i in range(n):
        x = x * 3 + i
    return x % 1000000007


def nested(n):
    s = 0
    for i in range(n):
        for j in range(i % 7):
            s += i * j
    return s


print("numbers", same(ints, 4000), same(floats, 3000), same(long_ints, 300), same(nested, 900))


# Calls, closures, defaults, methods, classes.
def add(a, b=1):
    return a + b


def calls(n):
    s = 0
    for i in range(n):
        s = add(s, i)
        s = add(s)
    return s


def closures(n):
    total = 0

    def more(x):
        nonlocal total
        total += x

    for i in range(n):
        more(i)
    return total


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


class P:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __add__(self, other):
        return P(self.x + other.x, self.y + other.y)

    def norm(self):
        return abs(self.x) + abs(self.y)

    @property
    def twice(self):
        return self.x * 2

    @staticmethod
    def zero():
        return P(0, 0)

    @classmethod
    def one(cls):
        return cls(1, 1)

    def __getitem__(self, i):
        return self.x + i


class Q(P):
    def norm(self):
        return super().norm() + 1


def objects(n):
    p, one, s = P.zero(), P.one(), 0
    for i in range(n):
        p = p + one
        s += p.norm() + p.twice + p[i]
        q = Q(i, -i)
        s += q.norm()
        q.z = s
    return s, q.z, p.x


print("calls", same(calls, 2000), same(closures, 2000), same(fib, 13), same(objects, 700))


# Containers of each thread's own.
def containers(n):
    items, table, seen = [], {}, set()
    for i in range(n):
        items.append(i % 17)
        table[i % 13] = table.get(i % 13, 0) + i
        if i % 11 not in seen:
            seen.add(i % 11)
        items[i // 2] = items[-1] + 1
    total = 0
    for i, x in enumerate(items):
        total += i * x
    for a, b in zip(items, items[1:]):
        total += a == b
    for k, v in table.items():
        total += k * v
    pairs = [(x, x + 1) for x in items if x & 1]
    for a, b in pairs:
        total += a * b
    words = []
    for i in range(n):
        words.append("w" + str(i % 5))
    text = "".join(words)
    count = 0
    for c in text:
        if c == "w":
            count += 1
    return total, len(items), sorted(table.items())[:3], sorted(seen), count, min(items), max(items)


print("containers", same(containers, 900))


# Generators and exceptions.
def numbers(n):
    for i in range(n):
        yield i * i


def generators(n):
    s = 0
    for x in numbers(n):
        s += x
    return s, sum(x * 2 for x in numbers(n))


def exceptions(n):
    caught = s = 0
    for i in range(n):
        try:
            if i % 5 == 0:
                raise ValueError(i)
            s += 10 // (i % 7)
        except ValueError as e:
            caught += e.args[0]
        except ZeroDivisionError:
            caught += 1
        finally:
            s += 1
    return caught, s


def ends(n):
    items = list(range(20))
    s = 0
    for i in range(n):
        s += items[i]
    return s


print("others", same(generators, 800), same(exceptions, 900), same(ends, 40))


# One structure read by all.
SHARED = [P(i, i + 1) for i in range(50)]
TABLE = {i: str(i) for i in range(50)}
LIMIT = 40


def reads(n):
    s = 0
    for k in range(n):
        for p in SHARED:
            if p.x < LIMIT:
                s += p.x * p.y
        s += len(TABLE[k % 50])
    return s


print("reads", same(reads, 60))


# Stores into shared objects: nothing is lost that a lock keeps, and what is seen was stored by somebody.
class Box:
    def __init__(self):
        self.value = (0, 0)
        self.count = 0


def stores():
    box, cells, lock, table = Box(), [(0, 0)] * 8, threading.Lock(), {}
    shared = []

    def work(me):
        bad = 0
        for i in range(600):
            box.value = (i, i)
            a, b = box.value
            bad += a != b
            cells[i % 8] = (i, i)
            a, b = cells[(i + 3) % 8]
            bad += a != b
            table[i % 16] = (me, me)
            a, b = table[i % 16]
            bad += a != b
            shared.append(i)
            with lock:
                box.count += 1
        return bad

    bad = together(*[lambda me=me: work(me) for me in range(N)])
    return bad, box.count, len(shared), sum(shared)


print("stores", stores())


# A list that gets shorter and longer while others read it.
def shrinking():
    items = [7] * 50
    done = []

    def change():
        for _ in range(400):
            while items:
                items.pop()
            items.extend([7] * 50)
        done.append(1)
        return 0

    def read():
        bad = 0
        while not done:
            for x in items:
                bad += x != 7
            try:
                bad += items[40] != 7
            except IndexError:
                pass
        return bad

    return together(change, read, read)


print("shrinking", shrinking())


# Attributes that come and go, and a class that is changed, while others call and read.
class Changing:
    step = 1

    def go(self):
        return 1


def changing():
    objects_, done = [Changing() for _ in range(4)], []

    def change():
        for i in range(150):
            for o in objects_:
                o.a = 1
                o.b = 2
                del o.a
            Changing.step = i % 3 + 1
            Changing.go = (lambda self: 1) if i & 1 else (lambda self: 2)
            Changing.go.__defaults__ = ()
            if i % 50 == 10:
                vars(objects_[i % 4])["c"] = 3
        done.append(1)
        return 0

    def read():
        bad = n = 0
        while not done or n < 200:
            n += 1
            for o in objects_:
                bad += o.go() not in (1, 2)
                bad += o.step not in (1, 2, 3)
                bad += getattr(o, "b", 2) != 2
                try:
                    bad += o.a != 1
                except AttributeError:
                    pass
        return bad

    return together(change, read, read)


print("changing", changing())


# What one thread stores in order, another one sees in order; and a loop that waits for it ends.
flag = False
first = second = 0


def waits():
    global flag, first, second
    flag = False
    first = second = 0

    def write():
        global first, second, flag
        for i in range(1, 2000):
            first = i
            second = i
        flag = True
        return 0

    def watch():
        bad = 0
        while not flag:
            b = second
            a = first
            bad += a < b
        return bad

    return together(write, watch, watch)


print("order", waits())


# The second thread begins in the middle of a hot loop, and ends in the middle of it.
def in_the_middle():
    box, told = Box(), []

    def other():
        for i in range(400):
            box.value = (i, i)
        told.append(1)

    total = 0
    threads = []
    for i in range(1500):
        if i % 500 == 250:
            t = threading.Thread(target=other)
            t.start()
            threads.append(t)
        a, b = box.value
        total += i + (a - b)
        box.extra = total
        if i % 500 == 450:
            threads[-1].join()
    return total, box.extra, len(told)


print("middle", in_the_middle())


def start_in_call():
    def begin(i):
        if i == 300:
            t = threading.Thread(target=ints, args=(500,))
            t.start()
            return t

    got, s, box = None, 0, Box()
    for i in range(800):
        box.count = box.count + 1
        t = begin(i)
        if t is not None:
            got = t
        box.value = (i, s)
        s += box.count
    got.join()
    return s, box.value


print("in a call", start_in_call())


# Threads that come and go, each with the same loop.
def many():
    out = []
    for _ in range(12):
        t = threading.Thread(target=lambda: out.append(ints(300) + calls(200)))
        t.start()
        t.join()
    ts = [threading.Thread(target=lambda: out.append(ints(300) + calls(200))) for _ in range(6)]
    for t in ts:
        t.start()
    for t in ts:
        t.join()
    return len(out), len(set(out))


print("many", many())


# Finalizers and weak references of what dies in hot loops.
def finalizers():
    import weakref

    lock, died = threading.Lock(), [0]

    class Dies:
        def __del__(self):
            with lock:
                died[0] += 1

    def work():
        ref = None
        for i in range(150):
            d = Dies()
            if i % 10 == 0:
                ref = weakref.ref(d)
            d = None
        return 0

    together(*[work] * N)
    return died[0]


print("finalizers", finalizers())


# A local that another thread's frame holds, and tracing that begins meanwhile.
def traced():
    events = []

    def tracer(frame, event, arg):
        events.append(event)
        return tracer

    def work():
        s = 0
        for i in range(400):
            if i == 300:
                sys.settrace(tracer)
                add(i)
                sys.settrace(None)
            s = add(s, i)
        return s

    return together(work, work), "call" in events


print("traced", traced())
