def f(n):
    s = 0
    for i in range(n):
        if i < 1000:
            continue
        s += i
    return s
f(50)
