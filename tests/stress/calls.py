"""Steps for threads.py over calls, attributes, code and modules: what instructions do rather than methods.

As steps.py's, with what threads share in `Shared`.
"""

import functools
import importlib
import sys
import types

from steps import look, make


class Box:
    def __init__(self):
        self.a, self.b, self.c = make(1), make(2), make(3)


class Slots:
    __slots__ = ("a", "b", "__dict__")

    def __init__(self):
        self.a, self.b = make(1), make(2)


class Operators:
    def __init__(self, n):
        self.n = n

    def __add__(self, other):
        return Operators(self.n + 1)

    def __len__(self):
        return 3

    def __getitem__(self, i):
        if i > 2:
            raise IndexError(i)
        return make(i)

    def __eq__(self, other):
        return self is other

    __hash__ = object.__hash__


class Meta(type):
    def __call__(cls, *args):
        return super().__call__(*args)


class Made(metaclass=Meta):
    def __init__(self, n=0):
        self.v = make(n)


class Describing:
    def __get__(self, one, kind):
        return make(7)


class Described:
    d = Describing()


def changing(a, b=make(1), *, c=make(2)):
    look(b)
    look(c)
    return a


def first(a, b=make(1), *, c=make(2)):
    return a


def second(a, b=make(1), *, c=make(2)):
    look(a), look(b), look(c)
    return a


class Shared:
    def __init__(self, threads):
        self.boxes = [Box() for _ in range(6)] + [Slots() for _ in range(3)]
        self.list = [make(i) for i in range(10)]
        self.dict = {f"k{i}": make(i) for i in range(10)}
        self.operators = [Operators(i) for i in range(4)]
        self.module = types.ModuleType("stressed")
        self.module.value = make(3)
        self.namespace = {"look": look, "make": make, "value": make(1)}
        self.partial = functools.partial(make, 5)
        self.cells = self.counter()
        self.text = ""
        self.parts = [b"ab", bytearray(b"cd" * 10)]

    def counter(self):
        value = make(0)

        def get():
            return value

        def put(n):
            nonlocal value
            value = make(n)

        return get, put


def on_attributes(w, me, dice):
    i = dice.randrange(len(w.boxes))
    box, name, how = w.boxes[i], dice.choice("abcdefg"), dice.randrange(14)
    try:
        if how < 4:
            look(getattr(box, name))
        elif how == 4:
            look(box.a), look(box.b)
        elif how < 7:
            setattr(box, name, make(dice.randrange(99)))
        elif how == 7:
            delattr(box, name)
        elif how == 8:
            for key, v in box.__dict__.items():
                assert key in "abcdefg" and look(v) is None
        elif how == 9:
            box.__dict__[name] = make(4)
        elif how == 10:
            box.__dict__ = {"a": make(5), "c": make(6)}
        elif how == 11:
            box.__dict__.pop(name)
        elif how == 12:
            box.__dict__.update(vars(w.boxes[0]))
            [look(v) for v in list(box.__dict__.values())]
        else:
            w.boxes[i] = type(box)()
    except (AttributeError, KeyError):
        if dice.randrange(3) == 0:
            box.a = box.b = make(1)
    except RuntimeError as e:
        assert "changed" in str(e), e


def on_functions(w, me, dice):
    how, v = dice.randrange(12), make(dice.randrange(60))
    if how < 5:
        assert changing(v) is v and changing(v, v, c=v) is v and changing(*[v], **{"c": v}) is v
    elif how == 5:
        changing.__defaults__ = (make(dice.randrange(99)),)
    elif how == 6:
        changing.__kwdefaults__ = {"c": make(dice.randrange(99))}
    elif how == 7 and dice.randrange(6) == 0:
        changing.__code__ = dice.choice([first, second]).__code__
    elif how == 8:
        changing.note = v
        look(changing.note)
    elif how == 9:
        look(w.partial())
        assert types.MethodType(changing, v)() is v
    elif how == 10:
        get, put = w.cells
        put(dice.randrange(90))
        look(get()), look(get.__closure__[0].cell_contents)
    else:
        assert (lambda a, *b, **c: (a, b, c))(v, v, x=v) == (v, (v,), {"x": v})


def on_unpacking(w, me, dice):
    l, d, how = w.list, w.dict, dice.randrange(16)

    def taken(*args, **kwargs):
        [look(v) for v in args], [look(v) for v in kwargs.values()]

    try:
        if how < 2:
            taken(*l, **d)
        elif how == 2:
            a, *b = l
            look(a), [look(v) for v in b]
        elif how == 3:
            [look(v) for v in (*l, *l)], [look(v) for v in {**d, **d}.values()]
        elif how == 4:
            match l:
                case [a, *_, z]:
                    look(a), look(z)
            try:
                match d:
                    case {"k1": v, **rest}:
                        look(v), [look(v) for v in rest.values()]
                        assert "k1" not in rest
            except KeyError as e:
                # The rest is a copy that is made later, and the key may be gone by then, as in CPython.
                assert e.args == ("k1",)
        elif how == 5:
            l.append(make(dice.randrange(99)))
        elif how == 6:
            del l[dice.randrange(4)]
        elif how == 7:
            d[f"k{dice.randrange(30)}"] = make(dice.randrange(99))
        elif how == 8:
            d.pop(f"k{dice.randrange(30)}", None)
        elif how == 9:
            [look(v) for v in tuple(l)], look(max(l)), look(min(l, default=make(1)))
        elif how == 10:
            for a, b in zip(l, l):
                look(a), look(b)
            for i, a in enumerate(l):
                look(a)
        elif how == 11:
            l += [make(1), make(2)]
            l[2:4] = [make(3)]
            l *= 1
        elif how == 12:
            d |= {"k3": make(3)}
            [look(v) for v in (d | d).values()]
            assert dict.fromkeys(d, 1).keys() is not None
        elif how == 13:
            for text, first in ((f"{l!r}", "[("), (str(d), "{'k")):
                assert text in ("[]", "{}") or text.startswith(first) and "..." not in text, text
            for v in eval(repr(d)).values():
                look(v)
        elif how == 14:
            [look(v) for v in map(lambda v: v, l)], sum(v[0] for v in l), any(l), all(l), [look(v) for v in reversed(l)]
        else:
            l.extend(l[:3]), l.extend(v for v in l[:2])
            if len(l) > 40:
                l.clear()
            while len(l) < 6:
                l.append(make(9))
    except (IndexError, ValueError) as e:
        l.extend([make(1)] * 6)
    except RuntimeError as e:
        assert "changed" in str(e), e


def on_operators(w, me, dice):
    one, how = w.operators[dice.randrange(4)], dice.randrange(10)
    if how < 3:
        assert type(one + one) is Operators and len(one) in (3, 4) and one == one and one in [one]
    elif how == 3:
        n = dice.choice([3, 4])
        Operators.__len__ = lambda self: n
    elif how == 4:
        Operators.__add__ = lambda self, other: Operators(0)
    elif how == 5:
        [look(v) for v in one], look(one[1])
    elif how == 6:
        Operators.__eq__ = dice.choice([lambda self, other: self is other, lambda self, other: id(self) == id(other)])
        Operators.__hash__ = object.__hash__
    elif how == 7:
        Operators.__bool__ = lambda self: True
        assert one
        try:
            del Operators.__bool__
        except AttributeError:
            pass
    elif how == 8:
        look(Made(dice.randrange(9)).v), look(Described().d)
    else:
        Described.d = dice.choice([Describing(), make(7), property(lambda self: make(7))])
        look(Described().d)


def on_code(w, me, dice):
    how, m = dice.randrange(10), w.module
    if how == 0:
        n = dice.randrange(9)
        scope = {"make": make}
        exec(f"def f(a, b={n}):\n    return make(a + b)\nclass C:\n    v = make({n})\nx = [f(i) for i in range(3)]", scope)
        look(scope["f"](1)), look(scope["C"].v), look(scope["x"][2])
    elif how == 1:
        exec("value = make(2)\nlook(value)", w.namespace)
    elif how == 2:
        look(eval("value", w.namespace))
    elif how == 3:
        m.value = make(dice.randrange(50))
        look(m.value)
    elif how == 4:
        setattr(m, f"v{dice.randrange(4)}", make(1))
        [look(v) for k, v in list(vars(m).items()) if not k.startswith("__")]
    elif how == 5:
        name = dice.choice(["colorsys", "bisect", "this_is_none", "stringprep"])
        try:
            assert importlib.import_module(name).__name__ == name
        except ModuleNotFoundError:
            assert name == "this_is_none"
        except KeyError:
            # Taken out while it was being loaded.
            assert name == "colorsys"
        if dice.randrange(8) == 0:
            sys.modules.pop("colorsys", None)
    elif how == 6:
        w.text = w.text[-40:] + "ab"
        assert set(w.text) <= {"a", "b"}
    elif how == 7:
        joined = b"-".join(w.parts)
        assert joined.startswith(b"ab-")
        w.parts[1].extend(b"cd")
        del w.parts[1][40:]
    elif how == 8:
        f = sys._getframe()
        assert f.f_locals["me"] == me and f.f_back.f_code.co_name
        try:
            raise KeyError(me)
        except KeyError as e:
            assert e.__traceback__.tb_frame is f and e.args == (me,)
    else:
        seen = []
        sys.settrace(lambda frame, event, arg: seen.append(event))
        make(3)
        sys.settrace(None)
        assert "call" in seen


STEPS = [on_attributes, on_functions, on_unpacking, on_operators, on_code]


def check(w):
    """When all threads have ended."""
    for v in w.list:
        look(v)
    for d in (w.dict, vars(w.module)):
        assert len(d) == len(list(d)) == len(set(d))
