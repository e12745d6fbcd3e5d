"""Objects that a trace makes beside other threads: seen by nobody, seen by others afterwards, changed by others then."""
import threading


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def moved(self, by):
        return Point(self.x + by, self.y - by)


class Pair:
    def __init__(self, a, b):
        self.a = a
        self.b = b
        self.both = (a, b)


def alone(n):
    """Nobody sees them."""
    s = 0
    for i in range(n):
        p = Point(i, 2)
        q = p.moved(i & 3)
        s += q.x * q.y + p.x
        lo, hi = (p.x, q.y) if i & 1 else (q.y, p.x)
        s += lo - hi
        for j in range(i % 4):
            s ^= j
        for x in (lo, hi, i):
            s += x
        for x in [q.x, j] if i & 3 else [3]:
            s -= x
    return s


def inner(n):
    """One lies in the other, and its attribute is written through both names."""
    s = 0
    for i in range(n):
        p = Point(i, 1)
        pair = Pair(p, p)
        pair.a.x += 5
        p.x += 2
        s += pair.b.x + pair.both[0].x
        pair.b.y = i
        s += p.y
    return s


shared = [None] * 64
lock = threading.Lock()


def handed(n, me):
    """What is stored where others find it is theirs, too; what the maker reads then is what is there."""
    s = 0
    for i in range(n):
        p = Point(i, 0)
        p.x += 1
        shared[(i * 2 + me) % 64] = p
        p.y = p.x + 1
        s += p.y - p.x
        other = shared[(i * 7) % 64]
        if other is not None:
            # Whoever has made it has written both, or is about to.
            s += 1 if other.y in (0, other.x + 1) else 1000000
        else:
            s += 1
    return s


def counted(n, box):
    """A new object that another thread changes while the trace still has it."""
    for i in range(n):
        p = Point(0, 0)
        box.append(p)
        with lock:
            p.x += 1
        p.y = i
        with lock:
            p.x += 1
    return len(box)


ended = []


def changes(boxes):
    """The other thread: how much it has added to whatever was new."""
    added = 0
    while len(ended) < len(boxes):
        for box in boxes:
            if box:
                p = box[-1]
                with lock:
                    p.x += 100
                added += 100
    return added


def counting(n, box):
    try:
        return counted(n, box)
    finally:
        ended.append(n)


asked = [None]
answer = [None]


def asks(n):
    """Once another thread has answered, what it has written before is there."""
    s, x = 0, 0.5
    for i in range(n):
        p = Point(i, 0)
        asked[0] = p
        s += p.y & 0
        # As long as an answer takes.
        for j in range(6):
            for k in range(6):
                x = x * 0.5 + k
                x = x * 0.25 - j
        if answer[0] is p:
            s += p.y - i - 1
    asked[0] = asked
    return s


def answers():
    while True:
        p = asked[0]
        if p is asked:
            return True
        if p is not None and p is not answer[0]:
            p.y = p.x + 1
            answer[0] = p


def kept(n):
    """The exit makes those that a register holds, and an exception those that the handler wants."""
    out = []
    for i in range(n):
        p = Point(i, i + 1)
        q = Pair(p, (i, p))
        try:
            if i % 97 == 96:
                raise ValueError(q)
        except ValueError as e:
            out.append((e.args[0].a.x, e.args[0].b[1].y))
        if i % 31 == 30:
            out.append((q.a.x, q.b[0], q.both[1][1] is p))
    return sum(map(sum, out)), out[-1]


def together(*calls):
    results = [None] * len(calls)
    barrier = threading.Barrier(len(calls))

    def run(i, f, args):
        barrier.wait()
        results[i] = f(*args)

    threads = [threading.Thread(target=run, args=(i, f, args)) for i, (f, args) in enumerate(calls)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


N = 4000
print(together((alone, (N,)), (alone, (N,))))
print(together((inner, (N,)), (inner, (N,))))
print(together((handed, (N, 0)), (handed, (N, 1))))
boxes = [[], []]
*lengths, added = together((counting, (N, boxes[0])), (counting, (N, boxes[1])), (changes, (boxes,)))
print(lengths, [sum(p.y for p in box) for box in boxes], sum(p.x for box in boxes for p in box) - added)
print(together((asks, (5 * N,)), (answers, ())))
print(together((kept, (N,)), (kept, (N,))))
# And once more beside one that only waits.
done = threading.Event()
waits = threading.Thread(target=done.wait)
waits.start()
print(alone(N), inner(N), handed(N, 0), kept(N))
done.set()
waits.join()
