"""Connections that break, through a proxy that breaks them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from typhon_client import AsyncClient, Client, Retry, errors

from conftest import Server


class Cutter:
    """Passes bytes on to a server until it is told to cut."""

    def __init__(self, address: str) -> None:
        host, port = address.split(":")
        self._server = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                ours, _ = self._listener.accept()
            except OSError:
                return
            theirs = socket.create_connection(self._server)
            self.connections += 1
            self._open += [ours, theirs]
            for pair in ((ours, theirs), (theirs, ours)):
                threading.Thread(target=_pass_on, args=pair, daemon=True).start()

    def cut(self) -> None:
        while self._open:
            one = self._open.pop()
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def close(self) -> None:
        self.cut()
        self._listener.close()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass


@pytest.fixture
def cutter(server: Server) -> Iterator[Cutter]:
    cutter = Cutter(server.address)
    yield cutter
    cutter.close()


# Each second of it writes a line, and the list says how often it ran.
SLOW = "import time\nfor i in range(10):\n    print(i, flush=True)\n    time.sleep(0.05)\n'done'"


def test_a_stream_goes_on_after_a_cut(cutter: Cutter) -> None:
    with Client(cutter.address) as typhon:
        run = typhon.stream(SLOW)
        chunks = iter(run)
        first = next(chunks)
        cutter.cut()
        rest = list(chunks)
        result = run.result()
    assert first.text.startswith("0")
    # Nothing is missing and nothing comes twice.
    text = "".join(chunk.text for chunk in [first, *rest])
    assert text == result.stdout == "".join(f"{i}\n" for i in range(10))
    assert result.value == "done" and cutter.connections == 2


def test_a_program_runs_once_though_its_answer_is_lost(cutter: Cutter, typhon: Client) -> None:
    with typhon.session() as session, Client(cutter.address) as broken:
        session.run("runs = 0")
        code = "import time\nruns += 1\ntime.sleep(0.5)\nruns"
        timer = threading.Timer(0.25, cutter.cut)
        timer.start()
        assert broken.attach_session(session.name).run(code).value == 1
        assert session.run("runs").value == 1
    assert cutter.connections == 2


def test_without_an_id_nothing_is_sent_again(cutter: Cutter) -> None:
    with Client(cutter.address, retry=Retry(request_ids=False)) as typhon:
        run = typhon.stream(SLOW)
        chunks = iter(run)
        next(chunks)
        cutter.cut()
        with pytest.raises(errors.ConnectionLost):
            list(chunks)
    assert cutter.connections == 1


async def test_asyncio_goes_on_too(cutter: Cutter) -> None:
    async with AsyncClient(cutter.address) as typhon:
        run = typhon.stream(SLOW)
        text = ""
        async for chunk in run:
            if not text:
                cutter.cut()
            text += chunk.text
        assert text == "".join(f"{i}\n" for i in range(10))
        assert (await run.result()).value == "done"
