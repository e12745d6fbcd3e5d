"""Writes int.txt: integer operations as CPython 3.14 does them. Run with python3.14."""
import math, random, sys
sys.set_int_max_str_digits(0)
random.seed(1)
R = random.Random(7)
def num(maxbits=200):
    k = R.random()
    if k < .1: return R.choice([0, 1, -1, 2, -2, 255, -256, 1 << 63, -(1 << 63), (1 << 64) - 1, (1 << 61) - 1, -(1 << 61)])
    b = R.randrange(1, maxbits)
    n = R.getrandbits(b)
    if k < .3: n = (1 << b) + R.choice([-1, 0, 1])
    return n if R.random() < .5 else -n
def show(x):
    if isinstance(x, int): return format(x, 'x')
    if isinstance(x, float): return x.hex()
    if isinstance(x, tuple): return ' '.join(map(show, x))
    if isinstance(x, bytes): return 'b' + x.hex()
    return x
rows = []
def row(op, f, *args):
    try: r = show(f(*args))
    except Exception as e: r = '!' + type(e).__name__ + ': ' + str(e)
    rows.append(' '.join([op] + [show(a) for a in args]) + ' = ' + r)
for _ in range(33):
    row('divmod', divmod, num(), num(120)); row('divmod', divmod, num(1500), num(800))
    row('and', lambda a, b: a & b, num(), num()); row('or', lambda a, b: a | b, num(), num()); row('xor', lambda a, b: a ^ b, num(), num())
    row('shl', lambda a, b: a << b, num(), R.randrange(-2, 130)); row('shr', lambda a, b: a >> b, num(), R.randrange(-2, 260))
    row('pow', pow, num(60), R.randrange(0, 20))
    row('powmod', pow, num(), num(70), num(90)); row('powmod', pow, num(), num(300), num(400) | 1)
    row('gcd', math.gcd, num(), num()); row('lcm', math.lcm, num(), num())
    g = num(100); row('gcd', math.gcd, num(600) * g, num(600) * g)
    row('isqrt', math.isqrt, num(300)); a = abs(num(150)); row('isqrt', math.isqrt, a * a - 1 if a else 0)
    row('comb', math.comb, R.randrange(-1, 300), R.randrange(-1, 200)); row('perm', math.perm, R.randrange(-1, 60), R.randrange(-1, 50))
    row('bits', lambda n: (n.bit_length(), n.bit_count()), num())
    row('float', float, num(1100)); row('float', float, num(80))
    row('div', lambda a, b: a / b, num(), num()); row('div', lambda a, b: a / b, num(1500), num(800)); row('div', lambda a, b: a / b, num(200), num(1300))
    row('div', lambda a, b: a / b, num(80), num(1120) * 4)
    row('hash', hash, num(300))
    L = R.randrange(0, 12)
    row('bytes_u', lambda n, l: n.to_bytes(l, 'big'), num(100), L); row('bytes_s', lambda n, l: n.to_bytes(l, 'little', signed=True), num(100), L)
    row('round', lambda n, d: round(n, -d), num(100), R.randrange(0, 40))
for n in list(range(-1, 25)) + [50, 100]: row('factorial', math.factorial, n)
D = '0123456789abcdefghijklmnopqrstuvwxyz'
def digits(n, b):
    s, n = '-' * (n < 0), abs(n)
    o = '' if n else '0'
    while n: n, d = divmod(n, b); o = D[d] + o
    return s + o
for _ in range(100):
    b = R.randrange(2, 37); row('text', digits, num(200), b)
def fl():
    k = R.random()
    if k < .2: return R.choice([0.0, -0.0, 1.0, -1.0, .5, 2.5, 1e308, 5e-324, 1e22, 1e23, float('inf'), float('-inf'), float('nan')])
    if k < .5: return R.uniform(-1e6, 1e6)
    import struct
    return struct.unpack('d', R.randbytes(8))[0]
for _ in range(120):
    x = fl()
    if x == x: row('fhash', hash, x)
    row('trunc', int, x); row('ratio', float.as_integer_ratio, x)
for _ in range(60):
    a, b = fl(), fl()
    if a == a and b == b: row('chash', lambda a, b: hash(complex(a, b)), a, b)
T = ['', '0', '00', '-0', '+5', ' 12 ', '1_000', '1__0', '_1', '1_', '0x', '0x_f', '0X1F', '0b101', '0o17', '012', '0_0', '00x1', '- 1', '--1', '+-1', '1 2', 'z', 'Zz', '0b2', '0o8', '1e5', '1.0', '0x_', '0b_1', 'abc', '\t7\n', '\x1f7\x1c', '7\x00', '9' * 30, '-' + 'f' * 40, '1' * 4300, '1' * 4301, '_' * 3, '+_1', '0b', '0_b1', '0x__1']
sys.set_int_max_str_digits(4300)
for t in T:
    for b in [0, 2, 8, 10, 16, 36, 1, 37] if len(t) < 100 else [10]:
        try: r = show(int(t, b))
        except Exception as e: r = '!' + type(e).__name__ + ': ' + str(e).replace('\n', '\\n')
        rows.append('parse %s %x = %s' % ('b' + t.encode().hex(), b, r))
open(sys.argv[1], 'w').write('\n'.join(rows) + '\n')
