def f(n):
    s = i = 0
    while i < n:
        if i == 1000:
            s = 0
        s += i
        i += 1
    return s
f(50)
