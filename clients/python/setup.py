"""The one step that pyproject.toml cannot say: stubs are made when the package is built."""

import pathlib
import sys

from setuptools import setup
from setuptools.command.build_py import build_py

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from generate import generate  # noqa: E402


class BuildWithStubs(build_py):
    def run(self) -> None:
        super().run()
        in_place = pathlib.Path(__file__).resolve().parent / "src"
        generate(in_place if self.editable_mode else pathlib.Path(self.build_lib))


setup(cmdclass={"build_py": BuildWithStubs})
