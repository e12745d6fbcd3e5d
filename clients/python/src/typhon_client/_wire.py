"""What differs between the clients: how a call is made and waited for, and where the host's functions run.

The logic is `aio`'s, written once as coroutines over a wire. On `Blocking` they wait for nothing, so `now` gives their
results at once, and `client` needs no event loop.
"""

from __future__ import annotations

import asyncio
import inspect
import queue
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import grpc

from . import _channel, host
from ._proto.typhon.v1 import execution_service_pb2 as pb
from .errors import refusal

T = TypeVar("T")


def now(awaitable: Awaitable[T]) -> T:
    """The result of what waits for nothing."""
    try:
        next(awaitable.__await__())
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError("a blocking wire has waited")


def each(events: AsyncIterator[T]) -> Iterator[T]:
    """What an iterator that waits for nothing has."""
    while True:
        try:
            event = now(events.__anext__())
        except StopAsyncIteration:
            return
        yield event


class Conversation(Protocol):
    """Our side of Interact: answers are sent as they come."""

    def outgoing(self) -> Any:
        """The messages to send, as the wire's stubs want them."""

    def take(self, event: pb.InteractResponse) -> None:
        """Hears of a call, or that one is given up."""

    def end(self) -> None:
        """Sends no more."""


class Stream(Protocol):
    """Answers as they come."""

    #: Nobody wants the rest.
    given_up: bool

    def events(self) -> AsyncIterator[Any]:
        """Raises `Refused`; ends quietly once given up."""

    def cancel(self) -> None: ...


class Wire(Protocol):
    channel: Any

    async def close(self) -> None: ...

    async def sleep(self, seconds: float) -> None: ...

    async def unary(
        self, method: Callable[..., Any], request: object, timeout: float | None, metadata: _channel.Metadata
    ) -> Any:
        """The answer; raises `Refused`."""

    def stream(self, call: Any) -> Stream:
        """The answers of a call that was made with a stub of `channel`."""

    def requests(self, messages: Iterable[Any]) -> Any:
        """Messages to send, as the stubs want them."""

    def converse(self, functions: host.Functions, start: pb.ExecuteRequest) -> Conversation: ...


class Asyncio:
    """Within one event loop."""

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None) -> None:
        target = _channel.target(address)
        if _channel.is_secure(address, credentials):
            credentials = credentials or grpc.ssl_channel_credentials()
            self.channel: Any = grpc.aio.secure_channel(target, credentials, options=_channel.CHANNEL_OPTIONS)
        else:
            self.channel = grpc.aio.insecure_channel(target, options=_channel.CHANNEL_OPTIONS)

    async def close(self) -> None:
        await self.channel.close()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def unary(
        self, method: Callable[..., Any], request: object, timeout: float | None, metadata: _channel.Metadata
    ) -> Any:
        try:
            return await method(request, timeout=timeout, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise refusal(error) from None

    def stream(self, call: Any) -> Stream:
        return _AsyncioStream(call)

    async def requests(self, messages: Iterable[T]) -> AsyncIterator[T]:
        for message in messages:
            yield message

    def converse(self, functions: host.Functions, start: pb.ExecuteRequest) -> Conversation:
        return _Tasks(functions, start)


class _AsyncioStream:
    def __init__(self, call: Any) -> None:
        self.given_up = False
        self._call = call

    async def events(self) -> AsyncIterator[Any]:
        try:
            async for event in self._call:
                yield event
        except grpc.aio.AioRpcError as error:
            if not self.given_up:
                raise refusal(error) from None
        except asyncio.CancelledError:
            # Of the call, not of the task that asks.
            if not self.given_up:
                raise

    def cancel(self) -> None:
        self.given_up = True
        self._call.cancel()


class Blocking:
    """For threads."""

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None) -> None:
        target = _channel.target(address)
        if _channel.is_secure(address, credentials):
            credentials = credentials or grpc.ssl_channel_credentials()
            self.channel: Any = grpc.secure_channel(target, credentials, options=_channel.CHANNEL_OPTIONS)
        else:
            self.channel = grpc.insecure_channel(target, options=_channel.CHANNEL_OPTIONS)

    async def close(self) -> None:
        self.channel.close()

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def unary(
        self, method: Callable[..., Any], request: object, timeout: float | None, metadata: _channel.Metadata
    ) -> Any:
        try:
            return method(request, timeout=timeout, metadata=metadata)
        except grpc.RpcError as error:
            raise refusal(error) from None

    def stream(self, call: Any) -> Stream:
        return _BlockingStream(call)

    def requests(self, messages: Iterable[T]) -> Iterator[T]:
        return iter(messages)

    def converse(self, functions: host.Functions, start: pb.ExecuteRequest) -> Conversation:
        return _Threads(functions, start)


class _BlockingStream:
    def __init__(self, call: Any) -> None:
        self.given_up = False
        self._call = call

    async def events(self) -> AsyncIterator[Any]:
        try:
            for event in self._call:
                yield event
        except grpc.RpcError as error:
            if not self.given_up:
                raise refusal(error) from None

    def cancel(self) -> None:
        self.given_up = True
        self._call.cancel()


class _Tasks:
    """Each call is a task."""

    def __init__(self, functions: host.Functions, start: pb.ExecuteRequest) -> None:
        self._functions = functions
        self._outgoing: asyncio.Queue[pb.InteractRequest | None] = asyncio.Queue()
        self._outgoing.put_nowait(pb.InteractRequest(start=start))
        self._open: dict[int, asyncio.Task[None]] = {}

    async def outgoing(self) -> AsyncIterator[pb.InteractRequest]:
        while (message := await self._outgoing.get()) is not None:
            yield message

    def take(self, event: pb.InteractResponse) -> None:
        kind = event.WhichOneof("event")
        if kind == "host_call":
            self._open[event.host_call.call_id] = asyncio.create_task(self._answer(event.host_call))
        elif kind == "host_call_cancelled":
            if (open_ := self._open.pop(event.host_call_cancelled.call_id, None)) is not None:
                open_.cancel()

    async def _answer(self, call: pb.HostCall) -> None:
        try:
            args, kwargs = host.arguments(call)
            function = self._functions[call.name]
            if inspect.iscoroutinefunction(function):
                value = await function(*args, **kwargs)
            else:
                value = await asyncio.to_thread(function, *args, **kwargs)
            message = host.answer(call.call_id, value)
        except Exception as error:
            message = host.failure(call.call_id, error)
        self._open.pop(call.call_id, None)
        self._outgoing.put_nowait(message)

    def end(self) -> None:
        self._outgoing.put_nowait(None)
        for task in self._open.values():
            task.cancel()


class _Threads:
    """Each call is run on a thread."""

    def __init__(self, functions: host.Functions, start: pb.ExecuteRequest) -> None:
        self._functions = functions
        self._outgoing: queue.SimpleQueue[pb.InteractRequest | None] = queue.SimpleQueue()
        self._outgoing.put(pb.InteractRequest(start=start))
        self._pool = ThreadPoolExecutor(thread_name_prefix="typhon-host")
        self._open: dict[int, Future[None]] = {}

    def outgoing(self) -> Iterator[pb.InteractRequest]:
        return iter(self._outgoing.get, None)

    def take(self, event: pb.InteractResponse) -> None:
        kind = event.WhichOneof("event")
        if kind == "host_call":
            self._open[event.host_call.call_id] = self._pool.submit(self._answer, event.host_call)
        elif kind == "host_call_cancelled":
            # One that has not begun never will; one that runs cannot be stopped, and its answer is not looked at.
            if (future := self._open.pop(event.host_call_cancelled.call_id, None)) is not None:
                future.cancel()

    def _answer(self, call: pb.HostCall) -> None:
        try:
            args, kwargs = host.arguments(call)
            message = host.answer(call.call_id, self._functions[call.name](*args, **kwargs))
        except Exception as error:
            message = host.failure(call.call_id, error)
        self._open.pop(call.call_id, None)
        self._outgoing.put(message)

    def end(self) -> None:
        self._outgoing.put(None)
        self._pool.shutdown(wait=False, cancel_futures=True)
