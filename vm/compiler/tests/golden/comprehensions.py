def f(xs):
    return [lambda: x for x in xs if x], {k: v for k, v in xs}, {y for x in xs for y in [x + 1]}
