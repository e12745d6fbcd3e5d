# The natives of collections: results and error texts.
import _collections as c


def tr(f):
    try:
        print(f())
    except BaseException as e:
        print(type(e).__name__, e)


d=c.deque([1,2,3],maxlen=3)
d.append(4)
tr(lambda:d)
d.appendleft(9)
tr(lambda:d)
d.rotate(1)
tr(lambda:d)
tr(lambda:list(reversed(d)));
d=c.deque(range(20))
del d[3]
d.insert(5,'x')
tr(lambda:d)
d.rotate(-7)
tr(lambda:d)
tr(lambda:d.index('x'))
d.remove('x')
tr(lambda:len(d))
d.reverse()
tr(lambda:d)
tr(lambda:d+c.deque([1]))
tr(lambda:c.deque('ab')*3)
tr(lambda:c.deque('ab')<c.deque('b'))
tr(lambda:c.deque(1))
tr(lambda:c.deque().pop())
tr(lambda:c.deque(1,2,3))
tr(lambda:c.deque([],-1))
tr(lambda:d['a'])
dd=c.defaultdict(list)
dd['a'].append(1)
tr(lambda:dd)
tr(lambda:dd|{'b':2})
tr(lambda:dd.copy())
tr(lambda:c.defaultdict(1))
tr(lambda:c.defaultdict()['k'])
m={}
c._count_elements(m,'abca')
tr(lambda:m)
