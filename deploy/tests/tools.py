"""Programs that the tests want, where they can be had: on the path, or where a variable says."""

from __future__ import annotations

import os
import shutil

import pytest


def tool(name: str) -> list[str]:
    """How to start it. Without it the test says that it did not run."""
    path = os.environ.get(f"TYPHON_{name.upper().replace('-', '_')}") or shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not here")
    return [path]
