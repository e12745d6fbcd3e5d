def f(n, x, kinds, weights):
    s = i = 0
    while i < n:
        if dict in kinds:
            s += weights[type(x)]
        i += 1
    return s

f(50, [1], {dict, None}, {list: 3, int: 4})
