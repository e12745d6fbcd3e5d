"""Classes that look up where their bases do not lead; code that runs where its locals are somebody else's."""
import sys
import types


class Meta(type):
    def mro(cls):
        return (cls, Base, object)


class Base:
    value = 1

    def __len__(self):
        return 1


class Odd(metaclass=Meta):
    pass


class Under(Odd):
    pass


for n in range(3):
    Base.value = n
    print(Base.value, Odd.value, Odd().value, Under.value, len(Odd()), len(Under()))
    Base.__len__ = lambda self, n=n: 10 + n
print(Base.__subclasses__(), Odd.__subclasses__() == [Under])
del Odd, Under
Base.value = 5

# An inlined comprehension's variables are locals while it runs (PEP 709), wherever it stands.
x = 1
print([eval("a + x") for a in [3, 4]], [sorted(locals()) for a in [0]])
print([sys._getframe().f_locals["a"] for a in [7]], [(lambda: a)() + eval("a") for a in [2]])


class C:
    y = 2
    print([sorted(locals()) for a in [0]], [eval("a") for a in [5]])
    print("a" in locals(), "y" in locals())


def f():
    return [sorted(locals()) for a in [0]], [eval("a") for a in [6]]


print(f(), "a" in globals())

# A module's code as a function.
names = {}
types.FunctionType(compile("a = 1\nb = a + 1", "", "exec"), names)()
print(names["a"], names["b"])

for args in [({}, 1), ({}, None, 1), ({}, None, None, 1), (1,)]:
    try:
        types.FunctionType(f.__code__, *args)
    except TypeError as e:
        print(e)

for source in [b"#coding: utf8", b"#coding: utf_8", b"#coding: UTF-8-sig", b"#coding: U8", b"#coding: latin1", b"#coding: latin-1"]:
    try:
        compile(b"\xef\xbb\xbf" + source + b"\npass\n", "f", "exec")
        print("fine")
    except SyntaxError as e:
        print(e, e.lineno, e.offset)


def g(**k):
    return k


for arguments in ["**{1: 3}, **{1: 5}", "**{'a': 3}, **{'a': 5}", "**{1: 3}"]:
    try:
        eval(f"g({arguments})")
    except TypeError as e:
        print(e)


class Ŭñıçöđë(bytearray):
    pass


print(Ŭñıçöđë(b"abc'\x80"))


class Bad(type):
    def __eq__(self, other):
        return 1 / 0


try:
    (int | Bad("a", (), {})) == (int | Bad("b", (), {}))
except ZeroDivisionError as e:
    print(e)



class Builtins(dict):
    def __missing__(self, name):
        return lambda *args: args


ns = {"__builtins__": Builtins()}
exec("import foo.bar", ns)
print(ns["foo"] == ("foo.bar", ns, ns, None, 0))
try:
    exec("import foo", {"__builtins__": {}})
except ImportError as e:
    print(e)
