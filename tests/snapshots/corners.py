# What is rarely seen: metaclasses that make one object, classes made by calls, type aliases, iterators on their way.
import collections, typing, enum, functools, dataclasses
class Reg(type):
    def __call__(cls, *a):
        return super().__call__(*a)
    @property
    def p(cls): return cls.__name__
class P(metaclass=Reg):
    _inst = None
    def __new__(cls):
        if cls._inst is None: cls._inst = super().__new__(cls)
        return cls._inst
p = P()
class Meta2(type):
    @classmethod
    def __prepare__(m, n, b): return collections.OrderedDict()
class Q(P, metaclass=type('M3',(Reg,),{})): pass
q = Q()
class L(list):
    def __init__(self, *a): super().__init__(*a); self.tag = 't'
l = L([1,2]); l.append(l)
class D(dict):
    def __missing__(self, k): self[k] = k * 2; return self[k]
d = D(a=1); d.me = d
class I(int):
    def __new__(cls, v, extra): o = super().__new__(cls, v); o.extra = extra; return o
    def __getnewargs__(self): return int(self), self.extra
i = I(5, 'e')
class Slot: __slots__ = ('x', '__weakref__', '__dict__')
s = Slot(); s.x = s; s.y = 2
class GetState:
    def __init__(self): self.a = 1; self.b = lambda: 3
    def __getstate__(self): return {'a': self.a}
    def __setstate__(self, st): self.a = st['a']
gs = GetState()
def make(n):
    def f(x=[n]): return x
    f.attr = f
    return f
fs = [make(i) for i in range(3)]; fs[0].other = fs[1]
class Outer:
    class Inner:
        def hi(self): return Outer.__name__ + type(self).__qualname__
    def m(self): return self.Inner()
o = Outer().m()
def local():
    class Loc:
        def me(self): return Loc, self.__class__
    return Loc()
lc = local(); lc2 = local()
class Ab(typing.Generic[typing.TypeVar('T'), typing.TypeVar('U')]): pass
X = Ab[int, str]
type Alias = list[int]
Color = enum.Enum('Color', 'RED GREEN', module='__main__')
cr = Color.RED
Pt = dataclasses.make_dataclass('Pt', [('x', int), ('y', int, 5)])
pt = Pt(1)
class Desc:
    def __get__(self, o, t): return 'got'
class HD: d = Desc()
class WithInit:
    subs = []
    def __init_subclass__(cls, **k): WithInit.subs.append(cls.__name__); cls.seen = k
class Sub1(WithInit, key=3): pass
t1 = (1, [2]); t2 = [t1, t1]
cyc = []; tup = (cyc,); cyc.append(tup)
fz = frozenset([1, (2, 3)])
g = globals()
z = zip([1,2],[3,4]); next(z)
en = enumerate('abc'); next(en)
rv = reversed([1,2,3]); next(rv)
mp = map(str, [1,2]); next(mp)
sl = slice(1, 2)
import operator
ag = operator.attrgetter('a.b'); mc = operator.methodcaller('x', 1)
cw = collections.ChainMap({'a': 1}, d)
sup = super(Sub1, Sub1)
un = int | str
ga = list[int]
import contextlib
es = contextlib.ExitStack()
@dataclasses.dataclass
class Tree:
    left: 'Tree | None' = None
    val: int = 0
tr = Tree(Tree(None, 1), 2)
deep = None
for _ in range(300): deep = (deep,)
bsub = type('Dyn', (L,), {'f': lambda self: 9})([1])
class Prop:
    @functools.cached_property
    def c(self): return object()
    @property
    def x(self): "docx"; return self._x
    @x.setter
    def x(self, v): self._x = v
pr = Prop(); pr.x = 4; pr.c
class E(Exception):
    def __init__(self, a, b): self.a = a; super().__init__(b)
    def __str__(self): return f'{self.a}{self.args}'
e = E(1, 2)
ke = KeyError('k'); ude = UnicodeDecodeError('utf8', b'x', 0, 1, 'r'); si = StopIteration(5); se = SyntaxError('m', ('f', 1, 2, 't')); ie = ImportError('x', name='n', path='p'); ae = AttributeError('q', name='nm', obj=3)
NT_ = typing.NewType("NT_", int)
class Sentinel:
    def __reduce__(self): return "SENT"
SENT = Sentinel(); Sentinel.made = SENT
ps = typing.ParamSpec("ps"); tvt = typing.TypeVarTuple("tvt")
type A2[T] = dict[str, T]
#: cut
print(P() is p, P.p, type(q) is Q, Q.p, P._inst is p)
print(l[:2], l[2] is l, l.tag, d['z'], d.me is d, type(d), i, i.extra, s.x is s, s.y)
print([f() for f in fs], fs[0].attr is fs[0], fs[0].other is fs[1], fs[0].__defaults__)
print(o.hi(), Outer.Inner is type(o), lc.me() == (type(lc), type(lc)), type(lc) is type(lc2))
print(X, Ab.__parameters__, X.__args__, Alias, Alias.__value__)
print(cr, Color(1) is cr, list(Color), pt, Pt(3), HD.d, HD().d)
print(WithInit.subs, Sub1.seen)
class Sub2(WithInit): pass
print(WithInit.subs)
print(t2[0] is t2[1], tup[0][0] is tup, fz, g is globals(), list(z), list(en), list(rv), list(mp), sl)
print(ag, mc, cw['a'], cw.maps[1] is d, un, ga, tr, type(bsub).__name__, bsub.f(), bsub)
print(pr.x, 'c' in pr.__dict__, Prop.x.__doc__, e, repr(e), e.a)
print(repr(ke), repr(ude), si.value, se.lineno, ie.name, ie.path, ae.name, ae.obj)
n = 0
while deep: deep = deep[0]; n += 1
print(n, gs.a)
print(NT_(5), NT_.__name__, NT_.__supertype__, SENT is Sentinel.made, ps, tvt, A2.__value__, A2.__type_params__, Alias.__module__)
