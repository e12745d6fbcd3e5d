"""A mapping is a sequence of bytes of length one; an index gives an int."""

import mmap

with mmap.mmap(-1, 4) as m:
    m[1] = 7
    print(list(m), m[1], b"\x07" in m, 7 in m)
    it = iter(m)
    print(next(it), type(it).__name__)
    m[1:3] = b"xy"
    print(list(it), list(it), next(it, None))
    a, b, *rest = m
    print(a, b, rest)
    it = iter(m)
try:
    next(it)
except ValueError as e:
    print(e)
