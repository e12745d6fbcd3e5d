# Closures that share cells, decorators, caches, annotations, methods.
import functools, contextlib, operator, math, types
x = []
def fact(n): return 1 if n < 2 else n * fact(n - 1)
counter = 0
def bump(by=1, *, times=1):
    global counter
    counter += by * times
    return counter
bump()
def outer():
    n = 0
    def inc():
        nonlocal n
        n += 1
        return n
    def get(): return n
    def rec(k): return 0 if k == 0 else 1 + rec(k - 1)
    return inc, get, rec
inc, get, rec = outer(); inc()
@functools.lru_cache(maxsize=None)
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
fib(10)
def deco(f):
    @functools.wraps(f)
    def w(*a): return ['w', f(*a)]
    return w
@deco
def plain(a): "d"; return a
import contextlib
@contextlib.contextmanager
def cm():
    yield 5
part = functools.partial(bump, 2, times=3)
mod = types.ModuleType('mine'); mod.v = 3; exec('def f(): return v', mod.__dict__)
lam = lambda a, b=2: a + b
kw = {'fn': lam, 'm': math, 'op': operator.itemgetter(1)}
def annotated(a: int, b: 'str' = '') -> list[int]: "doc"; return a
@functools.singledispatch
def sd(a): return 'any'
@sd.register
def _(a: int): return 'int'
out = print
async def co(): return 3
def gen(): yield 1
#: cut
print(fact(5), bump(), inc(), get(), rec(4), counter)
print(fib(20), fib.cache_parameters(), plain(3), plain.__name__, plain.__doc__, plain.__wrapped__(2))
with cm() as v: print(v)
print(part(), mod.f())
print(lam(1), kw['fn'] is lam, kw['m'].pi, kw['op']([1, 2]))
print(annotated.__annotations__, annotated.__doc__, annotated.__defaults__, sd(1), sd('a'))
out('hello')
import asyncio
print(asyncio.run(co()), list(gen()), bump.__globals__ is globals())
