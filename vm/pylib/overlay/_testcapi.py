"""The part of CPython's test extension of this name that is true of Typhon: what test.support asks about the
interpreter, and printing a traceback as an uncaught exception's is printed."""

import sys

INT_MAX = 0x7fff_ffff
INT_MIN = -INT_MAX - 1
UINT_MAX = 0xffff_ffff
LONG_MAX = PY_SSIZE_T_MAX = sys.maxsize
LONG_MIN = PY_SSIZE_T_MIN = -sys.maxsize - 1
ULONG_MAX = 2 * sys.maxsize + 1

WITH_PYMALLOC = False
WITH_MIMALLOC = True


def config_get(name, /):
    """Code positions are always there; the rest is asked of sys.flags."""
    if name == "code_debug_ranges":
        return 1
    if hasattr(sys.flags, name):
        return getattr(sys.flags, name)
    raise ValueError(f"unknown config option name: {name}")


def exception_print(exc, legacy=False, /):
    if not isinstance(exc, BaseException):
        raise TypeError(f"print_exception(): Exception expected for value, {type(exc).__name__} found")
    sys.__excepthook__(type(exc), exc, exc.__traceback__)


def traceback_print(tb, file, /):
    import traceback
    print("Traceback (most recent call last):", file=file)
    traceback.print_tb(tb, file=file)


# What test_call calls in every way there is: each answers what it was called with.
from _testcalls import (
    MethClass, MethInstance, MethStatic, meth_fastcall, meth_fastcall_keywords, meth_noargs, meth_o, meth_varargs,
    meth_varargs_keywords,
)


class CodeLike:
    """What test_monitoring fires events for. Typhon fires them for code only."""

    def __init__(self, num_events, /):
        self.num_events = num_events


def _no_event(*args):
    raise NotImplementedError("monitoring events are fired for code only")


for _name in ("py_start", "py_resume", "py_yield", "py_return", "call", "jump", "branch_right", "branch_left",
              "py_throw", "raise", "exception_handled", "py_unwind", "stop_iteration", "reraise", "c_return", "c_raise",
              "line"):
    globals()["fire_event_" + _name] = _no_event
monitoring_enter_scope = monitoring_exit_scope = _no_event
del _name


def pyobject_vectorcall(func, args, kwnames, /):
    args, kwnames = args or (), kwnames or ()
    if not isinstance(args, tuple) or not isinstance(kwnames, tuple):
        raise TypeError("expected a tuple")
    positional = len(args) - len(kwnames)
    return func(*args[:positional], **dict(zip(kwnames, args[positional:], strict=True)))


def pyobject_fastcalldict(func, args, kwargs, /):
    return func(*(args or ()), **(kwargs or {}))
