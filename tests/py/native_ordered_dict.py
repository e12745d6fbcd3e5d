import copy, pickle
from collections import OrderedDict


def attempt(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, e)


d = OrderedDict(a=1, b=2, c=3)
d.move_to_end("a")
print(d, list(d), list(reversed(d)))
d.move_to_end("c", last=False)
print(d, d.popitem(), d.popitem(last=False), d, len(d))
attempt(lambda: d.move_to_end("z"))
attempt(lambda: OrderedDict().popitem())
attempt(lambda: OrderedDict(1, 2))
attempt(lambda: OrderedDict([(1, 2, 3)]))
attempt(lambda: OrderedDict([(1,)]))
x, y = OrderedDict([(1, 2), (3, 4)]), OrderedDict([(3, 4), (1, 2)])
print(x == y, x == dict(y), dict(x) == y, x != y, x == x.copy(), x | y, x | {5: 6}, {5: 6} | x)
x |= {7: 8}
print(x, x.keys(), x.values(), x.items(), 1 in x.keys(), list(reversed(x.items())))
print(x.pop(7), x.pop(9, "none"), x.setdefault(1, 0), x.setdefault(9, 0), OrderedDict.fromkeys("ab", 0))
attempt(lambda: x.pop(100))


class Logged(OrderedDict):
    def __setitem__(self, key, value):
        print("set", key, value)
        super().__setitem__(key, value)

    def __missing__(self, key):
        return f"no {key}"


log = Logged([("k", 1)], l=2)
log.update({"m": 3})
log.extra = [1]
print(log, log["q"], log.copy(), vars(log))
twin = pickle.loads(pickle.dumps(log))
print(twin == log, twin.extra, type(twin) is Logged, copy.deepcopy(x) == x)
loop = OrderedDict()
loop["self"] = loop
print(loop, OrderedDict())
queue = OrderedDict.fromkeys(range(20000))
total = 0
while queue:
    total += queue.popitem(last=False)[0]
    if total % 3 == 0 and queue:
        queue.move_to_end(next(iter(queue)))
print(total)

many = OrderedDict.fromkeys("abc")
try:
    for key in many:
        del many[key]
except RuntimeError as e:
    print("RuntimeError")
