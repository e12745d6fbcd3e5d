def f(n):
    i = s = 0
    while i < n:
        s += i
        i += 1
    return s
f(50)
