"""How each kind of object goes into a snapshot, and comes out of it.

A function `_save_...` gets the Pickler and the object, and says how that is reduced; or NotImplemented, when pickle's own way is
right. What it names for making and filling the object again is here as well, since a snapshot refers to it by name.
"""

import _thread
import copyreg
import sys
import types
from _weakref import ref as _WEAKREF

_HEAPTYPE = 1 << 9


class Unstorable(Exception):
    def __init__(self, thing, why):
        self.thing, self.why = thing, why


# By name


def _importable(name, module):
    """Whether importing the name gives the module again."""
    return name != "__main__" and type(module) is types.ModuleType and getattr(module, "__spec__", None) is not None


def _named(module, qualname, thing):
    """Whether the thing is found under these names."""
    if not isinstance(module, str) or not isinstance(qualname, str):
        return False
    found = sys.modules.get(module)
    if found is None or not _importable(module, found):
        return False
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found is thing


def _landmark(module, name):
    __import__(module)
    return getattr(sys.modules[module], name)


def _module(name):
    __import__(name)
    return sys.modules[name]


def _globals_of(name):
    return vars(_module(name))


class _Globals:
    """A library module's namespace."""

    def __init__(self, name):
        self.name = name

    def __reduce__(self):
        return _globals_of, (self.name,)


def _own(value):
    """Attributes that are the value's own, by dict and by slots."""
    try:
        own = dict(object.__getattribute__(value, "__dict__"))
    except Exception:
        own = {}
    for base in type.mro(type(value)):
        for name, slot in vars(base).items():
            if type(slot) is types.MemberDescriptorType:
                try:
                    own.setdefault(name, slot.__get__(value))
                except Exception:
                    continue
    return own


def _save_own_way(saver, thing):
    """As the thing says; one that says a name is not there under it yet, when the session's own variables are made again."""
    kind = type(thing)
    if kind.__reduce_ex__ is object.__reduce_ex__ and kind.__reduce__ is object.__reduce__:
        return NotImplemented
    if kind in copyreg.dispatch_table:
        return NotImplemented
    how = thing.__reduce_ex__(5)
    if type(how) is not str:
        return how
    if _named(getattr(thing, "__module__", None), how, thing):
        return NotImplemented
    return copyreg.__newobj__, (kind,), (None, _own(thing))


# Functions

_unpack = None


def _code(data):
    return _unpack(data)


def _save_code(saver, code):
    return _code, (saver.pack(code),)


def _save_function(saver, f):
    if _named(f.__module__, f.__qualname__, f):
        return NotImplemented
    annotate = f.__annotate__
    state = {
        "__defaults__": f.__defaults__,
        "__kwdefaults__": f.__kwdefaults__,
        "__doc__": f.__doc__,
        "__module__": f.__module__,
        "__qualname__": f.__qualname__,
        "__type_params__": f.__type_params__,
    }
    if annotate is not None:
        state["__annotate__"] = annotate
    elif f.__annotations__:
        state["__annotations__"] = f.__annotations__
    made = (f.__code__, saver.globals_of(f.__globals__), f.__name__, None, _closure(saver, f))
    return types.FunctionType, made, (state, dict(f.__dict__)), None, None, _fill_function


def _closure(saver, f):
    """The function's cells. A class's namespace is no dict of its own, so its cell gets what the class's body said."""
    if "__classdict__" not in f.__code__.co_freevars:
        return f.__closure__
    cells = zip(f.__code__.co_freevars, f.__closure__)
    return tuple(saver.said(cell) if name == "__classdict__" else cell for name, cell in cells)


def _fill_function(f, state):
    named, own = state
    for name, value in named.items():
        setattr(f, name, value)
    f.__dict__.update(own)


def _save_cell(saver, cell):
    try:
        return types.CellType, (), (cell.cell_contents,), None, None, _fill_cell
    except ValueError:
        return types.CellType, ()


def _fill_cell(cell, value):
    (cell.cell_contents,) = value


def _save_builtin(saver, f):
    owner = f.__self__
    if owner is None or type(owner) is types.ModuleType:
        return NotImplemented
    return getattr, (owner, f.__name__)


def _save_method(saver, method):
    return types.MethodType, (method.__func__, method.__self__)


def _save_property(saver, p):
    made = type(p), (p.fget, p.fset, p.fdel, p.__doc__)
    return made if type(p) is property else (*made, getattr(p, "__dict__", None) or None)


def _save_wrapper(saver, w):
    return type(w), (w.__func__,), getattr(w, "__dict__", None) or None, None, None, _fill_dict


def _fill_dict(thing, state):
    if state:
        thing.__dict__.update(state)


def _save_cached(saver, cached):
    if _named(cached.__module__, cached.__qualname__, cached):
        return NotImplemented
    parameters = cached.cache_parameters()
    return _make_cached, (cached.__wrapped__, parameters["maxsize"], parameters["typed"])


def _make_cached(f, maxsize, typed):
    from functools import lru_cache

    return lru_cache(maxsize, typed)(f)


def _save_type_variable(saver, v):
    if _named(v.__module__, v.__name__, v):
        return NotImplemented
    said = ("bound", "covariant", "contravariant", "infer_variance")
    how = {name: getattr(v, f"__{name}__") for name in said if hasattr(v, f"__{name}__")}
    if v.has_default():
        how["default"] = v.__default__
    return _make_type_variable, (type(v), v.__name__, getattr(v, "__constraints__", ()), how, v.__module__)


def _make_type_variable(kind, name, constraints, how, module):
    made = kind(name, *constraints, **how)
    made.__module__ = module
    return made


def _save_alias(saver, alias):
    if _named(alias.__module__, alias.__name__, alias):
        return NotImplemented
    return _make_alias, (type(alias), alias.__name__, alias.__value__, alias.__type_params__, alias.__module__)


def _make_alias(kind, name, value, parameters, module):
    # Its module is that of the frame which makes it.
    scope = {"__name__": module, "kind": kind}
    return eval("lambda *given: kind(*given[:2], type_params=given[2])", scope)(name, value, parameters)


# Modules


def _save_module(saver, module):
    name = module.__name__
    if vars(module) is saver.main:
        return _module, ("__main__",)
    if sys.modules.get(name) is module and _importable(name, module):
        return _module, (name,)
    state = {key: value for key, value in vars(module).items() if key not in ("__builtins__", "__loader__", "__spec__")}
    found = sys.modules.get(name) is module
    return types.ModuleType, (name,), (state, found), None, None, _fill_module


def _fill_module(module, state):
    names, found = state
    vars(module).update(names)
    if found:
        sys.modules[module.__name__] = module


# Classes

# What belongs to how a class is made, not to what its body said.
_MADE = frozenset(("__module__", "__slots__", "__qualname__", "__orig_bases__", "__annotate_func__", "__annotations_cache__",
                   "__abstractmethods__", "_abc_impl"))
_DESCRIPTORS = (types.MemberDescriptorType, types.GetSetDescriptorType)
_ENUM = frozenset(("_member_names_", "_member_map_", "_value2member_map_", "_hashable_values_", "_unhashable_values_",
                   "_unhashable_values_map_", "_member_type_", "_generate_next_value_", "_new_member_"))


def _save_class(saver, cls):
    if _named(cls.__module__, cls.__qualname__, cls):
        return NotImplemented
    if not cls.__flags__ & _HEAPTYPE:
        for name, value in vars(types).items():
            if value is cls:
                return _landmark, ("types", name)
        return NotImplemented
    meta, body = type(cls), dict(vars(cls))
    attributes = {name: value for name, value in body.items()
                  if name not in _MADE and type(value) not in _DESCRIPTORS}
    annotate = body.get("__annotate_func__")
    if annotate is not None:
        attributes["__annotate__"] = annotate
    elif body.get("__annotations_cache__"):
        attributes["__annotations__"] = body["__annotations_cache__"]
    names = {name: body[name] for name in ("__module__", "__slots__", "__orig_bases__") if name in body}
    names["__qualname__"] = cls.__qualname__
    enum = sys.modules.get("enum")
    if enum is not None and issubclass(meta, enum.EnumType):
        return _save_enum(cls, names, attributes)
    abstract, registered = body.get("__abstractmethods__"), []
    if "_abc_impl" in body:
        from _abc import _get_dump

        registered = [ref() for ref in _get_dump(cls)[0]]
    made = (meta, cls.__name__, cls.__bases__, names, "_abc_impl" in body)
    return _make_class, made, (attributes, abstract, registered), None, None, _fill_class


_QUIET = classmethod(lambda cls, **kwargs: None)


def _make_class(meta, name, bases, names, is_abstract):
    # Whoever hears of new subclasses has heard of this one already.
    deaf = []
    for base in dict.fromkeys(above for base in bases for above in type.mro(base)):
        hook = vars(base).get("__init_subclass__")
        if hook is not None and base.__flags__ & _HEAPTYPE:
            try:
                type.__setattr__(base, "__init_subclass__", _QUIET)
            except TypeError:
                continue
            deaf.append((base, hook))
    try:
        cls = type.__new__(meta, name, bases, names)
    finally:
        for base, hook in deaf:
            type.__setattr__(base, "__init_subclass__", hook)
    if is_abstract:
        from _abc import _abc_init

        _abc_init(cls)
    return cls


def _fill_class(cls, state):
    attributes, abstract, registered = state
    for name, value in attributes.items():
        type.__setattr__(cls, name, value)
    for registree in registered:
        if registree is not None:
            from _abc import _abc_register

            _abc_register(cls, registree)
    if abstract is not None:
        type.__setattr__(cls, "__abstractmethods__", abstract)


def _save_enum(cls, names, attributes):
    if cls._member_type_ is not object and "__new_member__" in attributes:
        raise Unstorable(cls, "an enum of data with a __new__ of its own")
    members = {name: member._value_ for name, member in cls.__members__.items()}
    kept = {name: value for name, value in attributes.items() if name not in _ENUM and name not in members}
    skip = ("_value_", "_name_", "__objclass__", "_sort_order_")
    own = {name: {key: value for key, value in member.__dict__.items() if key not in skip}
           for name, member in cls._member_map_.items() if hasattr(member, "__dict__")}
    made = (type(cls), cls.__name__, cls.__bases__, names, members)
    return _make_enum, made, (kept, own), None, None, _fill_enum


def _make_enum(meta, name, bases, names, members):
    body = meta.__prepare__(name, bases)
    for key, value in names.items():
        if key != "__orig_bases__":
            body[key] = value
    for key, value in members.items():
        body[key] = value
    return meta.__new__(meta, name, bases, body)


def _fill_enum(cls, state):
    attributes, members = state
    for name, value in attributes.items():
        type.__setattr__(cls, name, value)
    for name, own in members.items():
        cls._member_map_[name].__dict__.update(own)


# Exceptions


def _save_exception(saver, e):
    how = e.__reduce_ex__(4)
    if type(how) is not tuple or how[0] is not type(e):
        return how
    about = {}
    if isinstance(e, (AttributeError, NameError)):
        about = {name: getattr(e, name) for name in ("name", "obj") if hasattr(e, name)}
    told = (how[2] if len(how) > 2 else None, about, e.__cause__, e.__context__, e.__suppress_context__)
    return _make_exception, (how[0], how[1]), told, None, None, _fill_exception


def _make_exception(cls, args):
    made = cls.__new__(cls, *args)
    for above in type.mro(cls):
        if above.__module__ == "builtins":
            above.__init__(made, *args)
            break
    return made


def _fill_exception(e, told):
    state, about, e.__cause__, e.__context__, e.__suppress_context__ = told
    if state is not None:
        e.__setstate__(state)
    for name, value in about.items():
        setattr(e, name, value)


# Locks, threads, weak references, matches


def _save_lock(saver, lock):
    if lock.locked():
        raise Unstorable(lock, "a lock that is held")
    return _thread.allocate_lock, ()


def _save_rlock(saver, lock):
    if lock.locked():
        raise Unstorable(lock, "a lock that is held")
    return _thread.RLock, ()


def _save_handle(saver, handle):
    if not handle.is_done():
        return _thread._ThreadHandle, ()
    return _ended_handle, (handle.ident,)


def _ended_handle(ident):
    handle = _thread._make_thread_handle(ident)
    handle._set_done()
    return handle


def _save_thread(saver, thread):
    if thread.is_alive():
        raise Unstorable(thread, "a thread that has not ended")
    make, args, state = thread.__reduce_ex__(4)[:3]
    return make, args, {**state, "_context": None}


def _save_ref(saver, ref):
    target = ref()
    if target is None:
        return _dead_ref, ()
    callback = ref.__callback__
    return type(ref), ((target,) if callback is None else (target, callback))


def _dead_ref():
    class Gone:
        pass

    return _WEAKREF(Gone())


def _save_weak_dict(saver, d):
    return type(d), (), None, None, iter(list(d.items()))


def _save_weak_set(saver, s):
    return type(s), (list(s),)


def _save_weak_method(saver, ref):
    method = ref()
    return (_dead_ref, ()) if method is None else (type(ref), (method,))


def _save_match(saver, match):
    where = (match.string, match.pos, match.endpos)
    for how in ("match", "fullmatch", "search"):
        again = getattr(match.re, how)(*where)
        if again is not None and again.regs == match.regs:
            return _match_again, (match.re, how, *where)
    raise Unstorable(match, "Match")


def _match_again(pattern, how, *where):
    return getattr(pattern, how)(*where)


def _refuse(saver, thing):
    raise Unstorable(thing, type(thing).__qualname__)


def _save_proxy(saver, proxy):
    return types.MappingProxyType, (dict(proxy),)



KINDS = {
    types.CodeType: _save_code,
    types.FunctionType: _save_function,
    types.CellType: _save_cell,
    types.BuiltinFunctionType: _save_builtin,
    types.MethodWrapperType: _save_builtin,
    types.MethodType: _save_method,
    types.ModuleType: _save_module,
    types.MappingProxyType: _save_proxy,
    types.GeneratorType: _refuse,
    types.CoroutineType: _refuse,
    types.AsyncGeneratorType: _refuse,
    types.FrameType: _refuse,
    types.TracebackType: _refuse,
    _thread.LockType: _save_lock,
    _thread.RLock: _save_rlock,
    _thread._ThreadHandle: _save_handle,
    _WEAKREF: _save_ref,
}
# With their subclasses.
BASES = ((property, _save_property), (staticmethod, _save_wrapper), (classmethod, _save_wrapper))
# Of modules that are here only if somebody wanted them.
LAZY = {
    ("functools", "_lru_cache_wrapper"): _save_cached,
    ("re", "Match"): _save_match,
    ("typing", "TypeVar"): _save_type_variable,
    ("typing", "ParamSpec"): _save_type_variable,
    ("typing", "TypeVarTuple"): _save_type_variable,
    ("typing", "TypeAliasType"): _save_alias,
    ("threading", "Thread"): _save_thread,
    ("weakref", "WeakKeyDictionary"): _save_weak_dict,
    ("weakref", "WeakValueDictionary"): _save_weak_dict,
    ("_weakrefset", "WeakSet"): _save_weak_set,
    ("weakref", "WeakMethod"): _save_weak_method,
    ("weakref", "finalize"): _refuse,
    ("_thread", "_local"): _refuse,
}
