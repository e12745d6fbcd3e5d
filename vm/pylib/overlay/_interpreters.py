"""Interpreters that run beside this one, each with a thread, a heap and modules of its own (`_isolates`).

Nothing is shared between two: what crosses is packed here, and unpacked there by this same module.
"""

import _isolates
import builtins
import marshal
import sys
from types import CodeType, FunctionType, SimpleNamespace

WHENCE_UNKNOWN, WHENCE_RUNTIME, WHENCE_LEGACY_CAPI, WHENCE_CAPI, WHENCE_XI, WHENCE_STDLIB = range(6)


class InterpreterError(Exception):
    """A cross-interpreter operation failed"""


class InterpreterNotFoundError(InterpreterError):
    """An interpreter was not found"""


class NotShareableError(TypeError):
    """An object can't be shared with another interpreter"""


for _class in (InterpreterError, InterpreterNotFoundError, NotShareableError):
    _class.__module__ = "concurrent.interpreters"
del _class


# What crosses: a letter and what it says how to read.

_PLAIN = (type(None), bool, int, float, str, bytes)

# Types of other modules that have a way of their own: type -> pack, letter -> unpack.
_packers = {}
_unpackers = {}


def _unshareable(obj):
    return NotShareableError(f"{obj!r} does not support cross-interpreter data")


def _pack_shareable(obj):
    """The bytes of an object that crosses without help."""
    kind = type(obj)
    if kind in _PLAIN and (kind is not int or -(1 << 63) <= obj < 1 << 63):
        return b"m" + marshal.dumps(obj)
    if kind is tuple:
        return b"t" + marshal.dumps([_pack_shareable(item) for item in obj])
    if kind in _packers:
        return _packers[kind](obj)
    raise _unshareable(obj)


def _is_stateless(function):
    """Whether a function uses nothing but its arguments and builtins."""
    if type(function) is not FunctionType or function.__closure__ or function.__kwdefaults__:
        return False
    codes = [function.__code__]
    for code in codes:
        # What is imported into a local variable is named, too.
        names = set(code.co_names).difference(code.co_varnames)
        if not names.isdisjoint(function.__globals__):
            return False
        codes += [const for const in code.co_consts if isinstance(const, CodeType)]
    return True


def _pack_function(function):
    parts = (function.__code__, function.__name__, function.__qualname__, function.__defaults__)
    return b"f" + marshal.dumps(parts)


def _main_file():
    return getattr(sys.modules.get("__main__"), "__file__", None)


def _pack(obj):
    """The bytes of an object, by whatever way there is."""
    try:
        return _pack_shareable(obj)
    except NotShareableError as error:
        refused = error
    if _is_stateless(obj):
        try:
            return _pack_function(obj)
        except ValueError:
            pass
    if type(obj) is FunctionType:
        refused = NotShareableError("only stateless functions are shareable")
    import pickle

    try:
        return b"p" + marshal.dumps((_main_file(), pickle.dumps(obj)))
    except Exception as error:
        raise refused from error


def _unpickle(file, data):
    import io
    import pickle

    class Unpickler(pickle.Unpickler):
        """Finds what the other interpreter's program defines."""

        def find_class(self, module, name):
            try:
                return super().find_class(module, name)
            except AttributeError:
                if module != "__main__" or file is None or file == _main_file():
                    raise
            found = _program(file)
            for part in name.split("."):
                found = found[part] if isinstance(found, dict) else getattr(found, part)
            return found

    return Unpickler(io.BytesIO(data)).load()


_programs = {}


def _program(file):
    """The namespace of a program that another interpreter runs."""
    if file not in _programs:
        import runpy

        _programs[file] = runpy.run_path(file, run_name="<fake __main__>")
    return _programs[file]


def _unpack(data):
    kind, rest = data[:1], data[1:]
    if kind == b"m":
        return marshal.loads(rest)
    if kind == b"t":
        return tuple(map(_unpack, marshal.loads(rest)))
    if kind == b"f":
        code, name, qualname, defaults = marshal.loads(rest)
        function = FunctionType(code, sys.modules["__main__"].__dict__, name, defaults)
        function.__qualname__ = qualname
        return function
    if kind == b"p":
        return _unpickle(*marshal.loads(rest))
    if kind not in _unpackers:
        import concurrent.interpreters  # which registers its queues
    return _unpackers[kind](rest)


def is_shareable(obj):
    """Return whether an object can be passed to another interpreter as it is."""
    return type(obj) in _PLAIN or type(obj) is tuple or type(obj) in _packers


# Failures.


def capture_exception(exc=None):
    """Return a snapshot of an exception, without objects of its interpreter."""
    if exc is None:
        exc = sys.exception()
    elif not isinstance(exc, BaseException):
        raise TypeError(f"expected exception, got '{exc!r}'")
    kind = type(exc)
    names = SimpleNamespace(__name__=kind.__name__, __qualname__=kind.__qualname__, __module__=kind.__module__)
    try:
        text = str(exc)
    except Exception:
        text = None
    title = kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    shot = SimpleNamespace(type=names, msg=text, formatted=f"{title}: {text}" if text else title)
    try:
        import traceback

        shot.errdisplay = "".join(traceback.TracebackException.from_exception(exc).format()).rstrip("\n")
    except Exception:
        pass
    return shot


def _captured(exc):
    """The same, to be sent; the frames of this module are left out."""
    exc.__traceback__ = exc.__traceback__.tb_next
    shot = capture_exception(exc)
    kind = shot.type
    return (
        (kind.__name__, kind.__qualname__, kind.__module__),
        shot.msg,
        shot.formatted,
        getattr(shot, "errdisplay", None),
    )


def _failure(parts):
    if parts is None:
        return None
    (name, qualname, module), text, formatted, display = parts
    shot = SimpleNamespace(type=SimpleNamespace(__name__=name, __qualname__=qualname, __module__=module))
    shot.msg, shot.formatted = text, formatted
    if display is not None:
        shot.errdisplay = display
    return shot


# What the other side does.


def _serve(request):
    what, *operands = marshal.loads(request)
    try:
        answer = True, _SERVICES[what](*operands)
    except BaseException as error:
        answer = False, _captured(error)
    return marshal.dumps(answer)


def _serve_path(path):
    sys.path[:] = path


def _serve_attributes(items):
    namespace = sys.modules["__main__"].__dict__
    namespace.update((name, _unpack(data)) for name, data in items)


def _serve_code(code):
    try:
        builtins.exec(code, sys.modules["__main__"].__dict__)
    except BaseException as error:
        return _captured(error)
    finally:
        _flush()


def _serve_call(function, args, kwargs):
    what = "object could not be unpickled"
    try:
        function, what = _unpack(function), "args not shareable"
        args, what = [_unpack(data) for data in args], "kwargs not shareable"
        kwargs = {name: _unpack(data) for name, data in kwargs}
    except Exception as error:
        return "unpack", (what, _captured(error))
    try:
        result = function(*args, **kwargs)
    except BaseException as error:
        return "failed", _captured(error)
    finally:
        _flush()
    try:
        return "result", _pack(result)
    except Exception as error:
        return "pack", str(error)


def _flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


_SERVICES = {"path": _serve_path, "set": _serve_attributes, "exec": _serve_code, "call": _serve_call}


# What this side asks for.


def _id(id):
    if not isinstance(id, int):
        if not hasattr(id, "__index__"):
            raise TypeError(f"interpreter ID must be an int, got {type(id).__name__}")
        id = id.__index__()
    if id < 0:
        raise ValueError(f"interpreter ID must be a non-negative int, got {id!r}")
    return id


def _known(id):
    id = _id(id)
    if id not in _isolates.all():
        raise InterpreterNotFoundError(f"unrecognized interpreter ID {id}")
    return id


def _ours(id, what, restrict):
    id = _known(id)
    if id == 0 and restrict:
        raise InterpreterError(f"cannot {what} unrecognized interpreter {id}")
    return id


def _ask(id, *request):
    if id == _isolates.current() or id == 0:
        raise InterpreterError("interpreter already running")
    try:
        answer = _isolates.ask(id, marshal.dumps(request))
    except LookupError:
        raise InterpreterNotFoundError(f"unrecognized interpreter ID {id}") from None
    if answer is None:
        raise InterpreterError("interpreter already running")
    done, answer = marshal.loads(answer)
    if not done:
        raise InterpreterError(_failure(answer).errdisplay)
    return answer


def new_config(name="isolated", /, **overrides):
    """Return a representation of a new PyInterpreterConfig."""
    configs = {
        "isolated": dict(
            use_main_obmalloc=False,
            allow_fork=False,
            allow_exec=False,
            allow_threads=True,
            allow_daemon_threads=False,
            check_multi_interp_extensions=True,
            gil="own",
        ),
        "legacy": dict(
            use_main_obmalloc=True,
            allow_fork=True,
            allow_exec=True,
            allow_threads=True,
            allow_daemon_threads=True,
            check_multi_interp_extensions=False,
            gil="shared",
        ),
    }
    configs["empty"] = dict.fromkeys(configs["legacy"], False) | {"gil": "default"}
    configs["default"] = configs["isolated"]
    if name not in configs:
        raise ValueError(f"unsupported config name '{name}'")
    config = SimpleNamespace(**configs[name])
    for key, value in overrides.items():
        if not hasattr(config, key):
            raise ValueError(f"unexpected name {key!r}")
        setattr(config, key, value)
    return config


def get_config(id, *, restrict=False):
    """Return a representation of the config used to initialize the interpreter."""
    return new_config("legacy" if _known(id) == 0 else "isolated")


def create(config="isolated", *, reqrefs=False):
    """Create a new interpreter and return a unique generated ID."""
    if isinstance(config, str):
        new_config(config)
    try:
        id = _isolates.create(reqrefs)
    except (PermissionError, RuntimeError) as error:
        raise InterpreterError("interpreter creation failed") from error
    _ask(id, "path", sys.path)
    return id


def destroy(id, *, restrict=False):
    """Destroy the identified interpreter."""
    id = _ours(id, "destroy", restrict)
    if id == _isolates.current():
        raise InterpreterError("cannot destroy the current interpreter")
    if id == 0:
        raise InterpreterError("cannot destroy the main interpreter")
    if not _isolates.destroy(id):
        raise InterpreterError("interpreter running")


def list_all(*, require_ready=False):
    """Return a list containing the ID of every existing interpreter."""
    return [(id, whence(id)) for id in _isolates.all()]


def get_current():
    """Return (ID, whence) of the current interpreter."""
    id = _isolates.current()
    return id, whence(id)


def get_main():
    """Return (ID, whence) of the main interpreter."""
    return 0, WHENCE_RUNTIME


def whence(id):
    """Return an identifier for where the interpreter was created."""
    return WHENCE_RUNTIME if _known(id) == 0 else WHENCE_STDLIB


def is_running(id, *, restrict=False):
    """Return whether or not the identified interpreter is running."""
    id = _ours(id, "check if running for", restrict)
    return id in (0, _isolates.current()) or _isolates.is_busy(id)


def incref(id, *, implieslink=False, restrict=False):
    """Count one more user of the interpreter."""
    _isolates.count(_known(id), 1)


def decref(id, *, restrict=False):
    """Count one user less; an interpreter that nobody uses is destroyed."""
    _isolates.count(_known(id), -1)


def set___main___attrs(id, ns, *, restrict=False):
    """Bind the given attributes in the interpreter's __main__ module."""
    id = _ours(id, "update __main__ for", restrict)
    items = []
    for name, value in ns.items():
        if not isinstance(name, str):
            raise TypeError(f"expected str key, got {name!r}")
        items.append((name, _pack_shareable(value)))
    if items:
        _ask(id, "set", items)


def _script(code):
    if isinstance(code, str):
        return compile(code, "<script>", "exec", dont_inherit=True)
    if isinstance(code, FunctionType):
        if code.__closure__:
            raise ValueError("closures not supported")
        code = code.__code__
    if isinstance(code, CodeType):
        if code.co_argcount or code.co_kwonlyargcount or code.co_flags & 0b1100:
            raise ValueError("code with args not supported")
        if code.co_freevars:
            raise ValueError("closures not supported")
        return code
    raise TypeError(f"unsupported script {code!r}")


def exec(id, code, shared=None, *, restrict=False):
    """Execute the provided code in the identified interpreter."""
    id = _ours(id, "exec code for", restrict)
    code = _script(code)
    if shared:
        set___main___attrs(id, shared, restrict=restrict)
    return _failure(_ask(id, "exec", code))


def run_string(id, script, shared=None, *, restrict=False):
    """Execute the provided string in the identified interpreter."""
    if not isinstance(script, str):
        raise TypeError(f"_interpreters.run_string() argument 2 must be a string, not {type(script).__name__}")
    return exec(id, script, shared, restrict=restrict)


def run_func(id, func, shared=None, *, restrict=False):
    """Execute the body of the provided function in the identified interpreter."""
    return exec(id, func, shared, restrict=restrict)


def call(id, callable, args=None, kwargs=None, *, preserve_exc=False, restrict=False):
    """Call the provided object in the identified interpreter."""
    id = _ours(id, "make a call in", restrict)
    packed = [_pack(arg) for arg in args or ()]
    named = [(name, _pack(value)) for name, value in (kwargs or {}).items()]
    how, answer = _ask(id, "call", _pack(callable), packed, named)
    if how == "result":
        return _unpack(answer), None
    if how == "pack":
        raise NotShareableError(answer)
    if how == "unpack":
        what, shot = answer
        raise NotShareableError(what) from NotShareableError(
            f"object could not be unpickled: {_failure(shot).formatted}"
        )
    return None, _failure(answer)
