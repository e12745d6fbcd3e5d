"""Writes decimal.txt and decimal_text.txt: decimal operations as CPython 3.14's C module does them. Run with python3.14."""
import sys
from decimal import *
import random
R = random.Random(5)
BITS = {Clamped: 1, DivisionByZero: 4, Inexact: 0x40, InvalidOperation: 0x100, Overflow: 0x800, Rounded: 0x1000, Subnormal: 0x2000, Underflow: 0x4000}
ROUND = {'up': ROUND_UP, 'down': ROUND_DOWN, 'ceiling': ROUND_CEILING, 'floor': ROUND_FLOOR, 'half_up': ROUND_HALF_UP, 'half_down': ROUND_HALF_DOWN, 'half_even': ROUND_HALF_EVEN, '05up': ROUND_05UP}
UN = {'abs': 'abs', 'exp': 'exp', 'invert': 'logical_invert', 'ln': 'ln', 'log10': 'log10', 'logb': 'logb', 'minus': 'minus', 'nextminus': 'next_minus', 'nextplus': 'next_plus', 'plus': 'plus', 'reduce': 'normalize', 'squareroot': 'sqrt', 'tointegral': 'to_integral_value', 'tointegralx': 'to_integral_exact', 'class': 'number_class', 'isnormal': 'is_normal', 'issubnormal': 'is_subnormal'}
BIN = {'add': 'add', 'and': 'logical_and', 'compare': 'compare', 'comparesig': 'compare_signal', 'comparetotal': 'compare_total', 'comparetotmag': 'compare_total_mag', 'copysign': 'copy_sign', 'divide': 'divide', 'divideint': 'divide_int', 'max': 'max', 'maxmag': 'max_mag', 'min': 'min', 'minmag': 'min_mag', 'multiply': 'multiply', 'nexttoward': 'next_toward', 'or': 'logical_or', 'power': 'power', 'quantize': 'quantize', 'remainder': 'remainder', 'remaindernear': 'remainder_near', 'rotate': 'rotate', 'samequantum': 'same_quantum', 'scaleb': 'scaleb', 'shift': 'shift', 'subtract': 'subtract', 'xor': 'logical_xor'}
rows = []
def operand():
    k = R.random()
    if k < .05: return R.choice(['NaN', '-NaN12', 'sNaN', 'sNaN345', 'Infinity', '-Infinity'])
    if k < .12: return R.choice(['0', '-0', '0E+3', '-0E-7', '1', '-1', '1.000', '10', '9' * R.randrange(1, 20), '5E-1', '2', '1E+20', '0.1', '100'])
    d = str(R.randrange(10 ** R.randrange(1, R.choice([4, 12, 40]))))
    if R.random() < .15: d = d.rstrip('0123456789')[:0] + d[0] + R.choice(['0', '9']) * R.randrange(1, 25)
    e = R.choice([0, 0, R.randrange(-8, 8), R.randrange(-30, 30), R.randrange(-400, 400)])
    return R.choice(['', '', '-']) + d + ('E%d' % e if e else '')
def context():
    p = R.choice([1, 2, 3, 5, 7, 9, 16, 28, 50])
    emax = R.choice([5, 30, 384, 999999]); emin = -R.choice([5, 30, 383, 999999])
    r = R.choice(list(ROUND)); cl = int(R.random() < .25)
    return (p, emax, emin, r, cl), Context(prec=p, Emax=emax, Emin=emin, rounding=ROUND[r], clamp=cl, capitals=1, traps=[], flags=[])
def status(c): return sum(b for f, b in BITS.items() if c.flags[f])
def row(op, f, args, key, c):
    a = [Decimal(x) for x in args]
    try: r = getattr(c, f)(*a)
    except ValueError: return
    rows.append(' '.join([op, *map(str, key), '%x' % status(c), str(int(r) if isinstance(r, bool) else r), *map(str, a)]))
for i in range(4500):
    key, c = context()
    k = R.random()
    if k < .28: op = R.choice(list(UN)); args = [operand()]; f = UN[op]
    elif k < .9: op = R.choice(list(BIN)); args = [operand(), operand()]; f = BIN[op]
    elif k < .95: op, f = 'fma', 'fma'; args = [operand() for _ in range(3)]
    else: op, f = 'power', 'power'; args = [str(R.randrange(-10**6, 10**6)), str(R.randrange(0, 10**R.randrange(1, 9))), str(R.randrange(-10**5, 10**5))]
    if op in ('and', 'or', 'xor', 'invert') and R.random() < .9: args = [R.choice('01') * R.randrange(1, 5) + bin(R.getrandbits(R.randrange(1, 30)))[2:] for _ in args]
    if op in ('rotate', 'shift', 'scaleb') and R.random() < .9: args[1] = str(R.randrange(-key[0] - 1, key[0] + 2))
    if op == 'power' and len(args) == 2 and R.random() < .6: args[1] = str(R.randrange(-40, 40))
    if op == 'power' and len(args) == 2 and R.random() < .3: args = ['%d.%d' % (R.randrange(0, 100), R.randrange(1000)), '%d.%d' % (R.randrange(-9, 9), R.randrange(1000))]
    if op in ('exp', 'ln', 'log10') and R.random() < .6: args = [R.choice(['', '', '-'] if op == 'exp' else ['']) + '%d.%d' % (R.randrange(0, 100), R.randrange(10**R.randrange(1, 12)))]
    if op == 'quantize' and R.random() < .7: args[1] = '1E%d' % R.randrange(-10, 6)
    if op == 'power' and len(args) == 2:
        # A power near 1 to a huge exponent takes CPython minutes.
        y = Decimal(args[1])
        if y.is_finite() and y.adjusted() > 6: continue
    row(op, f, args, key, c)
for x in ['1.0000000001', '0.9999999999', '1.5', '2', '10.000001', '9.99999', '1E-300', '1E+300', '123456789.123456789', '0.00001']:
    for op in ['ln', 'log10', 'exp']:
        for p in [1, 3, 17, 28, 100, 300]:
            c = Context(prec=p, Emax=999999, Emin=-999999, traps=[], flags=[]); row(op, op, [x], (p, 999999, -999999, 'half_even', 0), c)
def ext(op, f, *a):
    try: r = f()
    except Exception as e: r = '!' + type(e).__name__ + ': ' + str(e)
    rows.append('\t'.join([op, *map(str, a), str(r)]))
for _ in range(200):
    x = operand(); d = Decimal(x)
    if not d.is_nan(): ext('hash', lambda: hash(d), d)
    ext('int', lambda: int(d), d); ext('ratio', lambda: '%d/%d' % d.as_integer_ratio(), d); ext('eng', lambda: d.to_eng_string(), d)
import struct
for _ in range(100):
    x = R.choice([R.uniform(-100, 100), float(R.randrange(10**6)) / 64, 1e300, 5e-324, 0.0, -0.0, float('inf'), 1e22]); ext('float', lambda: Decimal(x), x.hex())
F = ['1234567.891', '0', '-0.000', '1E+5', '1E-10', 'NaN', '-Infinity', 'sNaN12', '1.5', '0E+3', '-1E-7', '999999.5', '123', '-0.0049', '12345678901234567890.12345', '-99.95', '1E-6', '1.0E-7']
def esc(s): return s.encode('unicode_escape').decode()
for _ in range(900):
    o = R.choice; v = o(F)
    s = o(['', '', '', '<', '>', '^', '=', '*<', '0=', 'x^', '0<']) + o(['', '', '', '+', '-', ' ']) + o([''] * 8 + ['z']) + o([''] * 6 + ['#']) + o(['', '', '0']) + o(['', '', '5', '12', '13', '20', '33']) + o(['', '', '', ',', '_']) + o(['', '', '', '.0', '.1', '.3', '.8', '.20'])
    if '.' in s: s += o(['', '', '', ',', '_'])
    s += o(['', '', 'e', 'E', 'f', 'F', 'g', 'G', 'n', '%', '%'] + (['d', 's', 'q'] if R.random() < .1 else []))
    setcontext(Context(prec=R.choice([3, 28]), rounding=R.choice(list(ROUND.values()))))
    r = [k for k, v2 in ROUND.items() if v2 == getcontext().rounding][0]
    ext('format', lambda: esc(format(Decimal(v), s)), r, v, esc(s))
for t in ['', ' ', '1', '+1', '.5', '5.', '.', '1e5', '1E+05', '1e', '1e+', 'e5', '1.2.3', 'NaN', 'nan012', 'sNaN1', '-snan', 'Infinity', '-inf', 'infin', '1e999999999999999999', '1e1000000000000000000', '1e-1999999999999999997', '1e-1999999999999999998', '0e99999999999999999999', '000123', '-0', '--1', '0x1', '1E5E5', 'NaN1x', '1e9' + '9' * 30]:
    def f():
        c = Context(prec=9, Emax=999, Emin=-999, traps=[], flags=[]); r = c.create_decimal(t); return '%s %x' % (r, status(c))
    ext('parse', f, t)
open(sys.argv[1] + '/decimal.txt', 'w').write(''.join(r + '\n' for r in rows if '\t' not in r))
open(sys.argv[1] + '/decimal_text.txt', 'w').write(''.join(r + '\n' for r in rows if '\t' in r))
