"""One thread works while the others wait, and now and then one of them comes in the middle of whatever it does."""

import collections
import gc
import json
import queue
import sys
import threading
import time
import weakref


class Node:
    def __init__(self, n):
        self.n = n
        self.next = None


class Key:
    """Compared and hashed by code of its own."""

    def __init__(self, n):
        self.n = n

    def __hash__(self):
        return self.n % 64

    def __eq__(self, other):
        return self.n == other.n


def counting():
    n = 0
    while True:
        n += 1
        yield n


def frame_depth(frame):
    depth = 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


class World:
    """What all threads have."""

    def __init__(self):
        self.items = list(range(3000, 0, -1))
        self.table = {n: str(n) for n in range(500)}
        self.keys = {Key(n): n for n in range(128)}
        self.members = set(range(2000))
        self.nodes = [Node(n) for n in range(200)]
        self.looks = [weakref.ref(node) for node in self.nodes]
        self.steps = counting()
        self.line = collections.deque(range(100))
        self.lock = threading.Lock()
        self.visits = 0
        self.heard = []


def visit(world, n):
    """What whoever has waited does before it waits again."""
    world.items.append(-n)
    world.items.pop()
    world.table[n % 500] = str(n % 500)
    world.keys[Key(n % 128)] = n % 128
    world.members.discard(5000 + n)
    world.members.add(n % 2000)
    world.line.rotate(1)
    fresh = Node(n)
    fresh.next = fresh
    world.looks[n % 200] = weakref.ref(world.nodes[n % 200])
    look = weakref.ref(fresh, world.heard.append)
    del fresh
    with world.lock:
        world.visits += 1
    assert all(frame_depth(frame) for frame in sys._current_frames().values())
    if n % 4 == 0:
        gc.collect()
    assert look() is None or look().n == n
    if n % 5 == 0:
        one = threading.Thread(target=world.line.rotate, args=(-1,))
        one.start()
        one.join()
        world.line.rotate(1)


def visitor(world, over, errors):
    n = 0
    try:
        while not over.wait(0.003):
            n += 1
            visit(world, n)
    except BaseException as e:
        errors.append(repr(e))
    return n


def at_work(name, work, times):
    """Does `work` so often at least, and until others have come a few times; in the middle of it they come as they like."""
    world, over, errors = World(), threading.Event(), []
    threads = [threading.Thread(target=visitor, args=(world, over, errors)) for _ in range(2)]
    for thread in threads:
        thread.start()
    begin, result = time.monotonic(), None
    while times > 0 or world.visits < 4 and time.monotonic() < begin + 20:
        times -= 1
        result = work(world)
    over.set()
    for thread in threads:
        thread.join()
    print(name, result, world.visits >= 4, errors)


def loops(world):
    total = 0
    for i in range(20_000):
        total += i & 3
        world.nodes[i % 200].n = i % 200
    return total, sum(node.n for node in world.nodes)


def sorts(world):
    ordered = sorted(world.items)
    by_key = sorted(world.items, key=lambda n: -n)
    strings = sorted(map(str, range(2000)), reverse=True)
    return ordered[-1], by_key[0], strings[0], len(strings)


def sorts_in_place(world):
    mine = list(range(5000, 0, -1))
    mine.sort()
    tail = [Key(n) for n in range(300, 0, -1)]
    tail.sort(key=lambda k: k.n)
    return mine[0], mine[-1], tail[0].n


def tables(world):
    copy = dict(world.table)
    copy.update(world.table)
    merged = {**copy, **{n: None for n in range(500, 520)}}
    for n in range(500):
        copy[n] += ""
    return len(copy), len(merged), all(str(k) == v for k, v in copy.items())


def own_keys(world):
    for n in range(128):
        assert world.keys[Key(n)] == n
        world.keys[Key(n)] = n
    fresh = {Key(n) for n in range(200)}
    return len(world.keys), len(fresh | set(world.keys)), len({**world.keys, Key(500): 1})


def sets(world):
    union = world.members | {n for n in range(1000, 4000)}
    mine = set()
    mine.update(world.members)
    mine |= union
    return len(union & mine) >= 4000, mine >= world.members


def texts(world):
    parts = [str(n) for n in range(3000)]
    joined = ",".join(parts)
    return len(joined), len(json.dumps(parts)), json.loads(json.dumps(parts)) == parts


def weak(world):
    mine = [Node(n) for n in range(300)]
    looks = [weakref.ref(node) for node in mine]
    del mine[::2]
    # What a container of several threads gives up may live until all of them have looked up.
    while sum(look() is None for look in looks) < 150:
        time.sleep(0.001)
    return len(mine), all(world.looks[n]() is world.nodes[n] for n in range(200))


def generators(world):
    last = 0
    for _ in range(500):
        step = next(world.steps)
        assert step > last
        last = step
    return sum(n for n in range(1000)), sorted(n * 2 for n in range(5))


def cycles(world):
    for n in range(2000):
        node = Node(n)
        node.next = node
    return node.next.n


def exceptions(world):
    caught = 0
    for n in range(500):
        try:
            raise ValueError(n)
        except ValueError as e:
            caught += e.__traceback__.tb_frame.f_lineno > 0
    return caught


def deques(world):
    mine = collections.deque(maxlen=100)
    for n in range(3000):
        mine.append(n)
        world.line.rotate(1)
        world.line.rotate(-1)
    return list(mine)[:2], sorted(world.line)[::50]


def frames(world):
    def deep(n):
        return deep(n - 1) if n else sys._getframe()

    frame = deep(30)
    return frame_depth(frame) - frame_depth(sys._getframe()), frame.f_code.co_name


works = [loops, sorts, sorts_in_place, tables, own_keys, sets, texts, weak, generators, cycles, exceptions, deques, frames]
for work in works:
    at_work(work.__name__, work, 3)


# Values that one thread makes while the other waits, and the other way round; each waits long enough to be noticed.
def ball(serves, returns, hits):
    while (hit := serves.get()) is not None:
        hit.append(Node(len(hit)))
        hits.append(len(hit))
        total = sum(len(str(n)) for n in range(2000))
        returns.put(hit if total else None)


left, right, hits = queue.Queue(), queue.Queue(), []
player = threading.Thread(target=ball, args=(left, right, hits))
player.start()
hit = []
for n in range(12):
    time.sleep(0.003)
    left.put(hit)
    hit = right.get()
    hit.append(Node(len(hit)))
    time.sleep(0.003)
left.put(None)
player.join()
print(hits, [node.n for node in hit] == list(range(24)))
