def f(x):
    y = 1
    def g(a=y, *, b=2):
        nonlocal x
        x = y
        return lambda: x
    return g
