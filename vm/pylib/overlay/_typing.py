"""Type parameters, aliases and Generic: what CPython's _typing does in C."""

from types import UnionType as Union


def _idfunc(x):
    return x


def _caller():
    import sys
    return sys._getframemodulename(2)


class _NoDefaultType:
    __slots__ = ()

    def __new__(cls):
        return NoDefault

    def __repr__(self):
        return "typing.NoDefault"

    def __reduce__(self):
        return "NoDefault"


NoDefault = object.__new__(_NoDefaultType)
_NoDefaultType.__name__ = _NoDefaultType.__qualname__ = "NoDefaultType"
_NoDefaultType.__module__ = "typing"


def _typing():
    import typing
    return typing


class _Lazy:
    """An attribute computed on first access by the compiler's evaluator function."""

    def __init__(self, name, missing):
        self.value, self.evaluate, self.missing = "_" + name, "_evaluate_" + name, missing

    def __get__(self, obj, cls=None):
        if obj is None:
            return self
        if self.value not in obj.__dict__:
            evaluate = obj.__dict__.get(self.evaluate)
            obj.__dict__[self.value] = self.missing if evaluate is None else evaluate(1)
        return obj.__dict__[self.value]

    def __set__(self, obj, value):
        raise AttributeError("readonly attribute")


class _Parameter:
    __module__ = "typing"
    __default__ = _Lazy("default", NoDefault)

    def __init_subclass__(cls, **kwargs):
        if cls.__dict__.get("__module__") != __name__:
            base = cls.__bases__[0].__name__
            raise TypeError(f"type 'typing.{base}' is not an acceptable base type")

    def __or__(self, other):
        return _typing()._make_union(self, other)

    def __ror__(self, other):
        return _typing()._make_union(other, self)

    def __repr__(self):
        if self.__infer_variance__:
            return self.__name__
        sign = "+" if self.__covariant__ else "-" if self.__contravariant__ else "~"
        return sign + self.__name__

    def __reduce__(self):
        return self.__name__

    def __mro_entries__(self, bases):
        raise TypeError(f"Cannot subclass an instance of {type(self).__name__}")

    def has_default(self):
        return self.__dict__.get("_evaluate_default") is not None or self.__dict__.get("_default", NoDefault) is not NoDefault

    @property
    def evaluate_default(self):
        return _evaluator(self, "default", NoDefault)

    def _variance(self, covariant, contravariant, infer_variance):
        if covariant and contravariant:
            raise ValueError("Bivariant types are not supported.")
        if infer_variance and (covariant or contravariant):
            raise ValueError("Variance cannot be specified with infer_variance.")
        self.__covariant__, self.__contravariant__ = bool(covariant), bool(contravariant)
        self.__infer_variance__ = bool(infer_variance)


def _evaluator(obj, name, missing):
    evaluate = obj.__dict__.get("_evaluate_" + name)
    if evaluate is not None:
        return evaluate
    value = obj.__dict__.get("_" + name, missing)
    if value is missing:
        return None
    return lambda format=1, /: value


def _check(value, message):
    return None if value is None else _typing()._type_check(value, message)


class TypeVar(_Parameter):
    """Type variable."""

    __bound__ = _Lazy("bound", None)
    __constraints__ = _Lazy("constraints", ())

    def __new__(cls, name, *constraints, bound=None, default=NoDefault, covariant=False, contravariant=False,
                infer_variance=False):
        self = object.__new__(cls)
        if not isinstance(name, str):
            raise TypeError(f"TypeVar() argument 'name' must be str, not {type(name).__name__}")
        self._variance(covariant, contravariant, infer_variance)
        if len(constraints) == 1:
            raise TypeError("A single constraint is not allowed")
        if constraints and bound is not None:
            raise TypeError("Constraints cannot be combined with bound=...")
        self.__name__, self.__module__ = name, _caller()
        self._constraints = tuple(_check(c, "TypeVar(name, constraint, ...): constraints must be types.") for c in constraints)
        self._bound = _check(bound, "Bound must be a type.")
        self._default = default
        return self

    def __typing_subst__(self, arg):
        return _typing()._typevar_subst(self, arg)

    def __typing_prepare_subst__(self, alias, args):
        params = alias.__parameters__
        if len(args) <= params.index(self) and self.has_default():
            return (*args, self.__default__)
        return args

    @property
    def evaluate_bound(self):
        return _evaluator(self, "bound", None)

    @property
    def evaluate_constraints(self):
        return _evaluator(self, "constraints", ())


class ParamSpecArgs:
    """The args for a ParamSpec object."""
    __module__ = "typing"

    def __init__(self, origin):
        self.__origin__ = origin

    def __repr__(self):
        return f"{self.__origin__.__name__}.args"

    def __eq__(self, other):
        return self.__origin__ == other.__origin__ if isinstance(other, ParamSpecArgs) else NotImplemented

    def __mro_entries__(self, bases):
        raise TypeError("Cannot subclass an instance of ParamSpecArgs")

    __hash__ = None


class ParamSpecKwargs:
    """The kwargs for a ParamSpec object."""
    __module__ = "typing"

    def __init__(self, origin):
        self.__origin__ = origin

    def __repr__(self):
        return f"{self.__origin__.__name__}.kwargs"

    def __eq__(self, other):
        return self.__origin__ == other.__origin__ if isinstance(other, ParamSpecKwargs) else NotImplemented

    def __mro_entries__(self, bases):
        raise TypeError("Cannot subclass an instance of ParamSpecKwargs")

    __hash__ = None


class ParamSpec(_Parameter):
    """Parameter specification."""

    def __new__(cls, name, *, bound=None, default=NoDefault, covariant=False, contravariant=False, infer_variance=False):
        self = object.__new__(cls)
        if not isinstance(name, str):
            raise TypeError(f"ParamSpec() argument 'name' must be str, not {type(name).__name__}")
        self._variance(covariant, contravariant, infer_variance)
        self.__name__, self.__module__ = name, _caller()
        self.__bound__ = _check(bound, "Bound must be a type.")
        self._default = default
        return self

    @property
    def args(self):
        return ParamSpecArgs(self)

    @property
    def kwargs(self):
        return ParamSpecKwargs(self)

    def __typing_subst__(self, arg):
        return _typing()._paramspec_subst(self, arg)

    def __typing_prepare_subst__(self, alias, args):
        return _typing()._paramspec_prepare_subst(self, alias, args)


class TypeVarTuple(_Parameter):
    """Type variable tuple."""

    def __new__(cls, name, *, default=NoDefault):
        self = object.__new__(cls)
        if not isinstance(name, str):
            raise TypeError(f"TypeVarTuple() argument 'name' must be str, not {type(name).__name__}")
        self.__name__, self.__module__ = name, _caller()
        self._default = default
        return self

    def __iter__(self):
        yield _typing().Unpack[self]

    def __repr__(self):
        return self.__name__

    def __typing_subst__(self, arg):
        raise TypeError("Substitution of bare TypeVarTuple is not supported")

    def __typing_prepare_subst__(self, alias, args):
        return _typing()._typevartuple_prepare_subst(self, alias, args)


for _cls in (TypeVar, ParamSpec, TypeVarTuple):
    _cls.__module__ = "typing"
del _cls


class TypeAliasType:
    """Type alias."""
    __module__ = "typing"
    __slots__ = ("_name", "_params", "_value", "_evaluate", "_module")

    def __new__(cls, name, value, *, type_params=()):
        if not isinstance(name, str):
            raise TypeError(f"typealias() argument 'name' must be str, not {type(name).__name__}")
        if not isinstance(type_params, tuple):
            raise TypeError("type_params must be a tuple")
        defaults = False
        for param in type_params:
            if not isinstance(param, (TypeVar, ParamSpec, TypeVarTuple)):
                raise TypeError(f"Expected a type param, got {param!r}")
            if param.has_default():
                defaults = True
            elif defaults:
                raise TypeError(f"non-default type parameter {str(param)!r} follows default type parameter")
        return cls._make(name, type_params, value, None, _caller())

    @classmethod
    def _make(cls, name, params, value, evaluate, module):
        self = object.__new__(cls)
        self._name, self._params, self._value, self._evaluate, self._module = name, params, value, evaluate, module
        return self

    @property
    def __name__(self):
        return self._name

    @property
    def __type_params__(self):
        return self._params or ()

    @property
    def __parameters__(self):
        out = []
        for p in self.__type_params__:
            out.extend(p if isinstance(p, TypeVarTuple) else (p,))
        return tuple(out)

    @property
    def __value__(self):
        if self._evaluate is not None:
            self._value, self._evaluate = self._evaluate(1), None
        return self._value

    @property
    def evaluate_value(self):
        return self._evaluate or (lambda format=1, /: self._value)

    @property
    def __module__(self):
        return self._module

    def __repr__(self):
        return self._name

    def __reduce__(self):
        return self._name

    def __getitem__(self, args):
        from types import GenericAlias
        if not self._params:
            raise TypeError("Only generic type aliases are subscriptable")
        return GenericAlias(self, args)

    def __or__(self, other):
        return _typing()._make_union(self, other)

    def __ror__(self, other):
        return _typing()._make_union(other, self)

    def __init_subclass__(cls, **kwargs):
        raise TypeError("type 'typing.TypeAliasType' is not an acceptable base type")


class Generic:
    """Abstract base class for generic types."""
    __module__ = "typing"
    __slots__ = ()

    @classmethod
    def __class_getitem__(cls, args):
        return _typing()._generic_class_getitem(cls, args)

    @classmethod
    def __init_subclass__(cls, *args, **kwargs):
        return _typing()._generic_init_subclass(cls, *args, **kwargs)


def _intrinsic(kind, *operands):
    """The compiler's typing intrinsics; the frame that asks is the type parameters' scope."""
    import sys
    module = sys._getframemodulename(1)
    if kind in ("typevar", "paramspec", "typevartuple"):
        cls = {"typevar": TypeVar, "paramspec": ParamSpec, "typevartuple": TypeVarTuple}[kind]
        made = cls(operands[0]) if kind == "typevartuple" else cls(operands[0], infer_variance=True)
        made.__module__ = module
        return made
    if kind in ("typevar_with_bound", "typevar_with_constraints"):
        made = TypeVar(operands[0], infer_variance=True)
        made.__module__ = module
        attribute = "bound" if kind.endswith("bound") else "constraints"
        del made.__dict__["_" + attribute]
        made.__dict__["_evaluate_" + attribute] = operands[1]
        return made
    if kind == "set_typeparam_default":
        made, evaluate = operands
        made.__dict__.pop("_default", None)
        made.__dict__["_evaluate_default"] = evaluate
        return made
    if kind == "set_function_type_params":
        operands[0].__type_params__ = operands[1]
        return operands[0]
    if kind == "subscript_generic":
        unpacked = [_typing().Unpack[p] if isinstance(p, TypeVarTuple) else p for p in operands[0]]
        return Generic[tuple(unpacked)]
    if kind == "typealias":
        name, params, evaluate = operands[0]
        return TypeAliasType._make(name, params, None, evaluate, module)
    raise SystemError(f"unknown intrinsic {kind}")
