# A loop that never ran leaves its target unbound.
def after(n):
    for j in range(n):
        pass
    return j


def inner(n):
    c = 0
    for i in range(n):
        for j in range(i):
            c += 1
        while j > 3:
            j -= 2
    return c


def kept(n):
    j = "before"
    for j in range(n):
        pass
    return j


def in_else(n):
    for j in range(n):
        if j == 2:
            break
    else:
        return ("else", j)
    return j


def deleted(n):
    for j in range(n):
        del j
    return j


for f in after, inner, kept, in_else, deleted:
    for n in 0, 1, 5:
        try:
            print(f.__name__, n, f(n))
        except UnboundLocalError as e:
            print(f.__name__, n, e)
