#: recursion | STACK
def f(): f()
f()

#: recursion caught and begun again | WALL_TIME
def f():
    try: f()
    finally: f()
f()

#: a limit that asks for more | STACK
import sys
sys.setrecursionlimit(10**9)
def f(): f()
f()

#: repr of itself | STACK
class A:
    def __repr__(self): return repr(self)
repr(A())

#: equality of itself | STACK
class A:
    def __eq__(self, o): return self == o
A() == A()

#: attributes that ask for themselves | STACK
class A:
    def __getattr__(self, n): return self.x
A().x

#: sort that sorts in its key | STACK
f = lambda n: sorted([1, 2], key=lambda _: f(n))
f(1)

#: copy of deep nesting | STACK
import copy
x = []
for _ in range(10**5): x = [x]
copy.deepcopy(x)

#: repr of deep nesting | COMPLETED or STACK
x = []
for _ in range(10**5): x = [x]
repr(x)

#: comparison of deep nesting | COMPLETED or STACK
x, y = [], []
for _ in range(10**5): x, y = [x], [y]
x == y

#: hash of deep nesting | COMPLETED or STACK
x = ()
for _ in range(10**5): x = (x,)
hash(x)

#: deallocation of deep nesting | COMPLETED
x = None
for _ in range(10**5): x = (x,)
del x

#: deallocation of a deep chain of objects | COMPLETED
class A: pass
x = None
for _ in range(3 * 10**4):
    a = A()
    a.next = x
    x = a
del x, a

#: isinstance with deep tuples | COMPLETED or STACK
x = int
for _ in range(10**5): x = (x,)
isinstance('', x)

#: pickle of deep nesting | STACK or COMPLETED
import pickle
x = []
for _ in range(10**5): x = [x]
pickle.dumps(x)

#: json of deep nesting | STACK or COMPLETED
import json
x = []
for _ in range(10**5): x = [x]
json.dumps(x)

#: json text of deep nesting | STACK or COMPLETED
import json
json.loads('[' * 10**5)

#: literal of deep nesting | COMPILE_ERROR or EXCEPTION SyntaxError or EXCEPTION MemoryError or STACK or MEMORY
eval('[' * 10**5)

#: expression of deep nesting | COMPILE_ERROR or STACK or COMPLETED or MEMORY
eval('-' * 10**5 + '1')

#: parentheses beyond all measure | EXCEPTION SyntaxError or STACK or MEMORY
eval('(' * 1000 + ')' * 1000)

#: generators within generators | STACK
def f(): yield from f()
next(f())

#: coroutines within coroutines | STACK
async def f(): await f()
f().send(None)

#: methods that call by super | STACK
class A:
    def f(self): return super().__getattribute__('f')()
A().f()

#: property that reads itself | STACK
class A:
    x = property(lambda self: self.x)
A().x

#: hash that hashes itself | STACK
class A:
    def __hash__(self): return hash((self,))
{A()}

#: regular expression of deep nesting | STACK or EXCEPTION error or EXCEPTION PatternError or EXCEPTION OverflowError or COMPLETED
import re
re.compile('(' * 5000 + ')' * 5000)

#: exceptions in a deep chain shown | EXCEPTION ValueError
e = None
for _ in range(20000):
    n = ValueError('x')
    n.__cause__ = e
    e = n
raise e

#: exception groups in groups | EXCEPTION ExceptionGroup
e = ValueError(1)
for _ in range(5000): e = ExceptionGroup('g', [e])
raise e
