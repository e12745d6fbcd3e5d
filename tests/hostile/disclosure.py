#: objects of others by the collector | COMPLETED
import gc
mark = 'CANA' + 'RY-'
assert not any(type(o) is str and mark in o and len(o) > 10 for o in gc.get_objects())
assert not any(type(v) is str and mark in v and len(v) > 10 for o in gc.get_objects() if type(o) is dict for v in list(o.values()))

#: objects of others by subclasses | COMPLETED
names = {c.__name__ for c in object.__subclasses__()}
assert 'CanaryClass' not in names

#: frames of others | COMPLETED
import sys
f = sys._getframe()
while f.f_back: f = f.f_back
assert f.f_code.co_name == '<module>', f

#: frames of all threads | COMPLETED
import sys
assert len(sys._current_frames()) == 1

#: threads of others | COMPLETED
import threading
assert len(threading.enumerate()) == 1, threading.enumerate()

#: memory that was not cleared, of bytearray | COMPLETED
for n in (100, 5000, 100_000, 3_000_000):
    for _ in range(5): assert not any(bytearray(n))

#: memory that was not cleared, of growing bytearray | COMPLETED
b = bytearray()
for n in (100, 5000, 100_000, 3_000_000):
    b.extend(bytes(n))
    assert not any(b)

#: memory that was not cleared, of arrays | COMPLETED
import array
for n in (10, 1000, 300_000): assert not any(array.array('q', bytes(8 * n)))

#: memory beyond a view | EXCEPTION ValueError or EXCEPTION IndexError or EXCEPTION BufferError
b = bytearray(10)
m = memoryview(b)
assert len(m[0:1000]) == 10
m[5:5000] = bytes(4995)

#: memory of a released buffer | EXCEPTION ValueError
b = bytearray(10**6)
m = memoryview(b)
m.release()
m[0]

#: a buffer that shrinks below its view | EXCEPTION BufferError
b = bytearray(10**6)
m = memoryview(b)
b.clear()

#: struct beyond its buffer | EXCEPTION error
import struct
struct.unpack_from('1000q', bytearray(10))

#: a cast beyond its buffer | EXCEPTION TypeError or EXCEPTION ValueError
memoryview(bytearray(10)).cast('B', shape=[1000])

#: slices with odd indices | COMPLETED
class I:
    def __index__(self):
        x.clear()
        return 0
x = list(range(1000))
assert x[I():1000] == []
x = bytearray(1000)
assert x[I():1000] in (b'', bytes(1000))

#: list that shrinks while it is read | COMPLETED or EXCEPTION ValueError
x = []
class A:
    def __eq__(self, o):
        x.clear()
        return False
x.extend(A() for _ in range(1000))
x.index(7) if 7 in x else x.count(7)

#: dict that changes while it is compared | COMPLETED or EXCEPTION RuntimeError
d = {}
class A:
    def __eq__(self, o):
        d.clear()
        return False
    __hash__ = lambda s: 1
for _ in range(30):
    try: d[A()] = A()
    except RuntimeError: pass
d == {A(): A()}

#: join whose items change | COMPLETED or EXCEPTION TypeError or EXCEPTION RuntimeError
x = ['a'] * 100
class S(str):
    def __str__(self): x.clear(); return 'b'
    __format__ = lambda s, f: str(s)
x[50] = S('c')
''.join(x)

#: bytes of an object that lies about its length | COMPLETED or EXCEPTION ValueError or EXCEPTION TypeError or EXCEPTION MemoryError or EXCEPTION OverflowError or MEMORY
class A:
    def __length_hint__(self): return 2**62
    def __iter__(self): return iter(b'abc')
bytes(A()); list(A()); tuple(A())

#: tracebacks of the machinery | EXCEPTION ZeroDivisionError
import json
class A(dict):
    def items(self): return 1 / 0
json.dumps(A(x=1), indent=1)

#: tracebacks that name a file of the host | EXCEPTION ZeroDivisionError
exec(compile('1 / 0', '/etc/passwd', 'exec'))

#: source lines of a file of the host | COMPLETED
import linecache, traceback
assert not linecache.getline('/etc/passwd', 1)
try: exec(compile('\n1 / 0', '/etc/passwd', 'exec'))
except ZeroDivisionError: assert 'root' not in traceback.format_exc()

#: inspect of what is built in | EXCEPTION TypeError or EXCEPTION OSError
import inspect
inspect.getsource(len)

#: addresses are not pointers to be used | COMPLETED
x = object()
assert id(x) != 0 and str(id(x)) != ''

#: hash seeds differ between isolates | COMPLETED
hash('x')

#: sys tells nothing of the host | COMPLETED
import sys
text = ' '.join(map(str, [sys.executable, sys.argv, sys.path, sys.prefix, sys.orig_argv]))
assert '/work' not in text and '/root' not in text and 'typhon serve' not in text, text

#: the machine's name and user | COMPLETED or EXCEPTION PermissionError
import platform, os
platform.node()

#: the process's usage | EXCEPTION PermissionError or COMPLETED
import resource
resource.getrusage(resource.RUSAGE_SELF)

#: code that the host runs in the isolate | COMPLETED
import sys
assert not [n for n in sys.modules if 'service' in n or 'canary' in n.lower()]

#: modules that another program changed | COMPLETED
import json, builtins, string
assert not hasattr(json, 'typhon_mark') and not hasattr(builtins, 'typhon_mark')
assert string.digits == '0123456789'
json.typhon_mark = builtins.typhon_mark = 1
string.digits = 'x'

#: modules that the program before this one changed | COMPLETED
import json, builtins, string
assert not hasattr(json, 'typhon_mark') and not hasattr(builtins, 'typhon_mark')
assert string.digits == '0123456789'

#: types that another program changed | EXCEPTION TypeError
int.typhon_mark = 1

#: types that another program changed by their dict | EXCEPTION TypeError or EXCEPTION AttributeError
type.__dict__['__dict__'].__get__(int)['typhon_mark'] = 1

#: constants that another program changed | EXCEPTION TypeError
import gc
for d in gc.get_referents(int.__dict__): d['typhon_mark'] = 1
raise TypeError('changed' if hasattr(int, 'typhon_mark') else 'not changed')

#: types that another program changed by comparing their dicts | COMPLETED
class X:
    def __eq__(self, d): d['typhon_mark'] = 1; return True
    def __ror__(self, d): d['typhon_mark'] = 1; return True
    __lt__ = __gt__ = lambda self, d: self == d
int.__dict__ == X()
int.__dict__ | X()
int.__dict__ < X()
assert not hasattr(int, 'typhon_mark')

#: types that another program changed by what is behind views of their dicts | EXCEPTION IndexError
import gc
for d in gc.get_referents(int.__dict__.items(), iter(int.__dict__), int, int.__dict__):
    if type(d) is dict: d['typhon_mark'] = 1
assert not hasattr(int, 'typhon_mark')
raise IndexError

#: types changed by the setters of others | EXCEPTION TypeError
object.__setattr__(int, 'typhon_mark', 1)

#: types changed by their bases | EXCEPTION TypeError
int.__bases__ = (str,)

#: types changed by the setter of all types | EXCEPTION TypeError
type.__setattr__(int, 'typhon_mark', 1)

#: types as the program before this one left them | COMPLETED
assert not hasattr(int, 'typhon_mark') and not hasattr(object, 'typhon_mark')
