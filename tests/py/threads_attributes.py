"""Namespaces, functions and globals that are replaced while other threads read them."""

import threading

ROUNDS = 300
errors = []
threading.excepthook = lambda args: errors.append(repr(args.exc_value))


def together(*work):
    gate = threading.Barrier(len(work))

    def body(f):
        gate.wait()
        f()

    threads = [threading.Thread(target=body, args=(f,)) for f in work]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


class Box:
    pass


# A namespace is replaced, cleared and filled: a reader sees an attribute, or none.
box = Box()


def replace():
    for i in range(ROUNDS):
        box.__dict__ = {"a": [i, i], "b": (i, i)}


def clear():
    for i in range(ROUNDS):
        box.__dict__.clear()
        box.a = [i, i]
        box.c = i
        if i % 7 == 0:
            box.__dict__.update(b=(i, i), d=i)


def read():
    for _ in range(ROUNDS * 5):
        for name in "ab":
            pair = getattr(box, name, None)
            if pair is not None:
                assert pair[0] == pair[1], pair
        vars(box).get("c")
        list(box.__dict__.copy())


together(replace, clear, read, read)
print("namespaces", errors)


# Attributes that are deleted and set again, by several.
shared = Box()


def churn(name):
    def f():
        for i in range(ROUNDS * 2):
            setattr(shared, name, (name, i))
            assert getattr(shared, name)[0] == name
            if i % 2:
                delattr(shared, name)

    return f


def watch():
    for _ in range(ROUNDS * 3):
        for name in ("x", "y"):
            got = getattr(shared, name, (name,))
            assert got[0] == name, got


together(churn("x"), churn("y"), watch)
print("attributes", errors, sorted(vars(shared)))


# A function gets other defaults, annotations and code while it is called.
def target(a, b=("d", "d"), *, k=("k", "k")):
    return b[0] == b[1] and k[0] == k[1]


def other(a, b=(), *, k=()):
    return b[0] == b[1] and k[0] == k[1] and True


first, second = target.__code__, other.__code__


def reshape():
    for i in range(ROUNDS):
        text = f"t{i}"
        target.__defaults__ = ((text, text),)
        target.__kwdefaults__ = {"k": (text, text)}
        target.__annotations__ = {"a": text}
        target.__doc__ = text
        target.note = [text]
        target.__code__ = second if i % 2 else first
        target.__name__ = text


def call():
    for _ in range(ROUNDS * 3):
        assert target(1)
        assert target(1, (2, 2))
        target.__annotations__, target.__defaults__, target.__doc__, target.__name__


together(reshape, call, call)
print("functions", errors)


# Globals and builtins that are replaced while functions read them.
LIMIT = ("first", "first")


def rebind():
    global LIMIT
    for i in range(ROUNDS):
        text = f"limit {i}"
        LIMIT = (text, text)
        globals()[f"extra{i % 50}"] = i
        if i % 50 == 49:
            for n in range(50):
                del globals()[f"extra{n}"]


def reader():
    for _ in range(ROUNDS * 5):
        a, b = LIMIT
        assert a == b
        assert len((a, b)) == 2


together(rebind, reader, reader)
print("globals", errors)


# A cell, and a namespace that is a parent of others.
def cells():
    value = (0, 0)

    def write():
        nonlocal value
        for i in range(ROUNDS * 3):
            value = (i, i)

    def look():
        for _ in range(ROUNDS * 5):
            a, b = value
            assert a == b

    together(write, look, look)


cells()
print("cells", errors)
