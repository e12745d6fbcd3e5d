def f(n):
    h = 17
    for i in range(n):
        h = (h << 5 ^ h >> 2 ^ i) & 0xffff
    return h
f(50)
