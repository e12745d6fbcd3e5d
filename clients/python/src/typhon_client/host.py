"""Functions of the client that a program may call."""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar, overload

from ._proto.typhon.v1 import execution_service_pb2 as pb
from ._proto.typhon.v1 import policy_pb2
from .values import NotSendable, PyValue, from_wire, to_wire

P = ParamSpec("P")
R = TypeVar("R")


class Functions:
    """A set of functions. Each is registered by a decorator, and the program finds it as a global of that name:

        host = Functions()

        @host.function
        def search(query: str) -> list[str]:
            '''Finds documents.'''
            return index[query]
    """

    def __init__(self) -> None:
        self._functions: dict[str, Callable[..., Any]] = {}

    @overload
    def function(self, function: Callable[P, R], /) -> Callable[P, R]: ...
    @overload
    def function(self, /, *, name: str) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
    def function(self, function: Callable[P, R] | None = None, /, *, name: str | None = None) -> Any:
        """Registers a function, under its own name or another."""
        if function is None:
            return lambda function: self._add(function, name)
        return self._add(function, name)

    def _add(self, function: Callable[P, R], name: str | None) -> Callable[P, R]:
        name = name or function.__name__
        if name in self._functions:
            raise ValueError(f"there is a function {name!r} already")
        self._functions[name] = function
        return function

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self._functions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)

    def to_wire(self) -> list[policy_pb2.HostFunction]:
        """What the program's help() shows of them."""
        return [
            policy_pb2.HostFunction(
                name=name,
                signature=f"{name}{_signature(function)}",
                documentation=inspect.getdoc(function) or "",
                concurrent=True,
            )
            for name, function in self._functions.items()
        ]


def _signature(function: Callable[..., Any]) -> str:
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return "(...)"


def arguments(call: pb.HostCall) -> tuple[list[PyValue], Mapping[str, PyValue]]:
    """What the program calls with."""
    args = [from_wire(arg) for arg in call.args]
    return args, {name: from_wire(value) for name, value in call.kwargs.items()}


def answer(call_id: int, value: PyValue) -> pb.InteractRequest:
    """The message for what the function returned."""
    try:
        return pb.InteractRequest(host_result=pb.HostResult(call_id=call_id, value=to_wire(value, "the answer")))
    except NotSendable as error:
        return failure(call_id, TypeError(str(error)))


def failure(call_id: int, error: BaseException) -> pb.InteractRequest:
    """The message for what the function raised: the program gets a built-in class as it is, any other as HostError."""
    kind = type(error)
    name = kind.__name__ if getattr(builtins, kind.__name__, None) is kind else f"{kind.__module__}.{kind.__qualname__}"
    exception = pb.HostException(type=name, message=str(error))
    return pb.InteractRequest(host_result=pb.HostResult(call_id=call_id, exception=exception))
