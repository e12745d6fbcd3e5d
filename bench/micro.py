"""One loop a construct: what each costs a step, in nanoseconds of process time.

    python3 bench/micro.py [name ...]                        under the interpreter that runs this file
    python3 bench/micro.py --compare "target/release/typhon run" python3.14 [name ...]
                                                             under two, with the ratio (above 1: the first is faster)

These loops are also what `cargo xtask pgo` trains the optimizer on. They steer the work on the run loop; what counts in the
end are whole programs.
"""
import sys
import time

T = {}
N = 60000


def bench(f):
    T[f.__name__] = f
    return f


class A:
    def __init__(self): self.x = 1; self.y = 2; self.z = 3
    def m(self): return self.x
    def m2(self, a): self.y = a
    @property
    def p(self): return self.x
    @staticmethod
    def s(a): return a
    @classmethod
    def c(cls, a): return a
class B(A):
    def __init__(self): super().__init__()
    def m(self): return super().m()
class S:
    __slots__ = ('a', 'b')
    def __init__(self, a, b): self.a = a; self.b = b
    def __eq__(self, o): return self.a == o.a
    def __add__(self, o): return self
    def __lt__(self, o): return self.a < o.a
    def __hash__(self): return 5
    def __len__(self): return 3
    def __getitem__(self, i): return i
    def __contains__(self, i): return True
@bench
def empty_loop(n):
    for i in range(n): pass
@bench
def method_call(n):
    a = A()
    for i in range(n): a.m(); a.m(); a.m()
@bench
def method_call1(n):
    a = A()
    for i in range(n): a.m2(i); a.m2(i)
@bench
def func_call(n):
    def f(a, b): return a
    for i in range(n): f(i, i); f(i, i)
@bench
def func_default(n):
    def f(a, b=1): return a
    for i in range(n): f(i); f(i)
@bench
def func_kw(n):
    def f(a, b=1, c=2): return a
    for i in range(n): f(i, c=3); f(a=i, b=2)
@bench
def func_star(n):
    def f(*a): return a
    for i in range(n): f(i, i)
@bench
def func_starkw(n):
    def f(*a, **k): return a
    for i in range(n): f(i, x=i)
@bench
def call_ex(n):
    def f(a, b): return a
    t = (1, 2)
    for i in range(n): f(*t)
@bench
def poly_attr(n):
    a = A(); b = B(); b.w = 3
    l = [a, b]
    for i in range(n):
        for o in l: o.x; o.y
@bench
def poly_method(n):
    class P:
        def f(self): return 1
    class Q:
        def f(self): return 2
    l = [P(), Q()]
    for i in range(n):
        for o in l: o.f()
@bench
def super_call(n):
    b = B()
    for i in range(n): b.m()
@bench
def property_get(n):
    a = A()
    for i in range(n): a.p; a.p
@bench
def static_class_m(n):
    a = A()
    for i in range(n): a.s(i); a.c(i); A.s(i); A.c(i)
@bench
def instantiate(n):
    for i in range(n): A()
@bench
def instantiate_slots(n):
    for i in range(n): S(i, i)
@bench
def dunder_eq(n):
    a = S(1,2); b = S(1,2)
    for i in range(n): a == b; a + b; a < b
@bench
def dunder_item(n):
    a = S(1,2)
    for i in range(n): a[1]; len(a); 3 in a
@bench
def bound_method(n):
    f = A().m
    for i in range(n): f(); f()
@bench
def attr_store(n):
    a = A()
    for i in range(n): a.x = i; a.y = i; a.z = i
@bench
def closure(n):
    c = 0
    def f():
        nonlocal c
        c += 1
    for i in range(n): f(); f()
G = 0
@bench
def globals_(n):
    global G
    for i in range(n): G = G + 1; G = G + 1
@bench
def class_attr(n):
    class K: v = 3
    k = K()
    for i in range(n): K.v; k.v; K.v
@bench
def generator(n):
    def g():
        for i in range(n): yield i
    for x in g(): pass
@bench
def genexpr_sum(n):
    sum(i for i in range(n))
@bench
def yield_from(n):
    def g():
        for i in range(n): yield i
    def h(): yield from g()
    for x in h(): pass
@bench
def gen_create(n):
    def g(): yield 1
    for i in range(n):
        for x in g(): pass
@bench
def listcomp(n):
    for i in range(n // 10): [x for x in range(10)]
@bench
def listcomp_if(n):
    for i in range(n // 10): [x * 2 for x in range(10) if x & 1]
@bench
def dictcomp(n):
    for i in range(n // 10): {x: x for x in range(10)}
@bench
def setcomp(n):
    for i in range(n // 10): {x for x in range(10)}
@bench
def list_index(n):
    l = list(range(100)); j = 5
    for i in range(n): l[j]; l[j]; l[3]; l[-1]
@bench
def list_store(n):
    l = list(range(100)); j = 5
    for i in range(n): l[j] = i; l[3] = i
@bench
def list_append(n):
    l = []
    for i in range(n): l.append(i)
@bench
def list_append_pop(n):
    l = []
    for i in range(n): l.append(i); l.pop()
@bench
def list_slice(n):
    l = list(range(10))
    for i in range(n): l[1:5]; l[:]
@bench
def list_build(n):
    for i in range(n): [i, i, i]
@bench
def list_contains(n):
    l = list(range(10))
    for i in range(n): 5 in l
@bench
def list_sort(n):
    import random
    r = random.Random(1)
    l = [r.random() for _ in range(n)]
    for i in range(3): sorted(l)
@bench
def list_sort_key(n):
    l = [(i * 7919) % n for i in range(n)]
    sorted(l, key=lambda x: -x)
@bench
def tuple_build(n):
    for i in range(n): (i, i); (i, i, i)
@bench
def tuple_unpack(n):
    t = (1, 2, 3)
    for i in range(n): a, b, c = t; a, b = b, a
@bench
def dict_get(n):
    d = {'a': 1, 'b': 2}; k = 'a'
    for i in range(n): d[k]; d['b']; d.get('a'); d.get('q')
@bench
def dict_int(n):
    d = {i: i for i in range(100)}
    for i in range(n): d[50]; d[7] = i; 77 in d
@bench
def dict_tuple_key(n):
    d = {(1, 2): 3}
    for i in range(n): d[1, 2]; (1, 2) in d
@bench
def dict_set(n):
    d = {}
    for i in range(n): d[i] = i
@bench
def dict_items(n):
    d = {i: i for i in range(100)}
    for i in range(n // 100):
        for k, v in d.items(): pass
@bench
def dict_build(n):
    for i in range(n): {'a': i, 'b': 2}
@bench
def set_ops(n):
    s = set()
    for i in range(n): s.add(i); i in s
@bench
def str_concat(n):
    s = 'abc'
    for i in range(n): s + 'def'
@bench
def str_iadd(n):
    s = ''
    for i in range(n): s += 'x'
@bench
def str_join(n):
    l = ['abc'] * 10
    for i in range(n // 5): ''.join(l)
@bench
def str_methods(n):
    s = 'hello world'
    for i in range(n // 2): s.startswith('he'); s.find('wo'); s.upper(); s.replace('l', 'x'); s.split()
@bench
def str_index(n):
    s = 'hello world'
    for i in range(n): s[3]; s[4]; s[1:4]
@bench
def str_iter(n):
    s = 'hello world' * 10
    for i in range(n // 100):
        for c in s: pass
@bench
def str_eq(n):
    a = 'hello'; b = 'hell' + 'o' * (n > 0)
    for i in range(n): a == b; a != b
@bench
def fstring(n):
    for i in range(n): f'{i} abc {i!r}'
@bench
def percent(n):
    for i in range(n): '%d %s' % (i, 'a')
@bench
def str_format(n):
    for i in range(n): '{} {}'.format(i, 'a')
@bench
def str_int(n):
    for i in range(n): int(str(i))
@bench
def float_arith(n):
    x = 1.5; y = 0.3
    for i in range(n): x = x * 0.5 + y - 0.1; y = x / 3.0
@bench
def float_mixed(n):
    x = 1.5
    for i in range(n): x = (x * 2 + i) / 3; x ** 2; -x; abs(x)
@bench
def int_arith(n):
    x = 1
    for i in range(n): x = (x * 3 + i) % 1000003; x ^= i; x >>= 1; x & 15; -x
@bench
def int_big(n):
    x = 1 << 70
    for i in range(n): x + i; x >> 3; x * 3
@bench
def int_div(n):
    for i in range(1, n): i // 3; i / 3; i % 7; divmod(i, 7)
@bench
def while_loop(n):
    i = 0
    while i < n: i += 1
@bench
def compare_chain(n):
    x = 5
    for i in range(n):
        if 0 <= x < 10: pass
        if x == 5 and i != 3: pass
        if not x: pass
@bench
def is_none(n):
    x = None
    for i in range(n):
        if x is None: pass
        if x is not None: pass
        if x: pass
@bench
def len_call(n):
    l = [1,2]; s = 'abc'
    for i in range(n): len(l); len(s)
@bench
def isinstance_(n):
    a = A()
    for i in range(n): isinstance(a, A); isinstance(i, str); isinstance(a, (int, A))
@bench
def builtins_(n):
    for i in range(n): abs(i); min(i, 3); max(i, 3); ord('a'); chr(97)
@bench
def enumerate_(n):
    l = list(range(100))
    for i in range(n // 100):
        for j, x in enumerate(l): pass
@bench
def zip_(n):
    l = list(range(100))
    for i in range(n // 100):
        for j, x in zip(l, l): pass
@bench
def map_filter(n):
    l = list(range(100))
    for i in range(n // 100):
        list(map(str, l)); list(map(lambda x: x, l)); list(filter(None, l))
@bench
def any_all(n):
    l = [1] * 100
    for i in range(n // 100): any(x == 2 for x in l); all(l)
@bench
def sum_(n):
    l = list(range(100)); f = [0.5] * 100
    for i in range(n // 50): sum(l); sum(f)
@bench
def try_except(n):
    for i in range(n):
        try: pass
        except ValueError: pass
@bench
def raise_catch(n):
    for i in range(n // 4):
        try: raise ValueError
        except ValueError: pass
@bench
def raise_catch_deep(n):
    d = {}
    for i in range(n // 4):
        try: d['x']
        except KeyError as e: pass
@bench
def with_(n):
    class C:
        def __enter__(self): return self
        def __exit__(self, *a): pass
    c = C()
    for i in range(n):
        with c: pass
@bench
def lambda_(n):
    f = lambda x: x + 1
    for i in range(n): f(i); (lambda: i)
@bench
def recursion(n):
    def fib(k): return k if k < 2 else fib(k - 1) + fib(k - 2)
    fib(20); fib(18)
@bench
def hasattr_getattr(n):
    a = A()
    for i in range(n): hasattr(a, 'x'); getattr(a, 'y'); getattr(a, 'q', None); setattr(a, 'x', 1)
@bench
def type_call(n):
    for i in range(n): type(i); type(i) is int
@bench
def bytes_index(n):
    b = bytes(range(100)); ba = bytearray(b)
    for i in range(n): b[3]; ba[4]; ba[5] = 7
@bench
def bytearray_append(n):
    b = bytearray()
    for i in range(n): b.append(i & 255)
@bench
def deque_(n):
    from collections import deque
    d = deque()
    for i in range(n): d.append(i); d.popleft()
@bench
def defaultdict_(n):
    from collections import defaultdict
    d = defaultdict(int)
    for i in range(n): d[i & 15] += 1
@bench
def namedtuple_(n):
    from collections import namedtuple
    P = namedtuple('P', 'x y')
    p = P(1, 2)
    for i in range(n): p.x; p.y; P(i, i)
@bench
def array_(n):
    from array import array
    a = array('d', [0.0]) * 100
    for i in range(n): a[3] = a[4] + 1.0
@bench
def itertools_(n):
    from itertools import chain, islice, product, combinations
    for x in chain(range(n), range(n)): pass
    for x in combinations(range(60), 3): pass
@bench
def struct_(n):
    import struct
    for i in range(n // 2): struct.unpack('<I', struct.pack('<I', i))
@bench
def dataclass_(n):
    import dataclasses
    @dataclasses.dataclass
    class D:
        a: int
        b: int = 2
    for i in range(n // 2): D(i) == D(i)
@bench
def match_(n):
    for i in range(n):
        match i & 3:
            case 0: pass
            case 1 | 2: pass
            case _: pass
@bench
def async_(n):
    async def f(): return 1
    async def g():
        for i in range(n): await f()
    try: g().send(None)
    except StopIteration: pass
@bench
def getattr_dunder(n):
    class D:
        def __getattr__(self, k): return 1
    d = D()
    for i in range(n): d.foo
@bench
def del_item(n):
    d = {}; l = []
    for i in range(n): d[1] = 2; del d[1]; l.append(3); del l[-1]
@bench
def math_(n):
    from math import sqrt, sin, floor
    import math
    for i in range(n): sqrt(2.0); math.sin(1.0); floor(2.5)
@bench
def unpack_loop(n):
    l = [(1, 2)] * 100
    for i in range(n // 100):
        for a, b in l: pass
@bench
def nested_list(n):
    m = [[1] * 10 for _ in range(10)]
    for i in range(n): m[3][4]; m[2][5] = i; m[1][1] += 1
@bench
def list_extend(n):
    for i in range(n // 2): l = [1, 2]; l.extend((3, 4)); l += [5]; l * 2
@bench
def range_list(n):
    for i in range(n // 10): list(range(10)); tuple(range(5))
@bench
def minmax_key(n):
    l = list(range(100))
    for i in range(n // 200): min(l); max(l, key=lambda x: x); min(l, default=3)
@bench
def call_native_kw(n):
    l = [3, 1, 2]
    for i in range(n // 2): sorted(l, reverse=True); int('12', base=10)
@bench
def regex_(n):
    import re
    p = re.compile(r'(\w+) (\d+)')
    for i in range(n // 4): p.match('hello 123').group(1)


def measure(names):
    if unknown := set(names) - set(T):
        sys.exit(f"no such loop: {', '.join(sorted(unknown))}; there are {', '.join(T)}")
    clock = time.process_time
    for name in names or T:
        f = T[name]
        f(2000)
        best = 1e9
        for _ in range(3):
            start = clock()
            f(N)
            best = min(best, clock() - start)
        print(f"{name}\t{best / N * 1e9:.2f}", flush=True)


def compare(first, second, names):
    import math
    import shlex
    import subprocess

    def run(command):
        lines = subprocess.run([*shlex.split(command), __file__, *names], stdout=subprocess.PIPE, text=True, check=True)
        return {name: float(ns) for name, ns in (line.split("\t") for line in lines.stdout.splitlines())}

    ours, theirs = run(first), run(second)
    logs = []
    for name, ns in ours.items():
        print(f"{name:20} {ns:9.2f} {theirs[name]:9.2f}  x{theirs[name] / ns:.2f}")
        logs.append(math.log(theirs[name] / ns))
    print(f"geometric mean of {len(logs)}: x{math.exp(sum(logs) / len(logs)):.3f}")


if sys.argv[1:2] == ["--compare"]:
    compare(sys.argv[2], sys.argv[3], sys.argv[4:])
else:
    measure(sys.argv[1:])
