def f(n):
    x = 0.5
    i = 0
    while i < n:
        x = x * 0.999 + 1.5
        i += 1
    return x
f(50)
