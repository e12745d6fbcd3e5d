# Threads that print the same objects at once: each prints all of it, and what contains itself ends in dots in each.
import collections
import functools
import threading


def together(work, n=4):
    gate, failed = threading.Barrier(n), []

    def run(me):
        gate.wait()
        try:
            work(me)
        except BaseException as e:
            failed.append(e)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return failed


class Slow:
    """Its text is made by Python code, so that others come between."""

    def __repr__(self):
        return "".join(str(i % 10) for i in range(200))


def inside(box, put):
    put(box)
    return box


slow, deep = Slow(), []
deep.extend([slow, (deep, slow), {"deep": deep, "slow": slow}])
shown = [
    [slow] * 5,
    (slow,) * 5,
    {1: slow, 2: slow},
    {slow},
    {1: slow}.values(),
    collections.deque([slow] * 3),
    collections.OrderedDict(a=slow, b=slow),
    collections.defaultdict(list, a=slow),
    functools.partial(print, slow, slow),
    inside([slow], lambda box: box.append(box)),
    inside({0: slow}, lambda box: box.update(self=box)),
    inside(collections.deque([slow]), lambda box: box.append(box)),
    deep,
]
texts = [repr(box) for box in shown]
print([text.replace(repr(slow), "@") for text in texts])


def show(me):
    for _ in range(10):
        for box, text in zip(shown, texts):
            assert repr(box) == text, (type(box), repr(box))


print(together(show))

# A dict is printed, spread and compared as it is at one moment, whatever is added and removed meanwhile.
fixed = {f"k{i}": i for i in range(30)}
changing = dict(fixed)
done = []


def taken(**kwargs):
    return kwargs


def change_and_look(me):
    if me == 0:
        n = 0
        while len(done) < 3:
            for k in range(n, n + 40):
                changing[f"x{k}"] = k
            for k in range(n, n + 40):
                del changing[f"x{k}"]
            n += 40
        return
    try:
        for _ in range(150):
            for found in (eval(repr(changing)), taken(**changing), {**changing}, changing | {}, dict.fromkeys(changing)):
                assert fixed.keys() <= found.keys(), found
            text = str(changing)
            for key in fixed:
                assert text.count(f"'{key}':") == 1, text
            assert fixed.keys() <= set(changing) and set(fixed).issubset(changing)
    finally:
        done.append(me)


print(together(change_and_look))

# The same of a set.
base, growing = set(range(30)), set(range(30))
done.clear()


def change_and_look_at_set(me):
    if me == 0:
        n = 100
        while len(done) < 3:
            for k in range(n, n + 40):
                growing.add(k)
            for k in range(n, n + 40):
                growing.discard(k)
            n += 40
        return
    try:
        for _ in range(150):
            found = eval(repr(growing))
            assert base <= found, found
            assert base <= growing | set() and base <= growing.copy() and base == base & growing
            assert not base - growing and base <= growing and not growing <= set(range(10))
            assert base.isdisjoint({-1}) and not growing.isdisjoint({29})
    finally:
        done.append(me)


print(together(change_and_look_at_set))
