# Classes that change, and die, while other threads call their methods and the collector runs: each sees one that is whole.
import gc
import random
import threading


def make(n):
    return (n, "x" * (n % 50))


def look(v):
    n, text = v
    assert type(n) is int and len(text) == n % 50, v


class Changing:
    value = make(2)

    def method(self):
        return make(3)


class Other:
    value = make(4)

    def method(self):
        return make(5)


class Mixed(Changing):
    pass


class Ending:
    ended, lock, made = [], threading.Lock(), 0

    def __init__(self):
        with Ending.lock:
            Ending.made += 1

    def __del__(self):
        Ending.ended.append(1)


def change(things, dice):
    how, one = dice.randrange(12), things[dice.randrange(3)]
    if how < 5:
        look(one.value)
        look(one.method())
    elif how == 5:
        Changing.value = make(dice.randrange(100))
    elif how == 6:
        n = dice.randrange(100)
        dice.choice([Changing, Other]).method = lambda self: make(n)
    elif how == 7:
        one.__class__ = dice.choice([Changing, Other, Mixed])
    elif how == 8:
        Mixed.__bases__ = (dice.choice([Changing, Other]),)
    elif how == 9:
        made = type("Made", (dice.choice([Changing, Other]),), {"own": make(6), "__slots__": ("s",), "end": Ending()})
        v = made()
        v.s = make(8)
        look(v.own), look(v.s), look(v.value)
    elif how == 10:
        name = f"extra{dice.randrange(3)}"
        setattr(Changing, name, property(lambda self: make(9)))
        look(getattr(Changing(), name, make(1)))
        try:
            delattr(Changing, name)
        except AttributeError:
            pass
    elif dice.randrange(3) == 0:
        gc.collect()


def work(seed, turns, gate):
    for turn, things in turns:
        dice = random.Random(10 * turn + seed)
        gate.wait(100)
        for _ in range(300):
            change(things, dice)


failed = []
threading.excepthook = lambda args: failed.append(args.exc_value)
# The same threads do four turns, and others, which come later, the last one.
for turns in (range(4), range(4, 5)):
    things, gate = [(turn, [Changing(), Mixed(), Other()]) for turn in turns], threading.Barrier(3)
    threads = [threading.Thread(target=work, args=(i, things, gate)) for i in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
print(failed)

# What the last class of a turn held was finalized with it.
del things, threads, t
gc.collect()
print(len(Ending.ended) == Ending.made)
