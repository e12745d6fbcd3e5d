# The natives of operator: results and error texts.
import _operator as op


def tr(f):
    try:
        print(f())
    except BaseException as e:
        print(type(e).__name__, e)


tr(lambda:op.itemgetter(1,'a'))
tr(lambda:op.itemgetter(1)([1,2]))
tr(lambda:op.attrgetter('a.b'))
tr(lambda:op.methodcaller('upper')('a'))
tr(lambda:op.concat(1,2))
tr(lambda:op.indexOf([1],2))
tr(lambda:op._compare_digest('a','a'))
tr(lambda:op.itemgetter())
tr(lambda:op.length_hint(iter([1,2])))
tr(lambda: op.call(max,1,2))
tr(lambda: op.methodcaller('x',1,b=2))
