def f(n):
    s = 0
    for i in range(n, 0, -2):
        s = s * 3 % 1009 + i
    return s
f(50)
