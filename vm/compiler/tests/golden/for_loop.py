def f(xs):
    for x in xs:
        if x: continue
        if not x: break
    else:
        return 1
