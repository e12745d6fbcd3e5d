# Recursion through every kind of native re-entry ends in a result or a RecursionError, never in a stack overflow.
import sys, json, copy, functools, itertools, pickle, operator
def attempt(name, f):
    try:
        f()
    except Exception:
        pass
    print(name, "ended")
N = 20_000
def nest(n=N):
    x = []
    for _ in range(n):
        x = [x]
    return x
class R:
    def __repr__(self): return repr(self)
class S:
    def __str__(self): return str(self)
class E:
    def __eq__(self, o): return self == o
    __hash__ = object.__hash__
class H:
    def __hash__(self): return hash(self)
class L:
    def __lt__(self, o): return self < o
class G:
    def __getattr__(self, n): return getattr(self, n)
class GI:
    def __getitem__(self, n): return self[n]
class C:
    def __call__(self): return self()
class A:
    def __add__(self, o): return self + o
class I:
    def __iter__(self): return iter(self)
class IN:
    def __init__(self): type(self)()
class NW:
    def __new__(cls): return cls()
class B:
    def __bool__(self): return bool(self)
class LN:
    def __len__(self): return len(self)
class IDX:
    def __index__(self): return operator.index(self)
class FMT:
    def __format__(self, s): return format(self, s)
class CT:
    def __contains__(self, x): return x in self
class INS(type):
    def __instancecheck__(cls, o): return isinstance(o, cls)
class INSC(metaclass=INS): pass
class D:
    def __get__(self, o, t): return o.d
class DD: d = D()
class SA:
    def __setattr__(self, n, v): setattr(self, n, v)
class EN:
    def __enter__(self):
        with self: pass
    def __exit__(self, *a): pass
attempt("repr", lambda: repr(R()))
attempt("str", lambda: str(S()))
attempt("eq", lambda: E() == E())
attempt("dict eq", lambda: {(0, E()): 1} == {(0, E()): 1})
attempt("hash", lambda: hash(H()))
attempt("dict key", lambda: {H(): 1})
attempt("lt", lambda: L() < L())
attempt("sort", lambda: sorted([L(), L()]))
attempt("min", lambda: min(L(), L()))
attempt("getattr", lambda: G().x)
attempt("getitem", lambda: GI()[0])
attempt("call", lambda: C()())
attempt("add", lambda: A() + 1)
attempt("iter", lambda: iter(I()))
attempt("init", lambda: IN())
attempt("new", lambda: NW())
attempt("bool", lambda: bool(B()))
attempt("len", lambda: len(LN()))
attempt("index", lambda: [1][IDX()])
attempt("format", lambda: f"{FMT()}")
attempt("contains", lambda: 1 in CT())
attempt("isinstance", lambda: isinstance(1, INSC))
attempt("get", lambda: DD().d)
attempt("setattr", lambda: setattr(SA(), "x", 1))
attempt("enter", lambda: EN().__enter__())
x = nest()
attempt("list repr", lambda: repr(x))
y = nest()
attempt("list eq", lambda: x == y)
attempt("list lt", lambda: x < y)
del x, y
attempt("list del", nest)
def tn():
    t = ()
    for _ in range(N): t = (t,)
    return t
t = tn(); u = tn()
attempt("tuple hash", lambda: hash(t))
attempt("tuple eq", lambda: t == u)
attempt("tuple repr", lambda: repr(t))
del t, u
def dn():
    d = {}
    for _ in range(N): d = {1: d}
    return d
d = dn()
attempt("dict repr", lambda: repr(d))
attempt("deepcopy", lambda: copy.deepcopy(d))
attempt("json dumps", lambda: json.dumps(nest()))
attempt("json loads", lambda: json.loads("[" * N))
attempt("json loads d", lambda: json.loads('{"a":' * N))
attempt("pickle", lambda: pickle.dumps(nest()))
del d
def chain(make, n=N):
    it = iter([1])
    for _ in range(n): it = make(it)
    return it
attempt("map", lambda: list(chain(lambda i: map(abs, i))))
attempt("filter", lambda: list(chain(lambda i: filter(None, i))))
attempt("zip", lambda: list(chain(lambda i: zip(i))))
attempt("chain", lambda: list(chain(lambda i: itertools.chain(i))))
attempt("from_iterable", lambda: list(itertools.chain.from_iterable(chain(lambda i: itertools.chain(i)))))
attempt("islice", lambda: list(chain(lambda i: itertools.islice(i, 5))))
attempt("enumerate", lambda: list(chain(lambda i: enumerate(i))))
attempt("takewhile", lambda: list(chain(lambda i: itertools.takewhile(abs, i))))
attempt("accumulate", lambda: list(chain(lambda i: itertools.accumulate(i))))
attempt("starmap", lambda: list(itertools.starmap(abs, chain(lambda i: zip(i)))))
attempt("cycle", lambda: next(chain(lambda i: itertools.cycle(i))))
attempt("tee", lambda: next(chain(lambda i: itertools.tee(i)[0])))
attempt("groupby", lambda: list(chain(lambda i: itertools.groupby(i))))
attempt("reversed", lambda: list(chain(lambda i: itertools.compress(i, [1]))))
attempt("generator", lambda: list(chain(lambda i: (j for j in i))))
def p():
    f = int
    for _ in range(N): f = functools.partial(f)
    return f
attempt("partial", lambda: p()())
def cp():
    f = lambda *a: 1
    for _ in range(N):
        g = functools.partial(f, 1); g.x = 1; f = lambda *a, g=g: g()
    return f
attempt("partial lambda", lambda: cp()())
def ng():
    g = int | str
    l = list[int]
    for _ in range(N): l = list[l]
    return l
attempt("alias repr", lambda: repr(ng()))
attempt("alias eq", lambda: ng() == ng())
attempt("alias hash", lambda: hash(ng()))
def exch():
    e = None
    for _ in range(N):
        n = Exception(); n.__cause__ = e; e = n
    return e
attempt("exc chain", lambda: exch() and None)
def eg():
    e = ValueError()
    for _ in range(N): e = ExceptionGroup("x", [e])
    return e
attempt("group split", lambda: eg().split(TypeError) and None)
attempt("group repr", lambda: repr(eg()))
def yf(n):
    if n: yield from yf(n - 1)
    yield 1
attempt("yield from", lambda: next(yf(N)))
def recursive(): return recursive()
attempt("function", recursive)
attempt("isinstance nest", lambda: isinstance(1, tn()))
attempt("property", lambda: type("P", (), {"p": property(lambda s: s.p)})().p)
print("end")
