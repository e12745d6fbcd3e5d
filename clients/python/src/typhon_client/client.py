"""The client for threads."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

import grpc
from typing_extensions import Self, Unpack

from . import _channel, host
from ._events import Event, Follower
from ._proto.typhon.v1 import execution_service_pb2 as pb
from ._proto.typhon.v1 import program_service_pb2, runtime_service_pb2, session_service_pb2
from ._proto.typhon.v1.execution_service_pb2_grpc import ExecutionServiceStub
from ._proto.typhon.v1.program_service_pb2_grpc import ProgramServiceStub
from ._proto.typhon.v1.runtime_service_pb2_grpc import RuntimeServiceStub
from ._proto.typhon.v1.session_service_pb2_grpc import SessionServiceStub
from .errors import ConnectionLost, ProgramNotFound, Refused, TyphonError, refusal
from .options import (
    BatchOptions,
    Case,
    Options,
    Program,
    Retry,
    SessionOptions,
    case_request,
    create_session_request,
    execute_request,
    program_request,
    setup_request,
)
from .results import (
    CaseResult,
    OutputChunk,
    Result,
    SessionInfo,
    case_from_wire,
    result_from_wire,
    session_from_wire,
)

T = TypeVar("T")


class Client:
    """A connection to a server, for any number of threads.

    `address` is "host:port", "unix:/path" or a URL; `https://` means TLS with the system's roots, `credentials` other TLS.
    """

    def __init__(
        self,
        address: str = "127.0.0.1:50451",
        *,
        token: str | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        retry: Retry = Retry(),
    ) -> None:
        target = _channel.target(address)
        if _channel.is_secure(address, credentials):
            credentials = credentials or grpc.ssl_channel_credentials()
            self._channel = grpc.secure_channel(target, credentials, options=_channel.CHANNEL_OPTIONS)
        else:
            self._channel = grpc.insecure_channel(target, options=_channel.CHANNEL_OPTIONS)
        self._token = token
        self._retry = retry
        self._executions = ExecutionServiceStub(self._channel)
        self._sessions = SessionServiceStub(self._channel)
        self._programs = ProgramServiceStub(self._channel)
        self._runtime = RuntimeServiceStub(self._channel)

    def close(self) -> None:
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(
        self,
        code: str | bytes | Program,
        *,
        functions: host.Functions | None = None,
        deadline: float | None = None,
        **options: Unpack[Options],
    ) -> Result:
        """Runs a program in an isolate of its own, to its end. `functions` are what it may call of this process;
        `deadline` is how many seconds the answer may take: it shortens the program's time, and rules out a retry after a
        lost connection."""
        return self._run(code, options, "", "", functions, deadline)

    def stream(
        self,
        code: str | bytes | Program,
        *,
        functions: host.Functions | None = None,
        deadline: float | None = None,
        **options: Unpack[Options],
    ) -> Run:
        """Starts a program; iterate for its output as it comes, then ask for `result`."""
        return self._stream(code, options, "", "", functions, deadline)

    def start(self, code: str | bytes | Program, **options: Unpack[Options]) -> Execution:
        """Starts a program that goes on without this client."""
        request = execute_request(code, options, request_id=self._retry.request_id())
        affinity = request.request_id or _channel.new_affinity()
        answer = self._call(
            self._executions.StartExecution,
            pb.StartExecutionRequest(request=request),
            affinity=affinity,
            safe=bool(request.request_id),
        )
        return Execution(self, answer.execution.name, affinity)

    def execution(self, name: str, *, affinity: str = "") -> Execution:
        """An execution that the server keeps, by its name."""
        return Execution(self, name, affinity)

    def executions(self) -> Iterator[pb.Execution]:
        """All executions that the server keeps for us."""
        request = pb.ListExecutionsRequest()
        while True:
            page = self._call(self._executions.ListExecutions, request, safe=True)
            yield from page.executions
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def session(self, **options: Unpack[SessionOptions]) -> Session:
        """Creates a session. As a context manager it is deleted at the end."""
        request = create_session_request(options, self._retry.request_id())
        affinity = _channel.new_affinity()
        answer = self._call(
            self._sessions.CreateSession, request, affinity=affinity, safe=bool(request.request_id)
        )
        return Session(self, answer.session.name, affinity, options.get("functions"))

    def attach_session(
        self, name: str, *, affinity: str = "", functions: host.Functions | None = None
    ) -> Session:
        """A session that exists, by its name."""
        return Session(self, name, affinity, functions)

    def sessions(self) -> Iterator[SessionInfo]:
        request = session_service_pb2.ListSessionsRequest()
        while True:
            page = self._call(self._sessions.ListSessions, request, safe=True)
            yield from map(session_from_wire, page.sessions)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def batch(
        self, code: str | bytes | Program, cases: Iterable[Case], **options: Unpack[BatchOptions]
    ) -> Iterator[CaseResult]:
        """Runs one program over many cases; verdicts come as cases end. Cases are taken as the server has room."""
        requests = _prepend(setup_request(code, options), map(case_request, cases))
        try:
            for answer in self._executions.BatchExecute(requests, metadata=self._metadata("")):
                if answer.WhichOneof("message") == "result":
                    yield case_from_wire(answer.result)
        except grpc.RpcError as error:
            raise refusal(error) from None

    def compile(self, code: str | bytes, filename: str = "") -> Program:
        """Has the server compile source and keep it, so that many runs need not bring it. Raises ProgramRaised when it
        does not compile."""
        return self._compile(program_request(code, filename), "")

    def capabilities(self) -> runtime_service_pb2.Capabilities:
        """What the server offers."""
        request = runtime_service_pb2.GetCapabilitiesRequest()
        return self._call(self._runtime.GetCapabilities, request, safe=True).capabilities

    def _compile(self, request: program_service_pb2.CreateProgramRequest, affinity: str) -> Program:
        answer = self._call(self._programs.CreateProgram, request, affinity=affinity, safe=True)
        result_from_wire(pb.ExecuteResponse(outcome=answer.outcome)).check()
        return Program(answer.program.name, request.source.text, request.source.filename)

    def _run(
        self,
        code: str | bytes | Program,
        options: Options,
        session: str,
        affinity: str,
        functions: host.Functions | None,
        deadline: float | None,
    ) -> Result:
        if functions:
            return self._stream(code, options, session, affinity, functions, deadline).result()
        # A request with an id outlives its call, so a deadline would not end it.
        request_id = self._retry.request_id() if deadline is None else ""
        request = execute_request(code, options, session=session, request_id=request_id)
        affinity = affinity or request_id
        try:
            answer = self._call(
                self._executions.Execute, request, affinity=affinity, safe=bool(request_id), deadline=deadline
            )
        except ProgramNotFound:
            if not isinstance(code, Program):
                raise
            # Forgotten, or this server is another: the same source has the same name everywhere.
            self._compile(program_request(code.source, code.filename), affinity)
            answer = self._call(
                self._executions.Execute, request, affinity=affinity, safe=bool(request_id), deadline=deadline
            )
        return result_from_wire(answer)

    def _stream(
        self,
        code: str | bytes | Program,
        options: Options,
        session: str,
        affinity: str,
        functions: host.Functions | None,
        deadline: float | None,
    ) -> Run:
        if functions:
            request = execute_request(code, options, session=session)
            if not session:
                request.policy.host_functions.extend(functions.to_wire())
            conversation = _Conversation(functions, request)

            def interact(_: Follower) -> _Call:
                return self._executions.Interact(
                    conversation.outgoing(), timeout=deadline, metadata=self._metadata(affinity)
                )

            return Run(self, _Attempts(interact, Retry(attempts=1), safe=False), conversation)
        # A request with an id outlives its call, so a deadline would not end it.
        request_id = self._retry.request_id() if deadline is None else ""
        request = execute_request(code, options, session=session, request_id=request_id)
        # Where the execution is kept, behind a proxy.
        affinity = affinity or request_id

        def open_(follower: Follower) -> _Call:
            if follower.execution and request_id:
                attach = pb.AttachExecutionRequest(name=follower.execution, after_sequence=follower.sequence)
                return self._executions.AttachExecution(attach, timeout=deadline, metadata=self._metadata(affinity))
            return self._executions.StreamExecute(
                pb.StreamExecuteRequest(request=request), timeout=deadline, metadata=self._metadata(affinity)
            )

        return Run(self, _Attempts(open_, self._retry, safe=bool(request_id), affinity=affinity))

    def _call(
        self,
        method: Callable[..., T],
        request: object,
        *,
        affinity: str = "",
        safe: bool,
        deadline: float | None = None,
    ) -> T:
        """Calls, and again where that is safe."""
        attempt = 1
        while True:
            try:
                return method(request, timeout=deadline, metadata=self._metadata(affinity))
            except grpc.RpcError as error:
                refused = refusal(error)
                wait = self._retry.wait(attempt, refused, safe)
                if wait is None:
                    raise refused from None
            time.sleep(wait)
            attempt += 1

    def _metadata(self, affinity: str) -> _channel.Metadata:
        return _channel.metadata(self._token, affinity)


class Session:
    """An isolate that keeps its state between programs."""

    def __init__(self, client: Client, name: str, affinity: str, functions: host.Functions | None) -> None:
        self._client = client
        #: sessions/{id}
        self.name = name
        #: What a proxy finds the session's server by.
        self.affinity = affinity
        self._functions = functions

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            self.delete()
        except Refused:
            # What the block raised matters more; and a session that is gone needs no deleting.
            if kind is None:
                raise

    def run(self, code: str | bytes | Program, *, deadline: float | None = None, **options: Unpack[Options]) -> Result:
        """Runs a program in the session, to its end."""
        return self._client._run(code, options, self.name, self.affinity, self._functions, deadline)

    def stream(self, code: str | bytes | Program, *, deadline: float | None = None, **options: Unpack[Options]) -> Run:
        """Starts a program in the session; iterate for its output as it comes."""
        return self._client._stream(code, options, self.name, self.affinity, self._functions, deadline)

    def info(self) -> SessionInfo:
        request = session_service_pb2.GetSessionRequest(name=self.name)
        return session_from_wire(self._call(self._client._sessions.GetSession, request).session)

    def interrupt(self, *, stop: bool = False) -> str:
        """Raises KeyboardInterrupt in what runs, or stops it where it is. Gives the name of what ran."""
        modes = session_service_pb2.InterruptSessionRequest
        mode = modes.MODE_STOP if stop else modes.MODE_RAISE
        request = modes(name=self.name, mode=mode)
        return self._call(self._client._sessions.InterruptSession, request).execution

    def reset(self) -> None:
        """Drops all that the session keeps."""
        self._call(self._client._sessions.ResetSession, session_service_pb2.ResetSessionRequest(name=self.name))

    def delete(self) -> None:
        self._call(self._client._sessions.DeleteSession, session_service_pb2.DeleteSessionRequest(name=self.name))

    def _call(self, method: Callable[..., T], request: object) -> T:
        return self._client._call(method, request, affinity=self.affinity, safe=True)


class Execution:
    """An execution that the server keeps."""

    def __init__(self, client: Client, name: str, affinity: str) -> None:
        self._client = client
        #: executions/{id}
        self.name = name
        #: What a proxy finds the execution's server by.
        self.affinity = affinity

    def get(self) -> pb.Execution:
        """The server's description of it."""
        request = pb.GetExecutionRequest(name=self.name)
        return self._client._call(
            self._client._executions.GetExecution, request, affinity=self.affinity, safe=True
        ).execution

    def attach(self, after: int = 0) -> Run:
        """Its events after that number, those that were and those to come."""

        def open_(follower: Follower) -> _Call:
            request = pb.AttachExecutionRequest(name=self.name, after_sequence=follower.sequence)
            return self._client._executions.AttachExecution(request, metadata=self._client._metadata(self.affinity))

        return Run(self._client, _Attempts(
            open_, self._client._retry, safe=True, affinity=self.affinity, follower=Follower(self.name, after)
        ))

    def result(self) -> Result:
        """Waits for its end."""
        return self.attach().result()

    def cancel(self, *, interrupt: bool = False) -> None:
        """Stops it where it is, or raises KeyboardInterrupt in it."""
        mode = pb.Interrupt.MODE_RAISE if interrupt else pb.Interrupt.MODE_STOP
        request = pb.CancelExecutionRequest(name=self.name, mode=mode)
        self._client._call(
            self._client._executions.CancelExecution, request, affinity=self.affinity, safe=True
        )

    def delete(self) -> None:
        """Stops it and forgets it."""
        request = pb.DeleteExecutionRequest(name=self.name)
        self._client._call(
            self._client._executions.DeleteExecution, request, affinity=self.affinity, safe=True
        )


class Run:
    """A program that runs: an iterator of its output. `result` waits for the rest."""

    def __init__(self, client: Client, attempts: _Attempts, conversation: _Conversation | None = None) -> None:
        self._client = client
        self._attempts = attempts
        self._conversation = conversation
        self._events = self._chunks()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._attempts.follower.result is None:
            self.cancel()

    def __iter__(self) -> Iterator[OutputChunk]:
        return self._events

    def text(self) -> Iterator[str]:
        """Standard output as text, characters whole."""
        for chunk in self._events:
            if text := self._attempts.follower.text(chunk):
                yield text

    @property
    def execution(self) -> str:
        """executions/{id}, once the server has told it."""
        return self._attempts.follower.execution

    def result(self) -> Result:
        """Waits for the end; output that nobody has iterated over is in the result all the same."""
        for _ in self._events:
            pass
        result = self._attempts.follower.result
        if result is None:
            raise TyphonError("the program was given up")
        return result

    def cancel(self) -> None:
        """Gives the program up. In a session, that interrupts it."""
        self._attempts.cancel()
        if self._attempts.safe and self.execution:
            # One whose request has an id outlives its stream for a while, in case we come back; we do not.
            self._client.execution(self.execution, affinity=self._attempts.affinity).cancel()

    def _chunks(self) -> Iterator[OutputChunk]:
        try:
            for event in self._attempts:
                if isinstance(event, pb.InteractResponse) and self._conversation is not None:
                    self._conversation.take(event)
                chunk = self._attempts.follower.take(event)
                if chunk is not None:
                    yield chunk
        finally:
            if self._conversation is not None:
                self._conversation.end()


# A call whose answers are a stream. grpc's own class has no name that says so.
_Call = Any


class _Attempts:
    """A stream's events, from as many calls as it takes."""

    def __init__(
        self,
        open_: Callable[[Follower], _Call],
        retry: Retry,
        *,
        safe: bool,
        affinity: str = "",
        follower: Follower | None = None,
    ) -> None:
        self._open = open_
        self._retry = retry
        self.safe = safe
        self.affinity = affinity
        self.follower = follower or Follower()
        self._call = open_(self.follower)
        self._given_up = False

    def cancel(self) -> None:
        self._given_up = True
        self._call.cancel()

    def __iter__(self) -> Iterator[Event]:
        attempt = 1
        while self.follower.result is None:
            try:
                for event in self._call:
                    attempt = 1
                    yield event
                if self.follower.result is None:
                    raise TyphonError("the stream ended without an outcome")
            except grpc.RpcError as error:
                if self._given_up:
                    return
                refused = refusal(error)
                wait = self._retry.wait(attempt, refused, self.safe)
                if wait is None or (self.follower.sequence and not isinstance(refused, ConnectionLost)):
                    raise refused from None
                time.sleep(wait)
                attempt += 1
                self._call = self._open(self.follower)


class _Conversation:
    """Our side of Interact: calls are run on threads, answers sent as they come."""

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


def _prepend(first: T, rest: Iterable[T]) -> Iterator[T]:
    yield first
    yield from rest
