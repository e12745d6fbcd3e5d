"""cProfile over a clock of the program's own: what is counted, how often, by whom, and what a timer or a name may not do."""

import _lsprof
import cProfile
import io
import math
import pstats
import threading


def ticks(step):
    now = 0

    def timer():
        nonlocal now
        now += step
        return now

    return timer


def name(code):
    return getattr(code, "co_name", code)


def show(profiler):
    for entry in sorted(profiler.getstats(), key=lambda entry: (str(name(entry.code)), getattr(entry.code, "co_firstlineno", 0))):
        calls = sorted((str(name(c.code)), *c[1:]) for c in entry.calls or ())
        print(name(entry.code), *entry[1:5], calls)


def fac(n):
    return 1 if n == 0 else n * fac(n - 1)


def squares(n):
    return sum(i * i for i in range(n))


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n > 0 and even(n - 1)


class Box:
    def __init__(self):
        self.items = []

    def add(self, x):
        self.items.append(x)
        return len(self.items)


def fails():
    raise ValueError(math.floor(1.5))


def work():
    fac(4)
    squares(5)
    even(5)
    box = Box()
    box.add(1), box.add(2)
    str.upper("a"), "b".upper(), dict.fromkeys("ab"), max(*[1, 2], **{"key": abs})
    try:
        fails()
    except ValueError:
        pass
    gen = (i for i in range(3))
    next(gen)
    try:
        gen.throw(KeyError)
    except KeyError:
        pass


for timer, unit in ((ticks(2), 0.5), (ticks(0.25), 0.0)):
    profiler = cProfile.Profile(timer, unit)
    with profiler:
        work()
    show(profiler)
    profiler.clear()
    print(profiler.getstats())

profiler = cProfile.Profile(ticks(1), 1.0)
print(profiler.runcall(fac, 3), profiler.run("squares(2)") is profiler)
out = io.StringIO()
pstats.Stats(profiler, stream=out).strip_dirs().sort_stats("stdname").print_stats("fac|squares")
print(*(line for line in out.getvalue().splitlines() if "fac" in line or "squares" in line), sep="\n")
print(sorted((key[2], value[:4]) for key, value in profiler.stats.items() if "py" in key[0] or key[0] == "~"))

# Two profilers, and one twice.
first, second = _lsprof.Profiler(), _lsprof.Profiler()
first.enable()
for other in (second, first):
    try:
        other.enable()
    except ValueError as e:
        print(e)
first.disable()
first.disable()


class Evil:
    """A timer that does what it may not."""

    def __init__(self, *actions):
        self.actions = list(actions)
        self.said = []

    def __call__(self):
        if self.actions:
            try:
                getattr(self.profiler, self.actions.pop(0))()
            except Exception as e:
                self.said.append(f"{type(e).__name__}: {e}")
        return 1


for actions in (["disable"], ["clear", "disable"], ["getstats"] * 3, ["enable"] * 2):
    timer = Evil(*actions)
    timer.profiler = _lsprof.Profiler(timer, 1.0)
    timer.profiler.enable()
    fac(1)
    timer.profiler.disable()
    print(actions[0], timer.said)
    timer.profiler.clear()


class Clearing(list):
    """A native's name is the repr of what its class has by that name: this one empties the profiler."""


class Shown:
    def __get__(self, instance, owner=None):
        return self

    def __repr__(self):
        cleared.clear()
        return "<shown>"


add = Clearing().append
Clearing.append = Shown()
cleared = _lsprof.Profiler(ticks(1), 1.0)
cleared.enable()
add(1)
fac(1)
cleared.disable()
show(cleared)

# Each thread has callers of its own; what all have called is one number.
profiler = cProfile.Profile()
meet = threading.Barrier(3)


def many():
    meet.wait()
    for _ in range(300):
        fac(3)


profiler.enable()
threads = [threading.Thread(target=many) for _ in range(2)]
for t in threads:
    t.start()
meet.wait()
for _ in range(300):
    squares(2)
for t in threads:
    t.join()
profiler.disable()
counts = {name(entry.code): entry for entry in profiler.getstats()}
print(counts["fac"].callcount, counts["squares"].callcount)
for bad in (lambda: _lsprof.Profiler(timeunit="a"), lambda: _lsprof.Profiler(spam=1), lambda: first.enable(1, 2, 3)):
    try:
        print(bad())
    except TypeError as e:
        print(e)
for method in ("_pystart_callback", "_pyreturn_callback", "_ccall_callback", "_creturn_callback"):
    try:
        getattr(first, method)()
    except TypeError as e:
        print(method, type(e).__name__)
