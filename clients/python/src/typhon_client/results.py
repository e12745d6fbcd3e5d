"""What came of a program."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TypeAlias

from ._proto.typhon.v1 import execution_service_pb2 as pb
from ._proto.typhon.v1 import limits_pb2, outcome_pb2, session_service_pb2, snapshot_service_pb2
from .errors import LimitExceeded, ProgramEnded, ProgramExited, ProgramRaised, ProgramStopped
from .values import PyValue, RemoteException, exception_from_wire, from_wire


@dataclass(frozen=True)
class Usage:
    """What the program used. Times are seconds."""

    wall_time: float
    cpu_time: float
    queue_time: float
    compile_time: float
    instructions: int
    peak_heap_bytes: int
    threads_peak: int
    host_calls: int
    host_wait_time: float
    bytes_out: int


@dataclass(frozen=True)
class Result:
    """The end of a program. That it failed is data here: `ok` tells, `check` and `value` raise."""

    #: executions/{id}
    execution: str
    #: COMPLETED, EXCEPTION, EXIT, WALL_TIME and so on: TerminationReason without its prefix.
    reason: str
    stdout_bytes: bytes
    stderr_bytes: bytes
    #: Some output was dropped, because it was more than the limit.
    truncated: bool
    usage: Usage
    #: The limits that held.
    effective_limits: limits_pb2.Limits
    exception: RemoteException | None = None
    exit_code: int | None = None
    #: Which limit, what it was, and what was used.
    limit: tuple[str, int, int] | None = None
    #: Why a worker died, or who cancelled.
    detail: str = ""
    #: sessions/{id}, when it ran in one.
    session: str = ""
    session_survives: bool = False
    warnings: tuple[str, ...] = ()
    _value: PyValue = field(default=None, repr=False)

    @property
    def stdout(self) -> str:
        return self.stdout_bytes.decode(errors="replace")

    @property
    def stderr(self) -> str:
        return self.stderr_bytes.decode(errors="replace")

    @property
    def ok(self) -> bool:
        """It completed, or exited with status 0."""
        return self.reason == "COMPLETED" or self.exit_code == 0

    @property
    def error(self) -> ProgramEnded | None:
        """What `check` raises."""
        if self.ok:
            return None
        if self.exception is not None and self.reason in ("EXCEPTION", "COMPILE_ERROR"):
            return ProgramRaised(self.exception, self)
        if self.limit is not None:
            return LimitExceeded(*self.limit, result=self)
        if self.exit_code is not None:
            return ProgramExited(self.exit_code, self)
        detail = self.detail or (str(self.exception) if self.exception else "")
        return ProgramStopped(f"the program ended with {self.reason}{': ' if detail else ''}{detail}", self)

    def check(self) -> Result:
        """Itself when it is ok; raises a ProgramEnded otherwise."""
        if (error := self.error) is not None:
            raise error
        return self

    @property
    def value(self) -> PyValue:
        """The value that was asked for, by default that of the last expression. Raises as `check` does."""
        return self.check()._value


@dataclass(frozen=True)
class OutputChunk:
    """Bytes that the program wrote, as they came."""

    #: "stdout" or "stderr"
    stream: str
    data: bytes
    #: Of the first byte in its stream.
    offset: int
    #: Bytes left out right after these.
    dropped_bytes: int = 0

    @property
    def text(self) -> str:
        """The bytes as text. A character may be cut in two by the chunk's end: `Run.text` knows how to join them."""
        return self.data.decode(errors="replace")


@dataclass(frozen=True)
class SessionInfo:
    """A session as the server describes it."""

    name: str
    #: IDLE, RUNNING or FAILED
    state: str
    execution_count: int
    heap_bytes: int
    threads: int
    generation: int
    failure: str
    running_execution: str
    create_time: dt.datetime
    expire_time: dt.datetime
    labels: dict[str, str]


@dataclass(frozen=True)
class SnapshotInfo:
    """A snapshot as the server describes it."""

    name: str
    size_bytes: int
    #: SHA-256 of what is stored.
    digest: str
    #: The version of the engine that made it, which alone can use it.
    engine_version: str
    #: sessions/{id} that it was made of.
    session: str
    create_time: dt.datetime
    expire_time: dt.datetime
    labels: dict[str, str]
    #: The ways to what could not be stored, each with what stands there.
    left_out: dict[str, str]


@dataclass(frozen=True)
class CaseResult:
    """The verdict of one case: PASSED, WRONG_OUTPUT, FAILED, SKIPPED or REFUSED."""

    id: str
    verdict: str
    #: None when it did not run.
    result: Result | None
    #: The reason of a refusal.
    refusal: str

    @property
    def passed(self) -> bool:
        return self.verdict == "PASSED"


Output: TypeAlias = dict[str, bytearray]


def result_from_wire(message: pb.ExecuteResponse, streamed: Output | None = None) -> Result:
    """The answer; `streamed` is the output that came before it."""
    outcome = message.outcome
    kind = outcome.WhichOneof("detail")
    reason = outcome_pb2.TerminationReason.Name(outcome.reason).removeprefix("TERMINATION_REASON_")
    limit = None
    if kind == "limit":
        which = limits_pb2.LimitName.Name(outcome.limit.which).removeprefix("LIMIT_NAME_")
        limit = (which, outcome.limit.limit, outcome.limit.used)
    stdout, stderr = message.stdout.data, message.stderr.data
    if streamed is not None:
        stdout, stderr = bytes(streamed["stdout"]) or stdout, bytes(streamed["stderr"]) or stderr
    return Result(
        execution=message.execution,
        reason=reason,
        stdout_bytes=stdout,
        stderr_bytes=stderr,
        truncated=message.stdout.truncated or message.stderr.truncated,
        usage=_usage(message.usage),
        effective_limits=message.effective_limits,
        exception=exception_from_wire(outcome.exception) if kind == "exception" else None,
        exit_code=outcome.exit_code if kind == "exit_code" else None,
        limit=limit,
        detail=outcome.crash.message if kind == "crash" else outcome.cancelled.by,
        session=message.session,
        session_survives=outcome.session_survives,
        warnings=tuple(message.warnings),
        _value=from_wire(message.result),
    )


def _usage(message: limits_pb2.Usage) -> Usage:
    return Usage(
        wall_time=message.wall_time.ToTimedelta().total_seconds(),
        cpu_time=message.cpu_time.ToTimedelta().total_seconds(),
        queue_time=message.queue_time.ToTimedelta().total_seconds(),
        compile_time=message.compile_time.ToTimedelta().total_seconds(),
        instructions=message.instructions,
        peak_heap_bytes=message.peak_heap_bytes,
        threads_peak=message.threads_peak,
        host_calls=message.host_calls,
        host_wait_time=message.host_wait_time.ToTimedelta().total_seconds(),
        bytes_out=message.bytes_out,
    )


def chunk_from_wire(message: pb.OutputChunk) -> OutputChunk:
    stream = "stderr" if message.stream == pb.OUTPUT_STREAM_STDERR else "stdout"
    return OutputChunk(stream, message.data, message.offset, message.dropped_bytes)


def case_from_wire(message: pb.BatchResult) -> CaseResult:
    verdict = pb.BatchResult.Verdict.Name(message.verdict).removeprefix("VERDICT_")
    result = result_from_wire(message.response) if message.HasField("response") else None
    return CaseResult(message.case_id, verdict, result, message.refusal)


def session_from_wire(message: session_service_pb2.Session) -> SessionInfo:
    return SessionInfo(
        name=message.name,
        state=session_service_pb2.Session.State.Name(message.state).removeprefix("STATE_"),
        execution_count=message.execution_count,
        heap_bytes=message.heap_bytes,
        threads=message.threads,
        generation=message.generation,
        failure=message.failure,
        running_execution=message.running_execution,
        create_time=message.create_time.ToDatetime(dt.timezone.utc),
        expire_time=message.expire_time.ToDatetime(dt.timezone.utc),
        labels=dict(message.labels),
    )


def snapshot_from_wire(message: snapshot_service_pb2.Snapshot) -> SnapshotInfo:
    return SnapshotInfo(
        name=message.name,
        size_bytes=message.size_bytes,
        digest=message.digest,
        engine_version=message.engine_version,
        session=message.session,
        create_time=message.create_time.ToDatetime(dt.timezone.utc),
        expire_time=message.expire_time.ToDatetime(dt.timezone.utc),
        labels=dict(message.labels),
        left_out={one.path: one.problem for one in message.left_out},
    )
