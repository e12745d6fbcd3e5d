"""A server of the binary that TYPHON_BINARY names, and clients of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from typhon_client import AsyncClient, Client

BINARY = os.environ.get("TYPHON_BINARY") or str(Path(__file__).resolve().parents[3] / "target/debug/typhon")


class Server:
    """`typhon serve` on a free port."""

    def __init__(self, *arguments: str) -> None:
        command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--log", "warn", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("typhon: serving"), line
        self.address = line.split()[-1].removeprefix("http://")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    server = Server("--workers", "4")
    yield server
    server.stop()


@pytest.fixture
def typhon(server: Server) -> Iterator[Client]:
    with Client(server.address) as client:
        yield client


@pytest_asyncio.fixture
async def atyphon(server: Server) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(server.address) as client:
        yield client
