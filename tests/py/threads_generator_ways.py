"""Threads that want one generator in every way there is: whoever comes second is refused, and each value comes once."""

import threading

BUSY = "already executing"


def together(ways, made, threads=3):
    """Runs one of `ways` in each thread; what each has got, and the errors that are not refusals."""
    got, errors = [[] for _ in range(threads)], []

    def run(k):
        gate.wait()
        way, mine = ways[k % len(ways)], got[k]
        while True:
            try:
                way(made, mine.append)
                return
            except ValueError as e:
                if BUSY not in str(e):
                    errors.append(repr(e))
                    return
            except BaseException as e:
                errors.append(repr(e))
                return

    gate = threading.Barrier(threads)
    all = [threading.Thread(target=run, args=(k,)) for k in range(threads)]
    for t in all:
        t.start()
    for t in all:
        t.join()
    return got, errors


def count(n):
    for i in range(n):
        yield i


def answers(n):
    """Counts what it is sent besides None, and what is thrown in."""
    sent = thrown = 0
    for i in range(n):
        try:
            if (yield i) is not None:
                sent += 1
        except KeyError:
            thrown += 1
    counts.append((sent, thrown))


def loops(g, add):
    for x in g:
        add(x)


def delegates(g, add):
    def body():
        yield from g

    for x in body():
        add(x)


def fills(g, add):
    for x in [*g]:
        add(x)


def nexts(g, add):
    while (x := next(g, None)) is not None:
        add(x)


def sends(g, add):
    next(g, None)
    try:
        while True:
            g.send(1)
            mine.append("sent")
    except StopIteration:
        pass


def throws(g, add):
    next(g, None)
    try:
        while True:
            g.throw(KeyError())
            mine.append("thrown")
    except StopIteration:
        pass
    except KeyError:
        pass


def each_once(name, ways, n=12000):
    for _ in range(3):
        got, errors = together(ways, count(n))
        print(name, errors, sorted(x for mine in got for x in mine) == list(range(n)), all(mine == sorted(mine) for mine in got))


each_once("loops", [loops])
each_once("delegates", [delegates])
each_once("loops and delegates", [loops, delegates])
each_once("loops and next()", [loops, nexts])

for _ in range(3):
    counts, mine = [], []
    got, errors = together([loops, sends, throws], answers(9000))
    sent, thrown = counts[0]
    # The last of all is answered by the end, which no one counts here.
    print("answers", errors, 0 <= sent - mine.count("sent") <= 1, 0 <= thrown - mine.count("thrown") <= 1, len(counts))


def closing(k):
    """One thread closes what others loop over: the body ends once, and they see the end."""

    def body():
        try:
            i = 0
            while True:
                yield i
                i += 1
        finally:
            ended.append(i)

    def close(g, add):
        while not got_any:
            pass
        g.close()

    def loop(g, add):
        for x in g:
            got_any.append(x)

    ended, got_any = [], []
    got, errors = together([loop, loop, close], body())
    return errors, len(ended), sorted(got_any) == list(range(len(got_any)))


for k in range(5):
    print("closing", *closing(k))
