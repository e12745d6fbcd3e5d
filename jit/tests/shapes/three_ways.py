def f(n):
    a = b = c = 0
    for i in range(n):
        r = i % 3
        if r == 0:
            a += 1
        elif r == 1:
            b += 1
        else:
            c += 1
    return a, b, c
f(60)
