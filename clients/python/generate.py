"""Makes the stubs of the protocol. The build does it; run this for work on the sources in place."""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parent.parent / "proto"
PACKAGE = "typhon_client._proto"


def generate(package_root: pathlib.Path) -> None:
    """Writes typhon_client/_proto below `package_root`."""
    import grpc_tools
    from grpc_tools import protoc

    protos = sorted(path.relative_to(PROTO).as_posix() for path in PROTO.glob("typhon/v1/*.proto"))
    if not protos:
        raise SystemExit(f"no .proto files below {PROTO}: build from a checkout of the repository")
    out = package_root.joinpath(*PACKAGE.split("."))
    out.mkdir(parents=True, exist_ok=True)
    well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    kinds = ["python", "pyi", "grpc_python", "mypy_grpc"]
    plugin = pathlib.Path(sys.executable).parent / "protoc-gen-mypy_grpc"
    arguments = ["protoc", f"-I{PROTO}", f"-I{well_known}"]
    # In an environment made for a build, scripts are only on the path.
    if plugin.exists():
        arguments.append(f"--plugin=protoc-gen-mypy_grpc={plugin}")
    arguments += [f"--{kind}_out={out}" for kind in kinds] + protos
    if protoc.main(arguments) != 0:
        raise SystemExit("protoc failed")
    for path in out.glob("typhon/v1/*.py*"):
        # protoc imports from the root; these live in a package of their own.
        text = re.sub(r"^from typhon\.v1 import", f"from {PACKAGE}.typhon.v1 import", path.read_text(), flags=re.M)
        path.write_text(text)
    for folder in (out, out / "typhon", out / "typhon" / "v1"):
        folder.joinpath("__init__.py").touch()


if __name__ == "__main__":
    generate(HERE / "src")
