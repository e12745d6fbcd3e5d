"""Traceback entries whose frame object nobody has asked for: what they show whenever somebody does."""
import gc
import sys
import traceback
import weakref


class O:
    pass


def raises(o):
    inner = 7
    raise ValueError("deep", inner)


def caught():
    o = O()
    w = weakref.ref(o)
    try:
        raises(o)
    except ValueError as e:
        tb = e.__traceback__
        print(tb.tb_lineno, tb.tb_frame.f_code.co_name, tb.tb_next.tb_frame.f_code.co_name)
        print(sorted(tb.tb_next.tb_frame.f_locals), tb.tb_next.tb_frame.f_locals["inner"])
        print(tb.tb_frame is sys._getframe(), tb.tb_next.tb_frame.f_back is sys._getframe())
        del tb
    del o
    print("dead:", w() is None)


def unseen():
    o = O()
    w = weakref.ref(o)
    try:
        raises(o)
    except ValueError:
        pass
    del o
    print("dead:", w() is None)


def kept():
    try:
        raise KeyError(1)
    except KeyError as e:
        saved = e
    value = 3
    return saved


def many():
    out = []
    for i in range(3):
        try:
            raise IndexError(i)
        except IndexError as e:
            out.append(e)
    return out


def generator():
    try:
        raise OSError("in generator")
    except OSError as e:
        saved = e
    yield saved
    extra = 1
    yield 2


def fails():
    yield 1
    raise ValueError("x")


def nested():
    try:
        try:
            raise TypeError("first")
        except TypeError:
            raise ValueError("second")
    except ValueError as e:
        return e


caught()
unseen()
e = kept()
frame = e.__traceback__.tb_frame
print(frame.f_code.co_name, sorted(frame.f_locals), frame.f_locals["value"], frame.f_back.f_code.co_name, frame.f_lineno)
l = many()
print([x.__traceback__.tb_frame is l[0].__traceback__.tb_frame for x in l], sorted(l[0].__traceback__.tb_frame.f_locals))
g = generator()
s = next(g)
print(s.__traceback__.tb_frame is g.gi_frame, sorted(s.__traceback__.tb_frame.f_locals))
next(g)
print(sorted(s.__traceback__.tb_frame.f_locals), list(g), g.gi_frame)
print(sorted(s.__traceback__.tb_frame.f_locals), s.__traceback__.tb_frame.f_lineno)
try:
    for _ in fails():
        pass
except ValueError as error:
    print(traceback.format_exc().replace(__file__, "FILE"))
    inner = error.__traceback__.tb_next
print(inner.tb_frame.f_back, inner.tb_frame.f_code.co_name)
e = nested()
print(repr(e.__context__), e.__traceback__.tb_frame is e.__context__.__traceback__.tb_frame)
print(e.__traceback__.tb_lineno - e.__context__.__traceback__.tb_lineno)


def recurse(n):
    if n == 0:
        raise RuntimeError("bottom")
    try:
        recurse(n - 1)
    except RuntimeError:
        if n % 2:
            raise


try:
    recurse(3)
except RuntimeError as error:
    tb, lines = error.__traceback__, []
    while tb:
        lines.append((tb.tb_frame.f_code.co_name, tb.tb_frame.f_locals.get("n"), tb.tb_lineno))
        tb = tb.tb_next
    print(lines)
else:
    print("caught inside")
try:
    recurse(1)
except RuntimeError as error:
    tb = error.__traceback__
    print(tb.tb_next.tb_frame.f_locals, tb.tb_next.tb_next.tb_frame.f_locals, tb.tb_next.tb_next.tb_frame.f_back.f_locals)
    del tb
gc.collect()


class Closer:
    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        print(kind.__name__, tb.tb_frame.f_code.co_name, tb.tb_frame.f_locals["mark"])
        return True


def with_():
    mark = "m"
    with Closer():
        raise LookupError


with_()
