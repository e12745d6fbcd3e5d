def f(n):
    s = 0
    for i in range(1, n):
        s += i // 7 + i % 7
    return s
f(50)
