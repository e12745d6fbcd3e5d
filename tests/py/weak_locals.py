"""Locals that die together when their frame ends, and find each other through weak references meanwhile."""
import weakref


class D:
    def __init__(self):
        self.data = {}

        def remove(k, selfref=weakref.ref(self)):
            me = selfref()
            seen.append(me is not None)
            if me is not None:
                del me.data[k]

        self.remove = remove


class O:
    pass


seen = []


def holder_first():
    d = D()
    o = O()
    d.data[weakref.ref(o, d.remove)] = 1


def holder_last():
    o = O()
    d = D()
    d.data[weakref.ref(o, d.remove)] = 1


for f in holder_first, holder_last:
    seen.clear()
    for i in range(1000):
        f()
        dict(a=1)
        [dict(b=i) for _ in range(10)]
    print(f.__name__, len(seen), set(seen))


class X:
    def __init__(self, n, other=None):
        self.n = n
        self.other = other and weakref.ref(other)

    def __del__(self):
        other = self.other and self.other()
        print('del', self.n, other and other.n)


def order():
    a = X('a')
    b = X('b', a)
    c = X('c', b)
    a.other = weakref.ref(c)


order()

# A comparison that empties the dict on the way does not make the lookup ask again.
objs = []
mutate = False


class C:
    def __init__(self, i):
        self.value = i

    def __eq__(self, other):
        if mutate and objs:
            del objs[-1]
        return self.value == other.value

    def __hash__(self):
        return self.value


objs[:] = [C(i) for i in range(4)]
d = {}


def gone(w):
    del d[w]


for o in objs:
    d[weakref.ref(o, gone)] = 1
del o
objs.reverse()
mutate = True
n = 0
for o in objs:
    n += 1
    del d[weakref.ref(o)]
print(n, len(d))
