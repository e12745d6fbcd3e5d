def f(n):
    x = 1.5
    i = 0
    while i < n:
        x = -x
        i += 1
    return x
f(50)
