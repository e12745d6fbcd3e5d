"""Python values on the wire, both ways.

`to_wire` takes what the service's inputs can be; `from_wire` gives natural Python values, and the small classes of this
module for what has no counterpart here: instances of the program's classes, exceptions, functions, and what a cap left out.
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
import pathlib
import uuid
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ._proto.typhon.v1 import value_pb2 as pb

# What a program gets or gives. The types are those of Python itself, so there is no narrower name for them.
PyValue: TypeAlias = Any


@dataclass(frozen=True)
class TypeRef:
    """A class of the program."""

    module: str
    qualname: str
    mro: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.qualname if self.module in ("", "builtins", "__main__") else f"{self.module}.{self.qualname}"


@dataclass(frozen=True)
class FunctionRef:
    """A function of the program."""

    module: str
    qualname: str


@dataclass(frozen=True)
class Repr:
    """An object that only its repr() can tell of."""

    type: TypeRef
    text: str


@dataclass(frozen=True)
class Capped:
    """Something stood here and was left out: `DEPTH`, `SIZE` or `UNSUPPORTED`."""

    cap: str


@dataclass(frozen=True)
class Cycle:
    """A container met again inside itself, where no Python value can say so: a tuple or a frozenset."""

    levels_up: int


@dataclass(frozen=True)
class ArrowIpc:
    """One Arrow IPC stream."""

    data: bytes


@dataclass(frozen=True)
class BlobRef:
    """A blob that the server keeps."""

    digest: str
    size_bytes: int
    mime_type: str


@dataclass(eq=False)
class Instance:
    """An object of a class of the program."""

    type: TypeRef
    attributes: dict[str, PyValue] = field(default_factory=dict)

    def __getattr__(self, name: str) -> PyValue:
        try:
            return self.__dict__["attributes"][name]
        except KeyError:
            raise AttributeError(f"the {self.type} from the program has no attribute {name!r}") from None


@dataclass(frozen=True)
class Frame:
    """One entry of a traceback."""

    file: str
    function: str
    line: int
    column: int
    end_line: int
    end_column: int
    source_line: str


@dataclass(eq=False)
class RemoteException:
    """An exception of the program, with all that its traceback shows."""

    type: TypeRef
    message: str
    args: tuple[PyValue, ...]
    notes: tuple[str, ...]
    frames: tuple[Frame, ...]
    cause: RemoteException | None
    context: RemoteException | None
    suppress_context: bool
    children: tuple[RemoteException, ...]
    attributes: dict[str, PyValue]
    hint: str
    traceback: str

    def is_a(self, name: str) -> bool:
        """Whether the class, or one it derives from, has this name: `is_a("OSError")`."""
        return name in {str(self.type), self.type.qualname} or any(
            name in (entry, entry.removeprefix("builtins.")) for entry in self.type.mro
        )

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else str(self.type)


class NotSendable(TypeError):
    """A value that no input can be. `path` says where it is."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path} {problem}")
        self.path = path


def to_wire(value: PyValue, path: str = "value") -> pb.Value:
    """The value as a message. Exact types: an instance of a subclass is refused rather than sent as its base."""
    return _to_wire(value, path, [])


def _to_wire(value: PyValue, path: str, above: list[int]) -> pb.Value:
    kind = type(value)
    if value is None:
        return pb.Value(none=pb.NoneValue())
    if value is Ellipsis:
        return pb.Value(ellipsis_value=pb.EllipsisValue())
    if kind is bool:
        return pb.Value(bool_value=value)
    if kind is int:
        return _int_to_wire(value)
    if kind is float:
        return pb.Value(float_value=value)
    if kind is complex:
        return pb.Value(complex_value=pb.Complex(real=value.real, imag=value.imag))
    if kind is str:
        return _str_to_wire(value, path)
    if kind in (bytes, bytearray, memoryview):
        return pb.Value(bytes_value=bytes(value))
    if kind in (list, tuple, set, frozenset, dict):
        if id(value) in above:
            raise NotSendable(path, "contains itself")
        if len(above) >= DEPTH_MAX:
            raise NotSendable(path, f"is nested more than {DEPTH_MAX} deep")
        above.append(id(value))
        try:
            return _container_to_wire(value, path, above)
        finally:
            above.pop()
    return _scalar_to_wire(value, path)


# What the service takes. Deeper values would be refused there, with less of a hint where.
DEPTH_MAX = 32


def _int_to_wire(value: int) -> pb.Value:
    if -(2**63) <= value < 2**63:
        return pb.Value(int_value=value)
    magnitude = abs(value).to_bytes((value.bit_length() + 7) // 8, "big")
    return pb.Value(bigint_value=pb.BigInt(negative=value < 0, magnitude=magnitude))


def _str_to_wire(value: str, path: str) -> pb.Value:
    try:
        value.encode()
    except UnicodeEncodeError:
        data = value.encode("utf-8", "surrogatepass")
        if value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass") != value:
            raise NotSendable(path, "holds a pair of surrogates, for which the wire has no form") from None
        return pb.Value(surrogate_str_value=data)
    return pb.Value(str_value=value)


def _container_to_wire(value: PyValue, path: str, above: list[int]) -> pb.Value:
    kind = type(value)
    if kind is dict:
        entries = [
            pb.DictEntry(key=_to_wire(key, f"a key of {path}", above), value=_to_wire(item, f"{path}[{key!r}]", above))
            for key, item in value.items()
        ]
        return pb.Value(dict_value=pb.Dict(entries=entries))
    items = pb.ValueList(items=[_to_wire(item, f"{path}[{index}]", above) for index, item in enumerate(value)])
    if kind is list:
        return pb.Value(list_value=items)
    if kind is tuple:
        return pb.Value(tuple_value=items)
    return pb.Value(set_value=items) if kind is set else pb.Value(frozenset_value=items)


def _scalar_to_wire(value: PyValue, path: str) -> pb.Value:
    kind = type(value)
    if kind is dt.date:
        return pb.Value(date_value=_date_to_wire(value))
    if kind is dt.time:
        return pb.Value(time_value=_time_to_wire(value, value))
    if kind is dt.datetime:
        return pb.Value(
            datetime_value=pb.DateTime(date=_date_to_wire(value), time=_time_to_wire(value.timetz(), value))
        )
    if kind is dt.timedelta:
        delta = pb.TimeDelta(days=value.days, seconds=value.seconds, microseconds=value.microseconds)
        return pb.Value(timedelta_value=delta)
    if kind is decimal.Decimal:
        return pb.Value(decimal_value=str(value))
    if kind is uuid.UUID:
        return pb.Value(uuid_value=value.bytes)
    if isinstance(value, pathlib.PurePath):
        return pb.Value(path_value=str(value))
    raise NotSendable(path, f"is a {kind.__module__}.{kind.__qualname__}, which cannot be sent")


def _date_to_wire(value: dt.date) -> pb.Date:
    return pb.Date(year=value.year, month=value.month, day=value.day)


def _time_to_wire(value: dt.time, whole: dt.time | dt.datetime) -> pb.Time:
    offset = whole.utcoffset()
    zone = whole.tzinfo.key if isinstance(whole.tzinfo, zoneinfo.ZoneInfo) and offset is not None else ""
    return pb.Time(
        hour=value.hour,
        minute=value.minute,
        second=value.second,
        microsecond=value.microsecond,
        fold=bool(value.fold),
        utc_offset_microseconds=None if offset is None else offset // dt.timedelta(microseconds=1),
        zone=zone or "",
    )


def from_wire(message: pb.Value) -> PyValue:
    """The message as a value. A list or dict that contains itself does so here too."""
    return _from_wire(message, [])


def _from_wire(message: pb.Value, above: list[PyValue]) -> PyValue:
    kind = message.WhichOneof("kind")
    if kind is None or kind == "none":
        return None
    if kind in _PLAIN:
        return getattr(message, kind)
    if kind in ("list_value", "dict_value", "tuple_value", "set_value", "frozenset_value"):
        return _container_from_wire(message, kind, above)
    if kind == "cycle_value":
        levels = message.cycle_value.levels_up
        container = above[-levels] if 0 < levels <= len(above) else None
        return Cycle(levels) if container is None else container
    if kind == "instance_value":
        instance = Instance(_type_ref(message.instance_value.type))
        above.append(instance)
        for attribute in message.instance_value.attributes:
            instance.attributes[attribute.name] = _from_wire(attribute.value, above)
        above.pop()
        return instance
    return _scalar_from_wire(message, kind)


_PLAIN = frozenset({"bool_value", "int_value", "float_value", "str_value", "bytes_value"})


def _container_from_wire(message: pb.Value, kind: str, above: list[PyValue]) -> PyValue:
    if kind == "list_value":
        items: list[PyValue] = []
        above.append(items)
        items.extend(_from_wire(item, above) for item in message.list_value.items)
        above.pop()
        return items
    if kind == "dict_value":
        entries: dict[PyValue, PyValue] = {}
        above.append(entries)
        for entry in message.dict_value.entries:
            entries[_from_wire(entry.key, above)] = _from_wire(entry.value, above)
        above.pop()
        return entries
    # These exist only once their members do, so nothing inside can be they.
    above.append(None)
    members: Iterable[pb.Value] = getattr(message, kind).items
    made = [_from_wire(item, above) for item in members]
    above.pop()
    return {"tuple_value": tuple, "set_value": set, "frozenset_value": frozenset}[kind](made)


def _scalar_from_wire(message: pb.Value, kind: str) -> PyValue:
    if kind == "ellipsis_value":
        return Ellipsis
    if kind == "bigint_value":
        magnitude = int.from_bytes(message.bigint_value.magnitude, "big")
        return -magnitude if message.bigint_value.negative else magnitude
    if kind == "complex_value":
        return complex(message.complex_value.real, message.complex_value.imag)
    if kind == "surrogate_str_value":
        return message.surrogate_str_value.decode("utf-8", "surrogatepass")
    if kind == "date_value":
        return _date(message.date_value)
    if kind == "time_value":
        return _time(message.time_value, None)
    if kind == "datetime_value":
        return _datetime(message.datetime_value)
    if kind == "timedelta_value":
        delta = message.timedelta_value
        return dt.timedelta(delta.days, delta.seconds, delta.microseconds)
    if kind == "decimal_value":
        return decimal.Decimal(message.decimal_value)
    if kind == "uuid_value":
        return uuid.UUID(bytes=message.uuid_value)
    if kind == "path_value":
        return pathlib.PurePosixPath(message.path_value)
    if kind == "json_value":
        return json.loads(message.json_value)
    if kind == "exception_value":
        return exception_from_wire(message.exception_value)
    return _reference(message, kind)


def _reference(message: pb.Value, kind: str) -> PyValue:
    if kind == "type_value":
        return _type_ref(message.type_value)
    if kind == "function_value":
        return FunctionRef(message.function_value.module, message.function_value.qualname)
    if kind == "blob_value":
        blob = message.blob_value
        return BlobRef(blob.digest, blob.size_bytes, blob.mime_type)
    if kind == "arrow_ipc_value":
        return ArrowIpc(message.arrow_ipc_value)
    if kind == "repr_value":
        return Repr(_type_ref(message.repr_value.type), message.repr_value.text)
    if kind == "capped_value":
        return Capped(pb.Capped.Cap.Name(message.capped_value.cap).removeprefix("CAP_"))
    # A kind that a newer server has.
    return Capped("UNSUPPORTED")


def _type_ref(message: pb.TypeRef) -> TypeRef:
    return TypeRef(message.module, message.qualname, tuple(message.mro))


def _date(message: pb.Date) -> dt.date:
    return dt.date(message.year, message.month, message.day)


def _time(message: pb.Time, zone: dt.tzinfo | None) -> dt.time:
    if zone is None and message.HasField("utc_offset_microseconds"):
        zone = _fixed(message.utc_offset_microseconds)
    return dt.time(
        message.hour, message.minute, message.second, message.microsecond, tzinfo=zone, fold=int(message.fold)
    )


def _datetime(message: pb.DateTime) -> dt.datetime:
    value = dt.datetime.combine(_date(message.date), _time(message.time, None))
    if not message.time.zone:
        return value
    try:
        zoned = value.replace(tzinfo=zoneinfo.ZoneInfo(message.time.zone))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return value
    # Where this machine's zones say otherwise, the moment counts, not the name.
    return zoned if zoned.utcoffset() == value.utcoffset() else value


def _fixed(microseconds: int) -> dt.timezone:
    return dt.timezone(dt.timedelta(microseconds=microseconds)) if microseconds else dt.timezone.utc


def exception_from_wire(message: pb.PyException) -> RemoteException:
    def inner(name: str) -> RemoteException | None:
        return exception_from_wire(getattr(message, name)) if message.HasField(name) else None

    return RemoteException(
        type=_type_ref(message.type),
        message=message.message,
        args=tuple(from_wire(arg) for arg in message.args),
        notes=tuple(message.notes),
        frames=tuple(_frame(frame) for frame in message.frames),
        cause=inner("cause"),
        context=inner("context"),
        suppress_context=message.suppress_context,
        children=tuple(exception_from_wire(child) for child in message.group_children),
        attributes={attribute.name: from_wire(attribute.value) for attribute in message.attributes},
        hint=message.hint,
        traceback=message.traceback_text,
    )


def _frame(message: pb.Frame) -> Frame:
    start, end = message.start, message.end
    return Frame(
        message.file, message.function, start.line, start.column, end.line, end.column, message.source_line
    )
