def f(n, d):
    s = 0
    for i in range(1, n):
        s += i % d
    return s
f(50, 5)
