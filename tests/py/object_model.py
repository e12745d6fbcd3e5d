"""The object model where it is easy to get wrong: slots, layouts, descriptors, iterators that have run out."""
import abc
import copy
import enum
import pickle
import traceback


def show(label, f):
    try:
        r = f()
    except Exception as e:
        print(label, '->', type(e).__name__, e)
    else:
        print(label, '=', repr(r))


class Level(enum.IntEnum):
    LOW = 1


print(str(Level.LOW), repr(Level.LOW), f'{Level.LOW}', '%s %d' % (Level.LOW, Level.LOW))


# A slot under another slot's name is a method like any other.
class Wrapped(dict):
    __setattr__ = dict.__setitem__
    __neg__ = dict.copy


w = Wrapped()
w.y = 42
print(w['y'], -w)


class Text(str):
    def __str__(self):
        return 'own'


print('{} {:5}|'.format(Text('x'), Text('x')), f'{Text("x")}', format(Text('x')))


class Number(float):
    def __float__(self):
        return 42.0


print(float(Number(1)), Number(1) + 1)

# Functions and methods written in the VM.
print([].append == [].append, len == len, hash(len) == hash(len))
items = []
print(items.append == items.append, items.append != items.pop)
print(str.maketrans.__qualname__, dict.fromkeys.__qualname__, len.__qualname__, [].append.__qualname__)
print(pickle.loads(pickle.dumps(len)) is len, pickle.loads(pickle.dumps([1, 2].index))(2))
print(iter(int, 1).__reduce__()[1] == (int, 1), copy.copy(iter([1, 2])).__reduce__()[2])

# Names given by an instance of a subclass of str.
class Bag:
    pass


b = Bag()
setattr(b, Text('name'), 1)
print(b.name, getattr(b, Text('name')), vars(b))

# Layouts.
class G:
    __slots__ = ('a', 'b')


class H:
    __slots__ = ('b', 'a')


class L(G):
    __slots__ = 'e'


class M(H):
    __slots__ = 'e'


g = G()
g.a = 1
g.__class__ = H
print(g.a, type(g).__name__)
show('slots of other bases', lambda: setattr(L(), '__class__', M))
show('int to Bag', lambda: setattr(1, '__class__', Bag))
show('absent slot', lambda: G().a)
show('deleted slot', lambda: delattr(G(), 'a'))


class Base:
    pass


class Meta(Base, type):
    pass


class OfMeta(metaclass=Meta):
    x = 1


print(type(OfMeta.__dict__).__name__, OfMeta.__dict__['x'])
show('__dict__ of a class', lambda: setattr(OfMeta, '__dict__', {}))


class Cycle:
    pass


class Sub(Cycle):
    pass


show('cycle', lambda: setattr(Cycle, '__bases__', (Sub,)))

# Comparison when the method cannot be had.
class NoEq:
    @property
    def __eq__(self):
        raise AttributeError('no')


print(NoEq() == NoEq())

# What has run out stays so.
data = [1, 2]
it = iter(data)
for _ in it:
    pass
data.append(3)
print(list(it))
d = {1: 1, 2: 2}
del d[1]
back = reversed(d)
d.clear()
d[9] = 9
print(list(back))

# Sorting notices what was undone again.
numbers = [3, 1, 2]


def meddle(x):
    numbers.append(0)
    numbers.pop()
    return x


show('sort', lambda: numbers.sort(key=meddle))
print(numbers)


# Lists shortened by their own comparison.
class Clears:
    def __init__(self, target):
        self.target = target

    def __eq__(self, other):
        self.target.clear()
        return NotImplemented


one, two = [], []
one.append(Clears(two))
two.append(Clears(one))
print(one == two)


# Abstract base classes.
class Sized(abc.ABC):
    @abc.abstractmethod
    def size(self): ...

    @classmethod
    def __subclasshook__(cls, other):
        return True if 'size' in vars(other) else NotImplemented


class Duck:
    def size(self): ...


class Registered:
    pass


print(isinstance(Duck(), Sized), issubclass(Registered, Sized))
token = abc.get_cache_token()
print(Sized.register(Registered) is Registered, issubclass(Registered, Sized), abc.get_cache_token() != token)
show('abstract', Sized)
show('cycle of registers', lambda: Registered and abc.ABCMeta.register(type('X', (Sized,), {}), Sized))
show('no class', lambda: issubclass(1, Sized))


class Array(bytearray):
    __slots__ = ('x',)


a = Array(b'abc')
a.x = 1
print(copy.copy(a).x, bytearray(b"'"), bytearray(b'\'"'))


class Resizes:
    def __buffer__(self, flags):
        held.clear()
        return memoryview(b'a')


for name in 'strip', 'find', 'split', 'count', 'partition', 'startswith', 'replace':
    held = bytearray(b'aab' * 100)
    args = (Resizes(), b'') if name == 'replace' else (Resizes(),)
    show(name, lambda: getattr(held, name)(*args))


def fails():
    raise ValueError('with a traceback')


try:
    fails()
except ValueError as e:
    print(''.join(traceback.format_exception(e)).splitlines()[-1])

print(' a  b  c '.split(None, 1), ' a  b  c '.rsplit(None, 1), b' a b '.split(None, 1))
print((-0.0) ** float('-inf'), type(complex.real).__name__, len(range(0, 2**62)))


# A finalizer gives its object another class.
class Later:
    pass


class Now:
    def __del__(self):
        self.__class__ = Later


several = [Now() for _ in range(100)]
del several
print(Now.__name__, Later.__name__)
