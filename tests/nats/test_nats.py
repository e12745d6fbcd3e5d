"""Three nodes that share executions through three servers of NATS: what was started is run, whoever dies meanwhile."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from typhon_client import Client, Execution, Limits, Retry, errors

BINARY = os.environ["TYPHON_BINARY"]
#: Seconds of silence after which a node is taken for dead.
SILENCE = 2


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def until(what: Callable[[], bool]) -> None:
    while not what():
        time.sleep(0.05)


class Nats:
    """A cluster of three."""

    def __init__(self, folder: Path) -> None:
        ports, routes = [free_port() for _ in range(3)], [free_port() for _ in range(3)]
        self._monitors = [free_port() for _ in range(3)]
        self.url = ",".join(f"nats://127.0.0.1:{port}" for port in ports)
        peers = ",".join(f"nats://127.0.0.1:{port}" for port in routes)
        self._commands: list[list[str]] = []
        for number, (port, route, monitor) in enumerate(zip(ports, routes, self._monitors)):
            addresses = ["-a", "127.0.0.1", "-p", str(port), "-m", str(monitor)]
            cluster = ["--cluster_name", "test", "--cluster", f"nats://127.0.0.1:{route}", "--routes", peers]
            store = ["-js", "-sd", str(folder / str(number)), "--name", f"nats{number}"]
            self._commands.append(["nats-server", *addresses, *cluster, *store, "-l", str(folder / f"{number}.log")])
        self.servers = [subprocess.Popen(command) for command in self._commands]
        until(self.is_ready)

    def is_ready(self) -> bool:
        try:
            for monitor in self._monitors:
                url = f"http://127.0.0.1:{monitor}/healthz"
                assert urllib.request.urlopen(url).status == 200
                text = urllib.request.urlopen(f"http://127.0.0.1:{monitor}/jsz").read().decode()
                # The cluster has a leader of its own.
                assert re.search(r'"leader": "nats\d"', text)
            return True
        except (OSError, AssertionError):
            return False

    def kill(self, number: int) -> None:
        self.servers[number].send_signal(signal.SIGKILL)
        self.servers[number].wait()

    def start(self, number: int) -> None:
        self.servers[number] = subprocess.Popen(self._commands[number])

    def stop(self) -> None:
        for server in self.servers:
            server.kill()
            server.wait()


class Node:
    """One of ours."""

    def __init__(self, nats: str, *settings: str) -> None:
        self._admin = free_port()
        command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--admin-listen", f"127.0.0.1:{self._admin}", "--workers", "2"]
        durable = ["--nats-url", nats, "--nats-replicas", "3", "--durable-silence", f"{SILENCE}s", "--log", "warn"]
        self.process = subprocess.Popen([*command, *durable, *settings], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().split()[-1]
        self.client = Client(self.address, retry=Retry(attempts=20))

    def events(self) -> dict[str, int]:
        """What happened here to durable executions."""
        text = urllib.request.urlopen(f"http://127.0.0.1:{self._admin}/metrics").read().decode()
        found = re.findall(r'^typhon_durable_executions_total\{event="(\w+)"\} (\d+)', text, flags=re.M)
        return {event: int(count) for event, count in found}

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    nats = Nats(tmp_path_factory.mktemp("nats"))
    try:
        yield nats
    finally:
        nats.stop()


@pytest.fixture
def nodes(nats: Nats) -> Iterator[list[Node]]:
    nodes = [Node(nats.url) for _ in range(3)]
    try:
        yield nodes
    finally:
        for node in nodes:
            node.stop()


def elsewhere(node: Node, execution: Execution) -> Execution:
    return node.client.execution(execution.name)


def test_any_node_runs_it_and_any_node_tells(nodes: list[Node]) -> None:
    code = "import time\nprint('begun', flush=True)\ntime.sleep(.1)\nn * n"
    started = [nodes[0].client.start(code, inputs={"n": n}) for n in range(24)]
    # All were started at one node, and each is asked for at another.
    results = [elsewhere(nodes[1 + n % 2], execution).result() for n, execution in enumerate(started)]
    assert [result.value for result in results] == [n * n for n in range(24)]
    assert {result.stdout for result in results} == {"begun\n"}
    assert sum(node.events().get("ended", 0) for node in nodes) == 24
    # Each node gets some, sooner or later.
    while not all(node.events().get("begun", 0) for node in nodes):
        more = [nodes[0].client.start(code, inputs={"n": n}) for n in range(24)]
        assert [execution.result().value for execution in more] == [n * n for n in range(24)]
    names = {execution.name for execution in nodes[2].client.executions()}
    assert {execution.name for execution in started} <= names
    started[0].delete()
    with pytest.raises(errors.Refused) as refused:
        elsewhere(nodes[2], started[0]).get()
    assert refused.value.reason == "EXECUTION_NOT_FOUND"


def test_what_is_large_arrives(nodes: list[Node]) -> None:
    """Larger than a message of NATS may be, both ways."""
    text = "x" * 3_000_000
    execution = nodes[0].client.start("print(given[:2_000_000])\ngiven", inputs={"given": text},
                                      limits=Limits(stdout_bytes=4_000_000, result_bytes=8_000_000))
    result = elsewhere(nodes[1], execution).result()
    assert result.value == text and len(result.stdout) == 2_000_001


def test_one_elsewhere_is_stopped(nodes: list[Node]) -> None:
    execution = nodes[0].client.start("print(1)\nwhile True: pass")
    until(lambda: elsewhere(nodes[1], execution).get().last_sequence >= 3)
    elsewhere(nodes[2], execution).cancel()
    assert elsewhere(nodes[1], execution).result().reason == "CANCELLED_BY_CLIENT"


def test_a_node_that_dies_takes_no_execution_along(nodes: list[Node], nats: Nats) -> None:
    def held() -> int:
        events = nodes[1].events()
        return events.get("begun", 0) - events.get("ended", 0) - events.get("given_back", 0)

    # The middle ones last long enough to be seen.
    code = "import time\nprint('begun', flush=True)\ntime.sleep(2 if 10 <= n <= 20 else .2)\nn"
    acknowledged: dict[int, Execution] = {}
    before = held()
    for n in range(40):
        acknowledged[n] = nodes[n % 3].client.start(code, inputs={"n": n})
        if n == 20:
            # It runs some, and has some more in its hands.
            until(lambda: held() > before)
            nodes[1].kill()
            nodes[1] = Node(nats.url)
        if n == 30:
            nats.kill(1)
    results = {n: elsewhere(nodes[0], execution).result() for n, execution in acknowledged.items()}
    assert {n: result.value for n, result in results.items()} == {n: n for n in range(40)}
    assert {result.stdout for result in results.values()} == {"begun\n"}
    assert sum(node.events().get("redelivered", 0) for node in nodes) > 0
    nats.start(1)
    until(nats.is_ready)


def test_a_node_that_is_told_to_stop_hands_its_work_over(nodes: list[Node], nats: Nats) -> None:
    for node in nodes[1:]:
        node.stop()
    leaving = Node(nats.url, "--drain-grace", "0s")
    nodes[0].stop()
    execution = leaving.client.start("import time\nprint('begun', flush=True)\ntime.sleep(1)\n7")
    until(lambda: execution.get().last_sequence >= 3)
    leaving.process.terminate()
    assert leaving.process.wait() == 0
    nodes[0] = Node(nats.url)
    assert elsewhere(nodes[0], execution).result().value == 7
    # It was given back, and not taken from a node that was silent.
    assert nodes[0].events().get("redelivered", 0) == 0


@pytest.fixture
def keeping(nats: Nats, tmp_path: Path) -> Iterator[Callable[..., Node]]:
    """Nodes that leave their sessions and snapshots in NATS's object store."""
    key = tmp_path / "key"
    key.write_text("0123456789abcdef" * 4)
    nodes = []

    def start(*settings: str) -> Node:
        kept = ["--snapshot-store", "nats", "--snapshot-store-bytes-max", "64MiB", "--snapshot-key-file", str(key)]
        kept += ["--nats-prefix", tmp_path.name]
        nodes.append(Node(nats.url, *kept, *settings))
        return nodes[-1]

    try:
        yield start
    finally:
        for node in nodes:
            node.stop()


def test_sessions_outlive_a_node_that_drains(keeping: Callable[..., Node], nats: Nats) -> None:
    first = keeping("--drain-grace", "0s")
    sessions = [first.client.session() for _ in range(6)]
    for number, session in enumerate(sessions):
        session.run(f"x = {number}\nclass A:\n    def f(self): return x\na = A()\nopen('f', 'w').write('kept')")
    # One that is large, and one that cannot be left.
    sessions[0].run("import os\nnoise = os.urandom(3_000_000)")
    stuck = first.client.session()
    stuck.run("x = (n for n in 'a')")
    first.process.terminate()
    assert first.process.wait() == 0
    nats.kill(2)
    second, third = keeping(), keeping()
    for number, session in enumerate(sessions):
        with second.client.attach_session(session.name) as here:
            assert here.run("(a.f(), open('f').read())").value == (number, "kept")
            if number == 0:
                assert here.run("len(noise)").value == 3_000_000
            # It is there, and nowhere else.
            with pytest.raises(errors.SessionNotFound):
                third.client.attach_session(session.name).info()
    with pytest.raises(errors.SessionLost) as lost:
        third.client.attach_session(stuck.name).run("1")
    assert lost.value.metadata == {"why": "main.x: generator", "path": "main.x"}
    nats.start(2)
    until(nats.is_ready)


def test_of_two_nodes_that_are_asked_one_gets_the_session(keeping: Callable[..., Node]) -> None:
    first = keeping()
    sessions = [first.client.session() for _ in range(8)]
    for session in sessions:
        session.run("n = 0")
    first.process.terminate()
    assert first.process.wait() == 0
    nodes = [keeping(), keeping()]

    def count(node: Node, name: str, done: list[int]) -> None:
        try:
            done.append(node.client.attach_session(name).run("n += 1\nn").value)
        except errors.SessionNotFound:
            pass

    for session in sessions:
        done: list[int] = []
        asked = [threading.Thread(target=count, args=(node, session.name, done)) for node in nodes]
        for thread in asked:
            thread.start()
        for thread in asked:
            thread.join()
        assert done == [1]


def test_snapshots_outlive_a_node_that_is_killed(keeping: Callable[..., Node]) -> None:
    first, second = keeping(), keeping()
    with first.client.session() as session:
        session.run("import os\nnoise = os.urandom(1_000_000)\nx = 7")
        snapshot, other = session.snapshot(labels={"a": "b"}), session.snapshot()
    assert {one.name for one in second.client.snapshots()} == {snapshot.name, other.name}
    first.kill()
    assert second.client.run("(x, len(noise))", snapshot=snapshot.name).value == (7, 1_000_000)
    assert second.client.snapshot(snapshot.name).info().labels == {"a": "b"}
    third = keeping()
    with third.client.session(snapshot=snapshot.name) as session:
        assert session.run("x").value == 7
    third.client.snapshot(snapshot.name).delete()
    with pytest.raises(errors.SnapshotNotFound):
        second.client.run("x", snapshot=snapshot.name)
    # What has no room is refused.
    with second.client.session() as session, pytest.raises(errors.SnapshotsFull):
        session.run("import os\nnoise = os.urandom(12_000_000)")
        for _ in range(8):
            session.snapshot()


def test_without_nats_that_is_said_and_the_rest_goes_on(nodes: list[Node]) -> None:
    lonely = Node(f"nats://127.0.0.1:{free_port()}")
    try:
        with Client(lonely.address, retry=Retry(attempts=1)) as client:
            assert client.run("6 * 7").value == 42
            with pytest.raises(errors.Refused) as refused:
                client.start("1")
            assert (refused.value.reason, refused.value.retry_after is not None) == ("QUEUE_AWAY", True)
    finally:
        lonely.stop()
