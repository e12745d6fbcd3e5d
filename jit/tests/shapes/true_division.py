def f(n):
    s = 0.0
    i = 1
    while i < n:
        s += 1.0 / i
        i += 1
    return s
f(50)
