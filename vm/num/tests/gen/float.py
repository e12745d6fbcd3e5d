"""Writes float.txt: float and complex text as CPython 3.14 does it. Run with python3.14."""
import random, struct, sys
R = random.Random(3)
rows = []
def fl():
    k = R.random()
    if k < .25: return R.choice([0.0, -0.0, 1.0, -1.0, .5, 1.5, 2.5, 0.125, .375, 1e308, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e22, 1e23, 1e15, 1e16, 1e17, 9999999999999998.0, 12345678901234567.0, 1e-4, 1e-5, 123456.0, 1234567.0, 999999.5, 9.5, 99.5, .1, 9.999999e22, 0.00001234, float('inf'), float('-inf'), float('nan')])
    if k < .5: return R.randrange(-10**6, 10**6) / 2 ** R.randrange(0, 12)
    if k < .7: return R.uniform(-1e3, 1e3)
    if k < .8: return float(R.randrange(10**R.randrange(1, 18)))
    return struct.unpack('d', R.randbytes(8))[0]
def esc(s): return s.encode('unicode_escape').decode().replace(' ', '\\x20')
def row(op, f, *a):
    try: r = f()
    except Exception as e: r = '!' + type(e).__name__ + ': ' + str(e)
    rows.append('\t'.join([op, *map(str, a), r]))
for _ in range(350):
    x = fl(); row('repr', lambda: repr(x), x.hex())
for _ in range(1500):
    x = fl(); p = R.choice([0, 0, 1, 2, 3, 5, 6, 10, 15, 16, 17, 18, 20, 25, 30, 60] if abs(x) < 1e30 else [0, 1, 3, 17, 25]); c = R.choice('eEfFgG'); alt = R.choice(['', '', '#'])
    row('%', lambda: '%' .__add__(alt + '.' + str(p) + c) % x, alt + '.' + str(p) + c, x.hex())
for x in [5e-324, 1.1, 2**-1074 * 3, 1/3]:
    for p in [800, 1074, 1200]: row('%', lambda: ('%.' + str(p) + 'e') % x, '.%de' % p, x.hex())
row('%', lambda: '%.1100f' % 5e-324, '.1100f', (5e-324).hex())
for _ in range(900):
    x = fl(); n = R.choice([R.randrange(-25, 25), R.randrange(-4, 6), R.randrange(-330, 340)]); row('round', lambda: round(x, n).hex(), x.hex(), n)
for x in [5.0, 15.0, 25.0, 250.0, 350.0, 1.7e308, 1.5e308, 4.9e307, 5e307]:
    for n in [-1, -2, -3, -308, -307, -309]: row('round', lambda: round(x, n).hex(), x.hex(), n)
P = ['', ' ', '1', ' 1 ', '1.', '.1', '.', '1e5', '1e', 'e5', '1e+5', '1e-5', '1_0', '1__0', '_1', '1_', '1_.0', '1._0', '1_0.0_1', '1e1_0', '1e_1', 'inf', 'INF', '-infinity', 'infinit', '+nan', 'nan', '-nan', 'nanx', '0x10', '1e400', '-1e400', '1e-400', '1' * 400, '0.' + '0' * 400 + '1', '1e99999999999999999999', '1e-99999999999999999999', '--1', '+ 1', '1 2', '1\x00', '1d5', '1f', '9007199254740993', '2.4703282292062327208e-324', '2.4703282292062328e-324', '1e23', '8.5e22', '179769313486231580793728971405301e276', '\x1f1\x1c', 'i', 'n', '1j', '1,5', '١']
for t in P[:-1]: row('parse', lambda: float(t).hex(), esc(t))
H = ['', '0x', '1', '-1', '0x1', '0X1P3', '0x1.8p1', '.8', '0x.8', '0x1.', '1.p', '0x1p', '0x1p+', '0x1p1024', '0x1.fffffffffffff7p1023', '0x1.fffffffffffff8p1023', '0x1.fffffffffffffp1023', '0x1p-1074', '0x1p-1075', '0x1.8p-1075', '0x1.0000000000001p-1075', '0x0.8p-1074', '0x3p-1075', '0x1p-99999999999999999999999', '0x1p99999999999999999999999', '0x0p99999999999999999999', 'inf', '-INF', 'nan', 'infinity', '0x1.00000000000008', '0x1.00000000000018', '0x1.000000000000080000000000000001', '1' * 30, '0x' + '0' * 40 + '1', '0x0.' + '0' * 40 + '1', ' 0x1 ', '0x1 p1', '0x1.1.1', '0xg', '1_0', '+0x1p+0', '0x1P-1', '123456789abcdef01', 'ffffffffffffffffff', '0.0000000000000000000123456789abcdef', '0x1.fffffffffffff8p-1', '0x7fffffffffffffff', '0x1.fffffffffffffp-1023', '0x0.fffffffffffff8p-1022']
for t in H: row('fromhex', lambda: float.fromhex(t).hex(), esc(t))
for _ in range(150):
    t = R.choice(['', '-']) + '0x%x.%xp%d' % (R.getrandbits(R.randrange(1, 40)), R.getrandbits(R.randrange(1, 70)), R.randrange(-1120, 1040)); row('fromhex', lambda: float.fromhex(t).hex(), t)
for _ in range(100):
    x = fl(); row('hex', lambda: x.hex(), repr(x))
for _ in range(150):
    a, b = fl(), fl(); row('crepr', lambda: repr(complex(a, b)), a.hex(), b.hex())
C = ['', '1', 'j', '+j', '-j', '1j', '1+1j', '1-j', '1+j', ' 1+2j ', '(1+2j)', ' ( 1+2j ) ', '(1', '1)', '()', '1 + 2j', '1+ 2j', '1+2', '1j+2', '1jj', 'nan+infj', '-nanj', 'inf-infj', '1e5+1e-5J', '1_0+2_0j', '1_+2j', '1+_2j', '1e+5j', '1e+j', '1e', '.5j', '+', '-', '((1))', '1+2j3', 'infinityj', '1++2j', '1+-2j', '-0-0j', '(j', '\t1j\n', 'i', '1+infj', '1e400j']
def cp(t):
    z = complex(t); return z.real.hex() + ' ' + z.imag.hex()
for t in C: row('cparse', lambda: cp(t), esc(t))
open(sys.argv[1], 'w').write('\n'.join(rows) + '\n')
