def f(n, data):
    s = i = 0
    while i < n:
        s += data[i & 3]
        i += 1
    return s

f(50, b"abcd")
