"""Clients that do not read, have vanished, or say half of what they began: each costs the server bounded memory."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from typhon_client import Client, Limits, Retry, proto

from server import Server

MIB = 1 << 20
#: What a client of the kinds below may cost the server's own process: stream_buffer, and what HTTP/2 lets lie on its way.
EACH = 8 * MIB
ENDLESS = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")


@pytest.fixture
def server() -> Iterator[Server]:
    # A client that is silent for two seconds is gone.
    server = Server("--ping-interval", "1s", "--ping-timeout", "1s", "--workers", "4", "--handshake-timeout", "1s",
                    "--output-max", "100GiB", "--wall-time-max", "1h", "--request-grace", "1s")
    try:
        with Client(server.address) as typhon:
            # What the first programs cost is not theirs.
            for _ in range(20):
                assert typhon.run("6 * 7").value == 42
        yield server
    finally:
        server.stop()


def grown(server: Server, since: int) -> int:
    return server.rss(server.process.pid) - since


def alive(server: Server) -> None:
    with Client(server.address, retry=Retry(attempts=1)) as typhon:
        assert typhon.run("6 * 7").value == 42


def test_one_that_does_not_read_stalls_its_program(server: Server) -> None:
    before = server.rss(server.process.pid)
    limits = Limits(wall_time=600, cpu_time=600, stdout_bytes=100 << 30)
    clients = [Client(server.address, retry=Retry(attempts=1)) for _ in range(3)]
    runs = [client.stream(ENDLESS, limits=limits) for client in clients]
    for run in runs:
        # The first of it, and nothing of the rest.
        next(iter(run))
    for _ in range(20):
        time.sleep(0.1)
        assert grown(server, before) < len(runs) * EACH
    # There is one worker left, and it answers.
    alive(server)
    for run, client in zip(runs, clients):
        run.cancel()
        client.close()


def test_one_that_does_not_read_has_no_more_time_than_others(server: Server) -> None:
    limits = Limits(wall_time=1, cpu_time=600, stdout_bytes=100 << 30)
    clients = [Client(server.address, retry=Retry(attempts=1)) for _ in range(4)]
    runs = [client.stream(ENDLESS, limits=limits) for client in clients]
    for run in runs:
        next(iter(run))
    # All workers are stalled, until the time is over.
    alive(server)
    for run, client in zip(runs, clients):
        run.cancel()
        client.close()


def test_one_that_vanishes_is_noticed(server: Server) -> None:
    code = (
        "import sys, typhon_client as t\n"
        f"c = t.Client({server.address!r}, retry=t.Retry(attempts=1))\n"
        f"runs = [c.stream({ENDLESS!r}, limits=t.Limits(wall_time=600, cpu_time=600, stdout_bytes=100 << 30)) for _ in range(4)]\n"
        "[next(iter(run)) for run in runs]\n"
        "print('on', flush=True)\nsys.stdin.read()"
    )
    before = server.rss(server.process.pid)
    client = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert client.stdout is not None and client.stdout.readline() == "on\n"
    # It neither answers nor hangs up: what happens when a machine loses its power.
    client.send_signal(signal.SIGSTOP)
    try:
        # All workers were its; they are free once it is taken for gone.
        with Client(server.address, retry=Retry(attempts=20)) as typhon:
            assert typhon.run("6 * 7").value == 42
        assert grown(server, before) < 4 * EACH
    finally:
        client.kill()
        client.wait()


def test_what_is_said_by_half_is_dropped(server: Server) -> None:
    before = server.rss(server.process.pid)
    host, port = server.address.split(":")
    wires = []
    for number in range(400):
        wire = socket.create_connection((host, int(port)))
        # Nothing; half of a greeting; all of it; and half of a message after it.
        wire.sendall([b"", PREFACE[:12], PREFACE, PREFACE + bytes.fromhex("00010001050000000182")][number % 4])
        if number % 8 >= 4:
            wire.shutdown(socket.SHUT_WR)
        wires.append(wire)
    alive(server)
    assert grown(server, before) < 400 * (64 << 10) + 8 * MIB
    # Those that never said anything whole are hung up on.
    silent = [wire for number, wire in enumerate(wires) if number % 4 < 2]
    for wire in silent:
        wire.settimeout(30)
        while wire.recv(4096):
            pass
    for wire in wires:
        wire.close()
    alive(server)


def test_one_that_closes_its_side_gets_its_answer(server: Server) -> None:
    """A conversation whose client has no more to say goes on to its end."""
    with Client(server.address) as typhon:
        start = proto.ExecuteRequest(source=proto.Source(text=b"import time\ntime.sleep(.3)\n7"), result_mode=2)
        events = typhon._client._executions.Interact(iter([proto.InteractRequest(start=start)]))
        last = list(events)[-1]
        assert last.finished.response.result.int_value == 7


def test_clients_that_come_and_go_leave_nothing(server: Server) -> None:
    def visit(count: int) -> None:
        for _ in range(count):
            with Client(server.address, retry=Retry(attempts=1)) as typhon:
                run = typhon.stream("print('x', flush=True)\nimport time\ntime.sleep(100)")
                next(iter(run))
                # The connection goes with the client, and the program with the connection.

    visit(50)
    before = server.rss(server.process.pid)
    visit(150)
    assert grown(server, before) < 8 * MIB
