"""Classes that change while other threads use them."""

import gc
import threading
import weakref

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


class Base:
    value = ("first", "first")

    def method(self):
        return ("m", "m")


class Sub(Base):
    pass


# An attribute is the one before or the one after, never half of it.
def change():
    for i in range(ROUNDS):
        text = f"text {i}"
        Base.value = (text, text)
        Base.method = lambda self, text=text: (text, text)
        if i % 3 == 0:
            Sub.value = (i, i)
        elif i % 3 == 1:
            del Sub.value


def read():
    s = Sub()
    for _ in range(ROUNDS * 10):
        a, b = s.value
        assert a is b or a == b
        a, b = s.method()
        assert a == b


together(change, read, read)
print("attributes", errors)


# Special methods come and go: an instance has them, or the error that it has not.
class Special:
    pass


def toggle():
    for i in range(ROUNDS):
        Special.__call__ = lambda self: "called"
        Special.__getitem__ = lambda self, key: key
        Special.__len__ = lambda self: 3
        Special.__eq__ = lambda self, other: True
        Special.__hash__ = lambda self: 7
        del Special.__call__, Special.__getitem__, Special.__len__


def use():
    s = Special()
    for i in range(ROUNDS * 5):
        try:
            assert s() == "called"
        except TypeError as e:
            assert "not callable" in str(e), e
        try:
            assert s[i] == i
        except TypeError as e:
            assert "not subscriptable" in str(e), e
        try:
            assert len(s) == 3
        except TypeError as e:
            assert "has no len" in str(e), e
        s in [s, 1]
        assert hash(s) == hash(s) or True


together(toggle, use, use)
print("special methods", errors)


# Two threads change classes of one line of descent, and a third its bases.
class Left:
    side = "left"


class Right:
    side = "right"


class Both(Left):
    pass


class Below(Both):
    pass


def rebase():
    for i in range(ROUNDS // 3):
        Both.__bases__ = (Right,) if i % 2 else (Left,)


def recolour(name):
    def f():
        for i in range(ROUNDS // 3):
            setattr(Below, name, i)
            setattr(Both, name, i)
            delattr(Below, name)

    return f


def sides():
    b = Below()
    for _ in range(ROUNDS * 5):
        assert b.side in ("left", "right")


together(rebase, recolour("a"), recolour("b"), sides)
print("bases", errors, Both.a == Both.b)


# Classes made at once know their base, which forgets them when they end.
class Parent:
    def __init_subclass__(cls, **kw):
        super().__init_subclass__(**kw)
        cls.seen = cls.__name__


def breed(n):
    def f():
        for i in range(ROUNDS // 6):
            cls = type(f"C{n}_{i}", (Parent,), {"__slots__": ("x",), "f": lambda self: self.x})
            c = cls()
            c.x = i
            assert c.f() == i and cls.seen == cls.__name__ and cls in Parent.__subclasses__()

    return f


together(breed(0), breed(1), breed(2))
gc.collect()
print("subclasses", errors, len(Parent.__subclasses__()))


# An instance changes its class while its methods run.
class Red:
    def name(self):
        return "red"


class Blue:
    def name(self):
        return "blue"


paint = Red()


def repaint():
    for i in range(ROUNDS):
        paint.__class__ = Blue if i % 2 else Red


def look():
    for _ in range(ROUNDS * 5):
        assert paint.name() in ("red", "blue")
        assert isinstance(paint, (Red, Blue))


together(repaint, look)
print("class of an instance", errors, type(paint) in (Red, Blue))
ref = weakref.ref(Special)
print(ref() is Special)
