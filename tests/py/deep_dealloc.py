# Long chains of objects go away one after another, not one inside the other.
import sys

sys.unraisablehook = lambda u: None
N = 100_000
class Node:
    __slots__=("n",)
class Del:
    def __init__(s,n): s.n=n
    def __del__(s): s.n
def a():
    x=None
    for _ in range(N):
        y=Node(); y.n=x; x=y
def b():
    x=None
    for _ in range(N): x=Del(x)
def c():
    f=lambda: 1
    for _ in range(N): f=lambda f=f: f
def d():
    g=None
    for _ in range(N):
        def h(g=g): yield g
        g=h(); next(g)
class DD:
    def __del__(s): DD()
def e():
    try: DD()
    except RecursionError: pass
def f():
    import weakref
    x=None
    class W: pass
    for _ in range(N):
        w=W(); w.x=x; weakref.ref(w, lambda r: None); x=w
def g():
    e=None
    for _ in range(N):
        n=ValueError(); n.__context__=e; e=n
def h():
    it=iter([])
    for _ in range(N): it=map(abs,it)
def i():
    d={}
    for _ in range(N): d={1:d}
def j():
    s=frozenset()
    for _ in range(N): s=frozenset([s])
def k():
    m=memoryview(b'x')
    for _ in range(10000): m=memoryview(m)
def l():
    class M: 
        def f(s): pass
    x=M().f
    for _ in range(N):
        y=M(); y.q=x; x=y.f
for fn in (a,b,c,d,f,g,h,i,j,k,l,e):
    fn(); print(fn.__name__)
