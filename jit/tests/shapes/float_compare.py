def f(n):
    x = 0.5
    c = i = 0
    while i < n:
        x = x * 1.5 - 0.25
        if x > 1e300:
            c += 1
        i += 1
    return x, c
f(50)
