"""One step over a whole container is one step: what other threads do to it comes before or after."""
import array
import collections
import functools
import hashlib
import io
import operator
import pickle
import threading

N = 60_000
d = {i: i for i in range(N)}
s = set(range(N))
q = collections.deque(range(N))
names = {str(i): i for i in range(N)}
default = collections.defaultdict(int, d)
ordered = collections.OrderedDict((i, i) for i in range(N // 4))

steps = {
    "list(d)": lambda: len(list(d)),
    "d.copy()": lambda: len(d.copy()),
    "dict(d)": lambda: len(dict(d)),
    "list(d.items())": lambda: len(list(d.items())),
    "list(d.values())": lambda: len(list(d.values())),
    "tuple(d)": lambda: len(tuple(d)),
    "set(d)": lambda: len(set(d)),
    "sorted(d)": lambda: len(sorted(d)),
    "{**d}": lambda: len({**d}),
    "d | {}": lambda: len(d | {}),
    "{}.update(d)": lambda: {}.update(d),
    "max(d)": lambda: max(d) >= N - 1,
    "sum(d.values())": lambda: sum(d.values()) > N,
    "any(d.values())": lambda: any(d.values()),
    "all(s)": lambda: all(s),
    "reduce(d)": lambda: functools.reduce(max, d),
    "array.extend(d)": lambda: array.array("q").extend(d),
    "countOf(d)": lambda: operator.countOf(d.values(), -1),
    "indexOf(d)": lambda: operator.indexOf(d, N - 1),
    "dict.fromkeys(d)": lambda: len(dict.fromkeys(d)),
    "default.copy()": lambda: len(default.copy()),
    "s.copy()": lambda: len(s.copy()),
    "list(s)": lambda: len(list(s)),
    "frozenset(s)": lambda: len(frozenset(s)),
    "s | {1}": lambda: len(s | {1}),
    "set().union(s, d)": lambda: len(set().union(s, d)),
    "list(q)": lambda: len(list(q)),
    "q.copy()": lambda: len(q.copy()),
    "q.count(-1)": lambda: q.count(-1),
    "-1 in q": lambda: -1 in q,
    "join": lambda: len(",".join(names)),
    "list(ordered)": lambda: len(list(ordered)),
}
stop = False
failed = collections.Counter()


def change(base):
    i = base
    while not stop:
        i += 1
        d[i] = default[i] = ordered[i] = names[str(i)] = i
        s.add(i)
        q.append(i)
        del d[i], default[i], ordered[i], names[str(i)]
        s.discard(i)
        q.pop()


def guarded(f, *args):
    try:
        f(*args)
    except Exception as e:
        failed[repr(e)] += 1


threads = [threading.Thread(target=guarded, args=(change, N * 1000 * (k + 1))) for k in range(2)]
for t in threads:
    t.start()
for name, step in steps.items():
    for _ in range(3):
        try:
            step()
        except Exception as e:
            failed[name, repr(e)] += 1
stop = True
for t in threads:
    t.join()
print(dict(failed))

# A list is sorted in one step: who adds to it meanwhile comes before or after.
numbers = list(range(N))


def sort():
    for _ in range(10):
        numbers.sort(reverse=True)
        numbers.append(-1)
        numbers.sort()


threads = [threading.Thread(target=guarded, args=(sort,)) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(numbers) == N + 30, numbers.count(-1), dict(failed))

# Nothing that two threads give one hash is lost, and a pickler that they share makes one wait for the other.
h, block = hashlib.sha256(), b"x" * 3_000_000
pickler = pickle.Pickler(io.BytesIO())
big = [[i] for i in range(20_000)]


def both():
    for _ in range(4):
        h.update(block)
        pickler.dump(big)


threads = [threading.Thread(target=guarded, args=(both,)) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
whole = hashlib.sha256()
for _ in range(12):
    whole.update(block)
print(h.hexdigest() == whole.hexdigest(), dict(failed))
