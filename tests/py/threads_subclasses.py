# A class that was there when the second thread began changes: its later subclasses change with it.
import threading


class Base:
    def get(self):
        return "old"


class Early(Base):
    pass


class Other:
    def get(self):
        return "other"


def call(one):
    return one.get()


def work():
    class Late(Base):
        pass

    things = [Early(), Late()]
    for change in ("new", "newer"):
        for one in things:
            for _ in range(200):
                call(one)
        Base.get = lambda self: change
        print([call(one) for one in things])
    print([c.__name__ for c in Base.__subclasses__()])
    Early.__bases__ = (Other,)
    print([c.__name__ for c in Base.__subclasses__()], [c.__name__ for c in Other.__subclasses__()], call(things[0]))
    Other.get = lambda self: "another"
    print([call(one) for one in things])


t = threading.Thread(target=work)
t.start()
t.join()


# Who asks for the subclasses of a class need not be the thread that made them.
class Root:
    pass


class Branch(Root):
    pass


class Leaf(Branch):
    pass


def ask():
    import collections.abc

    print([c.__name__ for c in Root.__subclasses__() + Branch.__subclasses__()])
    print(isinstance([], collections.abc.Sequence), issubclass(dict, collections.abc.Mapping))


t = threading.Thread(target=ask)
t.start()
t.join()
ask()
