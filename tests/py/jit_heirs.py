"""Objects of Python classes that inherit from list and tuple, in hot loops: what the class leaves to its base, and what it does not."""

from collections import namedtuple


class Row(list):
    pass


class Named(list):
    def __init__(self, name):
        super().__init__()
        self.name = name


class Measured(list):
    def __len__(self):
        return 7


class Falsy(list):
    def __bool__(self):
        return False


class Backwards(list):
    def __iter__(self):
        return iter([item for item in list.__iter__(self)][::-1])


class Got(list):
    def __getitem__(self, i):
        return ("got", i)


class Put(list):
    def __setitem__(self, i, v):
        list.__setitem__(self, i, v * 2)


class Counted(list):
    made = 0

    def append(self, item):
        Counted.made += 1
        super().append(item + 1)


class Point(tuple):
    pass


Pair = namedtuple("Pair", "left right")


def queue(n):
    done = Row()
    for i in range(n):
        todo = Row()
        todo.append(i)
        todo.append(i + 1)
        while len(todo):
            v = todo.pop(0)
            if v % 7 == 3:
                todo.append(v * 2)
            done.append(v)
            if not todo:
                break
        todo.insert(0, i)
        if todo and todo[0] != i or todo[-1] != i:
            done.append(-1)
    return len(done), sum(done), type(done).__name__


print(queue(3), queue(400))


def through(n):
    row, s = Row(range(5)), 0
    for i in range(n):
        for x in row:
            s += x * i
        row[i % 5] = i % 11
        row[-1] += 1
        a, b, c, d, e = row
        s += a - b + c - d + e + row[2] + row[-2]
    return s, row, len(row), bool(row), bool(Row())


print(through(2), through(300))


def ways(kinds, n):
    out, s = [], 0
    for i in range(n):
        row = kinds[i % len(kinds)]
        s += len(row)
        if row:
            s += 1
        for x in row:
            s += x
        item = row[1]
        if type(item) is tuple:
            s += item[1]
        else:
            s += item
        row[0] = i % 4
        row.append(i % 3)
        s += list.pop(row)
        if i % 50 == 0:
            out.append(s)
    return out, s, [list.__repr__(kind) for kind in kinds]


print(ways([Row([1, 2, 3]), [4, 5, 6], Row([7, 8])], 300))
print(ways([Row([1, 2]), Measured([1, 2]), Falsy([3, 4]), Backwards([5, 6]), Got([7, 8]), Put([9, 1]), Counted([2, 3])], 400))
print(Counted.made)


def changed(n):
    """A class that gets methods of its own while its objects are in use, and loses them."""

    class Changed(list):
        pass

    row, out = Changed([1, 2, 3]), []
    for i in range(n):
        if i == n // 4:
            Changed.__len__ = lambda self: 100
        elif i == n // 2:
            Changed.__iter__ = lambda self: iter((10, 20))
            del Changed.__len__
        elif i == n // 2 + 20:
            Changed.__getitem__ = lambda self, j: "item"
        elif i == n * 3 // 4:
            del Changed.__iter__, Changed.__getitem__
            Changed.__bool__ = lambda self: False
        elif i == n - 20:
            Changed.__init__ = lambda self: self.append("made")
        got = 0
        for x in row:
            got += x
        made = Changed()
        now = (len(row), got, row[1], bool(row), len(made), list.__len__(made))
        if not out or out[-1][1] != now:
            out.append((i, now))
    return out


print(changed(400))


def with_names(n):
    rows = []
    for i in range(n):
        row = Named(str(i % 3))
        row.append(i)
        row.kept = i
        row.append(row.name)
        if len(row) == 2 and row[1] == "2":
            rows.append(row)
    return len(rows), rows[-1], rows[-1].kept, rows[-1].name


print(with_names(300))


def tuples(n):
    s, p, q = 0, Point((1, 2, 3)), Pair(4, 5)
    for i in range(n):
        for x in p:
            s += x
        a, b = q
        s += p[0] + p[-1] + q[1] + a * b + len(p) + len(q) + q.left - q.right
        if p and q:
            s += 1
        if i % 100 == 99:
            p, q = Point((i, i + 1)), Pair(i, right=2)
    return s, p, q


print(tuples(1), tuples(500))


def ends(n):
    """What rows refer to ends where it should."""
    ended = []

    class Loud:
        def __init__(self, i):
            self.i = i

        def __del__(self):
            ended.append(self.i)

    row = Row()
    for i in range(n):
        row.append(Loud(i))
        if len(row) > 3:
            row.pop(0)
            ended.append("popped")
        row[0] = row[-1]
    return ended[:12], len(ended), len(row)


print(ends(120))


def wrong(n):
    out, row = [], Row([1, 2])
    for i in range(n):
        try:
            out.append(row[i % 4])
        except IndexError as e:
            out.append(str(e))
        try:
            a, b = row
            if i % 9 == 8:
                row.append(i)
            elif len(row) > 2:
                row.pop()
        except ValueError as e:
            out.append(str(e))
            row.pop()
        try:
            Row().pop()
        except IndexError as e:
            out.append(str(e))
    return out[:8], len(out), out[-6:]


print(wrong(200))


class Meta(type):
    def __call__(cls, *args):
        made = super().__call__(*args)
        made.append("meta")
        return made


class Made(list, metaclass=Meta):
    pass


class Given(list):
    def __new__(cls, *args):
        made = super().__new__(cls)
        list.append(made, "new")
        return made


def makes(n):
    s = 0
    for i in range(n):
        for kind in (Row, Made, Given, list):
            made = kind()
            made.append(i)
            s += len(made) * (1 + (type(made) is kind))
    return s, Made(), Given(), Row((1,))


print(makes(150))


def changes_while_gone_through(n):
    out = []
    for i in range(n):
        row = Row([1, 2, 3])
        seen = 0
        for x in row:
            seen += x
            if x == 3 and len(row) < 6:
                row.append(3)
            if seen > 30:
                break
        out.append(seen)
        it = iter(row)
        for x in it:
            if x == 2:
                row.clear()
        row.append(9)
        out.append(sum(it))
    return out[:4], sum(out)


print(changes_while_gone_through(150))
