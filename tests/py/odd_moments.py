# Generators closed while they run, exceptions in __del__, MemoryError in handlers, mutation while something looks.
import gc
# generators closed during iteration and so on
def g():
    try:
        yield 1
        yield 2
    finally:
        print("fin")
x=g()
for i in x:
    print(i); x.close()
def selfclose():
    me.close()
    yield
me=selfclose()
try: next(me)
except ValueError as e: print(e)
def selfnext():
    next(me)
    yield 1
me=selfnext()
try: next(me)
except ValueError as e: print(e)
def selfthrow():
    me.throw(KeyError)
    yield
me=selfthrow()
try: next(me)
except ValueError as e: print(e)
def reent():
    for i in me2: yield i
me2=reent()
try: list(me2)
except ValueError as e: print(e)
class D:
    def __del__(self): raise ValueError("in del")
import sys
sys.unraisablehook=lambda u: print("unraisable", u.exc_type.__name__, u.exc_value, u.err_msg.split(" at ")[0])
d=D(); del d
l=[D()]; l.clear()
def big():
    try: return 'x'*2**45
    except MemoryError:
        try: return 'x'*2**44
        except MemoryError as e: return type(e).__name__
print(big())
try: list(range(2**60))
except (MemoryError,OverflowError) as e: print(type(e).__name__)
def memh():
    try: [0]*(2**50)
    except MemoryError:
        [1]*(2**50)
try: memh()
except MemoryError as e: print("second")
class It:
    def __init__(s): s.l=[1,2,3]
    def __iter__(s): return s
    def __next__(s):
        if not s.l: raise StopIteration
        return s.l.pop()
l=[1,2,3]
for i in l:
    if len(l)<10: l.append(i)
    else: l.clear()
print(l)
d={1:1,2:2}
try:
    for k in d: del d[k]
except RuntimeError as e: print(e)
s={1,2,3}
try:
    for k in s: s.add(k+10)
except RuntimeError as e: print(e)
class K:
    def __eq__(s,o): l2.clear(); return False
l2=[K(),K(),K()]
print(3 in l2, l2)
class K2:
    def __lt__(s,o): l3.append(1); return True
l3=[K2(),K2()]
try: l3.sort()
except ValueError as e: print(e)
class Evil:
    def __repr__(s): l4.clear(); return "evil"
l4=[Evil(),Evil(),Evil()]
print(l4)
def gen():
    yield from it4
it4=gen()
try: next(it4)
except (ValueError, RecursionError) as e: print(type(e).__name__, e)
class Res:
    def __del__(s): keep.append(s)
keep=[]
r=Res(); del r; print(len(keep)); keep.clear(); print(len(keep)); gc.collect()
async def co():
    await c0
c0=co()
try: c0.send(None)
except (ValueError,RuntimeError) as e: print(type(e).__name__, e)
