def f(x):
    match x:
        case 1 | 2 | None: return 1
        case [a, *_, b] if a: return b
        case {"k": v, **rest}: return v, rest
        case P(1, y=z) as w: return z, w
        case [(0 as q) | (1 as q), *r]: return q, r
        case _: return 0
