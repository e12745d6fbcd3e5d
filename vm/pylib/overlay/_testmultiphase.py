"""The part of CPython's test extension of this name that needs no extension modules: test.test_importlib.util imports it."""

int_const = 1969
str_const = "something different"


class error(Exception):
    pass


error.__module__ = "_testimportexec"


class Example:
    """The Example type"""

    def demo(self, o=None, /):
        """demo() -> None"""
        return o if isinstance(o, str) else None


class Str(str):
    pass


def foo(i, j, /):
    """foo(i,j)

Return the sum of i and j."""
    return i + j
