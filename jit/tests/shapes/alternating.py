def f(n):
    s = i = 0
    while i < n:
        if i & 1:
            s += 3
        i += 1
    return s
f(50)
