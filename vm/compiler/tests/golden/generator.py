def f(x):
    y = yield x
    yield from y
    return (i for i in y)
