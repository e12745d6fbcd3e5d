"""The part of CPython's _ctypes that is data: simple values, their sizes and arrays of them.

There is no C to call: what needs a library, an address or a layout in memory raises OSError.
"""

import struct as _struct

__version__ = "1.1.0"
RTLD_LOCAL, RTLD_GLOBAL = 0, 256
FUNCFLAG_CDECL, FUNCFLAG_PYTHONAPI, FUNCFLAG_USE_ERRNO, FUNCFLAG_USE_LASTERROR = 1, 4, 8, 16
SIZEOF_TIME_T = 8
_memmove_addr = _memset_addr = _string_at_addr = _cast_addr = _memoryview_at_addr = _wstring_at_addr = 0
_POINTER_SIZE = _struct.calcsize("P")
_SIZES = {code: _struct.calcsize(code) for code in "cbBhHiIlLqQfd?P"}
_SIZES.update(g=16, z=_POINTER_SIZE, Z=_POINTER_SIZE, O=_POINTER_SIZE, u=4)
_errno = 0


class ArgumentError(Exception):
    pass


class CField:
    """The place of a field in a structure."""


def _refuse(*args, **kwargs):
    raise OSError("Typhon cannot call C")


class _SimpleType(type):
    def __init__(cls, name, bases, namespace):
        if bases and getattr(cls, "_type_", None) not in _SIZES:
            known = "".join(_SIZES)
            raise AttributeError(f"class must define a '_type_' attribute which must be a single character string containing one of {known!r}.")
        cls.__ctype_le__ = cls.__ctype_be__ = cls

    def __mul__(cls, length):
        return _array_of(cls, length)

    __rmul__ = __mul__

    def from_param(cls, value):
        return value if isinstance(value, cls) else cls(value)

    from_address = from_buffer = from_buffer_copy = in_dll = _refuse


class _SimpleCData(metaclass=_SimpleType):
    def __init__(self, *value):
        code = self._type_
        self._value = 0.0 if code in "fdg" else b"\0" if code == "c" else "\0" if code == "u" else None if code in "zZPO" else 0
        if code == "?":
            self._value = False
        if value:
            (self.value,) = value

    @property
    def value(self):
        return self._value

    @value.setter
    def value(self, value):
        self._value = _converted(self._type_, value)

    def __bool__(self):
        return self._value not in (0, None, b"\0", "\0")

    def __repr__(self):
        return f"{type(self).__name__}({self._value!r})"


def _converted(code, value):
    """A value as C keeps it: integers wrap around."""
    if code in "bBhHiIlLqQ" or code == "P" and value is not None:
        if not isinstance(value, int):
            raise TypeError(f"an integer is required (got type {type(value).__name__})")
        bits = 8 * _SIZES[code]
        value &= (1 << bits) - 1
        return value - (1 << bits) if code in "bhilq" and value >> (bits - 1) else value
    if code in "fdg":
        if not isinstance(value, (int, float)):
            raise TypeError(f"must be real number, not {type(value).__name__}")
        return _struct.unpack("f", _struct.pack("f", value))[0] if code == "f" else float(value)
    if code == "?":
        return bool(value)
    wanted = {"c": bytes, "u": str, "z": bytes, "Z": str}.get(code)
    if code in "zZ" and value is None or wanted is None:
        return value
    if not isinstance(value, wanted) or code in "cu" and len(value) != 1:
        raise TypeError(f"{wanted.__name__} expected instead of {type(value).__name__} instance")
    return value


class _ArrayType(type):
    def __mul__(cls, length):
        return _array_of(cls, length)

    __rmul__ = __mul__


class Array(metaclass=_ArrayType):
    def __init__(self, *items):
        if len(items) > self._length_:
            raise IndexError("invalid index")
        self._items = [self._type_() for _ in range(self._length_)]
        for i, item in enumerate(items):
            self[i] = item

    def __len__(self):
        return self._length_

    def __getitem__(self, index):
        found = self._items[index]
        if isinstance(found, list):
            return [getattr(item, "value", item) for item in found]
        return getattr(found, "value", found)

    def __setitem__(self, index, value):
        self._items[index] = value if isinstance(value, self._type_) else self._type_(value)


def _array_of(cls, length):
    if length < 0:
        raise ValueError(f"Array length must be >= 0, not {length}")
    return _ArrayType(f"{cls.__name__}_Array_{length}", (Array,), {"_type_": cls, "_length_": length})


class _Layout(type):
    pass


class Structure(metaclass=_Layout):
    __init__ = _refuse


class Union(metaclass=_Layout):
    __init__ = _refuse


class _Pointer:
    __init__ = _refuse


def _set_async_exc(ident, exception):
    import _thread

    ident, exception = (getattr(v, "value", v) for v in (ident, exception))
    return _thread._set_async_exc(ident, exception or None)


# What Python programs call of the interpreter that has no other name.
_FUNCTIONS = {"PyThreadState_SetAsyncExc": _set_async_exc}


class CFuncPtr:
    _call = _refuse

    def __init__(self, *target):
        match target:
            case [(name, _)] if name in _FUNCTIONS:
                self._call = _FUNCTIONS[name]
            case [(name, _)]:
                raise AttributeError(f"undefined symbol: {name}")

    def __call__(self, *args):
        return self._call(*args)


def dlopen(name, mode=0):
    """The handle of the program itself; libraries are refused."""
    if name is not None:
        raise OSError(f"{name}: Typhon cannot load C libraries")
    return 0


def sizeof(of):
    cls = of if isinstance(of, type) else type(of)
    if issubclass(cls, Array):
        return cls._length_ * sizeof(cls._type_)
    if issubclass(cls, _SimpleCData):
        return _SIZES[cls._type_]
    if issubclass(cls, (_Pointer, CFuncPtr)):
        return _POINTER_SIZE
    if issubclass(cls, (Structure, Union)):
        _refuse()
    raise TypeError("this type has no size")


def alignment(of):
    cls = of if isinstance(of, type) else type(of)
    return alignment(cls._type_) if issubclass(cls, Array) else sizeof(cls)


def get_errno():
    return _errno


def set_errno(value):
    global _errno
    before, _errno = _errno, value
    return before


byref = addressof = resize = POINTER = pointer = buffer_info = _refuse
_pointer_type_cache = {}
