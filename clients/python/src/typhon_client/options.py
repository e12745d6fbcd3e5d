"""What may be said of a program, and how that becomes a request."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal, Protocol, TypedDict

from google.protobuf.duration_pb2 import Duration

from ._proto.typhon.v1 import execution_service_pb2 as pb
from ._proto.typhon.v1 import limits_pb2, policy_pb2, program_service_pb2, session_service_pb2
from .errors import ConnectionLost, QueueAway, Refused
from .host import Functions
from .values import PyValue, to_wire


@dataclass(frozen=True)
class Limits:
    """Budgets of one program, or of each program of a session. Times are seconds. What is None is the server's choice."""

    wall_time: float | None = None
    cpu_time: float | None = None
    instructions: int | None = None
    heap_bytes: int | None = None
    stack_depth: int | None = None
    max_threads: int | None = None
    cpu_parallelism: int | None = None
    stdout_bytes: int | None = None
    stderr_bytes: int | None = None
    result_bytes: int | None = None
    file_bytes: int | None = None
    file_count: int | None = None
    open_files: int | None = None
    host_calls: int | None = None
    sleep_time: float | None = None
    compile_time: float | None = None
    source_bytes: int | None = None

    def to_wire(self) -> limits_pb2.Limits:
        message = limits_pb2.Limits()
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            if field.name.endswith("_time"):
                getattr(message, field.name).CopyFrom(duration(value))
            else:
                setattr(message, field.name, value)
        return message


class Snapshotted(Protocol):
    """A snapshot: `Snapshot` and `AsyncSnapshot` are."""

    name: str
    affinity: str


def snapshot_name(snapshot: str | Snapshotted) -> str:
    return snapshot if isinstance(snapshot, str) else snapshot.name


def snapshot_affinity(snapshot: str | Snapshotted | None) -> str:
    """Where it is, behind a proxy."""
    return "" if snapshot is None or isinstance(snapshot, str) else snapshot.affinity


class Options(TypedDict, total=False):
    """How a program runs. All of it may be left out."""

    #: What it begins with. Not for a program in a session.
    snapshot: str | Snapshotted

    #: A callable of the program, to be called with the inputs as keywords once the program has run as a module.
    entry_point: str
    #: Globals set before the program starts, or the callable's keywords.
    inputs: Mapping[str, PyValue]
    stdin: bytes | str
    argv: Sequence[str]
    env: Mapping[str, str]
    #: The name in tracebacks.
    filename: str
    limits: Limits
    policy: policy_pb2.Policy
    #: Higher comes first, among what waits for the same tenant.
    priority: int
    #: What `Result.value` is; by default the value of the last statement, when that is an expression.
    result: Literal["none", "last_expression", "return_value", "repr"]
    #: What is kept of output past its limit.
    overflow: Literal["truncate_tail", "truncate_head", "stop"]
    #: Standard error is written to standard output, in order.
    merge_stderr: bool
    labels: Mapping[str, str]
    #: Check the request and compile the source, but run nothing.
    validate_only: bool


class SessionOptions(TypedDict, total=False):
    """How a session is, for all of its programs."""

    limits: Limits
    policy: policy_pb2.Policy
    env: Mapping[str, str]
    #: What a program meets that finds the session busy.
    when_busy: Literal["wait", "refuse"]
    #: Seconds without a program after which the session ends.
    idle_ttl: float
    #: Seconds after which it ends in any case.
    ttl: float
    labels: Mapping[str, str]
    #: What its programs may call.
    functions: Functions
    #: What it begins with, and what `reset` goes back to.
    snapshot: str | Snapshotted


class BatchOptions(Options, total=False):
    """How a batch runs."""

    #: Cases that run at once.
    max_parallel: int
    #: After a case that has not passed, those that have not begun are skipped.
    stop_on_first_failure: bool


@dataclass(frozen=True)
class Program:
    """Source that a server keeps, compiled, under a name made of what it says. It is given instead of code."""

    #: programs/{sha256}
    name: str
    #: For a server that has forgotten it, or never knew it.
    source: bytes
    filename: str = ""


@dataclass(frozen=True)
class Case:
    """One case of a batch: what differs from the batch's own program."""

    id: str
    inputs: Mapping[str, PyValue] | None = None
    stdin: bytes | str | None = None
    argv: Sequence[str] = ()
    #: What standard output must be, but for white space at the ends of lines. Without it, completion passes.
    expected_stdout: bytes | str | None = None
    limits: Limits | None = None


@dataclass(frozen=True)
class Retry:
    """When a request is sent again by itself: after a refusal that says nothing ran, and after a lost connection when
    the request has an id, so that no program runs twice."""

    attempts: int = 4
    first_wait: float = 0.05
    longest_wait: float = 5.0
    #: Give each program and session an id. The server keeps what came of it for a while, to answer a retry.
    request_ids: bool = True

    def request_id(self) -> str:
        return str(uuid.uuid4()) if self.request_ids and self.attempts > 1 else ""

    def wait(self, attempt: int, refused: Refused, safe: bool) -> float | None:
        """Seconds to wait after this attempt (from 1) was refused; None when it was the last."""
        again = refused.RETRYABLE or (safe and isinstance(refused, (ConnectionLost, QueueAway)))
        if not again or attempt >= self.attempts:
            return None
        if refused.retry_after is not None:
            return refused.retry_after
        return min(self.longest_wait, self.first_wait * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)


def duration(seconds: float) -> Duration:
    message = Duration()
    message.FromTimedelta(dt.timedelta(seconds=seconds))
    return message


def _bytes(text: bytes | str) -> bytes:
    return text.encode() if isinstance(text, str) else text



def execute_request(
    code: str | bytes | Program, options: Options, *, session: str = "", request_id: str = ""
) -> pb.ExecuteRequest:
    mode = options.get("result", "last_expression")
    request = pb.ExecuteRequest(
        request_id=request_id,
        stdin=_bytes(options.get("stdin", b"")),
        argv=options.get("argv", ()),
        env=options.get("env", {}),
        labels=options.get("labels", {}),
        result_mode=f"RESULT_MODE_{mode.upper()}",
        validate_only=options.get("validate_only", False),
        entry_point=options.get("entry_point", ""),
        priority=options.get("priority", 0),
    )
    if isinstance(code, Program):
        request.program = code.name
    else:
        request.source.CopyFrom(pb.Source(text=_bytes(code), filename=options.get("filename", "")))
    if session:
        request.session = session
    elif (snapshot := options.get("snapshot")) is not None:
        request.snapshot = snapshot_name(snapshot)
    for name, value in options.get("inputs", {}).items():
        request.inputs[name].CopyFrom(to_wire(value, f"inputs[{name!r}]"))
    if (limits := options.get("limits")) is not None:
        request.limits.CopyFrom(limits.to_wire())
    if (policy := options.get("policy")) is not None:
        request.policy.CopyFrom(policy)
    if "overflow" in options or "merge_stderr" in options:
        output = policy_pb2.OutputOptions(
            overflow=f"OVERFLOW_{options.get('overflow', 'truncate_tail').upper()}",
            merge_stderr=options.get("merge_stderr", False),
        )
        request.output.CopyFrom(output)
    return request


def create_session_request(options: SessionOptions, request_id: str) -> session_service_pb2.CreateSessionRequest:
    session = session_service_pb2.Session(
        env=options.get("env", {}),
        labels=options.get("labels", {}),
        when_busy=f"BUSY_POLICY_{options.get('when_busy', 'wait').upper()}",
    )
    if (limits := options.get("limits")) is not None:
        session.limits.CopyFrom(limits.to_wire())
    if (policy := options.get("policy")) is not None:
        session.policy.CopyFrom(policy)
    if (functions := options.get("functions")) is not None:
        session.policy.host_functions.extend(functions.to_wire())
    if (snapshot := options.get("snapshot")) is not None:
        session.snapshot = snapshot_name(snapshot)
    if "idle_ttl" in options:
        session.idle_ttl.CopyFrom(duration(options["idle_ttl"]))
    if "ttl" in options:
        session.ttl.CopyFrom(duration(options["ttl"]))
    return session_service_pb2.CreateSessionRequest(request_id=request_id, session=session)


def program_request(code: str | bytes, filename: str) -> program_service_pb2.CreateProgramRequest:
    return program_service_pb2.CreateProgramRequest(source=pb.Source(text=_bytes(code), filename=filename))


def setup_request(code: str | bytes | Program, options: BatchOptions) -> pb.BatchExecuteRequest:
    setup = pb.BatchSetup(
        request=execute_request(code, options),
        max_parallel=options.get("max_parallel", 0),
        stop_on_first_failure=options.get("stop_on_first_failure", False),
    )
    return pb.BatchExecuteRequest(setup=setup)


def case_request(case: Case) -> pb.BatchExecuteRequest:
    message = pb.BatchCase(id=case.id, argv=case.argv)
    for name, value in (case.inputs or {}).items():
        message.inputs[name].CopyFrom(to_wire(value, f"case {case.id}: inputs[{name!r}]"))
    if case.stdin is not None:
        message.stdin = _bytes(case.stdin)
    if case.expected_stdout is not None:
        message.expected_stdout = _bytes(case.expected_stdout)
    if case.limits is not None:
        message.limits.CopyFrom(case.limits.to_wire())
    return pb.BatchExecuteRequest(case=message)
