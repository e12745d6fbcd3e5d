"""Client of Typhon, the service that runs Python programs under limits.

    from typhon_client import Client

    with Client("127.0.0.1:50451") as typhon:
        print(typhon.run("6 * 7").value)

`AsyncClient` is the same for asyncio.
"""

from . import errors, proto, values
from .aio import AsyncClient, AsyncExecution, AsyncRun, AsyncSession
from .client import Client, Execution, Run, Session, Snapshot
from .errors import (
    ConnectionLost,
    LimitExceeded,
    ProgramEnded,
    ProgramExited,
    ProgramRaised,
    ProgramStopped,
    Refused,
    TyphonError,
)
from .host import Functions
from .options import Case, Limits, Options, Program, Retry, SessionOptions
from .results import CaseResult, OutputChunk, Result, SessionInfo, SnapshotInfo, Usage
from .snapshots import AsyncSnapshot

__all__ = [
    "AsyncClient",
    "AsyncExecution",
    "AsyncRun",
    "AsyncSession",
    "AsyncSnapshot",
    "Case",
    "CaseResult",
    "Client",
    "ConnectionLost",
    "Execution",
    "Functions",
    "LimitExceeded",
    "Limits",
    "Options",
    "OutputChunk",
    "Program",
    "ProgramEnded",
    "ProgramExited",
    "ProgramRaised",
    "ProgramStopped",
    "Refused",
    "Result",
    "Retry",
    "Run",
    "Session",
    "SessionInfo",
    "SessionOptions",
    "Snapshot",
    "SnapshotInfo",
    "TyphonError",
    "Usage",
    "errors",
    "proto",
    "values",
]
