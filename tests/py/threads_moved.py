"""Attributes are stored by one thread while others have them moved into a dict: none is lost, and each value ends once."""

import threading


class Value:
    ended = 0
    counted = threading.Lock()

    def __init__(self, n):
        self.n = n

    def __del__(self):
        with Value.counted:
            Value.ended += 1


class Thing:
    def __init__(self):
        self.a = 0
        self.b = 0
        self.c = 0


ROUNDS = 400
wrong = []


def stores(things, name, gate):
    """Nobody else stores what this thread does: it must find what it has stored."""
    for i, thing in enumerate(things):
        gate.wait()
        for n in range(20):
            setattr(thing, name, i + n)
            if getattr(thing, name) != i + n:
                wrong.append((name, i, n))
        if name == "a":
            for n in range(20):
                thing.a = n
                if thing.a != n:
                    wrong.append(("remembered", i, n))
            thing.a = Value(i)
            thing.a = Value(-i)


def moves(things, gate):
    for thing in things:
        gate.wait()
        found = vars(thing)
        if list(found) != ["a", "b", "c"]:
            wrong.append(list(found))


def main():
    things = [Thing() for _ in range(ROUNDS)]
    gate = threading.Barrier(3)
    work = [(stores, "a"), (stores, "b"), (moves,)]
    threads = [threading.Thread(target=f, args=(things, *args, gate)) for f, *args in work]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print("wrong", wrong[:5])
    print("values", [thing.a.n for thing in things] == [-i for i in range(ROUNDS)], {thing.b - i for i, thing in enumerate(things)})
    print("same", all(thing.__dict__["b"] == thing.b for thing in things))
    del things
    threading.Thread(target=lambda: None).start()
    print("ended", Value.ended)


main()
