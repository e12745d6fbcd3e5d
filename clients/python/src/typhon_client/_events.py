"""A stream of events, followed: what both clients do with each message."""

from __future__ import annotations

import codecs
from typing import TypeAlias

from ._proto.typhon.v1 import execution_service_pb2 as pb
from .results import OutputChunk, Result, chunk_from_wire, result_from_wire

Event: TypeAlias = pb.StreamExecuteResponse | pb.AttachExecutionResponse | pb.InteractResponse


class Follower:
    """Where a stream is: its execution's name, the last event's number, and the output so far."""

    def __init__(self, execution: str = "", after: int = 0) -> None:
        self.execution = execution
        self.sequence = after
        self.result: Result | None = None
        self._output = {"stdout": bytearray(), "stderr": bytearray()}
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def take(self, event: Event) -> OutputChunk | None:
        """Takes a message; gives the output in it."""
        # Keepalives of a kept execution have no number.
        self.sequence = max(self.sequence, event.sequence)
        kind = event.WhichOneof("event")
        if kind == "accepted":
            self.execution = event.accepted.execution
            # Again, when the node that ran a durable execution has died: what it wrote counts no more.
            self._output = {"stdout": bytearray(), "stderr": bytearray()}
        elif kind == "output":
            chunk = chunk_from_wire(event.output)
            self._output[chunk.stream] += chunk.data
            return chunk
        elif kind == "finished":
            self.result = result_from_wire(event.finished.response, self._output)
        return None

    def text(self, chunk: OutputChunk) -> str:
        """The chunk's part of standard output as text, characters whole."""
        return self._decoder.decode(chunk.data) if chunk.stream == "stdout" else ""
