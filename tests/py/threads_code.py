"""Code that several threads run: copies, generators that change threads, functions that get other code meanwhile."""
import sys
import threading


def on_thread(f, *args):
    out = []
    t = threading.Thread(target=lambda: out.append(f(*args)))
    t.start()
    t.join()
    return out[0]


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def count(n):
    try:
        for i in range(n):
            got = yield i
            if got:
                yield ("got", got)
    finally:
        print("over in", threading.current_thread() is threading.main_thread())


def chain(n):
    x = yield from count(n)
    return x


print(fib(12), on_thread(fib, 12), fib(12))

# A generator goes on in another thread, and comes back.
g = chain(6)
print(next(g), on_thread(next, g), next(g), on_thread(g.send, "x"), next(g))
print(g.gi_frame.f_lineno, on_thread(lambda: g.gi_frame.f_lineno), on_thread(lambda: g.gi_yieldfrom.gi_frame.f_locals))
on_thread(g.close)
print(g.gi_frame)

# One that was made elsewhere.
h = on_thread(count, 3)
print(list(h))
h = on_thread(lambda: (i * 2 for i in range(4)))
print(next(h), on_thread(next, h), list(h))

# Functions made elsewhere, and closures over what is shared.
make = on_thread(lambda: lambda k: lambda x: x + k)
print(make(3)(4), on_thread(make, 5)(6), on_thread(make(7), 8))

# A running function gets other code; nobody else has the old one.
space = {}
exec(
    "def f(n):\n f.__code__ = (lambda n: 'new').__code__\n x = [n]\n import gc; gc.collect()\n"
    " y = [list(range(k)) for k in range(100)]\n return 'a constant of the old code', x, len(y)\n",
    space,
)
print(space["f"](1), space["f"](2))
exec("def f(n):\n f.__code__ = (lambda n: 'new').__code__\n yield 'first ' + n\n yield 'second ' + n\n", space)
g = space["f"]("x")
print(next(g), next(g), space["f"]("y"))

# Much code that is soon gone.
def many():
    total = 0
    for i in range(300):
        ns = {}
        exec(f"def f(x):\n return x + {i}", ns)
        total += on_here(ns["f"])
    return total


def on_here(f):
    return f(1)


print(many(), on_thread(many))
functions = []
for i in range(300):
    exec(f"def f(x):\n return x * {i}", space)
    functions.append(space["f"])
print(on_thread(lambda: sum(f(2) for f in functions)))
del functions
print(on_thread(lambda: fib(5)))

# An exception of another thread's frame.
def fail():
    here = 5
    raise ValueError(here)


def caught():
    try:
        fail()
    except ValueError as e:
        return e


e = on_thread(caught)
tb = e.__traceback__.tb_next
print(tb.tb_lineno, tb.tb_frame.f_locals, tb.tb_frame.f_back is None, e)
