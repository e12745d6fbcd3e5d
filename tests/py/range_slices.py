"""Slices of ranges, of numbers in words and of longer ones."""
import sys

BIG = 1 << 61
WORDS = [None, 0, 1, -1, 2, -2, 3, 7, -7, 10, 11, -11, 100, -100, BIG - 1, -BIG, sys.maxsize, -sys.maxsize - 1, 1 << 70, -(1 << 70)]
RANGES = [
    range(0), range(1), range(10), range(5, 50, 4), range(50, 5, -4), range(-3, 3), range(10, 0), range(BIG - 5, BIG + 5),
    range(BIG - 5, BIG - 1), range(-BIG, BIG - 1, BIG // 3), range(BIG - 1, -BIG, -(BIG // 5)), range(1 << 80, (1 << 80) + 9, 2),
    range(0, sys.maxsize), range(0, -sys.maxsize, -3), range(0, 1 << 90, 1 << 60),
]

seen = 0
for r in RANGES:
    for start in WORDS:
        for stop in WORDS:
            for step in WORDS:
                if step == 0:
                    continue
                s = r[start:stop:step]
                seen = (seen * 31 + hash((s.start, s.stop, s.step))) % ((1 << 61) - 1)
    print(r, seen)


class Index:
    def __init__(self, i):
        self.i = i

    def __index__(self):
        return self.i


r = range(10, 40, 3)
print(r[Index(2):], r[:Index(-2):True], r[Index(-1)::Index(-2)], r[::-1][::-1], r[2:5][1:][0])
for bad in ("r[::0]", "r['a':]", "r[:1.5]", "range(0)[0]", "r[None]"):
    try:
        print(eval(bad))
    except Exception as e:
        print(type(e).__name__, e)
