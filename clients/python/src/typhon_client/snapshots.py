"""Snapshots for asyncio; and, over a wire that blocks, what `client` does with them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ._proto.typhon.v1 import snapshot_service_pb2 as pb
from .options import duration
from .results import SnapshotInfo, snapshot_from_wire

if TYPE_CHECKING:
    from .aio import AsyncClient

#: A message of an import holds no more.
PIECE = 64 << 10


class AsyncSnapshot:
    """What a session held, kept apart from it. Give it as `snapshot` to `session` or `run`."""

    def __init__(self, client: AsyncClient, name: str, affinity: str) -> None:
        self._client = client
        #: snapshots/{id}
        self.name = name
        #: What a proxy finds the snapshot's server by.
        self.affinity = affinity

    async def info(self) -> SnapshotInfo:
        answer = await self._call(self._client._snapshots.GetSnapshot, pb.GetSnapshotRequest(name=self.name))
        return snapshot_from_wire(answer.snapshot)

    async def export(self) -> AsyncIterator[bytes]:
        """Its bytes, sealed, in pieces, for `import_snapshot` here or at a server with the same key."""
        client = self._client
        request = pb.ExportSnapshotRequest(name=self.name)
        call = client._snapshots.ExportSnapshot(request, metadata=client._metadata(self.affinity))
        async for piece in client._wire.stream(call).events():
            yield piece.data

    async def delete(self) -> None:
        """Forgets it. What has begun from it stays."""
        await self._call(self._client._snapshots.DeleteSnapshot, pb.DeleteSnapshotRequest(name=self.name))

    async def _call(self, method: Callable[..., Any], request: object) -> Any:
        return await self._client._call(method, request, affinity=self.affinity, safe=True)


async def create(
    client: AsyncClient, session: str, affinity: str, leave_out: bool, labels: Mapping[str, str], ttl: float | None
) -> AsyncSnapshot:
    request = pb.CreateSnapshotRequest(
        request_id=client._retry.request_id(),
        snapshot=_asked(labels, ttl),
        session=session,
        leave_out=leave_out,
    )
    method, safe = client._snapshots.CreateSnapshot, bool(request.request_id)
    answer = await client._call(method, request, affinity=affinity, safe=safe)
    return AsyncSnapshot(client, answer.snapshot.name, affinity)


async def take(
    client: AsyncClient, data: bytes | Iterable[bytes], affinity: str, labels: Mapping[str, str], ttl: float | None
) -> AsyncSnapshot:
    start = pb.ImportSnapshotRequest(start=pb.ImportSnapshotStart(snapshot=_asked(labels, ttl)))

    def requests() -> Iterator[pb.ImportSnapshotRequest]:
        yield start
        for part in [data] if isinstance(data, bytes) else data:
            for at in range(0, len(part), PIECE):
                yield pb.ImportSnapshotRequest(data=part[at : at + PIECE])

    # Pieces may come from what can be read once, so this is not tried again.
    answer = await client._wire.unary(
        client._snapshots.ImportSnapshot, client._wire.requests(requests()), None, client._metadata(affinity)
    )
    return AsyncSnapshot(client, answer.snapshot.name, affinity)


async def all_of(client: AsyncClient) -> AsyncIterator[SnapshotInfo]:
    request = pb.ListSnapshotsRequest()
    while True:
        page = await client._call(client._snapshots.ListSnapshots, request, safe=True)
        for snapshot in page.snapshots:
            yield snapshot_from_wire(snapshot)
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def _asked(labels: Mapping[str, str], ttl: float | None) -> pb.Snapshot:
    snapshot = pb.Snapshot(labels=labels)
    if ttl is not None:
        snapshot.ttl.CopyFrom(duration(ttl))
    return snapshot
