"""Ranges and iterators in hot loops, seen by others and not."""

def f(n):
    s = 0
    for i in range(n):
        for j in range(i % 7):
            s += j
        for j in range(i, i + 3):
            s += j * 2
        for j in range(i % 5, 2):
            s -= j
        for j in range(i % 9, -3, -2):
            s += j * 3
        for j in range(0, i % 40, 7):
            s += 1
        else:
            s += j
    return s
print(f(0), f(1), f(300))
def g(n):
    s = 0
    for a, b, c in [(0, n, 1), (n, 0, -1), (5, 5, 2), (2, n, 3), (n, 2, -3)] * 20:
        for x in range(a, b, c):
            s = (s * 3 + x) % 1000003
    return s
print(g(9), g(40))

def f(n):
    kept = []
    s = 0
    for i in range(n):
        r = range(i % 6, 9, 1 + i % 2)
        s += len(r) + r[0]
        for x in r:
            if x > 6:
                kept.append(r)
                break
        for x in r:
            s += x
        it = iter(r)
        s += next(it)
        for x in it:
            s += x
        s += next(it, -5)
        s += sum(range(i % 4)) + len(list(range(2, i % 8)))
    return s, kept[:9], kept[-1], len(kept)
print(f(900))
def g(n):
    seen = []
    for i in range(n):
        try:
            for j in range(3):
                if j == i % 5:
                    raise ValueError(j)
                seen.append(j)
        except ValueError as e:
            seen.append(e.args[0] + 100)
    return sum(seen), len(seen)
print(g(900))

def f(args):
    out = []
    for a in args * 12:
        try:
            r = range(*a) if len(a) > 3 else range(a[0]) if len(a) == 1 else range(a[0], a[1]) if len(a) == 2 else range(a[0], a[1], a[2])
            k = 0
            for x in r:
                k += 1
                if k > 3:
                    break
                last = x
            out.append((k, last, r))
        except (TypeError, ValueError, OverflowError) as e:
            out.append(str(e))
    return out[-len(args):]
last = None
print(f([(3,), (True,), (0,), (-4,), (1.5,), (2, 4), (2, 4, 0), (4, 2, -1), ('x',), (None, 3)]))
big = (1 << 61) - 3
print(f([(big, big + 2), (big, big + 9), (-big, big), (0, 1 << 70), (1 << 70, (1 << 70) + 2), (-big - 5, -big), (0, big, 1 << 60), (0, -big, -(1 << 60)), (big, 0, -big)]))
def shadow(n):
    s = 0
    for i in range(n):
        for j in r(2):
            s += j
    return s
r = range
print(shadow(100))
r = lambda n: [n, n, n]
print(shadow(100))

def f(n):
    s = 0
    rows = [[1, 2, 3], [], [4], [5, 6]]
    for i in range(n):
        for x in rows[i % 4]:
            s += x
        for x in (i, i + 1):
            s += x
        for x in [i, 2, 3]:
            s -= x
            if x == i % 4:
                break
        for row in rows:
            for x in row:
                s += x
    return s
print(f(1), f(400))
def changes(n):
    out = []
    for i in range(n):
        items = [1, 2, 3]
        for x in items:
            if x < 3 and len(items) < 6:
                items.append(x + 5)
            if x == 7:
                items.clear()
            out.append(x)
        it = iter(items)
        items.append(9)
        out.extend(it)
        items.append(10)
        out.append(next(it, None))
    return out[:12], len(out)
print(changes(150))
def held(n):
    kept = []
    for i in range(n):
        it = iter([i, i + 1, i + 2])
        for x in it:
            if x % 5 == 0:
                kept.append(it)
                break
        jt = iter((i, 7))
        next(jt)
        kept.append(jt)
    return sum(next(it, 1000) for it in kept), len(kept)
print(held(150))
class D:
    gone = 0
    def __del__(self):
        D.gone += 1
def ends(n):
    for i in range(n):
        for d in [D(), D()]:
            if i % 3 == 0:
                break
        d = None
    return D.gone
print(ends(120))


def strides(n):
    out = []
    items = [3, 1, 4, 1, 5, 9, "x", 2.5]
    for i in range(n):
        k = i % 9
        a = items[k::-1]
        b = items[:k:-2]
        c = items[-k - 3 : k : 2]
        s = slice(k, None, 3)
        d = items[s]
        items[: k + 1] = items[k::-1]
        out.append((len(a), len(b), len(c), d, s.indices(5), "abcdefgh"[k::-1], (1, 2, 3)[::-1]))
        try:
            out.append(items[:: i % 30])
            out.append(items[i % 40 // 39 * 0.5 :: 2])
        except (ValueError, TypeError) as e:
            out.append(str(e)[:60])
    return items, out[:8], out[-3:], len([o for o in out if isinstance(o, str)])


print(strides(200))
