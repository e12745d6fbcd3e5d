"""Three nodes behind deploy/haproxy.cfg: sessions stay on theirs, and a node that dies takes no answer along."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from typhon_client import Client, Retry, errors

from tools import tool

DEPLOY = Path(__file__).resolve().parents[1]
BINARY = os.environ["TYPHON_BINARY"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Cluster:
    def __init__(self) -> None:
        self.nodes: dict[str, subprocess.Popen[str]] = {}
        # Before anything is started: without it nothing is tested.
        haproxy = tool("haproxy")
        environment = {"TYPHON_PROXY_BIND": f"127.0.0.1:{free_port()}", "TYPHON_STATS_BIND": f"127.0.0.1:{free_port()}"}
        for number in (1, 2, 3):
            admin = free_port()
            command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--admin-listen", f"127.0.0.1:{admin}", "--log", "warn"]
            node = subprocess.Popen([*command, "--workers", "2"], stdout=subprocess.PIPE, text=True)
            assert node.stdout is not None
            address = node.stdout.readline().split()[-1].removeprefix("http://")
            self.nodes[f"typhon{number}"] = node
            environment |= {f"TYPHON_NODE{number}": address, f"TYPHON_ADMIN{number}": str(admin)}
        self.address = environment["TYPHON_PROXY_BIND"]
        self._stats = f"http://{environment['TYPHON_STATS_BIND']}/metrics"
        # Of the environment it needs these, and where its libraries are.
        proxy = [*haproxy, "-f", str(DEPLOY / "haproxy.cfg")]
        self._proxy = subprocess.Popen(proxy, env=os.environ | environment, stdout=subprocess.DEVNULL)

    def up(self) -> set[str]:
        try:
            text = urllib.request.urlopen(self._stats).read().decode()
        except OSError:
            return set()
        wanted = 'haproxy_server_status{proxy="nodes",server="'
        lines = [line.removeprefix(wanted) for line in text.splitlines() if line.startswith(wanted)]
        return {line.split('"')[0] for line in lines if 'state="UP"' in line and line.endswith(" 1")}

    def wait_for(self, count: int) -> None:
        while len(self.up()) != count:
            assert self._proxy.poll() is None, "the proxy has ended"
            time.sleep(0.05)

    def kill(self, name: str) -> None:
        self.nodes[name].send_signal(signal.SIGKILL)
        self.nodes[name].wait()

    def stop(self) -> None:
        for process in [self._proxy, *self.nodes.values()]:
            process.kill()
            process.wait()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    try:
        cluster.wait_for(3)
        yield cluster
    finally:
        cluster.stop()


def test_sessions_stay_on_their_node(cluster: Cluster) -> None:
    with Client(cluster.address) as typhon:
        sessions = [typhon.session() for _ in range(30)]
        for turn in range(3):
            for session in sessions:
                session.run("x = [0]" if turn == 0 else "x[0] += 1").check()
        assert [session.run("x[0]").value for session in sessions] == [2] * 30
        # They are on all nodes: each has some of them in its list, which is its own.
        lists = Counter(frozenset(one.name for one in typhon.sessions()) for _ in range(60))
        assert len(lists) == 3 and sum(map(len, lists)) == 30
        for session in sessions:
            session.delete()


def test_executions_are_found_again(cluster: Cluster) -> None:
    with Client(cluster.address) as typhon:
        executions = [typhon.start(f"{number} + 1") for number in range(20)]
        assert [execution.result().value for execution in executions] == list(range(1, 21))


def test_a_node_that_dies_takes_no_answer_along(cluster: Cluster) -> None:
    code = "import time\ntime.sleep(0.02)\nn"
    with Client(cluster.address, retry=Retry(attempts=20)) as typhon:
        sessions = [typhon.session() for _ in range(12)]
        for number, session in enumerate(sessions):
            session.run(f"x = {number}").check()
        answers: list[int] = []

        def work(base: int) -> None:
            for n in range(base, base + 40):
                answers.append(typhon.run(code, inputs={"n": n}).value)

        threads = [threading.Thread(target=work, args=(base,)) for base in range(0, 240, 40)]
        for thread in threads:
            thread.start()
        while len(answers) < 40:
            time.sleep(0.01)
        cluster.kill("typhon2")
        for thread in threads:
            thread.join()
        # Every program has its answer, and in the list none twice.
        assert sorted(answers) == list(range(240))
        cluster.wait_for(2)
        kept, lost = 0, 0
        for number, session in enumerate(sessions):
            try:
                assert session.run("x").value == number
                kept += 1
            except errors.SessionNotFound:
                lost += 1
        # Only the dead node's are gone, and that is said.
        assert kept + lost == 12 and 0 < kept
