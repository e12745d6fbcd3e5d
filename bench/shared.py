"""What do threads cost those who share? Four measures.

    typhon bench/shared.py [REPEATS [alone|beside|after|dict|counter|handoff...]]

alone, beside, after: small programs, run by the first thread before any other has started, while another waits, and after it
has ended. "beside" is what it costs that objects are born shared, "after" what is left of it.
    With one of the three names the program does that part only, a fixed number of times, for `valgrind --tool=callgrind`.
dict: how many times one thread's reads of a dict two threads do at once.
counter: two threads add to one number under a Lock; nanoseconds for each addition. CPython runs this part too.
handoff: one thread makes 1,000,000 objects, another looks at all of them and drops them: nanoseconds for each object that this
    takes longer than in the thread that made them.

Times are processor times where one thread runs and wall times where two do, the best of REPEATS, in which nobody else is
at work. CPython 3.14 runs all of it, but its threads take turns.
"""

import math
import queue
import sys
import threading
import time


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def sum(self):
        return self.x + self.y


def calls():
    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    fib(18)


def objects():
    for i in range(10_000):
        Point(i, i).sum()


def attributes():
    p = Point(1, 2)
    for i in range(30_000):
        p.x = i
        p.y = p.x


def lists():
    items = []
    for i in range(20_000):
        items.append(i)
    for i in range(len(items)):
        items[i] = items[-1 - i]
    while items:
        items.pop()


def dicts():
    table = {}
    for i in range(10_000):
        table[i] = i
    for i in range(10_000):
        table[i] += 1
    for i in range(10_000):
        del table[i]


def sets():
    seen = set()
    for i in range(10_000):
        seen.add(i % 1000)


def strings():
    out = []
    for i in range(5_000):
        out.append(f"{i}: {i + 1}")
    "".join(out).split(":")


def closures():
    def make(k):
        def add(x):
            return x + k

        return add

    for i in range(8_000):
        make(i)(1)


def generators():
    def count(n):
        while n:
            yield n
            n -= 1

    for _ in range(20):
        sum(count(500))


def comprehensions():
    for _ in range(20):
        {i: str(i) for i in [k * 2 for k in range(300)]}


ONE = [calls, objects, attributes, lists, dicts, sets, strings, closures, generators, comprehensions]


def best(repeats, work):
    """The least processor time that the running thread takes for `work`."""
    least = math.inf
    for _ in range(repeats):
        since = time.thread_time_ns()
        work()
        least = min(least, time.thread_time_ns() - since)
    return least


def beside(run):
    """Runs `run` while another thread waits."""
    gate, there = threading.Event(), threading.Event()

    def wait():
        there.set()
        gate.wait()

    other = threading.Thread(target=wait)
    other.start()
    there.wait()
    try:
        return run()
    finally:
        gate.set()
        other.join()


def births(repeats):
    measure = lambda: [best(repeats, work) for work in ONE]
    measure()
    alone = measure()
    shared = beside(measure)
    after = measure()
    mean = lambda ratios: math.exp(sum(map(math.log, ratios)) / len(ratios))
    print(f"{'':16}{'alone us':>10}{'beside':>8}{'after':>8}")
    for work, a, b, c in zip(ONE, alone, shared, after):
        print(f"{work.__name__:16}{a / 1000:10.0f}{b / a:8.3f}{c / a:8.3f}")
    print(f"{'mean':16}{'':10}{mean([b / a for a, b in zip(alone, shared)]):8.3f}{mean([c / a for a, c in zip(alone, after)]):8.3f}")


def fixed(part):
    """One part, for a counter of instructions."""
    run = lambda: [work() for _ in range(10) for work in ONE]
    if part == "beside":
        beside(run)
    else:
        if part == "after":
            beside(lambda: None)
        run()


def together(n, work, clock=time.perf_counter):
    """How long `n` threads take that do `work` at once, in seconds, by `clock`."""
    gate = threading.Barrier(n + 1)

    def thread():
        gate.wait()
        work()
        gate.wait()

    threads = [threading.Thread(target=thread) for _ in range(n)]
    for t in threads:
        t.start()
    gate.wait()
    since = clock()
    gate.wait()
    took = clock() - since
    for t in threads:
        t.join()
    return took


def dict_read(repeats):
    table = {f"k{i}": i for i in range(1000)}
    keys = list(table)

    def read():
        total = 0
        for _ in range(300):
            for key in keys:
                total += table[key]

    one = min(together(1, read) for _ in range(repeats))
    two = min(together(2, read) for _ in range(repeats))
    print(f"dict: two threads read {2 * one / two:.2f} times what one does")


def counter(repeats):
    lock, total = threading.Lock(), 0

    def add():
        nonlocal total
        for _ in range(200_000):
            with lock:
                total += 1

    one = min(together(1, add) for _ in range(repeats)) / 200_000
    two = min(together(2, add) for _ in range(repeats)) / 400_000
    work = min(together(1, add, time.process_time) for _ in range(repeats)) / 200_000
    assert total == repeats * 800_000, total
    print(f"counter (wall): {one * 1e9:.0f} ns an addition by one thread, {two * 1e9:.0f} ns by two")
    print(f"counter (processor): {work * 1e9:.0f} ns an addition by one thread")


COUNT = 1_000_000


def structure():
    """A list of 250,000 lists of an object and two tuples."""
    return [[Point(i, (i,)), (i, i)] for i in range(COUNT // 4)]


def use(items):
    total = 0
    for point, pair in items:
        total += point.x + point.y[0] + pair[0]
    return total


def handoff(repeats):
    here, there, queues = (math.inf, math.inf), (math.inf, math.inf), (queue.SimpleQueue(), queue.SimpleQueue())
    now = lambda: (time.perf_counter(), time.process_time())
    less = lambda least, since: tuple(min(a, c - b) for a, b, c in zip(least, since, now()))

    def other():
        while (items := queues[0].get()) is not None:
            use(items)
            del items
            queues[1].put(None)

    thread = threading.Thread(target=other)
    thread.start()
    for _ in range(repeats):
        items = structure()
        since = now()
        use(items)
        del items
        here = less(here, since)
        items = structure()
        since = now()
        queues[0].put(items)
        del items
        queues[1].get()
        there = less(there, since)
    queues[0].put(None)
    thread.join()
    for kind, a, b in zip(("wall", "processor"), here, there):
        a, b = (seconds / COUNT * 1e9 for seconds in (a, b))
        print(f"handoff ({kind}): {a:.1f} ns an object where it was made, {b:.1f} ns elsewhere: {b - a:.1f} more")


def main():
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    parts = sys.argv[2:] or ["births", "dict", "counter", "handoff"]
    for part in parts:
        match part:
            case "alone" | "beside" | "after":
                fixed(part)
            case "births":
                births(repeats)
            case "dict":
                dict_read(repeats)
            case "counter":
                counter(repeats)
            case "handoff":
                handoff(repeats)
            case _:
                sys.exit(f"no part {part!r}")


main()
