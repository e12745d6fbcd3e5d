def f(a, i, j):
    a[i] = a[0]
    a[i:j] = a[1:2]
    a[i:j:2]
    del a[i], a.b
    a[i] += j
    a.b -= j
