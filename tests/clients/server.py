"""A server of ours, and how much memory its processes hold."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

BINARY = os.environ["TYPHON_BINARY"]


class Server:
    def __init__(self, *settings: str) -> None:
        command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--log", "warn", *settings]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().split()[-1].removeprefix("http://")

    def processes(self) -> list[int]:
        """Its own, and its workers."""
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        workers = {int(number) for file in children for number in file.read_text().split()}
        return [self.process.pid, *workers]

    def rss(self, of: int | None = None) -> int:
        """Bytes that it holds, or all of its processes together."""
        total = 0
        for process in [of] if of is not None else self.processes():
            try:
                total += int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            except (FileNotFoundError, ProcessLookupError):
                # It has ended meanwhile.
                pass
        return total

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
