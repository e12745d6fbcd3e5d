"""Functions that are taken over by the trace compiler, and return to callers that the interpreter runs, or other traces."""

import sys
import traceback


class Point:
    def __init__(self, x, y):
        self.x = x
        for i in range(2):
            self.x += i
        self.y = y

    def __add__(self, other):
        for _ in range(2):
            pass
        return Point(self.x + other.x, self.y + other.y)

    def __getitem__(self, i):
        for k in range(3):
            if k == i:
                return self.x * k
        raise IndexError(i)


def find(items, wanted):
    for item in items:
        if item == wanted:
            return True
    return False


def count(n):
    total = 0
    for i in range(n):
        total += i
    return total


def callers(m):
    """The result goes to a local, to a temporary, to an argument of another call, and nowhere."""
    total = 0
    for k in range(m):
        x = count(k % 7)
        total += count(k % 5) + x
        total += max(count(3), count(k % 4))
        count(2)
        if find([1, 2, k % 9], 8):
            total += 1
        total += abs(count(count(3)))
    return total


def points(m):
    total = Point(0, 0)
    for k in range(m):
        total = total + Point(k, 1)
        total.y += total[2] - total.x * 2
    return total.x, total.y


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def deep(n):
    total = 0
    for i in range(2):
        total += i
    return total if n == 0 else deep(n - 1) + total


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


def generator(m):
    """A caller whose registers are its generator's."""
    for k in range(m):
        yield count(k % 6)
        if find((k, 5), 5):
            yield -k


def held(m):
    """What the register held that takes the result ends then, and a local of the callee when that returns."""
    log = {"local": [], "result": []}

    class Noisy:
        def __init__(self, name):
            self.name = name

        def __del__(self):
            log[self.name[0]].append(self.name[1])

    def make(k):
        local = Noisy(("local", k))
        for _ in range(2):
            pass
        return Noisy(("result", k)) if k % 2 else k

    for k in range(m):
        x = make(k)
        assert len(log["local"]) == k + 1 and len(log["result"]) == k // 2
    del x
    return log["local"] == list(range(m)), log["result"] == list(range(1, m, 2))


def looks(k):
    for _ in range(2):
        pass
    if k == 150:
        return sys._getframe(1).f_locals["k"]
    return k


def looked_at(m):
    total = 0
    for k in range(m):
        total += looks(k)
        if k == 200:
            frame = sys._getframe()
            total += frame.f_locals["total"]
    return total


def raises(m):
    """The caller fails behind the return, at its own line."""
    lines = []
    for k in range(m):
        try:
            if find([1, 2], k % 40):
                count(k % 3) / (k % 40 - 1)
        except ZeroDivisionError as e:
            lines.append(traceback.extract_tb(e.__traceback__)[-1].lineno)
    return len(lines), set(lines)


def made_anew(m):
    """Functions that end with their call, and code that only they had."""
    total = 0
    for k in range(m):
        total += (lambda n: [n for _ in range(3)][-1])(k)
        namespace = {}
        if k % 50 == 0:
            exec(f"def f(n):\n s = {k}\n for i in range(n): s += i\n return s", namespace)
        f = namespace.pop("f", count)
        total += sum(f(4) for _ in range(3))
        del f
    return total


def different(k):
    """What comes back has another type each time, and there are several ways out."""
    for i in range(3):
        if k % 5 == i:
            return [k, 1.5 * k, str(k)][i]
    return None


def of_all_types(m):
    kinds = {}
    for k in range(m):
        v = different(k)
        name = type(v).__name__
        kinds[name] = kinds.get(name, 0) + 1
    return kinds


def by_name(a, *, b=2):
    for _ in range(2):
        a += b
    return a


def through_natives(m):
    total = 0
    for k in range(m):
        total += sum(map(count, (k % 3, 2))) + len(sorted([3, 1, 2], key=lambda x: -x)) + by_name(k, b=k % 3)
    return total


print(callers(400))
print(points(300))
print(fib(17), deep(80), even(101), odd(77))
print(sum(generator(400)))
print(held(300))
print(looked_at(400))
print(raises(400))
print(made_anew(300))
print(of_all_types(500))
print(through_natives(300))
for n in range(400):
    # A caller that is no function.
    n = count(n % 5) + find([n], 7)
print(n)

sys.setrecursionlimit(400)
for _ in range(3):
    try:
        deep(10_000)
    except RecursionError as e:
        print(e, len(traceback.extract_tb(e.__traceback__)) > 300)
print(deep(60))
