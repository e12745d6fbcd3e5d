import io, marshal


def attempt(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, e)


values = (0, -1, 2**31, -(2**70), 1.5, float("inf"), 2j, "", "abc", "é\ud800", b"x", (), [1, [2]], {"a": {1: 2}}, {3}, frozenset([4]),
          slice(1, None, 2), None, True, ..., StopIteration)
for version in range(6):
    for value in values[: -5 if version < 5 else None]:
        assert marshal.loads(marshal.dumps(value, version)) == value, (value, version)
print(marshal.loads(marshal.dumps(values)) == values, marshal.version)
print(marshal.dumps((1.5, 2**40), 1), marshal.dumps([1, "é"], 2))
loop = []
loop.append((loop,))
again = marshal.loads(marshal.dumps(loop))
print(again[0][0] is again)
stream = io.BytesIO()
for value in values:
    marshal.dump(value, stream)
stream.seek(0)
print(all(marshal.load(stream) == value for value in values), stream.read())
code = compile("def f(a, *b, c=(1, 2), **d):\n    return [a + x for x in b], c, d, {1, 2, 3} and 1.5j\nprint(f(1, 2, k=3))", "<text>", "exec")
copied = marshal.loads(marshal.dumps({"code": code}))["code"]
exec(copied)
print(copied == code, copied.co_filename, [p for p in copied.co_positions()] == [p for p in code.co_positions()])
nest = None
for _ in range(3000):
    nest = [nest]
bad = slice([], None)
bad.start.append(bad)
for data in (b"", b"(", b"(\x01\0\0\0", b"(\x01\0\0\x80", b"0", b"{0", b")\x010", b"\x01", b"r\x01\0\0\0", b"l\x02\0\0\0\0\0\0\0", b"l\x01\0\0\0\xff\xff",
             b"s\xff\xff\xff\xff", b"u\x05\0\0\0abc", b"f\x031.x", b"\xba[\x01\0\0\0r\0\0\0\0NN", b")\x01" * 3000, b"\xbc\x01\0\0\0r\0\0\0\0"):
    attempt(lambda: marshal.loads(data))
for value in (int, nest, bad, object()):
    attempt(lambda: marshal.dumps(value))
attempt(lambda: marshal.dumps(slice(1), 4))
attempt(lambda: marshal.dumps(code, allow_code=False))
attempt(lambda: marshal.loads(marshal.dumps(code), allow_code=False))
attempt(lambda: marshal.loads("s"))
attempt(lambda: marshal.load(io.StringIO()))
