# What an uncaught exception prints, while nothing has loaded `traceback`: the same as that module says afterwards.
import sys


class Out:
    def __init__(self):
        self.text = ""

    def write(self, s):
        self.text += s

    def flush(self):
        pass


def shown(e):
    saved, sys.stderr = sys.stderr, Out()
    try:
        sys.__excepthook__(type(e), e, e.__traceback__)
        return sys.stderr.text
    finally:
        sys.stderr = saved


class Thing:
    __slots__ = ("width", "_hidden")

    def method(self):
        return self.widht

    def name(self):
        return method()

    def hidden(self):
        return self._hiden


class Odd(Exception):
    def __str__(self):
        raise ValueError("no text")


class Deep(Exception):
    __module__ = "some.where"


def f(*args, **kw):
    raise KeyError(args)


def recursive(n):
    if n == 0:
        1 / 0
    recursive(n - 1)


def binop():
    a, b = 1, "x"
    return (a) + b  # comment


def binop_long():
    first, second = [1], None
    return (first[0] *
            2) // (
                second)


def subscript():
    d = {"a": {}}
    return d["a"]["b"] + 1


def subscript_wide():
    字 = {"漢字": 1}
    return 字["漢字"] + 字["é"]


def call_in_expression():
    return 1 + f(1, 2)


def plain_return():
    return f(1)


def plain_assign():
    x = f(2)
    return x


def attribute_call():
    return sys.nothing(1)


def long_call():
    return f(
        1,
        2,
        3,
        4,
        key=5,
    )


def long_in_expression():
    return [
        f(
            1,
            # a comment
            2,
        ),
        3,
    ]


def compare():
    return 1 < "x" < 2


def unpack():
    (a, b), c = (1, 2, 3), 4


def comprehension():
    return [1 // x for x in (2, 1, 0)]


def generator():
    return sum(1 // x for x in (2, 1, 0))


def with_statement():
    with open("/nonexistent/file") as g:
        pass


def assertion():
    x = 3
    assert x == 4, f"x is {x}"


def chained():
    try:
        f(1)
    except KeyError:
        raise ValueError("second")


def caused():
    try:
        f(1)
    except KeyError as e:
        raise ValueError("second") from e


def suppressed():
    try:
        f(1)
    except KeyError:
        raise ValueError("second") from None


def both():
    a, b = ValueError("a"), ValueError("b")
    try:
        try:
            raise a
        except ValueError:
            raise b
    except ValueError:
        raise TypeError("c") from a


def loop():
    a, b = ValueError("a"), ValueError("b")
    a.__cause__, b.__cause__ = b, a
    raise a


def noted():
    e = RuntimeError("line\nother line")
    e.add_note("a note")
    e.add_note("two\nlines")
    raise e


def odd_text():
    raise Odd


def other_module():
    raise Deep("text")


def no_module():
    raise type("Nowhere", (Exception,), {"__module__": 3})("text")


def empty():
    raise Exception


def name_hint():
    lenght = 3
    return length


def name_import():
    return collections.deque


def name_builtin():
    return prinnt


def attribute_hint():
    return "".uper()


def attribute_module():
    return sys.exc_inf()


def attribute_own():
    return Thing().method()


def name_own():
    return Thing().name()


def hidden_own():
    return Thing().hidden()


def class_attribute():
    return Thing.metod


def not_iterable():
    for x in 3:
        pass


def not_callable():
    x = 3
    x()


def missing_argument():
    shown()


def stop():
    next(iter(()))


def deleted():
    x = 1
    del x
    return x


def in_string():
    exec("def g():\n    return 1 / 0\ng()")


def in_named():
    exec(compile("1 / 0", "no_such_file.py", "exec"), {})


def lambdas():
    return (lambda x: x.y)(1)


def decorated():
    @sys.nothing
    def g():
        pass


def in_class():
    class A:
        x = undefined


def star():
    return f(*[1], **{"a": 1})


def aug():
    x = []
    x += 1


def semicolon():
    x = 1; y = x.a; z = 2


def slices():
    return [1, 2][1:"a"]


def power():
    return 2 ** -1 ** None


def walrus():
    return (y := f(3))


def await_less():
    async def g():
        await 1

    g().send(None)


def fstring():
    return f"{1 / 0} and more"


def backslash():
    return 1 + \
        f(1)


def ternary():
    return f(1) if f else 2


def tabs():
	x = [1,
	     2]
	return x[0] +	x[7]


def syntax(source, name="<text>"):
    compile(source, name, "exec")


def syntax_of(*args):
    raise SyntaxError(*args)


SOURCES = [
    "x = (1,\n", "  x", "if x\n  y", "é = 'a", "\tx = 'abc\n", "def f():\nx", "print 1",
    "return 1", "f(a=1, 2)", "x = {1: 2, 3}", "'''abc", "1 = x", "def f(a, a): pass", "await x",
    "class A:\n  def f(self):\n    nonlocal z", "x = 08", "0x", "if 1:\n\tx\n        y",
]
REFUSALS = [
    ("only text",), ("m", ("f", 1, 1, "abc")), ("m", ("f", 1, 9, "abc")), ("m", ("f", 1, 0, "abc")),
    ("m", (None, 2, 2, "  abc\n")), ("m", ("f", None, None, None)), ("m", ("f", 1, 2, "  a\tb c", 1, 6)),
    ("m", ("f", 1, 2, "abc", 2, 1)), ("", ("f", 1, 1, "")), ("m", ("f", 1, None, " abc")),
    ("m", ("", 1, 2, "abc", 1, 0)), ("m", ("f", 1, 2, "abc", 1, -1)),
]
# The module is needed for these: it looks for misspelt keywords.
VAGUE = ["from x import *, y", "\x0cfoo bar", "def f(:\n  pass", "for", "x = 1 +", "a b", "fro x import y", "whille x: pass", "f(a b)"]
SYNTAX = [lambda s=s: syntax(s) for s in SOURCES] + [lambda a=a: syntax_of(*a) for a in REFUSALS]


PROGRAMS = [v for k, v in list(globals().items()) if callable(v) and v not in (Out, shown, Thing, Odd, Deep, f, recursive, syntax, syntax_of)]
made = []
for program in PROGRAMS + SYNTAX + [lambda: recursive(2), lambda: recursive(3), lambda: recursive(50)] + [lambda s=s: syntax(s) for s in VAGUE]:
    try:
        program()
    except BaseException as e:
        made.append((program.__name__, e, shown(e)))
        if sys.implementation.name == "typhon" and "traceback" in sys.modules and "invalid" not in str(e):
            made.append((program.__name__, None, "loaded traceback"))
    else:
        made.append((program.__name__, None, ""))
for name, e, text in made:
    print("==", name)
    print(text.replace(__file__, "uncaught.py"))

import traceback

for name, e, text in made:
    if e is not None:
        again = "".join(traceback.format_exception(e))
        if again != text:
            print("differs:", name)
            print(again)
