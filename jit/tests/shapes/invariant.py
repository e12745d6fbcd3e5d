def f(n, a, b):
    i = s = 0
    while i < n:
        s += a * b + i
        i += 1
    return s
f(50, 3, 4)
