"""The client for threads: what `aio` does, over a wire that blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType

import grpc
from typing_extensions import Self, Unpack

from . import host
from ._proto.typhon.v1 import execution_service_pb2 as pb
from ._proto.typhon.v1 import runtime_service_pb2
from ._wire import Blocking, each, now
from .aio import AsyncClient, AsyncExecution, AsyncRun, AsyncSession
from .options import BatchOptions, Case, Options, Program, Retry, SessionOptions
from .results import CaseResult, OutputChunk, Result, SessionInfo, SnapshotInfo
from .snapshots import AsyncSnapshot


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
        self._client = AsyncClient._over(Blocking(address, credentials), token, retry)

    def close(self) -> None:
        now(self._client.close())

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
        return now(self._client.run(code, functions=functions, deadline=deadline, **options))

    def stream(
        self,
        code: str | bytes | Program,
        *,
        functions: host.Functions | None = None,
        deadline: float | None = None,
        **options: Unpack[Options],
    ) -> Run:
        """Starts a program; iterate for its output as it comes, then ask for `result`."""
        return Run(self._client.stream(code, functions=functions, deadline=deadline, **options))

    def start(self, code: str | bytes | Program, **options: Unpack[Options]) -> Execution:
        """Starts a program that goes on without this client."""
        return Execution(now(self._client.start(code, **options)))

    def execution(self, name: str, *, affinity: str = "") -> Execution:
        """An execution that the server keeps, by its name."""
        return Execution(self._client.execution(name, affinity=affinity))

    def executions(self) -> Iterator[pb.Execution]:
        """All executions that the server keeps for us."""
        return each(self._client.executions())

    def session(self, **options: Unpack[SessionOptions]) -> Session:
        """Creates a session. As a context manager it is deleted at the end."""
        return Session(now(self._client.session(**options)))

    def attach_session(
        self, name: str, *, affinity: str = "", functions: host.Functions | None = None
    ) -> Session:
        """A session that exists, by its name."""
        return Session(self._client.attach_session(name, affinity=affinity, functions=functions))

    def sessions(self) -> Iterator[SessionInfo]:
        return each(self._client.sessions())

    def snapshot(self, name: str, *, affinity: str = "") -> Snapshot:
        """A snapshot that exists, by its name."""
        return Snapshot(self._client.snapshot(name, affinity=affinity))

    def snapshots(self) -> Iterator[SnapshotInfo]:
        """All that the server keeps for us."""
        return each(self._client.snapshots())

    def import_snapshot(
        self, data: bytes | Iterable[bytes], *, labels: Mapping[str, str] = {}, ttl: float | None = None
    ) -> Snapshot:
        """Takes what `export` gave, from this server or from another with the same key and build."""
        return Snapshot(now(self._client.import_snapshot(data, labels=labels, ttl=ttl)))

    def batch(
        self, code: str | bytes | Program, cases: Iterable[Case], **options: Unpack[BatchOptions]
    ) -> Iterator[CaseResult]:
        """Runs one program over many cases; verdicts come as cases end. Cases are taken as the server has room."""
        return each(self._client.batch(code, cases, **options))

    def compile(self, code: str | bytes, filename: str = "") -> Program:
        """Has the server compile source and keep it, so that many runs need not bring it. Raises ProgramRaised when it
        does not compile."""
        return now(self._client.compile(code, filename))

    def capabilities(self) -> runtime_service_pb2.Capabilities:
        """What the server offers."""
        return now(self._client.capabilities())


class Session:
    """An isolate that keeps its state between programs."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        #: sessions/{id}
        self.name = session.name
        #: What a proxy finds the session's server by.
        self.affinity = session.affinity

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        now(self._session.__aexit__(kind, error, _))

    def run(self, code: str | bytes | Program, *, deadline: float | None = None, **options: Unpack[Options]) -> Result:
        """Runs a program in the session, to its end."""
        return now(self._session.run(code, deadline=deadline, **options))

    def stream(self, code: str | bytes | Program, *, deadline: float | None = None, **options: Unpack[Options]) -> Run:
        """Starts a program in the session; iterate for its output as it comes."""
        return Run(self._session.stream(code, deadline=deadline, **options))

    def snapshot(
        self, *, leave_out: bool = False, labels: Mapping[str, str] = {}, ttl: float | None = None
    ) -> Snapshot:
        """Keeps what the session holds now, apart from it, for `ttl` seconds. What cannot be stored raises
        SnapshotUnstorable, or is left out."""
        return Snapshot(now(self._session.snapshot(leave_out=leave_out, labels=labels, ttl=ttl)))

    def info(self) -> SessionInfo:
        return now(self._session.info())

    def interrupt(self, *, stop: bool = False) -> str:
        """Raises KeyboardInterrupt in what runs, or stops it where it is. Gives the name of what ran."""
        return now(self._session.interrupt(stop=stop))

    def reset(self) -> None:
        """Drops all that the session keeps."""
        now(self._session.reset())

    def delete(self) -> None:
        now(self._session.delete())


class Snapshot:
    """What a session held, kept apart from it. Give it as `snapshot` to `session` or `run`."""

    def __init__(self, snapshot: AsyncSnapshot) -> None:
        self._snapshot = snapshot
        #: snapshots/{id}
        self.name = snapshot.name
        #: What a proxy finds the snapshot's server by.
        self.affinity = snapshot.affinity

    def info(self) -> SnapshotInfo:
        return now(self._snapshot.info())

    def export(self) -> Iterator[bytes]:
        """Its bytes, sealed, in pieces, for `import_snapshot` here or at a server with the same key."""
        return each(self._snapshot.export())

    def delete(self) -> None:
        """Forgets it. What has begun from it stays."""
        now(self._snapshot.delete())


class Execution:
    """An execution that the server keeps."""

    def __init__(self, execution: AsyncExecution) -> None:
        self._execution = execution
        #: executions/{id}
        self.name = execution.name
        #: What a proxy finds the execution's server by.
        self.affinity = execution.affinity

    def get(self) -> pb.Execution:
        """The server's description of it."""
        return now(self._execution.get())

    def attach(self, after: int = 0) -> Run:
        """Its events after that number, those that were and those to come."""
        return Run(self._execution.attach(after))

    def result(self) -> Result:
        """Waits for its end."""
        return now(self._execution.result())

    def cancel(self, *, interrupt: bool = False) -> None:
        """Stops it where it is, or raises KeyboardInterrupt in it."""
        now(self._execution.cancel(interrupt=interrupt))

    def delete(self) -> None:
        """Stops it and forgets it."""
        now(self._execution.delete())


class Run:
    """A program that runs: an iterator of its output. `result` waits for the rest."""

    def __init__(self, run: AsyncRun) -> None:
        self._run = run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        now(self._run.__aexit__(*error))

    def __iter__(self) -> Iterator[OutputChunk]:
        return each(self._run.__aiter__())

    def text(self) -> Iterator[str]:
        """Standard output as text, characters whole."""
        return each(self._run.text())

    @property
    def execution(self) -> str:
        """executions/{id}, once the server has told it."""
        return self._run.execution

    def result(self) -> Result:
        """Waits for the end; output that nobody has iterated over is in the result all the same."""
        return now(self._run.result())

    def cancel(self) -> None:
        """Gives the program up. In a session, that interrupts it."""
        now(self._run.cancel())
