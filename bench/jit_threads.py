"""What two threads do in the same hot loop at once, as a multiple of what one does: jit_threads.py [MILLIONS].

Besides by the wall it is told by the processor time that each thread used, which other programs disturb less.
"""

import sys
import threading
import time


def numbers(n):
    s = 0
    for i in range(n):
        s = (s * 31 + i) % 1000003
    return s


def floats(n):
    x = 0.5
    for _ in range(n):
        x = x * 3.7 * (1.0 - x)
    return x


def add(a, b):
    return a + b


def calls(n):
    s = 0
    for i in range(n):
        s = add(s, i) & 0xFFFF
    return s


class Point:
    def __init__(self, x):
        self.x = x

    def moved(self, by):
        return self.x + by


def attributes(n):
    p, s = Point(1), 0
    for i in range(n):
        s = (s + p.moved(i)) & 0xFFFF
        p.x = s
    return s


SHARED = list(range(1000))


def lists(n):
    s = 0
    for _ in range(n // 1000):
        for x in SHARED:
            s += x
    return s


def together(f, n, count):
    """Seconds by the wall, and of the processor a thread."""
    used = []

    def work():
        since = time.thread_time()
        f(n)
        used.append(time.thread_time() - since)

    threads = [threading.Thread(target=work) for _ in range(count)]
    since = time.perf_counter()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return time.perf_counter() - since, sum(used) / count


n = int(float(sys.argv[1] if len(sys.argv) > 1 else 3) * 1_000_000)
for f in (numbers, floats, calls, attributes, lists):
    together(f, n // 10, 2)
    one, two = ([min(times) for times in zip(*(together(f, n, k) for _ in range(3)))] for k in (1, 2))
    wall, used = (2 * a / b for a, b in zip(one, two))
    print(f"{f.__name__:12} one {one[0]:.3f} s, two {two[0]:.3f} s: {wall:.2f}, by processor time {used:.2f}")
