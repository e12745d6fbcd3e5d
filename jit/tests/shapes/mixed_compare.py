def f(n):
    x = 0.5
    c = 0
    for i in range(n):
        if i >= x:
            c += 1
    return c
f(50)
