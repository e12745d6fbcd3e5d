# Calls of every form in hot loops: keywords, defaults, bound methods, instances, super, and what binds wrongly.


class Point:
    def __init__(self, x, y=2, *, z=0):
        self.x, self.y, self.z = x, y, z

    def moved(self, dx=0, dy=0):
        return Point(self.x + dx, self.y + dy)

    def __call__(self, a, b=10, c=100):
        return self.x + a + b * c

    def add(self, n, times=1):
        self.x += n * times
        return self.x


class Deep(Point):
    def __init__(self, x, y=5):
        super().__init__(x, y=y)

    def add(self, n, times=2):
        return super().add(n, times=times) + 1


def area(width, height=3, depth=1):
    return width * height + depth


def keywords(n):
    total = 0
    for i in range(n):
        total += area(height=i, width=2) + area(i, depth=i) + area(depth=1, height=2, width=i) + area(i)
    return total


def changed_defaults(n):
    def f(a, b=1, c=2):
        return a * 100 + b * 10 + c
    out = 0
    for i in range(n):
        out += f(i, c=i)
        if i == n // 2:
            f.__defaults__ = (7, 8)
        if i == n - 20:
            f.__defaults__ = (7, 8, 9)
    return out


def wrong(n):
    out, said = 0, set()
    for i in range(n):
        try:
            if i % 50 == 7:
                area(1, width=2)
            elif i % 50 == 8:
                area(height=2)
            elif i % 50 == 9:
                area(1, lenght=2)
            elif i % 50 == 10:
                area(1, 2, 3, 4)
            out += area(i, height=i)
        except TypeError as e:
            said.add(str(e))
    return out, sorted(said)


def bound(n):
    p, out = Point(1), []
    add = p.add
    push = out.append
    for i in range(n):
        push(add(i))
        add(1, times=i)
        if i % 100 == 50:
            p = Point(i)
            add = p.add
    return p.x, sum(out), len(out)


def instances(n):
    p, q, total = Point(1), Deep(2), 0
    for i in range(n):
        total += p(i) + q(i, c=2) + p(a=i, b=i)
        if i == n // 2:
            Deep.__call__ = lambda self, a, b=1, c=1: a - b - c
    del Deep.__call__
    return total


def supers(n):
    total = 0
    for i in range(n):
        d = Deep(i)
        total += d.add(i) + d.add(1, times=3) + d.y
        total += Deep(x=i, y=1).moved(dy=i).y + Point(i, z=i).z
    return total


def made_by_bound(n):
    make = [Point(3).moved, Deep(4).moved, Point.moved]
    total = 0
    for i in range(n):
        total += make[i & 1](dx=i).x + make[2](Point(i), 1).x
    return total


def deep(n):
    def f(n, acc=0):
        if n == 0:
            return acc
        return f(n - 1, acc=acc + n)
    return sum(f(i % 30) for i in range(n)), [f(i) for i in range(5)]


def tracebacks(n):
    import traceback

    def inner(a, b=0):
        return a // b

    def outer(a, b):
        return inner(a, b=b)
    lines = set()
    for i in range(n):
        try:
            outer(i, i % 10)
        except ZeroDivisionError as e:
            lines.add(tuple(f.name for f in traceback.extract_tb(e.__traceback__)))
    return sorted(lines)


for f in (keywords, changed_defaults, wrong, bound, instances, supers, made_by_bound, deep, tracebacks):
    print(f.__name__, f(3), f(400))
