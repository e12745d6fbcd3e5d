def f(a, b, c):
    if a < b < c:
        return a is None or b in (1, 2)
    return a == 1 and b is not c
