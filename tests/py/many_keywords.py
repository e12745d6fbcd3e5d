# Calls with more keywords than are bound in place, from a generator's frame and through ** of a dict with fresh keys.
def take(*a, **k):
    return len(a), sorted(k)[:2], len(k)


def fresh(n):
    return {(b'k%d' % i).decode(): (b'value%d' % i).decode() for i in range(n)}


def spread(n):
    e = fresh(n)
    take(**e)
    return take(1, 2, **e), sorted(e.items())[-1:]


def generate(n):
    for _ in range(3):
        e = fresh(n)
        yield take(*range(n), **e)


def refused(a, b=1, *, c):
    return a, b, c


for n in (0, 3, 16, 17, 40, 300):
    for _ in range(3):
        print(n, spread(n), list(generate(n))[-1])
for n in (1, 17, 40):
    try:
        refused(1, **fresh(n))
    except TypeError as e:
        print(e)
