def f(n):
    a = 1
    i = 0
    while i < n:
        a = -a
        i += 1
    return a
f(50)
