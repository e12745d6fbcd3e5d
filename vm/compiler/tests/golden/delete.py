def f(a):
    if a:
        del a
    print(a)
    del a
