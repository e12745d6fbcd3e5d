"""Snapshots: what begins from one goes on, here and at another server."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Server

from typhon_client import AsyncClient, Client, Retry, errors


def test_what_begins_from_a_snapshot_goes_on(typhon: Client) -> None:
    with typhon.session() as session:
        session.run("x = [1, 2]\ndef total(): return sum(x)")
        snapshot = session.snapshot(labels={"round": "1"}, ttl=600)
        session.run("x.append(3)")
        info = snapshot.info()
        assert (info.session, info.labels, info.left_out) == (session.name, {"round": "1"}, {})
        assert (info.expire_time - info.create_time).total_seconds() == pytest.approx(600)
        assert snapshot.name in {one.name for one in typhon.snapshots()}
    with typhon.session(snapshot=snapshot) as session:
        assert session.run("x.append(7); total()").value == 10
        session.reset()
        assert session.run("total()").value == 3
    assert typhon.run("total()", snapshot=snapshot).value == 3
    assert typhon.stream("print(total())", snapshot=snapshot.name).result().stdout == "3\n"
    snapshot.delete()
    with pytest.raises(errors.SnapshotNotFound):
        typhon.snapshot(snapshot.name).info()


def test_what_cannot_be_stored_is_named_or_left_out(typhon: Client) -> None:
    with typhon.session() as session:
        session.run("x = 1\nheld = {'k': (n for n in 'a')}")
        with pytest.raises(errors.SnapshotUnstorable) as unstorable:
            session.snapshot()
        assert unstorable.value.metadata == {"path": "main.held['k']", "problem": "generator"}
        snapshot = session.snapshot(leave_out=True)
        assert snapshot.info().left_out == {"main.held['k']": "generator"}
        assert typhon.run("(x, 'held' in globals())", snapshot=snapshot).value == (1, False)


def test_one_leaves_and_comes_back(tmp_path: Path, typhon: Client) -> None:
    key = tmp_path / "key"
    key.write_text("0123456789abcdef" * 4)
    servers = [Server("--snapshot-key-file", str(key)) for _ in range(2)]
    try:
        with Client(servers[0].address) as one, Client(servers[1].address) as two:
            with one.session() as session:
                session.run("import os\nnoise = os.urandom(200_000)\nx = 5")
                data = b"".join(session.snapshot().export())
            assert len(data) > 200_000
            taken = two.import_snapshot(data, labels={"from": "one"})
            assert taken.info().labels == {"from": "one"}
            assert two.run("(x, len(noise))", snapshot=taken).value == (5, 200_000)
            # In pieces as they come, and what was changed not at all.
            assert two.run("x", snapshot=two.import_snapshot(iter([data[:9], data[9:]]))).value == 5
            with pytest.raises(errors.SnapshotInvalid):
                two.import_snapshot(data[:-1] + b"x")
        with pytest.raises(errors.SnapshotInvalid):
            typhon.import_snapshot(data)
    finally:
        for server in servers:
            server.stop()


async def test_the_same_for_asyncio(atyphon: AsyncClient) -> None:
    async with await atyphon.session() as session:
        await session.run("x = 1")
        snapshot = await session.snapshot()
        data = b"".join([piece async for piece in snapshot.export()])
    again = await atyphon.import_snapshot(data)
    async with await atyphon.session(snapshot=again) as session:
        assert (await session.run("x + 1")).value == 2
    assert (await atyphon.run("x", snapshot=snapshot)).value == 1
    names = {one.name async for one in atyphon.snapshots()}
    assert {snapshot.name, again.name} <= names
    assert (await atyphon.snapshot(again.name).info()).digest == (await snapshot.info()).digest
    await again.delete()
    with pytest.raises(errors.SnapshotNotFound):
        await again.info()


def test_a_session_outlives_its_server(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("0123456789abcdef" * 4)
    kept = ["--snapshot-key-file", str(key), "--snapshot-store", str(tmp_path / "store")]
    server = Server(*kept)
    with Client(server.address) as typhon:
        session, stuck = typhon.session(), typhon.session()
        session.run("x = 20")
        stuck.run("x = (n for n in 'a')")
    server.stop()
    server = Server(*kept)
    try:
        with Client(server.address, retry=Retry(attempts=1)) as typhon:
            assert typhon.attach_session(session.name).run("x + 1").value == 21
            with pytest.raises(errors.SessionLost) as lost:
                typhon.attach_session(stuck.name).run("1")
            assert lost.value.metadata["why"] == "main.x: generator"
    finally:
        server.stop()
