"""The examples, run as they stand, against the tests' server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Server

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

SHOWN = {
    "agent_tool.py": "error: KeyError: \"'plums'\"\nvalue: {'apples': 3, 'pears': 0}\nvalue: ['pears']\n",
    "judge.py": "large: PASSED \nsmall: PASSED \nzero: FAILED ZeroDivisionError: division by zero\n",
    "many.py": f"{sum(n * n for n in range(1000))}\n",
}


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_an_example_shows_what_it_says(name: str, server: Server) -> None:
    # The default address is another server's, if any's.
    code = f"""
import runpy, typhon_client.client, typhon_client.aio
for kind in (typhon_client.client.Client, typhon_client.aio.AsyncClient):
    kind.__init__.__defaults__ = ({server.address!r},)
runpy.run_path({str(EXAMPLES / name)!r}, run_name="__main__")
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ)
    assert out.returncode == 0, out.stderr
    # Verdicts come in any order.
    shown = "".join(sorted(out.stdout.splitlines(keepends=True))) if name == "judge.py" else out.stdout
    assert shown == SHOWN[name]
