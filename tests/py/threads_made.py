"""Objects that become known to other threads while their `__init__` runs, and calls of classes that change meanwhile."""

import sys
import threading
import weakref

THREADS = 3


def run(*works):
    failed = []

    def guarded(work):
        try:
            work()
        except BaseException as e:
            failed.append(repr(e))

    threads = [threading.Thread(target=guarded, args=[work]) for work in works]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return failed


def published(how, n=150):
    """Everybody adds attributes to an object as soon as it is to be seen; none gets lost."""
    places = [None] * n
    made = []

    class Early:
        def __init__(self, i):
            self.a = i
            self.b = [i]
            how(places, i, self)
            self.c = i + 1
            self.d = (i, self.b)
            self.e = self

    def make():
        for i in range(n):
            made.append(Early(i))

    def add(k):
        def work():
            for i in range(n):
                while (seen := places[i]) is None and len(made) <= i:
                    pass
                it = seen() if callable(seen) else seen
                if it is None:
                    it = made[i]
                setattr(it, f"x{k}", k)
                assert it.a == i and it.b == [i]
                setattr(it, f"y{k}{i % 3}", it)

        return work

    failed = run(make, *(add(k) for k in range(THREADS)))
    whole = 0
    for i, it in enumerate(made):
        names = {"a", "b", "c", "d", "e"} | {f"x{k}" for k in range(THREADS)} | {f"y{k}{i % 3}" for k in range(THREADS)}
        whole += set(vars(it)) == names and it.c == i + 1 and it.d == (i, [i]) and it.e is it and it.x1 == 1
        vars(it).clear()
    print(how.__name__, failed, whole)


def stored(places, i, it):
    places[i] = it


def weak(places, i, it):
    places[i] = weakref.ref(it)


def taken_back(places, i, it):
    places[i] = it
    places[i] = weakref.ref(it)


def closed_over(places, i, it):
    places[i] = lambda: it


def bound(places, i, it):
    places[i] = it.__init__.__get__(it).__self__


def through_frames(n=40):
    """Whoever looks at the frame of an `__init__` has the object."""
    seen, made, stop = set(), [], threading.Event()
    ident = []

    class Slow:
        def __init__(self, i):
            self.a = i
            for _ in range(200):
                pass
            self.b = i
            self.c = i

    def make():
        ident.append(threading.get_ident())
        for i in range(n):
            made.append(Slow(i))
        stop.set()

    def look():
        while not stop.is_set():
            if not ident:
                continue
            frame = sys._current_frames().get(ident[0])
            while frame is not None:
                it = frame.f_locals.get("self")
                if isinstance(it, Slow):
                    it.looked = True
                    seen.add(id(it))
                frame = frame.f_back

    print("through_frames", run(make, look), all(it.a == it.b == it.c for it in made))
    print(all(set(vars(it)) - {"looked"} == {"a", "b", "c"} for it in made))


def classes(rounds=200):
    """How a class makes its instances changes while others call it."""
    stop = threading.Event()

    class Changing:
        def __init__(self, x=0):
            self.x = x

    class Called(type):
        def __call__(cls, *args):
            return cls.__name__, args

    class Meta(metaclass=Called):
        pass

    def use():
        last = False
        while not last:
            last = stop.is_set()
            it = Changing(7)
            assert type(it) is Changing and it.x in (7, 8, 9), it
            assert Changing().x in (0, 1, 9)
            assert Meta(1, 2) == ("Meta", (1, 2))

    def change():
        def first(self, x=0):
            self.x = x

        def second(self, x=0, y=1):
            self.z = y
            self.x = x + y

        def new(cls, x=0):
            it = object.__new__(cls)
            it.x = x
            return it

        class Init:
            def __get__(self, it, cls):
                return lambda x=9: setattr(it, "x", 9)

        for i in range(rounds):
            Changing.__init__ = [first, second, Init()][i % 3]
            if i % 7 == 0:
                Changing.__new__ = new
            elif i % 7 == 3:
                Changing.__new__ = lambda cls, *args: object.__new__(cls)
        stop.set()

    print("classes", run(use, use, use, change))


def built_in(n=300):
    """Built-in types that are called with what is theirs, and with what calls back."""

    class Text:
        def __str__(self):
            return str(len(str(12345)))

        def __int__(self):
            return int("7")

        def __iter__(self):
            return iter(list(range(3)))

    class Sub(int):
        def __new__(cls, v):
            return super().__new__(cls, int(v) + 1)

    def use():
        for i in range(n):
            assert str(i) == f"{i}" and str(Text()) == "5" and int(Text()) == 7 and Sub("4") == 5
            assert list(Text()) == [0, 1, 2] == list((0, 1, 2)) and type(i) is int and tuple([i]) == (i,)
            assert set([i]) == {i} and dict(a=i) == {"a": i} and float("1.5") == 1.5 and bool([]) is False
            assert str(b"ab", "ascii") == "ab" and range(i, i + 2)[1] == i + 1
            assert str(ValueError(i)) == str(i) and type("T", (), {})().__class__.__name__ == "T"
            for wrong in lambda: int("x"), lambda: str(1, 2, 3, 4), lambda: Sub(), lambda: float([]):
                try:
                    wrong()
                except (ValueError, TypeError):
                    continue
                raise AssertionError(wrong)

    print("built_in", run(use, use, use))


for how in stored, weak, taken_back, closed_over, bound:
    published(how)
for part in through_frames, classes, built_in:
    part()
