def f(n):
    p = True
    c = 0
    for i in range(n):
        if p:
            c += 1
        p = i < 100
    return c
f(50)
