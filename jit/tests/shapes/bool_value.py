def f(n):
    p = False
    for i in range(n):
        p = i * 2 >= n
    return p
f(50)
