def f(a, b):
    c = a + b * 2 - (a // b)
    c += 1
    return -c, not c, ~c
