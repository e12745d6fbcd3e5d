def f(n):
    x = None
    c = 0
    for i in range(n):
        if x is None:
            c += 1
    return c
f(50)
