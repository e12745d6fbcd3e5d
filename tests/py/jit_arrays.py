"""Hot loops over arrays: items are read and written where they lie."""

import sys
from array import array


def total(a):
    s = 0
    for i in range(len(a)):
        s += a[i]
    return s


def fill(a, value):
    for i in range(len(a)):
        a[i] = value
    return a


def shift(a, k):
    for i in range(len(a)):
        a[i] += k
    return a


print([total(array(code, range(100))) for code in "bBhHiIlLqQfd"])
print([shift(array(code, range(100)), 3).tolist()[-4:] for code in "bBhHiIlLqQfd"])
print(total(array("d", [0.5, -0.0, 1e300, 3]) * 50), total(array("q", [-(1 << 63), (1 << 63) - 1, 5]) * 40))
print(total(array("I", [(1 << 32) - 1]) * 60), total(array("i", [-(1 << 31), 7]) * 60), total(array("B", [255]) * 60))


def from_end(a, n):
    s = 0
    for i in range(1, n):
        s += a[-i] - a[0]
        a[-i] = i
    return s, a.tolist()


print(from_end(array("i", range(40)), 40))
print(from_end(array("d", range(40)), 40))
for n in 42, 50:
    try:
        print(from_end(array("l", range(40)), n))
    except IndexError as e:
        print("IndexError:", e)


def stores(a, values):
    done = 0
    for v in values:
        try:
            a[done % len(a)] = v
        except (OverflowError, TypeError) as e:
            print(type(e).__name__, str(e))
        done += 1
    return a.tolist()


plain = [1] * 60
print(stores(array("B", bytes(8)), plain + [255, 256, -1, 0, 1.5, "x", True] + plain))
print(stores(array("i", bytes(32)), plain + [(1 << 31) - 1, 1 << 31, -(1 << 31), -(1 << 31) - 1, 1 << 70, None] + plain))
print(stores(array("I", bytes(32)), plain + [(1 << 32) - 1, 1 << 32, -1] + plain)[:8])
print(stores(array("q", bytes(64)), plain + [(1 << 62), (1 << 63) - 1, 1 << 63, -(1 << 63), True] + plain))
print(stores(array("d", bytes(64)), [float(v) for v in plain] + [3, (1 << 53) + 1, 1 << 70, True, 1e308, "x"] + plain))
print(stores(array("f", bytes(32)), [0.1] * 60 + [1e30, 7]))


def grows(n):
    """Appending moves the items, popping makes an index wrong."""
    a = array("l")
    s = 0
    for i in range(n):
        a.append(i)
        s += a[i] * a[i // 2]
        a[i] = -s % 1000
    while len(a) > n // 2:
        a.pop()
        s += a[len(a) - 1]
    try:
        for i in range(n):
            s += a[i]
    except IndexError as e:
        print("IndexError:", e, i)
    return s, len(a), total(a)


print(grows(300))


def one_behind_two(n):
    """Two names for one array, and a view of its bytes."""
    a = array("i", range(8))
    b = a
    view = memoryview(a)
    s = 0
    for i in range(n):
        a[i & 7] = i
        s += b[i & 7] - b[(i + 1) & 7]
        view[(i + 2) & 7] = i * 3
        s += a[(i + 2) & 7]
    return s, a.tolist()


print(one_behind_two(200))


def types_change(arrays):
    out = []
    for a in arrays * 30:
        x = a[0]
        a[1] = a[1] + 1
        out.append(x)
    return out[-6:], [list(a) for a in arrays]


class Named(array):
    def __getitem__(self, i):
        return array.__getitem__(self, i) + 10


print(types_change([array("d", [0.5, 1]), array("i", [3, 4]), [5, 6], array("B", [7, 8]), Named("l", [9, 1])]))


def numbers_kept(n):
    """What was read stays what it was."""
    a = array("d", [1.5, -2.25])
    held = []
    for i in range(n):
        x = a[0]
        a[0] = x * 1.0000001 if i % 3 else a[1]
        a[1] = x
        held.append(x)
    return sum(held), held[:4], a.tolist()


print(numbers_kept(200))


def matrix(n):
    rows = [array("d", [0]) * n for _ in range(n)]
    for y in range(n):
        for x in range(n):
            rows[y][x] = (x * 7 + y * 3) % 11 - 5
    for j in range(1, n):
        for k in range(n):
            rows[j][k] -= rows[j - 1][k] * 0.5
    return [round(sum(row), 6) for row in rows]


print(matrix(20))


def cleared(n):
    a = array("q", range(n))
    seen = 0
    try:
        for i in range(n):
            seen += a[i]
            if i == n - 20:
                del a[:]
    except IndexError:
        print("gone after", i)
    return seen, len(a)


print(cleared(120))
print(sys.getsizeof(array("d")) > 0)


def numeric(values):
    """What functions of numbers give, of which kinds, and which of two equals."""
    out = []
    for a, b in values * 9:
        try:
            r = abs(a), min(a, b), max(a, b), float(a), int(a)
        except (TypeError, ValueError, OverflowError) as e:
            r = type(e).__name__
        out.append(r)
    return out[-len(values):]


inf, nan = float("inf"), float("nan")
print(numeric([(3, -4), (-3, -3), (0, 5), (-(1 << 61), 1 << 61), ((1 << 53) + 1, 2), (True, False), (1 << 70, -(1 << 70))]))
print(numeric([(0.5, -4.25), (-0.0, 0.0), (0.0, -0.0), (-1e300, 2.0), (1.0, 1), (1, 1.0), (2, 1.5), (-2.5, 3)]))
print(numeric([(inf, 1.0), (-inf, inf), (nan, 1.0), (1.0, nan), ("12", "3"), (None, 1), ([], 1)]))
print((array("h", [1, 2, 3]) * 5000)[14990:], len(array("b", [1]) * 100001), array("d") * 7, array("d", [1]) * 0)
