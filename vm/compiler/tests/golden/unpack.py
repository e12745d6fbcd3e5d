def f(x):
    a, (b, *c) = x
    [d.e, d[0]] = a, b
    p = q = x
    return d
