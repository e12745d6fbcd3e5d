"""Three nodes behind deploy/haproxy.cfg, and behind deploy/envoy.yaml: sessions stay on theirs, and a node that dies takes no answer along."""

from __future__ import annotations

import json
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
import yaml

from typhon_client import Client, Retry, errors

from tools import tool

DEPLOY = Path(__file__).resolve().parents[1]
BINARY = os.environ["TYPHON_BINARY"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def ask(url: str) -> str:
    """Nothing from one that is not there yet."""
    try:
        with urllib.request.urlopen(url) as answer:
            text: str = answer.read().decode()
            return text
    except OSError:
        return ""


class Node:
    def __init__(self) -> None:
        self.admin = free_port()
        command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--admin-listen", f"127.0.0.1:{self.admin}", "--log", "warn"]
        self.process = subprocess.Popen([*command, "--workers", "2"], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().split()[-1].removeprefix("http://")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class HAProxy:
    def __init__(self, folder: Path) -> None:
        self._command = [*tool("haproxy"), "-f", str(DEPLOY / "haproxy.cfg")]
        self._stats = f"127.0.0.1:{free_port()}"

    def start(self, address: str, nodes: list[Node]) -> subprocess.Popen[bytes]:
        environment = {"TYPHON_PROXY_BIND": address, "TYPHON_STATS_BIND": self._stats}
        for number, node in enumerate(nodes, 1):
            environment |= {f"TYPHON_NODE{number}": node.address, f"TYPHON_ADMIN{number}": str(node.admin)}
        # Of the environment it needs these, and where its libraries are.
        return subprocess.Popen(self._command, env=os.environ | environment, stdout=subprocess.DEVNULL)

    def up(self) -> int:
        wanted = 'haproxy_server_status{proxy="nodes",server="'
        lines = [line for line in ask(f"http://{self._stats}/metrics").splitlines() if line.startswith(wanted)]
        return sum('state="UP"' in line and line.endswith(" 1") for line in lines)


class Envoy:
    def __init__(self, folder: Path) -> None:
        self._path = folder / "envoy.json"
        self._command = [*tool("envoy"), "--config-path", str(self._path), "--use-dynamic-base-id", "--concurrency", "1"]
        self._admin = free_port()

    def start(self, address: str, nodes: list[Node]) -> subprocess.Popen[bytes]:
        def at(address: str) -> dict[str, dict[str, object]]:
            host, port = address.split(":")
            return {"socket_address": {"address": host, "port_value": int(port)}}

        # As it is, but for what is where.
        config = yaml.safe_load((DEPLOY / "envoy.yaml").read_text())
        config["static_resources"]["listeners"][0]["address"] = at(address)
        (cluster,) = config["static_resources"]["clusters"]
        (group,) = cluster["load_assignment"]["endpoints"]
        for endpoint, node in zip(group["lb_endpoints"], nodes, strict=True):
            endpoint["endpoint"]["address"] = at(node.address)
            endpoint["endpoint"]["health_check_config"]["port_value"] = node.admin
        config["admin"] = {"address": at(f"127.0.0.1:{self._admin}")}
        self._path.write_text(json.dumps(config))
        log = subprocess.DEVNULL
        return subprocess.Popen(self._command, stdout=log, stderr=log)

    def up(self) -> int:
        return ask(f"http://127.0.0.1:{self._admin}/clusters").count("::health_flags::healthy")


class Cluster:
    def __init__(self, proxy: HAProxy | Envoy) -> None:
        self._proxy = proxy
        self.nodes = [Node() for _ in range(3)]
        self.address = f"127.0.0.1:{free_port()}"
        self._process = proxy.start(self.address, self.nodes)

    def wait_for(self, count: int) -> None:
        while self._proxy.up() != count:
            assert self._process.poll() is None, "the proxy has ended"
            time.sleep(0.05)

    def stop(self) -> None:
        for process in [self._process, *(node.process for node in self.nodes)]:
            process.kill()
            process.wait()


@pytest.fixture(params=[HAProxy, Envoy])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    # Before anything is started: without it nothing is tested.
    proxy = request.param(tmp_path)
    cluster = Cluster(proxy)
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
        cluster.nodes[1].kill()
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
