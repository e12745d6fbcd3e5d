def f(a, b, c):
    x = a and b or c
    y = a if b else c
    if a and (b or not c): return x
    assert a, b
    return y
