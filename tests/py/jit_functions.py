# Functions whose beginning is hot: called by natives, by themselves and from loops that do not take them along.
import sys
import traceback


def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


print(fib(16), [fib(i) for i in range(12)])


# One function, many types.
def twice(x):
    y = x + x
    if y:
        return y
    return "nothing"


values = [1, 2.5, "ab", (1,), [], 0, 1 << 62, 10 ** 30, True, -0.0]
for _ in range(60):
    found = list(map(twice, values))
print(found)


# An exception from inside, caught outside, with the right lines.
def risky(n):
    total = 0
    for i in range(n % 7):
        total += 100 // (n % 5)
    return total


def lines(n):
    try:
        return risky(n)
    except ZeroDivisionError as e:
        return [frame.lineno - risky.__code__.co_firstlineno for frame in traceback.extract_tb(e.__traceback__)][1:]


print([lines(n) for n in range(40)] == [lines(n) for n in range(40)], list(map(lines, range(12))))


# A loop in the function, which returns from the middle.
def index_of(items, wanted):
    for i, item in enumerate(items):
        if item == wanted:
            return i
    return -1


items = list(range(30)) + ["x", None, 2.5]
print(sum(index_of(items, k % 40) for k in range(400)), index_of(items, "x"), index_of(items, 2.5), index_of(items, None))


# Deep recursion beyond what machine code nests.
def depth(n):
    if n == 0:
        return 0
    return 1 + depth(n - 1)


sys.setrecursionlimit(30000)
for _ in range(30):
    depth(50)
print(depth(5000))


def endless(n):
    return endless(n + 1)


sys.setrecursionlimit(300)
for _ in range(10):
    try:
        endless(0)
    except RecursionError as e:
        caught = str(e)
print(caught)
sys.setrecursionlimit(1000)


# Closures, defaults, keywords, methods, and a function that is given other code.
def counter():
    n = 0

    def add(by=1, *, times=1):
        nonlocal n
        n += by * times
        return n

    return add


add = counter()
print([add() for _ in range(50)][-1], [add(2, times=3) for _ in range(50)][-1], add(by=5))


class Node:
    __slots__ = ("left", "right", "value")

    def __init__(self, depth):
        self.value = depth
        self.left = Node(depth - 1) if depth else None
        self.right = Node(depth - 1) if depth else None

    def total(self):
        t = self.value
        if self.left is not None:
            t += self.left.total() + self.right.total()
        return t


print(Node(7).total(), [Node(k).total() for k in range(6)])


def first(x):
    return x * 2 + 1


def second(x):
    return x * 3 - 1


results = []
for i in range(120):
    if i == 60:
        first.__code__ = second.__code__
    results.append(sum(map(first, range(5))))
print(results[0], results[59], results[60], results[-1])


# Frames are seen from inside.
def who():
    return [sys._getframe(k).f_code.co_name for k in range(3)], sys._getframe(1).f_lineno - outer.__code__.co_firstlineno


def outer(n):
    if n % 2:
        return who()
    return who()


seen = {}
for n in range(100):
    names, line = outer(n)
    seen[n % 2] = (names, line)
print(seen)


# A key function, a comparison, and a hook, called by natives.
class Money:
    def __init__(self, cents):
        self.cents = cents

    def __lt__(self, other):
        return self.cents < other.cents

    def __hash__(self):
        return hash(self.cents)

    def __eq__(self, other):
        return isinstance(other, Money) and self.cents == other.cents


purse = sorted((Money(i * 7919 % 101) for i in range(101)))
print([m.cents for m in purse][:5], len({Money(i % 10) for i in range(200)}), max(purse).cents)
print(sorted(range(60), key=lambda k: (k * 37 % 17, -k))[:6])


# Changed while it is hot.
scale = 2


def scaled(x):
    return x * scale + len(str(x))


out = []
for i in range(90):
    if i == 30:
        scale = 2.5
    if i == 60:
        len = lambda s: 100
    out.append(scaled(i))
del len
print(out[29], out[30], out[59], out[60], out[-1], scaled(5))


# A finalizer that looks at the frames above it.
class Loud:
    heard = []

    def __del__(self):
        Loud.heard.append(sys._getframe(1).f_code.co_name)


def drops(n):
    x = Loud()
    x = n
    return x


for n in range(80):
    drops(n)
print(set(Loud.heard), Loud.heard.__len__())
