def f(o, *a, **k):
    o.m(1)
    o(1, x=2)
    o.m(1, x=2)
    o(*a, 1, **k)
    o(*a)
