"""Generators in traces, and whoever looks at their frames, watches them or stops them."""

import gc
import sys
import threading
import traceback


def depth():
    n, f = 0, sys._getframe()
    while f:
        n, f = n + 1, f.f_back
    return n


def names():
    out, f = [], sys._getframe(1)
    while f and f.f_code.co_name != "<module>":
        out.append((f.f_code.co_name, f.f_lineno - f.f_code.co_firstlineno))
        f = f.f_back
    return out


def looks(n):
    def body():
        for i in range(n):
            if i % 700 == 699:
                seen.append(names())
            yield i

    seen = []
    s = 0
    for x in body():
        s += x
    return s, seen


print(looks(3000))


def asks(n):
    """Its own state, from within and from without."""

    def body():
        for i in range(n):
            if i % 500 == 250:
                log.append((me.gi_running, me.gi_frame.f_lineno - me.gi_frame.f_code.co_firstlineno, me.gi_frame.f_locals["i"]))
            yield i

    log = []
    me = body()
    s = 0
    for x in me:
        s += x
        if x % 500 == 400:
            frame = me.gi_frame
            log.append((me.gi_running, frame.f_lineno - frame.f_code.co_firstlineno, frame.f_locals["i"], frame.f_back))
            del frame
    log.append((me.gi_running, me.gi_frame))
    return s, log


print(asks(2000))


def writes(n):
    """To the body's variables, where that is allowed."""

    def body():
        i = 0
        while i < n:
            yield i
            i += 1

    me = body()
    s = 0
    for x in me:
        s += x
        if x == n // 2:
            me.gi_frame.f_locals["i"] = n - 10
    return s


print(writes(2000))


def tracebacks(n):
    def body():
        for i in range(n):
            yield 1 // (n - 1 - i)

    def outer():
        for x in body():
            yield x

    s = 0
    try:
        for x in outer():
            s += x
    except ZeroDivisionError as e:
        tb = [(f.name, f.lineno - tracebacks.__code__.co_firstlineno) for f in traceback.extract_tb(e.__traceback__)]
        return s, tb


print(tracebacks(2000))


def executing(n):
    def body():
        for i in range(n):
            if i == n - 1:
                try:
                    next(me)
                except ValueError as e:
                    yield str(e)
                try:
                    me.close()
                except ValueError as e:
                    yield str(e)
            yield i

    me = body()
    last = []
    for x in me:
        last = (last + [x])[-3:]
    return last


print(executing(2000))


def traced(n):
    events = []

    def trace(frame, event, arg):
        if frame.f_code.co_name == "watched":
            events.append((event, frame.f_lineno - frame.f_code.co_firstlineno, arg if event != "exception" else None))
        return trace

    def watched():
        for i in range(n):
            if i == n - 3:
                sys.settrace(trace)
                sys._getframe().f_trace = trace
            if i == n - 2:
                yield -1
                sys.settrace(None)
            yield i

    s = 0
    for x in watched():
        s += x
    return s, events


print(traced(2000))


def deep(n):
    def body(k):
        for i in range(k):
            yield i
            if i == k - 2:
                recurse(0)

    def recurse(k):
        return recurse(k + 1)

    s = 0
    try:
        for x in body(n):
            s += x
    except RecursionError as e:
        return s, str(e)[:32]


print(deep(2000))


def far(n):
    """Generators in frames that are themselves deep down."""

    def body():
        for i in range(n):
            yield i

    def down(k):
        if k:
            return down(k - 1)
        s = 0
        for x in body():
            s += x
        return s

    return [down(k) for k in (0, 50, 400, 700)]


print(far(500))


def collects(n):
    class Ring:
        pass

    def body():
        for i in range(n):
            a, b = Ring(), Ring()
            a.other, b.other = b, a
            a.gen = me
            if i % 300 == 299:
                gc.collect()
            yield i

    me = body()
    s = 0
    for x in me:
        s += x
    return s


print(collects(1500))


def elsewhere(n):
    """A generator that another thread goes on with, and one that comes back."""

    def body():
        for i in range(n):
            yield i

    g = body()
    out = []

    def some(k):
        s = 0
        for x in g:
            s += x
            k -= 1
            if k == 0:
                break
        out.append(s)

    for k in range(6):
        if k % 2:
            thread = threading.Thread(target=some, args=(700,))
            thread.start()
            thread.join()
        else:
            some(700)
    return out, total(g)


def total(it):
    s = 0
    for x in it:
        s += x
    return s


print(elsewhere(6000))


def contended(n):
    """Two threads want one generator: whoever comes second is refused, and each item comes once."""

    def body():
        for i in range(n):
            yield i

    g = body()
    sums = []

    def some():
        s = 0
        while True:
            try:
                for x in g:
                    s += x
                break
            except ValueError as e:
                if str(e) != "generator already executing":
                    raise
        sums.append(s)

    threads = [threading.Thread(target=some) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(sums)


print(contended(20000))


def stopped(n):
    """An exception that comes from outside while the body runs."""

    class Stop(Exception):
        pass

    def body():
        i = 0
        try:
            while True:
                if i == n:
                    raise Stop
                yield i
                i += 1
        finally:
            log.append(i)

    log = []
    s = 0
    try:
        for x in body():
            s += x
    except Stop:
        return s, log


print(stopped(2500))


def replaced(n):
    """A function that gets other code while a generator of its own runs."""

    def body():
        for i in range(n):
            if i == n // 2:
                body.__code__ = other.__code__
            yield i

    def other():
        for i in range(n):
            if i == -1:
                body, n
            yield -i

    other.__closure__
    try:
        return total(body()), total(body())
    except ValueError as e:
        return str(e)


print(replaced(2000))


def dropped(n):
    """Loops that are left while their generators stand in the middle."""
    log = []

    def body(k):
        try:
            for i in range(n):
                yield i
        finally:
            log.append(k)

    s = 0
    for k in range(300):
        for x in body(k):
            s += x
            if x == k:
                break
    return s, len(log), log[-1]


print(dropped(1000))
print(depth())
