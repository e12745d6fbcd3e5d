def f(x):
    y = x + (x := 2)
    return g(x, (x := 3)), [z := i for i in y]
