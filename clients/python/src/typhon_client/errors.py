"""What goes wrong: refusals of the service, one class for each reason; and ends of programs other than completion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Protocol

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

if TYPE_CHECKING:
    from .results import Result
    from .values import RemoteException


class TyphonError(Exception):
    """Everything that this package raises of its own."""


class Refused(TyphonError):
    """The service did not do what was asked. Nothing ran, except where a subclass says otherwise."""

    #: The reason that stands for this class in the service's table.
    REASON: ClassVar[str] = ""
    #: Nothing ran, and the same request may be sent again.
    RETRYABLE: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: grpc.StatusCode,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{message} ({reason or code.name})")
        self.message = message
        self.code = code
        #: The stable name of what is wrong.
        self.reason = reason
        #: What the reason is about: a feature, an execution, a time.
        self.metadata = dict(metadata or {})
        #: The fields that are wrong, each with its problem.
        self.fields = dict(fields or {})
        #: Seconds after which it may be tried again.
        self.retry_after = retry_after


class InvalidRequest(Refused):
    """A field is wrong; `fields` says which."""

    REASON = "INVALID_REQUEST"


class MalformedMessage(Refused):
    REASON = "MALFORMED_MESSAGE"


class FeatureUnsupported(Refused):
    """This server does not offer `metadata["feature"]`."""

    REASON = "FEATURE_UNSUPPORTED"


class MethodUnknown(Refused):
    REASON = "METHOD_UNKNOWN"


class PayloadTooLarge(Refused):
    REASON = "PAYLOAD_TOO_LARGE"


class QueueFull(Refused):
    """Too many wait already; `retry_after` says when to come again."""

    REASON = "QUEUE_FULL"
    RETRYABLE = True


class CannotMeetDeadline(Refused):
    REASON = "CANNOT_MEET_DEADLINE"


class TooManySessions(Refused):
    REASON = "TOO_MANY_SESSIONS"


class SessionMemory(Refused):
    REASON = "SESSION_MEMORY"


class TooManyExecutions(Refused):
    REASON = "TOO_MANY_EXECUTIONS"


class DurableFull(Refused):
    REASON = "DURABLE_FULL"


class RequestIdReused(Refused):
    REASON = "REQUEST_ID_REUSED"


class ExecutionNotFound(Refused):
    REASON = "EXECUTION_NOT_FOUND"


class SessionNotFound(Refused):
    REASON = "SESSION_NOT_FOUND"


class SessionExpired(SessionNotFound):
    REASON = "SESSION_EXPIRED"


class SessionLost(SessionNotFound):
    """Its server has ended and could not hand it over: `metadata["why"]`."""

    REASON = "SESSION_LOST"


class SessionMoving(Refused):
    """It is on its way from one server to another."""

    REASON = "SESSION_MOVING"
    RETRYABLE = True


class SessionBusy(Refused):
    REASON = "SESSION_BUSY"


class SessionFailed(Refused):
    """What the session kept is lost; `Session.reset` makes it usable again."""

    REASON = "SESSION_FAILED"


class QuotaExceeded(Refused):
    """The tenant has what its quota allows: `metadata["max"]` of it."""


class TenantRate(QuotaExceeded):
    REASON = "TENANT_RATE"
    RETRYABLE = True


class TenantQueue(QuotaExceeded):
    REASON = "TENANT_QUEUE"
    RETRYABLE = True


class TenantSessions(QuotaExceeded):
    REASON = "TENANT_SESSIONS"


class TenantMemory(QuotaExceeded):
    REASON = "TENANT_MEMORY"


class ProgramNotFound(Refused):
    REASON = "PROGRAM_NOT_FOUND"


class TooManyProcesses(Refused):
    REASON = "TOO_MANY_PROCESSES"
    RETRYABLE = True


class TooManyTemplates(Refused):
    REASON = "TOO_MANY_TEMPLATES"


class TemplateNotFound(Refused):
    REASON = "TEMPLATE_NOT_FOUND"


class TemplateFailed(Refused):
    REASON = "TEMPLATE_FAILED"


class SessionNotForkable(Refused):
    REASON = "SESSION_NOT_FORKABLE"


class SnapshotNotFound(Refused):
    REASON = "SNAPSHOT_NOT_FOUND"


class SnapshotUnstorable(Refused):
    """`metadata["path"]` leads to what cannot be stored, which is a `metadata["problem"]`."""

    REASON = "SNAPSHOT_UNSTORABLE"


class SnapshotFailed(Refused):
    """Making it did not come to its end: `metadata["why"]`."""

    REASON = "SNAPSHOT_FAILED"


class SnapshotTooLarge(Refused):
    REASON = "SNAPSHOT_TOO_LARGE"


class SnapshotsFull(Refused):
    REASON = "SNAPSHOTS_FULL"


class SnapshotInvalid(Refused):
    """What was to be imported was changed, sealed with another key, or is another tenant's."""

    REASON = "SNAPSHOT_INVALID"


class SnapshotVersionMismatch(Refused):
    """Of another format, or another build of the engine: `metadata["snapshot"]` and `metadata["server"]`."""

    REASON = "SNAPSHOT_VERSION_MISMATCH"


class SnapshotUnusable(Refused):
    """Nothing begins from it: `metadata["why"]`."""

    REASON = "SNAPSHOT_UNUSABLE"


class TenantSnapshots(QuotaExceeded):
    REASON = "TENANT_SNAPSHOTS"


class StoreAway(Refused):
    """What keeps snapshots and sessions does not answer. Nothing ran."""

    REASON = "STORE_AWAY"
    RETRYABLE = True


class CredentialsMissing(Refused):
    REASON = "CREDENTIALS_MISSING"


class CredentialsInvalid(Refused):
    REASON = "CREDENTIALS_INVALID"


class TenantUnknown(Refused):
    REASON = "TENANT_UNKNOWN"


class TenantSuspended(Refused):
    REASON = "TENANT_SUSPENDED"


class CallCancelled(Refused):
    REASON = "CANCELLED"


class Draining(Refused):
    """This server is going down. Another one may take the request."""

    REASON = "DRAINING"
    RETRYABLE = True


class WorkerLost(Refused):
    REASON = "WORKER_LOST"
    RETRYABLE = True


class QueueAway(Refused):
    """What keeps durable executions does not answer. The execution may have been started all the same: only one whose
    request has an id may be sent again."""

    REASON = "QUEUE_AWAY"


class Internal(Refused):
    """A defect of the service."""

    REASON = "INTERNAL"


class ConnectionLost(Refused):
    """The server cannot be reached, or the connection broke: a program may have run."""


class DeadlineExceeded(Refused):
    """No answer came in the time that was given: a program may have run."""


def _classes(base: type[Refused]) -> dict[str, type[Refused]]:
    found: dict[str, type[Refused]] = {}
    for kind in base.__subclasses__():
        if kind.REASON:
            found[kind.REASON] = kind
        found.update(_classes(kind))
    return found


_BY_REASON = _classes(Refused)


class RpcFailure(Protocol):
    """What grpc's errors have in common, in threads and in asyncio."""

    def code(self) -> grpc.StatusCode: ...
    def details(self) -> str | None: ...
    def trailing_metadata(self) -> object: ...


def refusal(error: RpcFailure) -> Refused:
    """The error of a call, as the class of its reason."""
    code, message = error.code(), error.details() or ""
    reason, metadata, fields, retry_after = "", {}, {}, None
    for detail in _details(error.trailing_metadata()):
        if detail.type_url.endswith("/google.rpc.ErrorInfo"):
            info = error_details_pb2.ErrorInfo.FromString(detail.value)
            if info.domain == "typhon":
                reason, metadata = info.reason, dict(info.metadata)
        elif detail.type_url.endswith("/google.rpc.BadRequest"):
            bad = error_details_pb2.BadRequest.FromString(detail.value)
            fields = {violation.field: violation.description for violation in bad.field_violations}
        elif detail.type_url.endswith("/google.rpc.RetryInfo"):
            retry_after = error_details_pb2.RetryInfo.FromString(detail.value).retry_delay.ToTimedelta().total_seconds()
    kind: type[Refused] = _BY_REASON.get(reason, Refused)
    if not reason:
        kind = {
            grpc.StatusCode.UNAVAILABLE: ConnectionLost,
            grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
            grpc.StatusCode.CANCELLED: CallCancelled,
        }.get(code, Refused)
    return kind(message, code=code, reason=reason, metadata=metadata, fields=fields, retry_after=retry_after)


def _details(trailers: object) -> list[any_pb2.Any]:
    if trailers is None:
        return []
    for key, value in trailers:  # type: ignore[attr-defined]
        if key == "grpc-status-details-bin":
            return list(status_pb2.Status.FromString(value).details)
    return []


class ProgramEnded(TyphonError):
    """A program ended in another way than by completion. `result` has all that is known."""

    def __init__(self, message: str, result: Result) -> None:
        super().__init__(message)
        self.result = result


class ProgramRaised(ProgramEnded):
    """An exception reached the program's top, or the source did not compile."""

    def __init__(self, exception: RemoteException, result: Result) -> None:
        super().__init__(str(exception), result)
        self.exception = exception
        if exception.traceback and hasattr(self, "add_note"):
            self.add_note(exception.traceback)


class ProgramExited(ProgramEnded):
    """SystemExit with a status other than 0."""

    def __init__(self, exit_code: int, result: Result) -> None:
        super().__init__(f"the program exited with status {exit_code}", result)
        self.exit_code = exit_code


class LimitExceeded(ProgramEnded):
    """A limit stopped the program: `which` is WALL_TIME, HEAP_BYTES and so on."""

    def __init__(self, which: str, limit: int, used: int, result: Result) -> None:
        super().__init__(f"the program hit its limit {which} of {limit}", result)
        self.which, self.limit, self.used = which, limit, used


class ProgramStopped(ProgramEnded):
    """Somebody stopped the program, or its worker died; `result.reason` says who."""
