def f():
    i = s = 0
    while i < 60:
        s = s ^ i
        i += 1
    return s
f()
