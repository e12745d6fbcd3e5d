def f(n):
    while True:
        n -= 1
        if n > 10: return n
