def g(a, *more, **others):
    return a


def f(n):
    s = i = 0
    while i < n:
        s += g(i, 3)
        i += 1
    return s


f(40)
