# A special method's name bound to another special method's wrapper.
import enum


class Number(enum.IntEnum):
    ONE = 1


print(str(Number.ONE), f"{Number.ONE}", "%s" % Number.ONE, "{:>3}".format(Number.ONE), repr(Number.ONE))


class Text(enum.StrEnum):
    FIRST = "first"

    def __str__(self):
        return "FIRST"


print(str(Text.FIRST), f"{Text.FIRST}", "%s" % Text.FIRST, "{}".format(Text.FIRST), "{:>7}".format(Text.FIRST))


class Shown(int):
    __str__ = int.__repr__

    def __repr__(self):
        return "shown"


class Hidden(list):
    __add__ = list.__mul__


print(str(Shown(3)), repr(Shown(3)), Hidden([1]) + 2, [1] + [2])
