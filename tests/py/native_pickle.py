# _pickle: every protocol, errors, memo, buffers.
import _pickle, io, pickle, sys, collections, datetime
from _pickle import *
def tr(s):
    try: print(s, '=>', repr(eval(s, globals())))
    except BaseException as e: print(s, '=>', type(e).__name__, e, getattr(e, '__notes__', None))
class R:
    def __init__(s, v): s.v = v
    def __reduce_ex__(s, p): return s.v
class P:
    def __init__(s): s.a = 1; s.b = [s]
class S:
    __slots__ = 'x', 'y'
class T(tuple): pass
class N:
    def __new__(cls, *a, **k): o = object.__new__(cls); o.a = a, k; return o
    def __getnewargs_ex__(s): return (1, 2), {'k': 3}
values = [None, True, 0, -1, 255, 65536, 1 << 31, -(1 << 70), 1 << 2100, 1.5, float('inf'), '', 'a', 'é\n\\', '😀\ud800', 'x' * 300,
          b'', b'a' * 300, bytearray(b'abc'), (), (1,), (1, 2, 3, 4), [], [1], list(range(1002)), {}, {'a': 1, 'b': [2]},
          set(), {1, 2}, frozenset({3}), int, len, collections.OrderedDict(a=1), datetime.date(2020, 1, 2), 3j, slice(1, 2),
          range(5), ValueError('x'), Ellipsis, NotImplemented, type(None), T((1, 2)), collections.Counter('aab')]
for proto in range(6):
    for v in values:
        d = dumps(v, proto)
        if type(v) not in (set, frozenset): print(proto, len(d), d[:60], d == pickle._dumps(v, proto))
        w = loads(d)
        assert type(w) is type(v) and (w == v or repr(w) == repr(v)), (proto, v, w)
        assert pickle._loads(d) == w or repr(pickle._loads(d)) == repr(w)
    p = loads(dumps(P(), proto)); print(p.a, p.b[0] is p)
    n = loads(dumps(N(), proto)); print(n.a)
    if proto > 1:
        s = S(); s.x = 1; s = loads(dumps(s, proto)); print(s.x, hasattr(s, 'y'))
    rec = []; rec.append((rec,)); r = loads(dumps(rec, proto)); print(r[0][0] is r)
f = lambda: 0
for s in '''dumps(R(1))
dumps(R(()))
dumps(R((1,2)))
dumps(R((print,2)))
dumps(R((print,(),None,3)))
dumps(R((print,(),None,None,3)))
dumps(R((print,(),None,None,iter([1]))))
dumps(1,99)
dumps(sys)
loads(b'')
loads(b'x')
loads(b'\\xff')
loads(b'.')
loads(b'\\x80\\x09.')
loads(b'\\x80')
loads(b'cfoo\\nbar\\n.')
loads(b'h\\x01.')
loads(b'gx\\n.')
loads(b'(.')
loads(b't.')
loads(b'N]a.')
loads(b'}(Nu.')
loads(b'K.')
loads(b"S'a\\n.")
loads(b"NQ.")
loads(b'\\x82\\x01.')
loads(b'\\x97.')
loads(b'\\x95\\x05\\0\\0\\0\\0\\0\\0\\0N.')
loads(b'\\x8b\\xff\\xff\\xff\\xff.')
loads(b'NN\\x81.')
loads(b'N)R.')
loads(b'NN\\x93.')
loads(b'\\x8f(N\\x90.')
loads(b'(ibuiltins\\nint\\n.')
Pickler(3)
Unpickler(3)
PickleBuffer(b'abc').raw().tobytes()
dumps(PickleBuffer(b'abc'),4)
loads(dumps(PickleBuffer(b'abc'),5))
load(io.BytesIO(b'N.'))'''.split('\n'): tr(s)
class PP(Pickler):
    def persistent_id(s, o): return 'id' if o == 7 else None
    def reducer_override(s, o): return (int, (5,)) if isinstance(o, R) else NotImplemented
class UU(Unpickler):
    def persistent_load(s, i): return i * 2
    def find_class(s, m, n): print(m, n); return super().find_class(m, n)
out = io.BytesIO(); p = PP(out, 4); p.dump([7, 8, R(0)]); p.dump([8]); out.seek(0)
u = UU(out); print(u.load(), u.load())
bufs = []; d = dumps([PickleBuffer(b'one'), PickleBuffer(bytearray(b'two'))], 5, buffer_callback=bufs.append)
print(d, [type(b).__name__ for b in loads(d, buffers=bufs)], [b.raw().tobytes() for b in bufs])
