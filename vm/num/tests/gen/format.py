"""Writes format.txt: format() and % of numbers and strings as CPython 3.14 does them. Run with python3.14."""
import random, sys
R = random.Random(11)
rows = []
F = [0.0, -0.0, 1.0, -1.5, 1234.5678, -1234567.891, 1e16, 1e-5, 123456789012345.0, .1, 9.995, float('inf'), float('nan'), -0.0004, 1e100, 5e-324, 99999.5, 31.4159265358979]
I = [0, 1, -1, 7, 255, -256, 1000, -1234567, 10**20, 65, 0x1F600, 0x110000, 1 << 70]
S = ['', 'a', 'hello', 'h\u00e9llo w\u00f6rld']
C = [1j, 0j, 1 + 2j, -0.0 - 1.5j, complex(float('nan'), float('inf')), 1234567.891 + .001j, 3 + 0j]
def esc(s): return s.encode('unicode_escape').decode()
def val(v): return '%s' % v.hex() if isinstance(v, float) else v.real.hex() + ' ' + v.imag.hex() if isinstance(v, complex) else esc(v) if isinstance(v, str) else str(v)
def row(op, v, spec):
    try: r = esc(format(v, spec) if op == 'format' else spec % v)
    except Exception as e: r = '!' + type(e).__name__ + ': ' + esc(str(e))
    rows.append('\t'.join([op, type(v).__name__, val(v), esc(spec), r]))
def spec(types):
    o = R.choice
    s = o(['', '', '', '<', '>', '^', '=', '*<', '0=', 'x^', '\u20ac>', '0<', '==', '>>'])
    s += o(['', '', '', '+', '-', ' ']) + o([''] * 8 + ['z']) + o(['', '', '', '#']) + o(['', '', '0'])
    s += o(['', '', '5', '12', '13', '20', '33']) + o(['', '', '', ',', '_']) + o(['', '', '', '.0', '.1', '.3', '.8', '.20'])
    if '.' in s: s += o(['', '', '', ',', '_'])
    s += o(types)
    if R.random() < .04: s += o([',', '_', '.', 'q', '0', '\u1234', ' '])
    return s
for _ in range(1300): row('format', R.choice(F), spec(['', '', 'e', 'f', 'g', 'n', '%', 'E', 'F', 'G', 'd', 'x']))
for _ in range(900): row('format', R.choice(I + [True]), spec(['', '', 'd', 'd', 'b', 'o', 'x', 'X', 'n', 'c', 'f', 'e', 'g', '%', 's', 'r']))
for _ in range(400): row('format', R.choice(S), spec(['', 's', 's', 'd']))
for _ in range(450): row("format", R.choice(C), spec(['', '', 'e', 'f', 'g', 'n', '%', 'd']).replace('0=', '').replace('==', ''))
for v in [1, 1.5, 'a', 1j]:
    for s in ['.', '.,', '._', '1,2', ',_', '_,', ',,', '__', '.8,_f', '.8,,f', '99999999999999999999', '.99999999999999999999', 'abc', ' ', '\x00', '\u1234', 'z', 'y', '<<<', '0', '00', '000', '+', '9,f', '0=9', '<09', '=09']:
        row('format', v, s)
for w in range(0, 30): row('format', 1234567, '0%d,' % w); row('format', -1234.5, '0%d_' % w); row('format', 0xABCDEF, '#0%d_x' % w)
def pct(codes):
    o = R.choice
    s = '%' + ''.join(o(['-', '+', ' ', '#', '0']) for _ in range(o([0, 0, 1, 1, 2, 3])))
    return s + o(['', '', '5', '12', '20']) + o(['', '', '.', '.0', '.3', '.12']) + o(['', '', '', 'l', 'h', 'L']) + o(codes)
for _ in range(600): row('%', R.choice(F), pct('eEfFgG'))
for _ in range(500): row('%', R.choice(I), pct('diuoxX'))
for _ in range(120): row('%', R.choice(S), pct('s'))
for s in ['%', '%y', 'abc %', '%5', '%.', '%l', '%lld', '%99999999999999999999d', '%.99999999999999999999d', '%.9999999999d', '%\u1234', '%\x00', '100%% %d', '%d%%', '%-05d|', '%b', '%~']: row('%', 1, s)
open(sys.argv[1], 'w').write('\n'.join(rows) + '\n')
