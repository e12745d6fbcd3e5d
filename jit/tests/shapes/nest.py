def f(n):
    s = i = 0
    while i < n:
        j = 0
        while j < 5:
            s += i * j
            j += 1
        i += 1
    return s
f(50)
