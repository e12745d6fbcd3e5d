def g(n):
    i = 0
    while i < n:
        k = 0
        while k < 5:
            k += 1
        yield k
        i += 1
for v in g(20):
    pass
