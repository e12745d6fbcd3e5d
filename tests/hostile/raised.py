#: raise something that is no exception | EXCEPTION TypeError
raise 7

#: an exception whose class cannot be shown | EXCEPTION A
class A(Exception):
    def __str__(self): raise ValueError
    __repr__ = __str__
raise A

#: an exception whose text never ends | WALL_TIME or EXCEPTION A
class A(Exception):
    def __str__(self):
        while True: pass
raise A

#: an exception whose text is no text | EXCEPTION A
class A(Exception):
    def __str__(self): return 7
raise A

#: an exception of very much text | EXCEPTION ValueError
raise ValueError('x' * 5 * 10**6)

#: an exception with very many arguments | EXCEPTION ValueError
raise ValueError(*range(10**5))

#: an exception that is its own cause | EXCEPTION ValueError
e = ValueError()
e.__cause__ = e
e.__context__ = e
raise e

#: exceptions that cause each other | EXCEPTION ValueError
a, b = ValueError(), KeyError()
a.__cause__ = b
b.__cause__ = a
raise a

#: an exception with odd notes | EXCEPTION ValueError
e = ValueError()
e.__notes__ = 7
raise e

#: an exception with very many notes | EXCEPTION ValueError
e = ValueError()
for _ in range(10**4): e.add_note('x' * 100)
raise e

#: excepthook that loops | EXCEPTION ZeroDivisionError or WALL_TIME
import sys
def f(*a):
    while True: pass
sys.excepthook = f
1 / 0

#: unraisablehook that raises | COMPLETED
import sys
def f(*a): raise KeyError
sys.unraisablehook = f
class A:
    def __del__(self): raise ValueError
A()

#: traceback made by hand in circles | EXCEPTION ValueError or EXCEPTION TypeError
try: 1 / 0
except ZeroDivisionError as e: t = e.__traceback__
t.tb_next = t

#: exception in __exit__ | EXCEPTION KeyError
class A:
    def __enter__(self): pass
    def __exit__(self, *a): raise KeyError
with A(): raise ValueError

#: exception in __init_subclass__ | EXCEPTION KeyError
class A:
    def __init_subclass__(cls): raise KeyError
class B(A): pass

#: exception in __set_name__ | EXCEPTION KeyError
class D:
    def __set_name__(self, *a): raise KeyError
class A: x = D()

#: exception in __prepare__ | EXCEPTION KeyError
class M(type):
    def __prepare__(*a): raise KeyError
class A(metaclass=M): pass

#: exception in __bool__ | EXCEPTION KeyError
class A:
    def __bool__(self): raise KeyError
if A(): pass

#: exception in __iter__ during a call | EXCEPTION KeyError
class A:
    def __iter__(self): raise KeyError
print(*A())

#: exception in keys during a call | EXCEPTION KeyError
class A:
    def keys(self): return ['x']
    def __getitem__(self, k): raise KeyError
print(**A())

#: exception in __hash__ | EXCEPTION KeyError
class A:
    def __hash__(self): raise KeyError
{A(): 1}

#: exception in a generator that is thrown into | EXCEPTION KeyError
def g():
    try: yield
    except ValueError: raise KeyError from None
x = g()
next(x)
x.throw(ValueError)

#: exception in an exception's class body | EXCEPTION ZeroDivisionError
class A(Exception): 1 / 0

#: exception class whose __instancecheck__ raises | EXCEPTION ValueError
class M(type):
    def __instancecheck__(c, o): raise KeyError
    def __subclasscheck__(c, o): raise KeyError
class A(Exception, metaclass=M): pass
try: raise ValueError
except A: pass

#: except of something that is no class | EXCEPTION TypeError
try: 1 / 0
except 7: pass

#: KeyboardInterrupt raised by itself | EXCEPTION KeyboardInterrupt
raise KeyboardInterrupt

#: MemoryError raised by itself | MEMORY or EXCEPTION MemoryError
raise MemoryError

#: RecursionError raised by itself | STACK or EXCEPTION RecursionError
raise RecursionError

#: StopIteration in a generator | EXCEPTION RuntimeError
def g():
    raise StopIteration
    yield
next(g())

#: a group whose split lies | EXCEPTION TypeError or EXCEPTION G
class G(ExceptionGroup):
    def split(self, *a): return 7
    def derive(self, *a): return 8
try: raise G('g', [ValueError()])
except* ValueError: pass

#: builtins taken away | EXCEPTION NameError or EXCEPTION AttributeError or EXCEPTION KeyError or EXCEPTION TypeError or EXCEPTION ImportError
import builtins
for n in dir(builtins):
    if n not in ('vars', 'builtins', 'setattr', 'delattr'): delattr(builtins, n)
ValueError

#: sys taken to pieces | EXCEPTION ImportError or EXCEPTION ModuleNotFoundError or EXCEPTION RuntimeError or EXCEPTION AttributeError or EXCEPTION TypeError or EXCEPTION KeyError or COMPLETED
import sys
sys.modules.clear()
sys.__dict__.clear()
import json

#: globals replaced while they run | COMPLETED or EXCEPTION NameError
globals().clear()
x = 1
