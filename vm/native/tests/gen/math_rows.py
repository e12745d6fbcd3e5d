"""Writes math.txt: math and cmath as CPython 3.14 computes them. Run with python3.14 on the same C library."""
import math, random, struct, sys
R = random.Random(17)
rows = []
def fl():
    k = R.random()
    if k < .3: return R.choice([0.0, -0.0, 1.0, -1.0, .5, -.5, 2.5, -2.5, 3.0, -3.0, 1e308, -1e308, 5e-324, -5e-324, 1e-300, 170.5, 171.7, -170.5, 710.5, -745.5, 1e-20, math.inf, -math.inf, math.nan, math.pi, 23.0, 24.0, 1e22])
    if k < .6: return R.uniform(-3, 3)
    if k < .8: return R.uniform(-200, 200)
    return struct.unpack('d', R.randbytes(8))[0]
def show(v):
    if isinstance(v, bool): return 'b%d' % v
    if isinstance(v, float): return 'f' + v.hex()
    if isinstance(v, int): return 'i%d' % v
    if isinstance(v, (tuple, list)): return '(' + ','.join(map(show, v)) + ')'
    return 's' + str(v)
def row(name, *args, **kw):
    try: r = show(getattr(math, name)(*args, **kw))
    except Exception as e: r = '!' + type(e).__name__ + ': ' + str(e)
    rows.append('\t'.join([name, *map(show, args), *(k + '=' + show(v) for k, v in kw.items()), r]))
ONE = 'acos acosh asin asinh atan atanh cbrt ceil cos cosh degrees erf erfc exp exp2 expm1 fabs floor gamma isfinite isinf isnan lgamma log10 log1p log2 log radians sin sinh sqrt tan tanh ulp frexp modf'.split()
for f in ONE:
    for _ in range(38): row(f, fl())
    row(f, 'a'); row(f); row(f, 1.0, 2.0) if f != 'log' else None; row(f, 3); row(f, 10**400)
for f in 'atan2 copysign fmod pow remainder nextafter log'.split():
    for _ in range(40): row(f, fl(), fl())
    if f != 'nextafter': row(f, 1.0)
for _ in range(60):
    x = R.choice([fl(), float(R.randrange(-50, 50))]); y = R.choice([.5, 1.0, 2.0, 3.0, -7.0, .1]); row('remainder', x, y); row('fmod', x, y)
    row('ldexp', fl(), R.randrange(-1100, 1100)); row('fma', fl(), fl(), fl()); row('isclose', x, x + R.choice([0, 1e-12, 1e-9, .1]))
    row('nextafter', fl(), fl(), steps=R.randrange(0, 100)); row('hypot', *[fl() for _ in range(R.randrange(0, 5))]); row('hypot', *[R.uniform(-1, 1) * 10.0 ** R.choice([0, 5, -160, 200]) for _ in range(R.randrange(1, 6))])
    k = R.randrange(0, 4); row('dist', [R.uniform(-9, 9) for _ in range(k)], [R.uniform(-9, 9) for _ in range(k)])
    row('fsum', [R.uniform(-1, 1) * 10.0 ** R.randrange(-20, 20) for _ in range(R.randrange(0, 12))]); row('fsum', [fl() for _ in range(R.randrange(0, 4))])
    row('gcd', *[R.randrange(-10**R.randrange(1, 30), 10**20) * 6 for _ in range(R.randrange(0, 4))]); row('lcm', *[R.randrange(-100, 100) for _ in range(R.randrange(0, 4))])
    row('isqrt', R.randrange(10**R.randrange(1, 60))); row('comb', R.randrange(0, 200), R.randrange(0, 60)); row('perm', R.randrange(0, 50), R.randrange(0, 30))
    n = R.randrange(0, 6); row('sumprod', [R.choice([fl(), R.randrange(-99, 99)]) for _ in range(n)], [R.choice([R.uniform(-1, 1), R.randrange(-10**12, 10**12)]) for _ in range(n)])
    row('sumprod', [R.uniform(-1, 1) * 10.0 ** R.randrange(-9, 9) for _ in range(n + 3)], [R.uniform(-1, 1) for _ in range(n + 3)])
    row('prod', [R.randrange(-99, 99) for _ in range(n + 1)]); row('prod', [R.uniform(-3, 3) for _ in range(n)], start=2.0)
for a in [(1, -1), (-1, 1), (5, 2.5), (10, 10**30)]: row('comb', *a); row('perm', *a)
for a in [(5,), (0,), (-1,), (2.0,), (30,)]: row('perm', *a); row('factorial', *a); row('isqrt', *a)
for a in [([1.0], [1.0, 2.0]), (['a'], [1.0])]: row('dist', *a)
row('sumprod', [1.0], [1.0, 2.0])
row('ldexp', 1.0, 1.5); row('ldexp', 0.0, 10**100); row('ldexp', 1.5, 10**100); row('ldexp', 1.5, -10**100); row('nextafter', 1.0, 2.0, steps=-1); row('nextafter', 1.0, 2.0, steps=10**30)
row('isclose', 1.0, 2.0, rel_tol=-1.0); row('isclose', 1.0, 1.5, abs_tol=.5); row('log', 8, 2); row('log', 2, 0); row('log', 2, 1); row('log', 10**400, 10); row('log', -10**400); row('fsum', [.1] * 10); row('fsum', [1e308, 1e308]); row('fsum', [math.inf, -math.inf]); row('trunc', 2.7); row('trunc', -2.7)
open(sys.argv[1], 'w').write('\n'.join(rows) + '\n')
