# Special methods by way of namespaces, several bases and names that were put together.
ns={"__"+"add__": lambda s,o: "add", "__"+"len__": lambda s: 7, "__"+"repr__": lambda s:"R", "__"+"bool__": lambda s: False}
X=type("X",(),ns)
x=X(); print(x+1, len(x), repr(x), bool(x))
class A:
    def __radd__(s,o): return "radd"
    def __eq__(s,o): return True
class B:
    def __getitem__(s,i): return i
    def __hash__(s): return 3
class C(A,B): pass
c=C(); print(1+c, c[5], c==2)
try: print(hash(c))
except TypeError as e: print(e)
class D(int,B):
    def __lt__(s,o): return "lt"
d=D(4); print(d+1, d[2], d<1, d>1, hash(d), bool(d))
class E(D): __add__=None
try: E(1)+1
except TypeError as e: print(e)
class F(list, A): pass
f=F([1]); print(f==5, len(f), 1+f, f+[2], f*2)
class G(B, dict): pass
g=G(a=1); print(g['a'], hash(g), len(g))
