def f(n):
    s = i = 0
    while i < n:
        d = {}
        s += len(d)
        i += 1
    return s

f(50)
