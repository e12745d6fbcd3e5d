# The natives of random: results and error texts.
import _random


def tr(f):
    try:
        print(f())
    except BaseException as e:
        print(type(e).__name__, e)


r=_random.Random(5)
tr(lambda:(r.random(),r.getrandbits(100),r.getrandbits(5)))
s=r.getstate()
x=r.random()
r.setstate(s)
tr(lambda:r.random()==x)
tr(lambda:_random.Random(-5).random())
tr(lambda:_random.Random(1,2))
tr(lambda:_random.Random(1<<80).getrandbits(100))
