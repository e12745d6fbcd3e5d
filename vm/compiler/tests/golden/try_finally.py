def f(xs):
    for x in xs:
        try:
            if x: return x
            continue
        finally:
            g(x)
