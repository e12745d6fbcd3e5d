"""Do two threads do twice as much? Small workloads, by one thread and by two at once.

    typhon bench/threads.py [REPEATS [NAME...]]

For each: the time that one thread takes for its share; how many times one thread's throughput two have ("wall": 2 is the
best there can be, 1 means that they took turns); how much processor time two take for what one does twice ("work":
above 1 is what sharing costs); and both again for two processes that share nothing ("apart"), which is what the machine
had to give. All are the best of several runs, as other programs only make them worse: many short ones, so that some find the
machine free. Each thread or process stays on a processor of its own.
"""

import copy
import dataclasses
import enum
import math
import os
import sys
import threading
import time


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def sum(self):
        return self.x + self.y

    @property
    def double(self):
        return self.x * 2

    @staticmethod
    def plain(x):
        return x


class Point3(Point):
    def __init__(self, x, y, z):
        super().__init__(x, y)
        self.z = z

    def sum(self):
        return super().sum() + self.z


class Slotted:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x = x
        self.y = y


@dataclasses.dataclass
class Data:
    a: int
    b: str = "b"


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def calls(n):
    fib(17)


def empty_loop(n):
    i = 0
    while i < n * 30:
        i += 1


def floats(n):
    x = 0.0
    for i in range(n * 10):
        x = x * 0.5 + i * 1.5


def method_calls(n):
    p = Point(1, 2)
    for _ in range(n * 3):
        p.sum()


def attributes(n):
    p = Point(1, 2)
    for i in range(n * 5):
        p.x = i
        p.y = p.x


def properties(n):
    p = Point(1, 2)
    for _ in range(n * 3):
        p.double


def objects(n):
    for i in range(n * 2):
        Point(i, i)


def slotted(n):
    for i in range(n * 2):
        Slotted(i, i).x


def super_calls(n):
    for i in range(n):
        Point3(i, 1, 2).sum()


def closures(n):
    def make(k):
        def add(x):
            return x + k

        return add

    for i in range(n):
        make(i)(1)


def nonlocals(n):
    total = 0

    def add(k):
        nonlocal total
        total += k

    for i in range(n * 3):
        add(i)


def generators(n):
    def count(k):
        for i in range(k):
            yield i

    for v in count(n * 6):
        pass


def generator_expressions(n):
    for _ in range(n // 10):
        for v in (i * 2 for i in range(60)):
            pass


def own_dict(n):
    d = {}
    for i in range(n * 3):
        d[i & 255] = i
        d[i & 127]


def own_dict_texts(n):
    d = {str(i): i for i in range(50)}
    keys = list(d)
    for _ in range(n // 10):
        for k in keys:
            d[k] = d[k] + 1


def own_list(n):
    items = []
    for i in range(n * 3):
        items.append(i)
    for i in range(n * 3):
        items[i] = items[i] + 1


def list_comprehensions(n):
    for _ in range(n // 10):
        [i * 2 for i in range(100)]


def dict_comprehensions(n):
    for _ in range(n // 20):
        {i: i for i in range(100)}


def own_set(n):
    s = set()
    for i in range(n * 2):
        s.add(i & 255)
        i in s


def tuples(n):
    for i in range(n * 3):
        a, b, c = i, i, i
        t = (a, b, c)
        t[1]


def texts(n):
    for i in range(n):
        s = "a" + str(i)
        s.upper()
        s.startswith("a1")


def f_strings(n):
    for i in range(n):
        f"{i}: {i * 2} {'x'}"


def exceptions(n):
    for i in range(n):
        try:
            raise ValueError(i)
        except ValueError:
            pass


def keyword_calls(n):
    def f(a, b=2, *, c=3):
        return a

    for i in range(n * 2):
        f(i, c=4)


def static_methods(n):
    for i in range(n * 3):
        Point.plain(i)


def builtins(n):
    items = [1, 2, 3]
    for i in range(n * 3):
        len(items)
        abs(i)


def data_classes(n):
    for i in range(n):
        Data(i).a


def enums(n):
    for i in range(n):
        Colour.RED is Colour.BLUE


def deep_copies(n):
    items = [[1, 2], {"a": (3, 4)}]
    for _ in range(n // 20):
        copy.deepcopy(items)


def sorts(n):
    items = list(range(100, 0, -1))
    for _ in range(n // 20):
        sorted(items)


SHARED = {i: str(i) for i in range(256)}
SHARED_POINTS = [Point(i, i) for i in range(64)]
SHARED_LIST = [str(i) for i in range(256)]


def shared_dict_read(n):
    d = SHARED
    for i in range(n * 3):
        d[i & 255]


def shared_list_read(n):
    items = SHARED_LIST
    for i in range(n * 3):
        items[i & 255]


def shared_objects_read(n):
    points = SHARED_POINTS
    for i in range(n * 2):
        points[i & 63].x


WORK = [calls, empty_loop, floats, method_calls, attributes, properties, objects, slotted, super_calls, closures, nonlocals]
WORK += [generators, generator_expressions, own_dict, own_dict_texts, own_list, list_comprehensions, dict_comprehensions]
WORK += [own_set, tuples, texts, f_strings, exceptions, keyword_calls, static_methods, builtins, data_classes, enums]
WORK += [deep_copies, sorts, shared_dict_read, shared_list_read, shared_objects_read]


LEAD = 0.005
SHORT = 0.012
PROCESSORS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def own_processor(number):
    """Has the calling thread stay on a processor that the others leave to it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {PROCESSORS[number % len(PROCESSORS)]})


def timed(work, n, times, begin, number):
    """When the work was begun and ended, and the processor time that it took this thread.

    Whoever does the work looks at the clocks, and all wait for the same moment on their feet: one who sleeps may be woken
    long after the others have begun.
    """
    own_processor(number)
    while time.perf_counter() < begin:
        pass
    begun, cpu = time.perf_counter(), time.thread_time()
    for _ in range(times):
        work(n)
    return begun, time.perf_counter(), time.thread_time() - cpu


def summed(readings):
    """Wall and processor time of those who worked at the same time."""
    begun, ended, cpu = zip(*readings)
    return max(ended) - min(begun), sum(cpu)


def run(work, n, threads, times):
    """Wall and processor time of so many threads, each of which does the work so many times."""
    begin, readings = time.perf_counter() + LEAD, []

    def go(number):
        readings.append(timed(work, n, times, begin, number))

    all = [threading.Thread(target=go, args=(number,)) for number in range(threads)]
    for t in all:
        t.start()
    for t in all:
        t.join()
    return summed(readings)


def run_apart(work, n, processes, times):
    """The same by processes, which share nothing: what the machine has to give."""
    begin, pipes = time.perf_counter() + LEAD, []
    for number in range(processes):
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.write(writer, " ".join(map(str, timed(work, n, times, begin, number))).encode())
            os._exit(0)
        os.close(writer)
        pipes.append(reader)
    readings = []
    for reader in pipes:
        readings.append([float(word) for word in os.read(reader, 200).split()])
        os.close(reader)
        os.wait()
    return summed(readings)


KINDS = [(run, 1), (run, 2), (run_apart, 1), (run_apart, 2)]


def enough(work, n):
    """How many times the work is done, so that it takes long enough to be measured."""
    times, alone = 1, 0.0
    while alone < SHORT:
        times *= 2
        alone = run(work, n, 1, times)[0]
    return times


def main():
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    chosen = [w for w in WORK if len(sys.argv) < 3 or w.__name__ in sys.argv[2:]]
    n = 2000
    times = {work: enough(work, n) for work in chosen}
    best = {work: [[math.inf, math.inf] for _ in KINDS] for work in chosen}
    # Round after round, so that other programs, which have their times, spoil a round of each and not all of one.
    for done in range(repeats):
        for work in chosen:
            for (how, count), known in zip(KINDS, best[work]):
                known[:] = map(min, known, how(work, n, count, times[work]))
        print(f"\r{done + 1} of {repeats}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    ratios = []
    print(f"{'':24}{'one, ms':>9}{'wall':>7}{'work':>7}{'apart':>7}{'work':>7}")
    for work, kinds in best.items():
        row = []
        for one, two in (kinds[:2], kinds[2:]):
            row += [2 * one[0] / two[0], two[1] / (2 * one[1])]
        ratios.append(row)
        print(f"{work.__name__:24}{kinds[0][0] * 1000 / times[work]:9.2f}" + "".join(f"{ratio:7.2f}" for ratio in row))
    means = [math.exp(sum(map(math.log, column)) / len(column)) for column in zip(*ratios)]
    print(f"{'geometric mean':24}{'':9}" + "".join(f"{mean:7.2f}" for mean in means))
    print(f"lowest: {min(row[0] for row in ratios):.2f}")


main()
