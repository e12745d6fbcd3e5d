def f(n):
    a = 1
    for i in range(n):
        a = a * 3
    return a
f(60)
