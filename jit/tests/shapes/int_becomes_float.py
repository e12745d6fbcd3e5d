def f(n):
    x = 0
    for i in range(n):
        x = x + 0.5
    return x
f(50)
