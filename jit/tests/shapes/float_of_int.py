def f(n):
    x = 0.5
    for i in range(n):
        x = x + i / 4
    return x
f(50)
