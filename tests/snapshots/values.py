# Numbers, texts, containers that hold themselves, and what is shared.
import collections, datetime, decimal, fractions, random, re, types, array, uuid, pathlib, io, itertools
from collections import OrderedDict, defaultdict, Counter, deque
random.seed(5); random.random()
decimal.getcontext().prec = 7
x = [1, 2.5, 'a', b'b', None, True, ..., NotImplemented, 1 << 100, 3j]
x.append(x)
shared = {'k': [1]}
pair = (shared, shared)
when = datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc); dl = datetime.timedelta(1)
d = decimal.Decimal('1.10'); fr = fractions.Fraction(1, 3)
dd = defaultdict(list, a=[1]); od = OrderedDict(b=1, a=2); cn = Counter('hello'); dq = deque([1, 2], 3)
pat = re.compile('a+', re.I)
ns = types.SimpleNamespace(a=1)
prox = types.MappingProxyType({'a': 1})
rng = random.Random(3); rng.random(); rnd = random.random
it = iter([1, 2, 3]); next(it)
sio = io.StringIO('abc'); sio.read(1)
bio = io.BytesIO(b'xyz')
arr = array.array('i', [1, 2]); uid = uuid.UUID(int=5); pth = pathlib.PurePosixPath('/a/b')
appender = x.append
m = re.search('(b)(x)?', 'abc'); whole = re.fullmatch('a.c', 'abc')
add = (40).__add__
#: cut
print(x[:10], x[-1] is x, pair[0] is pair[1] is shared)
print(appender.__self__ is x)
print(when, dl, d + decimal.Decimal(1) / 3, fr, decimal.getcontext().prec, dd, dd['zz'], od, cn, dq, dq.maxlen)
print(pat, pat.match('AAb'), ns, prox, rng.random(), random.random(), rnd(), random.random(), next(it))
print(sio.read(), bio.getvalue(), arr, uid, pth)
print(m.span(), m.groups(), m.re.pattern, whole[0], add(2))
