"""The node classes of the abstract syntax tree, made of the compiler's table of them."""

import _asdl

PyCF_ONLY_AST, PyCF_TYPE_COMMENTS, PyCF_ALLOW_TOP_LEVEL_AWAIT, PyCF_OPTIMIZED_AST = 0x400, 0x1000, 0x2000, 0x8400

_Alias, _Union = type(list[int]), type(int | str)
_PLACE = "lineno", "col_offset", "end_lineno", "end_col_offset"
_unset = object()


class AST:
    _fields = _attributes = ()
    __match_args__ = ()

    def __init__(self, /, *args, **kwargs):
        cls = type(self)
        fields = cls._fields
        if len(args) > len(fields):
            s = "" if len(fields) == 1 else "s"
            raise TypeError(f"{cls.__name__} constructor takes at most {len(fields)} positional argument{s}")
        missing = dict.fromkeys(fields)
        for name, value in zip(fields, args):
            setattr(self, name, value)
            missing.pop(name, None)
        for name, value in kwargs.items():
            if name in fields:
                if missing.pop(name, _unset) is _unset:
                    raise TypeError(f"{cls.__name__} got multiple values for argument {name!r}")
            elif name not in cls._attributes:
                _deprecated(f"{cls.__name__}.__init__ got an unexpected keyword argument {name!r}. "
                            "Support for arbitrary keyword arguments is deprecated and will be removed in Python 3.15.")
            setattr(self, name, value)
        if missing and (types := getattr(cls, "_field_types", None)) is not None:
            for name in missing:
                _default(self, cls.__name__, name, types.get(name, _unset))

    def __reduce__(self):
        state = dict(self.__dict__)
        count = 0
        for name in self._fields:
            if name not in state:
                break
            count += 1
        # Positional None for what the state sets anyway, so that the constructor does not warn.
        return type(self), (None,) * count, state

    def __replace__(self, /, **changes):
        cls = type(self)
        state = self.__dict__
        wanted = dict.fromkeys((*cls._fields, *cls._attributes))
        for name in changes:
            if name not in wanted:
                raise TypeError(f"{cls.__name__}.__replace__ got an unexpected keyword argument {name!r}.")
        values = {name: value for name, value in state.items() if name in wanted}
        values.update(changes)
        types = getattr(cls, "_field_types", {})
        missing = [name for name in cls._fields
                   if name not in values and not isinstance(types.get(name), _Union)]
        if missing:
            s = "" if len(missing) == 1 else "s"
            names = ", ".join(map(repr, missing))
            raise TypeError(f"{cls.__name__}.__replace__ missing {len(missing)} keyword argument{s}: {names}.")
        return cls(**values)

    def __repr__(self):
        return _shown(self, 3)


AST.__module__ = "ast"
# What is made in C has slots without source.
for _slot in (AST.__init__, AST.__reduce__, AST.__replace__, AST.__repr__):
    _slot.__module__ = "ast"
del _slot


def _deprecated(message):
    import warnings
    warnings.warn(message, DeprecationWarning, stacklevel=3)


def _default(node, owner, name, kind):
    if kind is _unset:
        import warnings
        warnings.warn(f"Field {name!r} is missing from {owner}._field_types. "
                      "This will become an error in Python 3.15.", DeprecationWarning, stacklevel=3)
    elif type(kind) is _Alias:
        setattr(node, name, [])
    elif kind is expr_context:
        setattr(node, name, _units["Load"])
    elif not isinstance(kind, _Union):
        import warnings
        warnings.warn(f"{owner}.__init__ missing 1 required positional argument: {name!r}. "
                      "This will become an error in Python 3.15.", DeprecationWarning, stacklevel=3)


_shown_now = set()


def _shown(node, depth):
    name = type(node).__name__
    if depth <= 0 or id(node) in _shown_now:
        return f"{name}(...)"
    _shown_now.add(id(node))
    try:
        fields = [f"{field}={_shown_field(getattr(node, field), depth - 1)}" for field in node._fields]
    finally:
        _shown_now.discard(id(node))
    return f"{name}({', '.join(fields)})"


def _shown_field(value, depth):
    if isinstance(value, AST):
        return _shown(value, depth)
    if isinstance(value, (list, tuple)):
        # The first and the last stand for all.
        ends = value if len(value) < 2 else (value[0], value[-1])
        shown = [_shown(item, depth) if isinstance(item, AST) else repr(item) for item in ends]
        if len(value) > 2:
            shown.insert(1, "...")
        inner = ", ".join(shown)
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    return repr(value)


def _make(name, base, doc, /, **space):
    cls = type(name, (base,), {"__doc__": doc, "__module__": "ast", **space})
    globals()[name] = cls
    return cls


def _place(whole):
    space = {"_attributes": _PLACE}
    if not whole:
        space["end_lineno"] = space["end_col_offset"] = None
    return space


def _build():
    plain = {"identifier": str, "string": str, "int": int, "constant": object}
    families = {name: (doc, _place(whole) if placed else {"_attributes": ()}, product)
                for name, doc, placed, whole, product in _asdl.families()}
    for name, (doc, space, product) in families.items():
        if not product:
            _make(name, AST, doc, _fields=(), __match_args__=(), **space)
    made = []
    for name, family, doc, fields in _asdl.classes():
        names = tuple(field[0] for field in fields)
        space = {"_fields": names, "__match_args__": names}
        space.update((field, None) for field, _, many in fields if many == "?")
        product = families[family][2]
        if product:
            space.update(families[family][1])
        made.append((_make(name, AST if product else globals()[family], doc, **space), fields))
    for cls, fields in made:
        types = {}
        for name, kind, many in fields:
            kind = plain.get(kind) or globals()[kind]
            types[name] = list[kind] if many == "*" else kind | None if many == "?" else kind
        cls._field_types = types
        if types:
            cls.__annotations__ = types
        elif cls.__base__ is not AST and not cls._attributes:
            _units[cls.__name__] = cls()


_units = {}
_build()
