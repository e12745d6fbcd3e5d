"""Requests of all kinds for so many minutes, and what the server's processes hold meanwhile.

    TYPHON_BINARY=target/release/typhon target/clients/venv/bin/python tests/clients/soak.py MINUTES [FILE.csv] [--settings ...]

Each line of the file is a time, the bytes of the server and of its workers, and the requests so far. It ends with status 1
when the server holds a tenth (and 16 MiB) more at the end than after the first fifth of the time.
"""

from __future__ import annotations

import csv
import random
import sys
import threading
import time

from typhon_client import Case, Client, Functions, Limits, Refused, Retry

from server import Server

MIB = 1 << 20
THREADS = 8


def plain(typhon: Client, n: int) -> None:
    assert typhon.run("n * n", inputs={"n": n}).value == n * n


def streamed(typhon: Client, n: int) -> None:
    with typhon.stream(f"for i in range({n % 50}): print(i)") as run:
        assert len("".join(run.text()).splitlines()) == n % 50


def given_up(typhon: Client, n: int) -> None:
    with typhon.stream("print(1, flush=True)\nwhile True: pass") as run:
        next(iter(run))


def imports(typhon: Client, n: int) -> None:
    module = random.choice(["json", "re", "decimal", "asyncio", "dataclasses", "collections", "datetime"])
    assert typhon.run(f"import {module}\n{module}.__name__").value == module


def limited(typhon: Client, n: int) -> None:
    code = random.choice(["while True: pass", "x = []\nwhile True: x.append(bytes(10000))", "def f(): f()\nf()", "print('x' * 10**7)"])
    typhon.run(code, limits=Limits(wall_time=0.2, heap_bytes=32 * MIB))


def session(typhon: Client, n: int) -> None:
    with typhon.session() as session:
        for i in range(5):
            session.run("x = 0" if i == 0 else "x += 1").check()
        assert session.run("x").value == 4
        session.run("raise ValueError(list(range(1000)))")


def kept(typhon: Client, n: int) -> None:
    execution = typhon.start(f"print('y' * {n % 10000})\n{n}")
    assert execution.result().value == n
    execution.delete()


def called(typhon: Client, n: int) -> None:
    host = Functions()

    @host.function
    def double(x: int) -> int:
        return x * 2

    assert typhon.run("sum(double(i) for i in range(5))", functions=host).value == 20


def batch(typhon: Client, n: int) -> None:
    cases = [Case(id=str(i), stdin=f"{i}\n", expected_stdout=f"{i * 2}\n") for i in range(10)]
    assert all(result.passed for result in typhon.batch("print(int(input()) * 2)", cases))


def threads(typhon: Client, n: int) -> None:
    code = "import threading\nt = [threading.Thread(target=sum, args=(range(1000),)) for _ in range(4)]\n[x.start() for x in t]\n[x.join() for x in t]\n1"
    assert typhon.run(code).value == 1


KINDS = [plain, plain, plain, streamed, given_up, imports, limited, session, kept, called, batch, threads]


class Load:
    def __init__(self, address: str, until: float) -> None:
        self.requests, self.refused = 0, 0
        self.wrong: list[BaseException] = []
        self._address, self._until = address, until
        self.threads = [threading.Thread(target=self._work, args=(number,)) for number in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def _work(self, number: int) -> None:
        choose = random.Random(number)
        with Client(self._address, retry=Retry(attempts=8)) as typhon:
            while time.monotonic() < self._until and not self.wrong:
                try:
                    choose.choice(KINDS)(typhon, choose.randrange(1_000_000))
                except Refused as refused:
                    if not refused.retry_after:
                        self.wrong.append(refused)
                    self.refused += 1
                except Exception as error:
                    self.wrong.append(error)
                self.requests += 1


def main() -> int:
    words = sys.argv[1:]
    settings = words[words.index("--settings") + 1 :] if "--settings" in words else []
    words = words[: words.index("--settings")] if settings else words
    minutes, path = float(words[0]), words[1] if len(words) > 1 else ""
    server = Server("--execution-ttl", "5s", "--session-idle-ttl-default", "30s", *settings)
    begun = time.monotonic()
    load = Load(server.address, begun + minutes * 60)
    rows: list[tuple[float, int, int, int]] = []
    while any(thread.is_alive() for thread in load.threads):
        own, all_ = server.rss(server.process.pid), server.rss()
        rows.append((round(time.monotonic() - begun, 1), own, all_ - own, load.requests))
        time.sleep(min(5.0, minutes * 60 / 60))
    server.stop()
    if path:
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows([("seconds", "server", "workers", "requests"), *rows])
    for row in rows[:: max(1, len(rows) // 12)]:
        print(f"{row[0]:8.1f} s   server {row[1] / MIB:7.1f} MiB   workers {row[2] / MIB:7.1f} MiB   {row[3]} requests")
    for error in load.wrong:
        print(f"wrong: {error!r}")
    fifth = max(own for at, own, _, _ in rows if at <= max(rows[0][0], minutes * 60 / 5))
    end = rows[-1][1]
    print(f"{load.requests} requests, {load.refused} refused; server {fifth / MIB:.1f} MiB after a fifth, {end / MIB:.1f} MiB at the end")
    return 1 if load.wrong or end > fifth * 1.1 + 16 * MIB else 0


if __name__ == "__main__":
    sys.exit(main())
