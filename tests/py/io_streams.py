"""Buffered and text streams over raw ones made in Python and over memory."""

import io

class R(io.RawIOBase):
    def __init__(s): s.d = [b'ab\n', b'cd', b'', None]
    def readable(s): return True
    def readinto(s, b):
        x = s.d.pop(0)
        if x is None: return None
        b[:len(x)] = x; return len(x)
r = io.BufferedReader(R()); print(r.readline(), r.read(5), r.read())
class W(io.RawIOBase):
    def __init__(s): s.out = []
    def writable(s): return True
    def write(s, b): s.out.append(bytes(b)); return min(len(b), 3)
w = W(); b = io.BufferedWriter(w, 4); b.write(b'abcdef'); b.flush(); print(w.out)
t = io.TextIOWrapper(io.BytesIO('añb\r\nc\rd\n'.encode()), encoding='utf-8'); print([x for x in t], t.newlines)
t.seek(0); print(t.read(2), t.tell()); c=t.tell(); t.read(); t.seek(c); print(repr(t.read()))
for nl in (None, '', '\n', '\r', '\r\n'):
    t = io.TextIOWrapper(io.BytesIO(b'a\r\nb\rc\nd'), newline=nl); print(nl, t.readlines())
    t = io.TextIOWrapper(io.BytesIO(), newline=nl); t.write('x\ny\n'); t.flush(); print(t.buffer.getvalue())
t = io.TextIOWrapper(io.BytesIO(b'\xff\xfea\x00b\x00'), 'utf-16'); print(t.read())
t = io.TextIOWrapper(io.BytesIO(b'\xff'), 'utf-8')
try: t.read()
except UnicodeDecodeError as e: print(e)
try: io.TextIOWrapper(io.BytesIO(), 'nope')
except LookupError as e: print(e)
try: io.TextIOWrapper(io.BytesIO(), 'rot13')
except LookupError as e: print(e)
try: io.BytesIO().write('x')
except TypeError as e: print(e)
try: io.StringIO().write(b'x')
except TypeError as e: print(e)
x = io.StringIO('hello'); x.seek(2); print(x.read(), x.truncate(1), x.getvalue())
