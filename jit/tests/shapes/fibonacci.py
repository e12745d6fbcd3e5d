def f(n):
    a, b = 0, 1
    i = 0
    while i < n:
        a, b = b, (a + b) % 1000003
        i += 1
    return a
f(50)
