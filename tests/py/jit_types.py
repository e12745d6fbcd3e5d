# Registers that change their type between traces that go on in each other, and what they refer to.
import sys


class Thing:
    alive = 0

    def __init__(self):
        Thing.alive += 1

    def __del__(self):
        Thing.alive -= 1


def copies(n):
    x = 1
    y = 0
    c = 0
    i = 0
    while i < n:
        y = x
        if i & 1:
            c += 1
        if i % 100 == 99:
            x = 0.0 if i % 200 == 99 else 7
        i += 1
    return x, y, c


def objects(n):
    x = thing = Thing()
    c = 0
    for i in range(n):
        y = x
        if i & 1:
            c += 2
        elif i % 50 == 0:
            x = i
        elif i % 50 == 26:
            x = thing
    return c, y is thing, x is thing


def flips(n):
    a, b = 1, 2.5
    s = 0
    for i in range(n):
        a, b = b, a
        if i & 3 == 1:
            s += 1
        if a == 1:
            s += 2
    return a, b, s


def names(n):
    s = 'a'
    t = None
    c = 0
    i = 0
    while i < n:
        t = s
        if i % 3 == 0:
            c += 1
        if i % 90 == 88:
            s = i
        elif i % 90 == 44:
            s = 'b'
        i += 1
    return s, t, c


print(copies(3000))
print(objects(3000), Thing.alive)
print(flips(3001))
print(names(3000))
before = sys.getrefcount(Thing)
for _ in range(20):
    objects(500)
print(Thing.alive, sys.getrefcount(Thing) - before)


# What an instruction was specialized for is not what comes: ints where floats were.
def mixed(pairs):
    found = []
    for x, y in pairs:
        found.append((x + y, x - y, x * y))
    return found


several = [(1, 2.5), (2.5, 1), (1.0, 1.0), (9, 5), (2**53, 2.0), (2**60, 3), (1.0, 2), (1e300, 1)] * 3
for _ in range(4):
    found = mixed(several)
    print(found[3], found[5], found[13], found[21])
