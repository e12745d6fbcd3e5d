"""Threads that resume one generator: nobody sees it end, and each value comes once."""

import threading


def count():
    n = 0
    while True:
        yield n
        n += 1


def drain(numbers, mine, gate, rounds):
    gate.wait()
    for _ in range(rounds):
        try:
            mine.append(next(numbers))
        except ValueError as e:
            assert "already executing" in str(e), e


def main(threads=3, rounds=30000):
    numbers, gate = count(), threading.Barrier(threads)
    got = [[] for _ in range(threads)]
    errors = []
    threading.excepthook = lambda args: errors.append(repr(args.exc_value))
    all = [threading.Thread(target=drain, args=(numbers, mine, gate, rounds)) for mine in got]
    for t in all:
        t.start()
    for t in all:
        t.join()
    print("errors", errors)
    values = sorted(v for mine in got for v in mine)
    print("each once", values == list(range(len(values))))
    print("in order", all_sorted(got), next(numbers) == len(values))


def all_sorted(lists):
    return all(mine == sorted(mine) for mine in lists)


for _ in range(5):
    main()
