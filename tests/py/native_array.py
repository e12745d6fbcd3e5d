# array: kinds, errors, slices, pickles.
import array, pickle
A = array.array
def tr(f):
    try: print(f())
    except BaseException as e: print(type(e).__name__, e)
a = A('i', [1, 2, 3])
for c in 'bBhHiIlLqQ':
    for v in (1 << 70, -(1 << 70), -1, 1 << 40, 300, 70000, -200, -40000):
        try: x = A(c); x.append(v); print(c, v, x)
        except Exception as e: print(c, v, type(e).__name__, e)
def st(f):
    def g(): f(); return a
    return g
for f in (lambda: A('x'), lambda: A(), lambda: A('i', 'abc'), lambda: A('f').append('x'), lambda: A('w').append('ab'),
          lambda: a.index(9), lambda: a.remove(9), lambda: a.pop(9), lambda: A('i').pop(), lambda: a[9], lambda: a['a'],
          st(lambda: a.__setitem__(slice(0, 1), [1])), st(lambda: a.__setitem__(slice(0, 2, 2), A('i', [1, 2, 3]))),
          lambda: a + 1, lambda: a + A('b'), lambda: a * 'x', lambda: a.extend(A('b')), lambda: a.fromlist([1, 'x']),
          lambda: a.frombytes(b'abc'), lambda: a.fromunicode('abc'), lambda: A('w', 'ab').tounicode(), lambda: a[::-1],
          lambda: a * 2 + a[1:], lambda: A('d', [1.5, 2]), lambda: A('w', 'aé😀'), lambda: a.__reduce_ex__(3)[1][1:],
          lambda: A('i', [1, 2]) == A('d', [1, 2]), lambda: A('b', b'a') < A('b', b'\x7f'), lambda: a.tobytes(),
          lambda: [pickle.loads(pickle.dumps(A(c, [1, 2]), p)) for p in (0, 2, 4) for c in 'bhiqd'],
          lambda: array._array_reconstructor(A, 'i', 9, b'\0\0\0\1'), lambda: memoryview(a).tolist()):
    tr(f)
m = memoryview(a)
for f in (lambda: a.append(1), lambda: a.byteswap(), lambda: a.clear()): tr(f)
