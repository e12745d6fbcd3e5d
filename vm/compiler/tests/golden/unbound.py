def f(c):
    if c:
        x = 1
    print(x)
    x.y
    for i in c: pass
    return i
