"""Sorting by simple keys, stability, and comparisons that fail half way."""
import random

rng = random.Random(7)
for n in (0, 1, 2, 3, 10, 33, 100, 2048, 2049, 5000):
    ints = [rng.randrange(-n, n + 1) for _ in range(n)]
    floats = [x / 4 + 0.125 for x in ints]
    texts = ["%x" % abs(x) for x in ints]
    for name, items in [("ints", ints), ("floats", floats), ("texts", texts), ("mixed", ints + [0.5, -0.0, 2**70])]:
        up, down = sorted(items), sorted(items, reverse=True)
        assert all(not b < a for a, b in zip(up, up[1:])) and all(not a < b for a, b in zip(down, down[1:]))
        assert up == down[::-1]
        pairs = [(x, i) for i, x in enumerate(items)]
        for reverse in (False, True):
            by_key = sorted(pairs, key=lambda p: p[0], reverse=reverse)
            assert all(a[0] != b[0] or a[1] < b[1] for a, b in zip(by_key, by_key[1:])), (name, reverse)
        print(n, name, up[:3], down[:3])


class Bad:
    left = 0

    def __init__(self, n):
        self.n = n

    def __lt__(self, other):
        Bad.left -= 1
        if Bad.left < 0:
            raise ValueError("enough")
        return self.n < other.n


for budget in (0, 1, 10, 100, 300, 1000):
    items = [Bad(rng.randrange(100)) for _ in range(200)]
    before = sorted(map(id, items))
    Bad.left = budget
    try:
        items.sort()
        print(budget, "sorted")
    except ValueError as e:
        print(budget, e)
    assert sorted(map(id, items)) == before
for items, key in [([3, 1, 2], lambda x: items.append(1)), ([3, 1, 2], lambda x: 1 // 0)]:
    try:
        items.sort(key=key)
    except Exception as e:
        print(type(e).__name__, e, items)
print(min(3, 1, 2), max(1, 3.0, 3), min("b", "a"), max([1], [2]))
