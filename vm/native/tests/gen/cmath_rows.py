"""Writes cmath.txt: cmath as CPython 3.14 computes it. Run with python3.14."""
import cmath, math, random, struct, sys
R = random.Random(23)
rows = []
S = [0.0, -0.0, math.inf, -math.inf, math.nan, 2.3, -2.3]
def fl():
    k = R.random()
    if k < .2: return R.choice(S + [1.0, -1.0, .5, 1e308, -1e308, 1e-308, 5e-324, 709.9, -710.5, 711.0, 1e160])
    if k < .85: return R.uniform(-4, 4)
    return struct.unpack('d', R.randbytes(8))[0]
def show(v):
    if isinstance(v, bool): return 'b%d' % v
    if isinstance(v, complex): return 'c' + v.real.hex() + ';' + v.imag.hex()
    if isinstance(v, float): return 'f' + v.hex()
    if isinstance(v, int): return 'i%d' % v
    if isinstance(v, tuple): return '(' + ','.join(map(show, v)) + ')'
    return 's' + str(v)
def row(name, *args, **kw):
    try: r = show(getattr(cmath, name)(*args, **kw))
    except Exception as e: r = '!' + type(e).__name__ + ': ' + str(e)
    rows.append('\t'.join([name, *map(show, args), *(k + '=' + show(v) for k, v in kw.items()), r]))
ONE = 'acos acosh asin asinh atan atanh cos cosh exp log log10 sin sinh sqrt tan tanh phase polar'.split()
for f in ONE:
    for x in S:
        for y in S: row(f, complex(x, y))
    for _ in range(30): row(f, complex(fl(), fl()))
    row(f, 'a'); row(f); row(f, 2); row(f, 2.5)
for x in S:
    for y in S: row('rect', x, y)
for f in 'isfinite isinf isnan'.split():
    for _ in range(10): row(f, complex(fl(), fl()))
for _ in range(30): row('rect', fl(), fl()); row('isclose', complex(fl(), 1), complex(fl(), 1)); row('log', complex(R.uniform(-4, 4), R.uniform(-4, 4)), complex(R.uniform(-4, 4), R.uniform(-4, 4)))
for a in [(2, 0), (2, 1), (0, 2), (8, 2)]: row('log', *a)
row('isclose', 1, 1.0000000001); row('isclose', 1, 2, rel_tol=-1.0); row('isclose', 1j, 1.5j, abs_tol=.5); row('atanh', 1); row('atan', 1j); row('polar', complex(1.7e308, 1.7e308))
open(sys.argv[1], 'w').write('\n'.join(rows) + '\n')
