def f(n):
    c = 0
    while n:
        c += n
        n -= 1
    return c
f(50)
