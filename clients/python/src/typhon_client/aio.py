"""The client for asyncio; and, over a wire that blocks, what `client` does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, TypeVar

import grpc
from typing_extensions import Self, Unpack

from . import _channel, _wire, host
from . import snapshots as _snapshots
from ._events import Event, Follower
from ._proto.typhon.v1 import execution_service_pb2 as pb
from ._proto.typhon.v1 import program_service_pb2, runtime_service_pb2, session_service_pb2
from ._proto.typhon.v1.execution_service_pb2_grpc import ExecutionServiceStub
from ._proto.typhon.v1.program_service_pb2_grpc import ProgramServiceStub
from ._proto.typhon.v1.runtime_service_pb2_grpc import RuntimeServiceStub
from ._proto.typhon.v1.session_service_pb2_grpc import SessionServiceStub
from ._proto.typhon.v1.snapshot_service_pb2_grpc import SnapshotServiceStub
from .errors import ConnectionLost, ProgramNotFound, QueueAway, Refused, TyphonError
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
    snapshot_affinity,
)
from .results import (
    CaseResult,
    OutputChunk,
    Result,
    SessionInfo,
    SnapshotInfo,
    case_from_wire,
    result_from_wire,
    session_from_wire,
)
from .snapshots import AsyncSnapshot

T = TypeVar("T")


class AsyncClient:
    """A connection to a server, within one event loop.

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
        self._connect(_wire.Asyncio(address, credentials), token, retry)

    @classmethod
    def _over(cls, wire: _wire.Wire, token: str | None, retry: Retry) -> Self:
        client = cls.__new__(cls)
        client._connect(wire, token, retry)
        return client

    def _connect(self, wire: _wire.Wire, token: str | None, retry: Retry) -> None:
        self._wire = wire
        self._token = token
        self._retry = retry
        self._executions = ExecutionServiceStub(wire.channel)
        self._sessions = SessionServiceStub(wire.channel)
        self._snapshots = SnapshotServiceStub(wire.channel)
        self._programs = ProgramServiceStub(wire.channel)
        self._runtime = RuntimeServiceStub(wire.channel)

    async def close(self) -> None:
        await self._wire.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def run(
        self,
        code: str | bytes | Program,
        *,
        functions: host.Functions | None = None,
        deadline: float | None = None,
        **options: Unpack[Options],
    ) -> Result:
        """Runs a program in an isolate of its own, to its end. `functions` are what it may call of this process, plain
        ones on threads; `deadline` is how many seconds the answer may take: it shortens the program's time, and rules
        out a retry after a lost connection."""
        affinity = snapshot_affinity(options.get("snapshot"))
        return await self._run(code, options, "", affinity, functions, deadline)

    def stream(
        self,
        code: str | bytes | Program,
        *,
        functions: host.Functions | None = None,
        deadline: float | None = None,
        **options: Unpack[Options],
    ) -> AsyncRun:
        """Starts a program; iterate for its output as it comes, then await `result`."""
        affinity = snapshot_affinity(options.get("snapshot"))
        return self._stream(code, options, "", affinity, functions, deadline)

    async def start(self, code: str | bytes | Program, **options: Unpack[Options]) -> AsyncExecution:
        """Starts a program that goes on without this client."""
        request = execute_request(code, options, request_id=self._retry.request_id())
        affinity = snapshot_affinity(options.get("snapshot")) or request.request_id or _channel.new_affinity()
        answer = await self._call(
            self._executions.StartExecution,
            pb.StartExecutionRequest(request=request),
            affinity=affinity,
            safe=bool(request.request_id),
        )
        return AsyncExecution(self, answer.execution.name, affinity)

    def execution(self, name: str, *, affinity: str = "") -> AsyncExecution:
        """An execution that the server keeps, by its name."""
        return AsyncExecution(self, name, affinity)

    async def executions(self) -> AsyncIterator[pb.Execution]:
        """All executions that the server keeps for us."""
        request = pb.ListExecutionsRequest()
        while True:
            page = await self._call(self._executions.ListExecutions, request, safe=True)
            for execution in page.executions:
                yield execution
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def session(self, **options: Unpack[SessionOptions]) -> AsyncSession:
        """Creates a session. As a context manager it is deleted at the end."""
        request = create_session_request(options, self._retry.request_id())
        affinity = snapshot_affinity(options.get("snapshot")) or _channel.new_affinity()
        answer = await self._call(
            self._sessions.CreateSession, request, affinity=affinity, safe=bool(request.request_id)
        )
        return AsyncSession(self, answer.session.name, affinity, options.get("functions"))

    def attach_session(
        self, name: str, *, affinity: str = "", functions: host.Functions | None = None
    ) -> AsyncSession:
        """A session that exists, by its name."""
        return AsyncSession(self, name, affinity, functions)

    async def sessions(self) -> AsyncIterator[SessionInfo]:
        request = session_service_pb2.ListSessionsRequest()
        while True:
            page = await self._call(self._sessions.ListSessions, request, safe=True)
            for session in page.sessions:
                yield session_from_wire(session)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def snapshot(self, name: str, *, affinity: str = "") -> AsyncSnapshot:
        """A snapshot that exists, by its name."""
        return AsyncSnapshot(self, name, affinity)

    def snapshots(self) -> AsyncIterator[SnapshotInfo]:
        """All that the server keeps for us."""
        return _snapshots.all_of(self)

    async def import_snapshot(
        self, data: bytes | Iterable[bytes], *, labels: Mapping[str, str] = {}, ttl: float | None = None
    ) -> AsyncSnapshot:
        """Takes what `export` gave, from this server or from another with the same key and build."""
        return await _snapshots.take(self, data, _channel.new_affinity(), labels, ttl)

    async def batch(
        self, code: str | bytes | Program, cases: Iterable[Case], **options: Unpack[BatchOptions]
    ) -> AsyncIterator[CaseResult]:
        """Runs one program over many cases; verdicts come as cases end. Cases are taken as the server has room."""

        def requests() -> Iterator[pb.BatchExecuteRequest]:
            yield setup_request(code, options)
            yield from map(case_request, cases)

        call = self._executions.BatchExecute(self._wire.requests(requests()), metadata=self._metadata(""))
        async for answer in self._wire.stream(call).events():
            if answer.WhichOneof("message") == "result":
                yield case_from_wire(answer.result)

    async def compile(self, code: str | bytes, filename: str = "") -> Program:
        """Has the server compile source and keep it, so that many runs need not bring it. Raises ProgramRaised when it
        does not compile."""
        return await self._compile(program_request(code, filename), "")

    async def capabilities(self) -> runtime_service_pb2.Capabilities:
        """What the server offers."""
        request = runtime_service_pb2.GetCapabilitiesRequest()
        answer = await self._call(self._runtime.GetCapabilities, request, safe=True)
        capabilities: runtime_service_pb2.Capabilities = answer.capabilities
        return capabilities

    async def _compile(self, request: program_service_pb2.CreateProgramRequest, affinity: str) -> Program:
        answer = await self._call(self._programs.CreateProgram, request, affinity=affinity, safe=True)
        result_from_wire(pb.ExecuteResponse(outcome=answer.outcome)).check()
        return Program(answer.program.name, request.source.text, request.source.filename)

    async def _run(
        self,
        code: str | bytes | Program,
        options: Options,
        session: str,
        affinity: str,
        functions: host.Functions | None,
        deadline: float | None,
    ) -> Result:
        if functions:
            return await self._stream(code, options, session, affinity, functions, deadline).result()
        # A request with an id outlives its call, so a deadline would not end it.
        request_id = self._retry.request_id() if deadline is None else ""
        request = execute_request(code, options, session=session, request_id=request_id)
        affinity = affinity or request_id
        try:
            answer = await self._call(
                self._executions.Execute, request, affinity=affinity, safe=bool(request_id), deadline=deadline
            )
        except ProgramNotFound:
            if not isinstance(code, Program):
                raise
            # Forgotten, or this server is another: the same source has the same name everywhere.
            await self._compile(program_request(code.source, code.filename), affinity)
            answer = await self._call(
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
    ) -> AsyncRun:
        if functions:
            request = execute_request(code, options, session=session)
            if not session:
                request.policy.host_functions.extend(functions.to_wire())
            conversation = self._wire.converse(functions, request)

            def interact(_: Follower) -> _Call:
                return self._executions.Interact(
                    conversation.outgoing(), timeout=deadline, metadata=self._metadata(affinity)
                )

            return AsyncRun(self, _Attempts(self._wire, interact, Retry(attempts=1), safe=False), conversation)
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

        return AsyncRun(self, _Attempts(self._wire, open_, self._retry, safe=bool(request_id), affinity=affinity))

    async def _call(
        self,
        method: Callable[..., Any],
        request: object,
        *,
        affinity: str = "",
        safe: bool,
        deadline: float | None = None,
    ) -> Any:
        """Calls, and again where that is safe."""
        attempt = 1
        while True:
            try:
                return await self._wire.unary(method, request, deadline, self._metadata(affinity))
            except Refused as refused:
                wait = self._retry.wait(attempt, refused, safe)
                if wait is None:
                    raise
            await self._wire.sleep(wait)
            attempt += 1

    def _metadata(self, affinity: str) -> _channel.Metadata:
        return _channel.metadata(self._token, affinity)


class AsyncSession:
    """An isolate that keeps its state between programs."""

    def __init__(self, client: AsyncClient, name: str, affinity: str, functions: host.Functions | None) -> None:
        self._client = client
        #: sessions/{id}
        self.name = name
        #: What a proxy finds the session's server by.
        self.affinity = affinity
        self._functions = functions

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            await self.delete()
        except Refused:
            # What the block raised matters more; and a session that is gone needs no deleting.
            if kind is None:
                raise

    async def run(self, code: str | bytes | Program, *, deadline: float | None = None, **options: Unpack[Options]) -> Result:
        """Runs a program in the session, to its end."""
        return await self._client._run(code, options, self.name, self.affinity, self._functions, deadline)

    def stream(self, code: str | bytes | Program, *, deadline: float | None = None, **options: Unpack[Options]) -> AsyncRun:
        """Starts a program in the session; iterate for its output as it comes."""
        return self._client._stream(code, options, self.name, self.affinity, self._functions, deadline)

    async def snapshot(
        self, *, leave_out: bool = False, labels: Mapping[str, str] = {}, ttl: float | None = None
    ) -> AsyncSnapshot:
        """Keeps what the session holds now, apart from it, for `ttl` seconds. What cannot be stored raises
        SnapshotUnstorable, or is left out."""
        return await _snapshots.create(self._client, self.name, self.affinity, leave_out, labels, ttl)

    async def info(self) -> SessionInfo:
        request = session_service_pb2.GetSessionRequest(name=self.name)
        answer = await self._call(self._client._sessions.GetSession, request)
        return session_from_wire(answer.session)

    async def interrupt(self, *, stop: bool = False) -> str:
        """Raises KeyboardInterrupt in what runs, or stops it where it is. Gives the name of what ran."""
        modes = session_service_pb2.InterruptSessionRequest
        mode = modes.MODE_STOP if stop else modes.MODE_RAISE
        answer = await self._call(self._client._sessions.InterruptSession, modes(name=self.name, mode=mode))
        execution: str = answer.execution
        return execution

    async def reset(self) -> None:
        """Drops all that the session keeps."""
        await self._call(self._client._sessions.ResetSession, session_service_pb2.ResetSessionRequest(name=self.name))

    async def delete(self) -> None:
        await self._call(self._client._sessions.DeleteSession, session_service_pb2.DeleteSessionRequest(name=self.name))

    async def _call(self, method: Callable[..., Any], request: object) -> Any:
        return await self._client._call(method, request, affinity=self.affinity, safe=True)


class AsyncExecution:
    """An execution that the server keeps."""

    def __init__(self, client: AsyncClient, name: str, affinity: str) -> None:
        self._client = client
        #: executions/{id}
        self.name = name
        #: What a proxy finds the execution's server by.
        self.affinity = affinity

    async def get(self) -> pb.Execution:
        """The server's description of it."""
        request = pb.GetExecutionRequest(name=self.name)
        answer = await self._client._call(
            self._client._executions.GetExecution, request, affinity=self.affinity, safe=True
        )
        execution: pb.Execution = answer.execution
        return execution

    def attach(self, after: int = 0) -> AsyncRun:
        """Its events after that number, those that were and those to come."""

        def open_(follower: Follower) -> _Call:
            request = pb.AttachExecutionRequest(name=self.name, after_sequence=follower.sequence)
            return self._client._executions.AttachExecution(request, metadata=self._client._metadata(self.affinity))

        client, follower = self._client, Follower(self.name, after)
        attempts = _Attempts(
            client._wire, open_, client._retry, safe=True, affinity=self.affinity, follower=follower
        )
        return AsyncRun(self._client, attempts)

    async def result(self) -> Result:
        """Waits for its end."""
        return await self.attach().result()

    async def cancel(self, *, interrupt: bool = False) -> None:
        """Stops it where it is, or raises KeyboardInterrupt in it."""
        mode = pb.Interrupt.MODE_RAISE if interrupt else pb.Interrupt.MODE_STOP
        request = pb.CancelExecutionRequest(name=self.name, mode=mode)
        await self._client._call(
            self._client._executions.CancelExecution, request, affinity=self.affinity, safe=True
        )

    async def delete(self) -> None:
        """Stops it and forgets it."""
        request = pb.DeleteExecutionRequest(name=self.name)
        await self._client._call(
            self._client._executions.DeleteExecution, request, affinity=self.affinity, safe=True
        )


class AsyncRun:
    """A program that runs: an iterator of its output. `result` waits for the rest."""

    def __init__(self, client: AsyncClient, attempts: _Attempts, conversation: _wire.Conversation | None = None) -> None:
        self._client = client
        self._attempts = attempts
        self._conversation = conversation
        self._events = self._chunks()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._attempts.follower.result is None:
            await self.cancel()

    def __aiter__(self) -> AsyncIterator[OutputChunk]:
        return self._events

    async def text(self) -> AsyncIterator[str]:
        """Standard output as text, characters whole."""
        async for chunk in self._events:
            if text := self._attempts.follower.text(chunk):
                yield text

    @property
    def execution(self) -> str:
        """executions/{id}, once the server has told it."""
        return self._attempts.follower.execution

    async def result(self) -> Result:
        """Waits for the end; output that nobody has iterated over is in the result all the same."""
        async for _ in self._events:
            pass
        result = self._attempts.follower.result
        if result is None:
            raise TyphonError("the program was given up")
        return result

    async def cancel(self) -> None:
        """Gives the program up. In a session, that interrupts it."""
        self._attempts.cancel()
        if self._attempts.safe and self.execution:
            # One whose request has an id outlives its stream for a while, in case we come back; we do not.
            await self._client.execution(self.execution, affinity=self._attempts.affinity).cancel()

    async def _chunks(self) -> AsyncIterator[OutputChunk]:
        try:
            async for event in self._attempts.events():
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
        wire: _wire.Wire,
        open_: Callable[[Follower], _Call],
        retry: Retry,
        *,
        safe: bool,
        affinity: str = "",
        follower: Follower | None = None,
    ) -> None:
        self._wire = wire
        self._open = open_
        self._retry = retry
        self.safe = safe
        self.affinity = affinity
        self.follower = follower or Follower()
        self._stream = wire.stream(open_(self.follower))

    def cancel(self) -> None:
        self._stream.cancel()

    async def events(self) -> AsyncIterator[Event]:
        attempt = 1
        while self.follower.result is None:
            try:
                async for event in self._stream.events():
                    attempt = 1
                    yield event
                if self._stream.given_up:
                    return
                if self.follower.result is None:
                    raise TyphonError("the stream ended without an outcome")
            except Refused as refused:
                wait = self._retry.wait(attempt, refused, self.safe)
                if wait is None or (self.follower.sequence and not isinstance(refused, (ConnectionLost, QueueAway))):
                    raise
                await self._wire.sleep(wait)
                attempt += 1
                self._stream = self._wire.stream(self._open(self.follower))
