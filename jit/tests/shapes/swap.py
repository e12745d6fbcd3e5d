def f(n):
    a, b = 1, 2
    for i in range(n):
        a, b = b, a
    return a
f(50)
