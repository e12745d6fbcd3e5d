# Ints that grow beyond a word, texts that are joined and ordered, and generators that loops go through.


def grows(n):
    a, b, out = 1, 1, 0
    for i in range(n):
        a, b = b, a + b
        out ^= b & 0xffff
        if b > 1 << 200:
            a, b = 1, 1
    return a, b, out


def hashes(n):
    h = 14695981039346656037
    for i in range(n):
        h ^= i & 255
        h = (h * 1099511628211) & 0xffffffffffffffff
        if h < 1 << 60 or h == 0:
            h += 1 << 63
    return h


def shifts(n):
    x, out = 1, 0
    for i in range(n):
        x = x << 1
        out += x >> (i % 7)
        if x.bit_length() > 100:
            x = 1
        out %= 10**30
    return x, out


def divides(n):
    big, out, errors = 10**40, 0, 0
    for i in range(n):
        try:
            out += big // (i % 13) + big % (i % 13 - 20)
            out = -out if i & 1 else out
        except ZeroDivisionError:
            errors += 1
    return out, errors


def texts(n):
    s, out = '', []
    for i in range(n):
        s += 'ab'
        t = s + '!'
        if t > 'abc' or s >= t:
            out.append(len(t))
        if len(s) > 3000:
            s = ''
        if not s < 'b' <= t + 'z':
            out.append(-1)
    return len(s), len(out), sum(out)


def doubled(n):
    s, total = 'ab', 0
    for i in range(n):
        s = s + s
        s += s
        total += len(s)
        if len(s) > 5000:
            s = str(i)
    return len(s), total


def count(n):
    i = 0
    while i < n:
        yield i
        i += 1
    return 'done'


def nested(n):
    for x in count(n):
        yield x
        yield from count(2)


def loops(n):
    total = 0
    for x in count(n):
        total += x
        for y in count(x % 3):
            total += y * 100
    for x in nested(n):
        total -= x
    return total


def squares(n):
    return sum(x * x for x in range(n)), [x for x in (y + 1 for y in range(n)) if x % 5 == 0][-3:]


def stops(n):
    def failing(k):
        for i in range(k):
            if i == k - 1:
                raise ValueError(k)
            yield i
    total = 0
    for i in range(n):
        try:
            for x in failing(i % 9):
                total += x
        except ValueError as e:
            total += e.args[0] * 1000
    g = count(n)
    for x in g:
        if x == n // 2:
            break
    for x in g:
        total += x
    for x in g:
        total += 10**9
    return total, list(g)


def reenters(n):
    def me():
        for i in range(n):
            if i == n - 1:
                try:
                    for _ in g:
                        pass
                except ValueError as e:
                    yield str(e)
            yield i
    g = me()
    out = []
    for x in g:
        if not isinstance(x, int) or x > n - 3:
            out.append(x)
    return out


for f in (grows, hashes, shifts, divides, texts, doubled, loops, squares, stops, reenters):
    print(f.__name__, f(4), f(600))
