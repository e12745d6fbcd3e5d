def f(n):
    c = 0
    t = True
    for i in range(n):
        if (i < 100) is t:
            c += 1
    return c
f(50)
