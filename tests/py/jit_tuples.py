"""Tuples in hot loops: most are only taken apart again, and some are seen by others."""

import gc


def pair(a, b):
    return a + b, a - b


def apart(n):
    s = 0
    for i in range(n):
        x, y = pair(i, 3)
        s += x * y
        a, b, c, d = i, x, y, "text"
        a, b = b, a
        s += a - b * len(d)
        t = (i, s % 7)
        s += t[0] + t[-1] + len(t)
    return s, t


print(apart(1), apart(400))


def seen(n):
    kept = []
    table = {}
    for i in range(n):
        t = (i % 5, i % 3)
        table[t] = table.get(t, 0) + 1
        u = (t, i)
        if i % 50 == 0:
            kept.append(u)
        if hash(t) != hash((i % 5, i % 3)) or t != (i % 5, i % 3):
            kept.append("different")
        v = t
        kept.append((v is t) + (u[0] is t))
    return sorted(table.items()), [k for k in kept if k != 2]


print(seen(300))


def wrong(n):
    out = []
    for i in range(n):
        t = (i, i + 1, i + 2) if i % 40 == 39 else (i, i + 1)
        try:
            x, y = t
            out.append(x + y)
        except ValueError as e:
            out.append(str(e))
        try:
            out.append(t[i % 3])
        except IndexError as e:
            out.append(str(e))
    return out[:6], out[-8:], len(out)


print(wrong(200))


class Ends:
    gone = []

    def __init__(self, i):
        self.i = i

    def __del__(self):
        Ends.gone.append(self.i)


def ends(n):
    for i in range(n):
        t = (Ends(i), i)
        if i % 2:
            t = None
        else:
            e, t = t
            del e
    return len(Ends.gone), Ends.gone[:8], Ends.gone == sorted(Ends.gone)


print(ends(200))


class Grid:
    def __init__(self, w):
        self.w = w
        self.cells = list(range(w * w))

    def __getitem__(self, xy):
        x, y = xy
        if not (0 <= x < self.w and 0 <= y < self.w):
            raise IndexError(xy)
        return self.cells[y * self.w + x]

    def __setitem__(self, xy, v):
        x, y = xy
        self.cells[y * self.w + x] = v


def grid(n):
    g = Grid(n)
    s = 0
    for y in range(n):
        for x in range(n):
            try:
                s += g[x, y] + g[x + 1, y] - g[x, y + 1]
                g[x, y] = s % 101
            except IndexError as e:
                s += e.args[0][0]
    return s, sum(g.cells)


print(grid(9), grid(30))


def cycles(n):
    """Tuples that refer to themselves through a list are found."""
    for i in range(n):
        holder = []
        t = (holder, i)
        holder.append(t)
    del holder, t
    return gc.collect() > 0


gc.collect()
gc.disable()
print(cycles(100))
gc.enable()


def nested(n):
    s = 0
    for i in range(n):
        (a, b), (c, (d, e)) = (i, 1), (2, (i * 2, (3, i)))
        s += a + b + c + d + e[1]
        for x, y in ((i, 1), (2, i)):
            s += x * y
    return s


print(nested(300))


def deep(n, t):
    return t if n == 0 else deep(n - 1, (n, t))


print([deep(k, None) for k in [3] * 60][-1], len(repr(deep(60, ()))))
