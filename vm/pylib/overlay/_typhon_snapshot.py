"""A session's variables as bytes, and back.

    save(main, leave_out, most, pack)  # ("saved", bytes, [(path, why), ...]), ("unstorable", path, why) or ("large",)
    load(main, data, unpack)

`main` is the namespace of `__main__`. Both run in the session's own isolate, under its limits, so what is hostile about a graph of objects meets nothing but its own
session. Library modules, and what belongs to them, go by name; what the session has made goes by value. Code is packed and unpacked
by natives that seal it.
"""

import _pickle
import builtins
import sys
import types
from _io import BytesIO

import _typhon_kinds as kinds

__all__ = ["load", "save"]

# Of a module's namespace, what each interpreter makes by itself.
_OWN = frozenset(("__name__", "__builtins__", "__loader__", "__spec__", "__package__", "__file__", "__cached__"))


class _TooLarge(Exception):
    pass


class _Out:
    """A file that holds so much and no more."""

    def __init__(self, most):
        self.left, self.parts = most, []

    def write(self, data):
        self.left -= len(data)
        if self.left < 0:
            raise _TooLarge
        self.parts.append(bytes(data))


def save(main, leave_out, most, pack):
    names = {name: value for name, value in main.items() if name not in _OWN and not _is_hosts(value)}
    left_out = []
    while True:
        out = _Out(most)
        saver = _Saver(out, main, pack)
        try:
            saver.dump((names, _around()))
        except _TooLarge:
            return ("large",)
        except (MemoryError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            thing, why = saver.blame(error)
            path, root = _path(names, thing, saver)
            if not leave_out or root not in names:
                return ("unstorable", path, why)
            left_out.append((path, why))
            del names[root], thing, error
        else:
            return ("saved", b"".join(out.parts), left_out)


def load(main, data, unpack):
    reader = _pickle.Unpickler(BytesIO(data))
    kinds._unpack = unpack
    try:
        reader.load()
        names, around = reader.load()
    finally:
        kinds._unpack = None
    main.update(names)
    _put_around(around)


def _seeds():
    """Plain containers that are known by where they are."""
    return [vars(sys.modules["__main__"]), vars(builtins), sys.modules, sys.path, sys.argv]


class _Seed:
    """What one of them is saved as, first of all; whoever refers to it is then told that it was."""

    def __init__(self, number):
        self.number = number

    def __reduce__(self):
        return _seed, (self.number,)


def _seed(number):
    return _seeds()[number]


def _around():
    """What programs expect to go on besides their variables."""
    around = {"recursionlimit": sys.getrecursionlimit(), "digits": sys.get_int_max_str_digits()}
    if "random" in sys.modules:
        around["random"] = sys.modules["random"]._inst.getstate()
    if "decimal" in sys.modules:
        around["decimal"] = sys.modules["decimal"].getcontext()
    return around


def _put_around(around):
    sys.setrecursionlimit(around["recursionlimit"])
    sys.set_int_max_str_digits(around["digits"])
    if "random" in around:
        import random

        random.setstate(around["random"])
    if "decimal" in around:
        import decimal

        decimal.setcontext(around["decimal"])


def _is_hosts(value):
    """A function of the host: each execution has its own."""
    host = sys.modules.get("typhon_host")
    return host is not None and type(value) is host.Function


_PLAIN = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType, type(None), bool, int, float, str, bytes)


def _landmarks():
    """Objects that are a module's own, by their identity."""
    marks = {}
    for name, module in list(sys.modules.items()):
        if not kinds._importable(name, module):
            continue
        for key, value in list(vars(module).items()):
            kind = type(value)
            if kind in _PLAIN or kind.__module__ == "__main__" or name == "sys" and key.startswith("last_"):
                continue
            marks.setdefault(id(value), (name, key))
    return marks


class _Saver(_pickle.Pickler):
    def __init__(self, out, main, pack):
        super().__init__(out, 5)
        self.main, self.pack = main, pack
        self.marks = _landmarks()
        self.namespaces, self.cells = {}, {}
        self.last = None
        seeds = _seeds()
        sown = [_Seed(n) for n in range(len(seeds))]
        self.dump(sown)
        memo = self.memo.copy()
        for seed, thing in zip(sown, seeds):
            memo[id(thing)] = memo.pop(id(seed))[0], thing
        self.memo = memo

    def reducer_override(self, thing):
        self.last = thing
        kind = type(thing)
        known = kinds.KINDS.get(kind)
        if known is not None:
            return known(self, thing)
        mark = self.marks.get(id(thing))
        if mark is not None:
            return kinds._landmark, mark
        if issubclass(kind, type):
            return kinds._save_class(self, thing)
        if issubclass(kind, BaseException):
            return kinds._save_exception(self, thing)
        for base, how in kinds.BASES:
            if issubclass(kind, base):
                return how(self, thing)
        lazy = kinds.LAZY.get((kind.__module__, kind.__qualname__))
        return kinds._save_own_way(self, thing) if lazy is None else lazy(self, thing)

    def globals_of(self, namespace):
        """A function's namespace: the session's own, a library module's by name, or what it is."""
        name = namespace.get("__name__")
        module = sys.modules.get(name) if isinstance(name, str) else None
        if module is None or not kinds._importable(name, module) or vars(module) is not namespace:
            return namespace
        return self.namespaces.setdefault(name, kinds._Globals(name))

    def said(self, cell):
        """The same cell, with what a class's body said."""
        if id(cell) not in self.cells:
            body = {name: value for name, value in cell.cell_contents.items()
                    if type(value) not in kinds._DESCRIPTORS and name not in kinds._MADE}
            self.cells[id(cell)] = types.CellType(body)
        return self.cells[id(cell)]

    def blame(self, error):
        """What cannot be stored, and why."""
        if isinstance(error, kinds.Unstorable):
            return error.thing, error.why
        thing, self.last = self.last, None
        if isinstance(error, RecursionError):
            # Which one is the deep one shows by trying.
            return None, "nested too deep"
        if isinstance(error, (TypeError, _pickle.PicklingError)) and type(thing).__module__ != "__main__":
            return thing, type(thing).__qualname__
        try:
            text = f"{type(error).__name__}: {error}"
        except Exception:
            text = type(error).__name__
        return thing, text[:200]


# Where something is


def _path(names, thing, saver):
    """The shortest way from the variables to the thing, and which variable that begins with."""
    seen = set()
    kept = []
    line = [] if thing is None else [(f"main.{name}", name, value) for name, value in names.items()]
    while line:
        after = []
        for path, root, value in line:
            if value is thing:
                return path, root
            if id(value) in seen or type(value) in (int, str, float, bytes, bool, type(None)):
                continue
            seen.add(id(value))
            kept.append(value)
            if value is saver.main or type(value) is types.ModuleType and kinds._importable(value.__name__, value):
                continue
            after.extend((path + step, root, part) for step, part in _parts(saver, value))
        line = after
    # Made on the way: which variable it is of shows by trying.
    for name, value in names.items():
        try:
            _Saver(_Out(1 << 62), saver.main, saver.pack).dump(value)
        except Exception:
            return f"main.{name}", name
    return "main", None


def _parts(saver, value):
    """What the value holds, each with the step that leads there."""
    kind = type(value)
    if issubclass(kind, dict):
        for key, part in dict.items(value):
            shown = repr(key)[:40] if type(key) in (str, int, float, bytes, bool, type(None)) else "..."
            yield f"[{shown}]", part
            yield f".keys()[{shown}]", key
    elif issubclass(kind, (list, tuple)):
        for n, part in enumerate(tuple(value) if kind in (list, tuple) else kind.__iter__(value)):
            yield f"[{n}]", part
    elif issubclass(kind, (set, frozenset)):
        for part in value:
            yield "{...}", part
    elif kind is types.FunctionType:
        if kinds._named(value.__module__, value.__qualname__, value):
            return
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or ()):
            try:
                yield f".<{name}>", cell.cell_contents
            except ValueError:
                pass
        for n, part in enumerate(value.__defaults__ or ()):
            yield f".__defaults__[{n}]", part
        for name, part in (value.__kwdefaults__ or {}).items():
            yield f".__kwdefaults__[{name!r}]", part
    elif kind is types.MethodType:
        yield ".__self__", value.__self__
        yield ".__func__", value.__func__
    elif issubclass(kind, type):
        if kinds._named(value.__module__, value.__qualname__, value):
            return
        for base in value.__bases__:
            yield f".<{base.__name__}>", base
    elif kind in (types.BuiltinFunctionType, types.MethodWrapperType):
        yield ".__self__", value.__self__
    for name, part in kinds._own(value).items():
        yield f".{name}", part
    if kind.__module__ != "__main__" and not issubclass(kind, (dict, list, tuple, set, frozenset, type)):
        for part in _reduced(saver, value):
            yield "...", part


def _reduced(saver, value):
    """What a value is made again from."""
    try:
        how = saver.reducer_override(value)
        if how is NotImplemented:
            how = value.__reduce_ex__(4)
    except Exception:
        return ()
    if type(how) is not tuple:
        return ()
    parts = [part for part in how[1:3] if part is not None]
    return parts + [part for more in how[3:5] if more is not None for part in more]
