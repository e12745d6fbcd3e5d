"""`with` in loops whose classes other threads change, and over managers of many kinds."""

import threading


class Plain:
    def __init__(self):
        self.entered = self.left = 0

    def __enter__(self):
        self.entered += 1
        return self

    def __exit__(self, *exc):
        self.left += 1


class Static:
    @staticmethod
    def __enter__():
        return "static"

    @staticmethod
    def __exit__(*exc):
        assert len(exc) == 3


class Class:
    @classmethod
    def __enter__(cls):
        return cls.__name__

    @classmethod
    def __exit__(cls, *exc):
        assert len(exc) == 3


class Callable:
    def __call__(self, *args):
        return len(args)


class Attribute:
    __enter__ = Callable()
    __exit__ = Callable()


class Swallows(Plain):
    def __exit__(self, *exc):
        super().__exit__(*exc)
        return True


def kinds():
    """One place that sees them all, each several times in a row, so that what was remembered is wrong."""
    lock, rlock, plain = threading.Lock(), threading.RLock(), Plain()
    managers = [lock, plain, Static(), Class(), rlock, Swallows(), Attribute(), memoryview(b"x")]
    seen = []
    for manager in managers * 3:
        for _ in range(5):
            try:
                with manager as value:
                    pass
            except BaseException as e:
                value = type(e).__name__
            if isinstance(value, (str, int, bool)):
                seen.append(value)
    print(sorted(map(str, set(seen))), len(seen), plain.entered, plain.left, lock.locked())


def instances():
    """What an instance has counts for nothing, however often its shape changes."""
    total = 0
    for i in range(60):
        p = Plain()
        setattr(p, f"a{i % 7}", i)
        p.__enter__ = p.__exit__ = None
        with p as q:
            total += q is p
        total += p.left
    print(total)


def wrong():
    """No manager, in places where there was one before."""
    del_enter = type("DelEnter", (Plain,), {})
    texts = []
    for step in range(12):
        manager = del_enter()
        if step == 4:
            del_enter.__exit__ = None
        if step == 8:
            del del_enter.__exit__
            del_enter.__enter__ = property(lambda self: lambda: "bound")
        try:
            with manager as value:
                texts.append(value if isinstance(value, str) else "ok")
        except TypeError as e:
            texts.append(str(e))
    for other in 1, "s", None:
        try:
            with other:
                pass
        except TypeError as e:
            texts.append(str(e))
    print(*texts, sep="\n")


def changed(rounds=300):
    """A class is changed while other threads are in its `with`: what is entered is left by a method of some moment."""

    class Moving:
        def __enter__(self):
            return 0

        def __exit__(self, *exc):
            return True

    stop, bad, done = threading.Event(), [], []

    def use():
        moving, n, last = Moving(), 0, False
        while not last:
            last = stop.is_set()
            with moving as value:
                n += 1
                if value not in (0, 1, 2):
                    bad.append(value)
            if n % 3 == 0:
                with moving:
                    raise ValueError(n)
        done.append(n > 0)

    threads = [threading.Thread(target=use) for _ in range(3)]
    for t in threads:
        t.start()
    for i in range(rounds):
        Moving.__enter__ = lambda self, i=i % 3: i
        Moving.__exit__ = lambda self, *exc, i=i: exc[0] is None or issubclass(exc[0], ValueError)
    stop.set()
    for t in threads:
        t.join()
    print(bad, done)


def counted(n=3000):
    """Locks keep others out, whoever made them, and however a `with` is left."""
    lock, rlock, total = threading.Lock(), threading.RLock(), [0, 0]

    def add():
        for i in range(n):
            with lock:
                total[0] += 1
                if i % 5 == 0:
                    continue
            try:
                with rlock, rlock:
                    total[1] += 1
                    if i % 3 == 0:
                        raise KeyError(i)
            except KeyError:
                pass

    threads = [threading.Thread(target=add) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print(total, lock.locked(), total[0] == 4 * n)


for part in kinds, instances, wrong, changed, counted:
    part()
